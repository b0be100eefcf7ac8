// Package libopenapi has the names that Pulumi's CLI uses of that library, and reads no document.
package libopenapi

import (
	"errors"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Document would be an OpenAPI document.
type Document struct{}

// DocumentModel would be what it says.
type DocumentModel struct{ Model v3.Document }

var errNotBuilt = errors.New(
	"this pulumi was built by `make tools`, which leaves `pulumi api` out: " +
		"use Pulumi's own, https://www.pulumi.com/docs/install",
)

// NewDocument fails with the reason.
func NewDocument([]byte) (Document, error) { return Document{}, errNotBuilt }

// BuildV3Model fails as NewDocument does.
func (Document) BuildV3Model() (*DocumentModel, error) { return nil, errNotBuilt }
