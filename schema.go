package webhooks

import (
	"bytes"
	"errors"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/ecg-api/webhooks/internal/strictjson"
)

// maxDepth is how deep JSON may nest, wherever it comes in.
const maxDepth = 64

// checkSchema returns a JSON Schema in the form in which it is stored, nil for
// none, or says what is wrong with it.
func checkSchema(schema []byte) ([]byte, error) {
	if len(bytes.TrimSpace(schema)) == 0 || string(bytes.TrimSpace(schema)) == "null" {
		return nil, nil
	}
	compact, err := strictjson.Compact(nil, schema, maxDepth)
	if err != nil {
		return nil, fault(Invalid, "/schema", "must be JSON: "+err.Error())
	}
	if err := checkDialect(compact); err != nil {
		return nil, err
	}
	if _, err := compileSchema(compact); err != nil {
		return nil, fault(Invalid, "/schema", "must be a JSON Schema (2020-12) without remote references: "+oneLine(err.Error()))
	}
	return compact, nil
}

// checkDialect refuses a schema that says it is of another draft than 2020-12, where
// keywords mean other things, and one with numbers that are too large to compare.
func checkDialect(schema []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	if at, found := unjudged(doc); found {
		return fault(Invalid, "/schema"+at, "must be a JSON Schema that a value can be compared with: it "+tooLarge)
	}
	members, _ := doc.(map[string]any)
	const supported = "https://json-schema.org/draft/2020-12/schema"
	if name, ok := members["$schema"].(string); ok && strings.TrimSuffix(name, "#") != supported {
		return fault(Invalid, "/schema", "must be a JSON Schema of "+supported)
	}
	return nil
}

// compileSchema compiles a schema. It loads nothing from outside.
func compileSchema(schema []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	const name = "urn:ecg-webhooks:schema"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errors.New("remote references are not loaded") }

// matchSchema checks a JSON value against a compiled schema, nil for none. The
// faults are pointers below the given one.
func matchSchema(s *jsonschema.Schema, pointer string, value []byte) error {
	if s == nil {
		return nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return fault(Invalid, pointer, "must be JSON")
	}
	if at, found := unjudged(doc); found {
		return fault(SchemaMismatch, pointer+at, "does not match the event type's schema: it "+tooLarge)
	}
	mismatch, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(doc))
	if !ok {
		return nil
	}
	e := &ValidationError{Problem: SchemaMismatch}
	collect(e, pointer, mismatch)
	return e
}

var english = message.NewPrinter(language.English)

// collect lists the leaves of a schema error: each names a place in the value.
func collect(e *ValidationError, pointer string, v *jsonschema.ValidationError) {
	if len(v.Causes) == 0 {
		at := pointer
		for _, part := range v.InstanceLocation {
			at += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part)
		}
		e.Fields = append(e.Fields, FieldError{at, "does not match the event type's schema: " + oneLine(v.ErrorKind.LocalizedString(english))})
	}
	for _, cause := range v.Causes {
		collect(e, pointer, cause)
	}
}

func samplesMatch(schema []byte, samples []Sample) error {
	if schema == nil {
		return nil
	}
	compiled, err := compileSchema(schema)
	if err != nil {
		return err
	}
	for _, s := range samples {
		if matchSchema(compiled, "", s.Payload) != nil {
			return fault(SchemaMismatch, "/schema", "must be matched by the sample payload of version "+s.Version)
		}
	}
	return nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
