package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// object is a JSON object whose members keep their order.
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

// schemas collects the JSON Schemas of the wire types, by component. What a Go type
// cannot say is in the tag schema of its field: nullable, format=f, enum=a|b, one=A|B
// (components, see referred), min=n, max=n (of a value), longest=n (of a text), most=n (items).
type schemas struct {
	byName map[string]object
	types  map[string]reflect.Type
}

var (
	uuidType    = reflect.TypeFor[uuid.UUID]()
	timeType    = reflect.TypeFor[timestamp]()
	rawType     = reflect.TypeFor[json.RawMessage]()
	kindType    = reflect.TypeFor[webhooks.AttemptType]()
	opType      = reflect.TypeFor[webhooks.Op]()
	objectType  = reflect.TypeFor[anyObject]()
	healthParts = reflect.TypeFor[map[string]part]()
)

// referred are types that only a tag names.
var referred = []any{eventRefWire{}, patternWire{}, identity{}}

func newSchemas() *schemas {
	s := &schemas{byName: map[string]object{}, types: map[string]reflect.Type{}}
	for _, v := range referred {
		s.of(reflect.TypeOf(v))
	}
	return s
}

// components are the names of types whose own would not do.
var components = map[string]string{
	"value": "Done", "eventTypeWire": "Event", "eventTypeInput": "EventInput", "eventInput": "PublishInput", "batchInput": "PublishBatchInput",
	"messageWire": "PublishedEvent", "messageDetail": "PublishedEventDetail", "publishedWire": "Published", "batchWire": "PublishedBatch",
	"eventRefWire": "EventReference", "categoryRefWire": "CategoryReference", "patternWire": "EventPattern", "part": "HealthPart", "fault": "ErrorDetail",
	"payloadInput": "PayloadInput", "statusWire": "SubscriptionStatus", "tallyWire": "DeliveryCounts", "keysWire": "SigningKeyList", "keyWire": "SigningKey",
	"explanationsWire": "ExplanationList", "secretWire": "SecretHistoryEntry", "secretKeyWire": "SecretKey", "recoveryStarted": "RecoveryStarted",
	"operationInput": "PatchOperation", "anyObject": "Object", "statsWire": "StatsBucket", "statsList": "Stats",
}

// componentName names the component of a struct type.
func componentName(t reflect.Type) string {
	name := t.Name()
	if kind, _, generic := strings.Cut(name, "["); generic {
		items, _ := t.FieldByName("Items")
		return componentName(items.Type.Elem()) + map[string]string{"list": "List", "history": "History"}[kind]
	}
	if given, ok := components[name]; ok {
		return given
	}
	name = strings.TrimSuffix(name, "Wire")
	return strings.ToUpper(name[:1]) + name[1:]
}

// of returns the schema of a type: of a struct, a reference to its component.
func (s *schemas) of(t reflect.Type) object {
	switch t {
	case uuidType:
		return object{{"type", "string"}, {"format", "uuid"}}
	case timeType:
		return object{{"type", "string"}, {"format", "date-time"}}
	case rawType:
		return object{}
	case kindType:
		return object{{"type", "integer"}, {"enum", []int{0, 1, 2, 3}}}
	case opType:
		return object{{"type", "string"}, {"enum", []string{"eq", "ne", "in", "prefix", "exists", "lt", "gt"}}}
	case objectType:
		return object{{"type", "object"}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(s.of(t.Elem()))
	case reflect.Slice:
		return object{{"type", "array"}, {"items", s.of(t.Elem())}}
	case reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", s.of(t.Elem())}}
	case reflect.Struct:
		name := componentName(t)
		if _, known := s.byName[name]; !known {
			s.byName[name], s.types[name] = nil, t // it may contain itself
			s.byName[name] = s.component(t)
		}
		return reference(name)
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int, reflect.Int64:
		return object{{"type", "integer"}}
	case reflect.Float64:
		return object{{"type", "number"}}
	case reflect.String:
		return object{{"type", "string"}}
	case reflect.Interface:
		return object{}
	default:
		panic(fmt.Sprintf("httpapi: no schema for %v", t))
	}
}

func reference(component string) object { return object{{"$ref", "#/components/schemas/" + component}} }

// nullable lets a schema be null, too.
func nullable(o object) object {
	if len(o) == 0 {
		return o
	}
	if o[0].name == "$ref" || o[0].name == "anyOf" {
		return object{{"anyOf", []object{o, {{"type", "null"}}}}}
	}
	o = slices.Clone(o)
	if kind, ok := o[0].value.(string); ok {
		o[0].value = []string{kind, "null"}
	}
	for i, m := range o {
		if values, ok := m.value.([]string); ok && m.name == "enum" {
			all := make([]any, 0, len(values)+1)
			for _, v := range values {
				all = append(all, v)
			}
			o[i].value = append(all, nil)
		}
	}
	return o
}

// component describes a struct type. In an answer all members are there; of an input
// those that are required, others may be null.
func (s *schemas) component(t reflect.Type) object {
	input := isInput(t)
	var properties object
	var always []string
	for _, f := range fields(t) {
		schema := s.field(f, input)
		properties = append(properties, member{f.name, schema})
		if f.Tag.Get("wire") == "required" || !input && !f.optional {
			always = append(always, f.name)
		}
	}
	o := object{{"type", "object"}, {"properties", properties}}
	if always != nil {
		o = append(o, member{"required", always})
	}
	if input && t.Name() != "operationInput" { // further members of an operation are ignored
		o = append(o, member{"additionalProperties", false})
	}
	if text := wordsOf(componentName(t), "").text; text != "" {
		o = append(object{{"description", text}}, o...)
	}
	return append(o, member{"examples", []any{s.example(t)}})
}

func isInput(t reflect.Type) bool { return strings.HasSuffix(t.Name(), "Input") }

// field is a member of a wire type.
type field struct {
	reflect.StructField
	name     string
	owner    string // the component that it is in
	optional bool   // left out where empty
}

// fields returns the members of a struct type, those of embedded types among them.
func fields(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			for _, inner := range fields(f.Type) {
				inner.owner = componentName(t)
				all = append(all, inner)
			}
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		all = append(all, field{f, name, componentName(t), rest == "omitempty"})
	}
	return all
}

