// Package v2 stands in for the one of Pulumi's Go SDK for Kubernetes, which imports a type for each kind only to
// register it by its token. The provider needs nothing else of it.
package v2

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

type object struct {
	pulumi.CustomResourceState
}

// RegisterResource registers an object of any kind by the token kubernetes:GROUP/VERSION:KIND.
func RegisterResource(ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input,
	opts ...pulumi.ResourceOption) (pulumi.CustomResource, error) {
	if !strings.Contains(apiVersion, "/") {
		apiVersion = "core/" + apiVersion
	}
	var registered object
	err := ctx.RegisterResource(fmt.Sprintf("kubernetes:%s:%s", apiVersion, kind), name, props, &registered, opts...)
	if err != nil {
		return nil, err
	}
	return &registered, nil
}
