// Package v3 has the parts of an OpenAPI document that Pulumi's CLI would list.
package v3

import (
	"github.com/pb33f/libopenapi/datamodel/high/base"
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// Document is all of it.
type Document struct {
	Info       *Info
	Paths      *Paths
	Components *Components
}

// Info is its title page.
type Info struct{ Version string }

// Paths are its addresses.
type Paths struct {
	PathItems *orderedmap.Map[string, *PathItem]
}

// Components are its schemas.
type Components struct {
	Schemas *orderedmap.Map[string, *base.SchemaProxy]
}

// PathItem is one address.
type PathItem struct{ Get, Post, Put, Delete, Patch, Head *Operation }

// Operation is one request.
type Operation struct {
	Tags                              []string
	Summary, Description, OperationId string
	Parameters                        []*Parameter
	RequestBody                       *RequestBody
	Responses                         *Responses
	Deprecated                        *bool
	Extensions                        *orderedmap.Map[string, *yaml.Node]
}

// Parameter is one value of a request.
type Parameter struct {
	Name, In, Description string
	Required              *bool
	Schema                *base.SchemaProxy
}

// RequestBody is what it sends.
type RequestBody struct {
	Content *orderedmap.Map[string, *MediaType]
}

// Responses are its answers, by their status.
type Responses struct {
	Codes   *orderedmap.Map[string, *Response]
	Default *Response
}

// Response is one answer.
type Response struct {
	Description string
	Content     *orderedmap.Map[string, *MediaType]
}

// MediaType is a form of a body.
type MediaType struct{ Schema *base.SchemaProxy }
