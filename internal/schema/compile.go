// Package schema validates JSON values with JSON Schemas (2020-12) within a budget. The
// schemas are compiled by github.com/santhosh-tekuri/jsonschema; its own validation knows
// neither a budget nor a context, and makes an error of 1 KB for each fault.
package schema

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxBytes is the length of the longest schema. The compiler's time grows with the square
// of the number of subschemas, its memory is some hundred times the length.
const MaxBytes = 64 << 10

// Schema is a compiled schema. It is safe for concurrent use.
type Schema struct {
	root  *jsonschema.Schema
	facts map[*jsonschema.Schema]*facts
}

// facts holds data of a subschema that its compiled form hides, or keeps in a map without an
// order.
type facts struct {
	resource *jsonschema.Schema            // the nearest schema around it with an $id, or the root
	anchors  map[string]*jsonschema.Schema // of a resource: its $dynamicAnchors
	patterns []patternProperty
	enum     valueSet
	constant valueSet // of const
}

type patternProperty struct {
	pattern *pattern
	schema  *jsonschema.Schema
}

// Error gives the reason why a text cannot be used as a schema.
type Error struct {
	Pointer string // RFC 6901, to the fault in the schema; "" is the whole
	Reason  string // begins with "must"
}

func (e *Error) Error() string { return e.Pointer + " " + e.Reason }

const (
	dialect  = "https://json-schema.org/draft/2020-12/schema"
	location = "urn:ecg-webhooks:schema"
)

// Compile compiles a schema, a JSON text that strictjson.Compact returned. It loads
// nothing from outside. Its errors are *[Error]: the schema is longer than [MaxBytes], of
// another dialect than 2020-12, not valid, or takes exponential time for any value.
func Compile(text []byte) (*Schema, error) {
	if len(text) > MaxBytes {
		return nil, &Error{"", fmt.Sprintf("must be at most %d bytes", MaxBytes)}
	}
	doc := parse(text)
	if at, found := doc.largeNumber(); found {
		return nil, &Error{doc.pointer(at), "must not have " + largeNumber}
	}
	faults, err := metaSchema().validate(unmetered(), doc, 1) // the library makes an error of each fault
	if err != nil {
		return nil, err
	}
	for _, f := range faults {
		return nil, &Error{"", mustBe + cmp.Or(f.Pointer, "the top") + ": " + f.Detail}
	}
	s, err := compile(text)
	if err != nil {
		return nil, &Error{"", mustBe + cut(err.Error())}
	}
	return s, s.check()
}

const mustBe = "must be a JSON Schema (2020-12) without remote references: "

var metaSchema = sync.OnceValue(func() *Schema {
	s, err := compile([]byte(`{"$ref":"` + dialect + `"}`))
	if err != nil {
		panic(err) // it is a part of the library
	}
	return s
})

func compile(text []byte) (*Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if name, ok := member(doc, "$schema").(string); ok && strings.TrimSuffix(name, "#") != dialect {
		return nil, errDialect
	}
	s := &Schema{facts: map[*jsonschema.Schema]*facts{}}
	regexps := &patterns{byText: map[string]*pattern{}}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(regexps.compile)
	c.AssertVocabs()
	c.RegisterVocabulary(&jsonschema.Vocabulary{URL: location + ":scope", Compile: s.noteScope})
	if err := c.AddResource(location, doc); err != nil {
		return nil, err
	}
	if s.root, err = c.Compile(location); err != nil {
		return nil, cmp.Or(regexps.failed, err) // the library tells the whole way to the pattern
	}
	return s, s.noteFacts()
}

var errDialect = errors.New("$schema must be " + dialect)

func member(doc any, name string) any {
	members, _ := doc.(map[string]any)
	return members[name]
}

type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errors.New("remote references are not loaded") }

// noteScope is called with each object that is compiled. It keeps the object's resource and
// dynamic anchor, which the library does not export and which $dynamicRef needs.
func (s *Schema) noteScope(ctx *jsonschema.CompilerContext, object map[string]any) (jsonschema.SchemaExt, error) {
	own := ctx.Enqueue(nil)
	resource, err := ctx.EnqueueRef("#")
	if err != nil {
		return nil, err
	}
	s.of(own).resource = resource
	if anchor, ok := object["$dynamicAnchor"].(string); ok {
		f := s.of(resource)
		if f.anchors == nil {
			f.anchors = map[string]*jsonschema.Schema{}
		}
		f.anchors[anchor] = own
	}
	return nil, nil //nolint:nilnil // nil means that there is nothing to validate, says Vocabulary
}

func (s *Schema) of(sub *jsonschema.Schema) *facts {
	f := s.facts[sub]
	if f == nil {
		f = &facts{}
		s.facts[sub] = f
	}
	return f
}

// noteFacts completes the facts of all subschemas.
func (s *Schema) noteFacts() (err error) {
	for sub, f := range s.facts {
		if sub.Enum != nil {
			if f.enum, err = newValueSet(sub.Enum.Values...); err != nil {
				return err
			}
		}
		if sub.Const != nil {
			if f.constant, err = newValueSet(*sub.Const); err != nil {
				return err
			}
		}
		for re, of := range sub.PatternProperties {
			p, ok := re.(*pattern)
			if !ok {
				return fmt.Errorf("the pattern %s is of another engine", re)
			}
			f.patterns = append(f.patterns, patternProperty{p, of})
		}
		slices.SortFunc(f.patterns, func(a, b patternProperty) int { return strings.Compare(a.pattern.text, b.pattern.text) })
	}
	return nil
}