func (s *schemas) field(f field, input bool) object {
	o := s.of(f.Type)
	null := f.Type == timeType && !slices.Contains(alwaysTimes, f.name)
	for option := range strings.SplitSeq(f.Tag.Get("schema"), ",") {
		name, v, _ := strings.Cut(option, "=")
		switch name {
		case "":
		case "nullable":
			null = true
		case "format":
			o = append(slices.Clone(o), member{"format", v})
		case "enum":
			o = append(slices.Clone(o), member{"enum", strings.Split(v, "|")})
		case "one":
			var either []object
			for c := range strings.SplitSeq(v, "|") {
				either = append(either, reference(c))
			}
			o = object{{"anyOf", either}}
			if f.Type.Kind() == reflect.Slice {
				o = object{{"type", "array"}, {"items", o}}
			}
		case "types":
			o = object{{"type", strings.Split(v, "|")}}
		case "min", "max", "longest", "most", "above":
			keyword := map[string]string{"min": "minimum", "max": "maximum", "longest": "maxLength", "most": "maxItems", "above": "exclusiveMinimum"}[name]
			o = append(slices.Clone(o), member{keyword, json.Number(v)})
		default:
			panic("httpapi: schema tag " + option)
		}
	}
	required := f.Tag.Get("wire") == "required"
	if f.Type.Kind() == reflect.Pointer && required { // a pointer there tells absence
		o = s.of(f.Type.Elem())
	} else if null || input && !required && f.Type.Kind() != reflect.Pointer {
		o = nullable(o)
	}
	w := wordsOf(f.owner, f.name)
	if w.text != "" {
		o = append(slices.Clone(o), member{"description", w.text})
	}
	if beyondMembers[f.owner+"."+f.name] {
		o = append(o, member{"x-beyond", true})
	}
	return o
}

// alwaysTimes are the times that are never null.
var alwaysTimes = []string{"createdAt", "updatedAt", "activeStatusChangedAt", "validFrom", "appliedAt", "since", "from", "nextProbeAt", "until"}

// example makes an example of a type, of the examples of its members.
func (s *schemas) example(t reflect.Type) any {
	switch t {
	case uuidType:
		return "0195d3a0-5a3e-7000-8000-000000000001"
	case timeType:
		return "2026-08-18T10:03:03.750Z"
	case rawType:
		return object{{"code", "8867-4"}, {"value", 72}, {"unit", "/min"}}
	case kindType:
		return 0
	case objectType:
		return json.RawMessage(webhooks.Example(webhooks.ExampleVitals))
	case healthParts:
		return object{{"database", object{{"status", "up"}}}, {"dispatcher", object{{"status", "up"}}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.example(t.Elem())
	case reflect.Slice:
		return []any{s.example(t.Elem())}
	case reflect.Struct:
		var o object
		for _, f := range fields(t) {
			if f.optional {
				continue
			}
			if w := wordsOf(f.owner, f.name); w.example != "" {
				o = append(o, member{f.name, json.RawMessage(w.example)})
			} else {
				o = append(o, member{f.name, s.example(f.Type)})
			}
		}
		return o
	case reflect.Bool:
		return true
	case reflect.Int, reflect.Int64, reflect.Float64:
		return 1
	case reflect.String:
		return "text"
	case reflect.Map:
		return object{}
	default:
		return nil
	}
}
