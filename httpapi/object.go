package httpapi

import (
	"bytes"
	"slices"
)

// object is a JSON object. Its members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements [json.Marshaler].
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// anyObjectSchema is the schema of any JSON object. Generators drop the members where
// additionalProperties is absent.
var anyObjectSchema = object{{"type", "object"}, {"additionalProperties", true}}

func reference(component string) object { return object{{"$ref", "#/components/schemas/" + component}} }

// nullable lets a schema be null, too.
func nullable(o object) object {
	if len(o) == 0 {
		return o
	}
	if o[0].name == "$ref" {
		return object{{"oneOf", []object{o, {{"type", "null"}}}}}
	}
	o = slices.Clone(o)
	if kind, ok := o[0].value.(string); ok {
		o[0].value = []string{kind, "null"}
	}
	return o
}
