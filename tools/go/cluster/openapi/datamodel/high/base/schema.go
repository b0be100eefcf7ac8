// Package base has the fields of a schema that Pulumi's CLI would print.
package base

import (
	"errors"

	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// DynamicValue is a schema, or a boolean.
type DynamicValue[A, B any] struct{ A A }

// IsA says that it is a schema.
func (*DynamicValue[A, B]) IsA() bool { return true }

// SchemaProxy would lead to a schema.
type SchemaProxy struct{}

// Schema finds none.
func (*SchemaProxy) Schema() *Schema { return nil }

// Low would be the schema as it was written.
type Low struct{}

// Hash is that of nothing.
func (*Low) Hash() uint64 { return 0 }

// Discriminator tells the kinds of a schema apart.
type Discriminator struct {
	PropertyName string
	Mapping      *orderedmap.Map[string, string]
}

// Schema is what a value has to be.
type Schema struct {
	Type                         []string
	AllOf, OneOf, AnyOf          []*SchemaProxy
	Discriminator                *Discriminator
	Items, AdditionalProperties  *DynamicValue[*SchemaProxy, bool]
	Properties                   *orderedmap.Map[string, *SchemaProxy]
	MultipleOf, Maximum, Minimum *float64
	MaxLength, MinLength         *int64
	Pattern, Format, Description string
	Required                     []string
	Enum                         []*yaml.Node
	Default                      *yaml.Node
	Nullable, ReadOnly           *bool
	Extensions                   *orderedmap.Map[string, *yaml.Node]
}

// GoLow finds nothing.
func (*Schema) GoLow() *Low { return nil }

// MarshalJSONInline fails, as there is no schema.
func (*Schema) MarshalJSONInline() ([]byte, error) { return nil, errors.ErrUnsupported }
