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
// cannot say is in the tag schema of its field: nullable, format=f, is=C (component C, or
// in a slice its items: an enumeration, a union or a type that is referred), partial=C
// (component C, or its id alone), object (any JSON object), hides=m (member m, whose name
// is the same in generated code, is not described).
//
// Code generators read the document, so it has no anyOf and no list of types but a type
// and null, and a component for each enumeration and union.
type schemas struct {
	byName map[string]object
	types  map[string]reflect.Type // the structs among them
}

var (
	uuidType    = reflect.TypeFor[uuid.UUID]()
	timeType    = reflect.TypeFor[timestamp]()
	rawType     = reflect.TypeFor[json.RawMessage]()
	kindType    = reflect.TypeFor[webhooks.AttemptType]()
	objectType  = reflect.TypeFor[anyObject]()
	healthParts = reflect.TypeFor[map[string]part]()
)

// referred are types that only a tag names.
var referred = []any{conditionInput{}, eventInput{}, subscriptionWire{}, eventTypeWire{}}

// unions are the choices between objects, by component. No value may match two of them.
var unions = map[string][]any{"EventSelector": {eventRefWire{}, patternWire{}}}

// enums are the enumerations of texts, by component.
var enums = map[string][]string{
	"ActivityStatus":    {"pending", "sending", "succeeded", "failed", "cancelled", "unknown"},
	"ConditionOp":       {"eq", "ne", "in", "prefix", "exists", "lt", "gt"},
	"HealthPartState":   {"up", "down"},
	"HealthState":       {"ok", "error"},
	"PatchOp":           {"add", "remove", "replace", "move", "copy", "test"},
	"RecoveryScope":     {"failed", "missed", "all"},
	"RecoveryState":     {"running", "done", "stopped", "unknown"},
	"SubscriptionState": {"enabled", "failing", "paused", "disabled"},
	"UnmatchedReason":   {"not_subscribed", "version", "inactive", "archived", "filtered", "created_later"},
}

// activityTypes are the names of the numbers from 0 in code that is generated.
var activityTypes = []string{"FirstPost", "AutomaticRetry", "ManualRetry", "TestPost"}

// anyObject is the type of an answer that can be any JSON object.
type anyObject struct{}

func newSchemas() *schemas {
	s := &schemas{byName: map[string]object{}, types: map[string]reflect.Type{}}
	for _, v := range referred {
		s.of(reflect.TypeOf(v))
	}
	return s
}

// components are the names of types whose own would not do.
var components = map[string]string{
	"eventTypeWire":    "Event",
	"eventTypeInput":   "EventInput",
	"eventInput":       "PublishInput",
	"batchInput":       "PublishBatchInput",
	"messageWire":      "PublishedEvent",
	"messageDetail":    "PublishedEventDetail",
	"publishedWire":    "Published",
	"batchWire":        "PublishedBatch",
	"eventRefWire":     "EventReference",
	"categoryRefWire":  "CategoryReference",
	"patternWire":      "EventPattern",
	"part":             "HealthPart",
	"fault":            "ErrorDetail",
	"payloadInput":     "PayloadInput",
	"statusWire":       "SubscriptionStatus",
	"tallyWire":        "DeliveryCounts",
	"keysWire":         "SigningKeyList",
	"keyWire":          "SigningKey",
	"explanationsWire": "ExplanationList",
	"secretWire":       "SecretHistoryEntry",
	"secretKeyWire":    "SecretKey",
	"recoveryStarted":  "RecoveryStarted",
	"operationInput":   "PatchOperation",
	"anyObject":        "Object",
	"statsWire":        "StatsBucket",
	"statsList":        "Stats",
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
		return s.add("ActivityType", object{{"type", "integer"}, {"enum", []int{0, 1, 2, 3}}, {"x-enum-varnames", activityTypes}})
	case objectType:
		return anyMembers
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(s.of(t.Elem()))
	case reflect.Slice:
		item := t.Elem()
		if item.Kind() == reflect.Pointer {
			item = item.Elem()
		}
		return object{{"type", "array"}, {"items", s.of(item)}}
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
		return object{{"type", "integer"}, {"format", "int64"}}
	case reflect.Float64:
		return object{{"type", "number"}, {"format", "double"}}
	case reflect.String:
		return object{{"type", "string"}}
	case reflect.Interface:
		return object{}
	default:
		panic(fmt.Sprintf("httpapi: no schema for %v", t))
	}
}

// anyMembers is the schema of any JSON object. Generators drop the members where
// additionalProperties is absent.
var anyMembers = object{{"type", "object"}, {"additionalProperties", true}}

// add adds a component, and returns a reference to it.
func (s *schemas) add(name string, o object) object {
	if text := wordsOf(name, "").text; text != "" {
		o = append(o, member{"description", text})
	}
	s.byName[name] = o
	return reference(name)
}

// named returns a reference to a component that only tags name.
func (s *schemas) named(name string) object {
	if values, ok := enums[name]; ok {
		return s.add(name, object{{"type", "string"}, {"enum", values}})
	}
	if alternatives, ok := unions[name]; ok {
		var refs []object
		for _, v := range alternatives {
			refs = append(refs, s.of(reflect.TypeOf(v)))
		}
		return s.add(name, object{{"oneOf", refs}})
	}
	return reference(name)
}

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

// component describes a struct type. In an answer all members are there; of an input
// those that are required, others may be null.
func (s *schemas) component(t reflect.Type) object {
	input := isInput(t)
	all := fields(t)
	hidden := map[string]bool{}
	for _, f := range all {
		if name := f.option("hides"); name != "" {
			hidden[name] = true
		}
	}
	var properties object
	var always []string
	for _, f := range all {
		if hidden[f.name] {
			continue
		}
		properties = append(properties, member{f.name, s.field(f, input)})
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
	if len(hidden) > 0 { // strict clients in Java refuse members that are not described
		o = append(o, member{"additionalProperties", true})
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

// option returns the value of an option of the tag schema.
func (f field) option(name string) string {
	for option := range strings.SplitSeq(f.Tag.Get("schema"), ",") {
		if v, ok := strings.CutPrefix(option, name+"="); ok {
			return v
		}
	}
	return ""
}

func (s *schemas) field(f field, input bool) object {
	required := f.Tag.Get("wire") == "required"
	t := f.Type
	null := t == timeType && !slices.Contains(alwaysTimes, f.name) || input && !required
	if t.Kind() == reflect.Pointer { // one that is required or left out is never null
		t = t.Elem()
		null = !required && !f.optional
	}
	o := s.of(t)
	for option := range strings.SplitSeq(f.Tag.Get("schema"), ",") {
		name, v, _ := strings.Cut(option, "=")
		switch name {
		case "":
		case "nullable":
			null = true
		case "format":
			o = append(slices.Clone(o), member{"format", v})
		case "is":
			if o = s.named(v); t.Kind() == reflect.Slice {
				o = object{{"type", "array"}, {"items", o}}
			}
		case "partial":
			o = s.add("Partial"+v, s.partial(v))
		case "object":
			o = anyMembers
		case "hides":
		default:
			panic("httpapi: schema tag " + option)
		}
	}
	if null {
		o = nullable(o)
	}
	o = slices.Clone(o)
	if w := wordsOf(f.owner, f.name); w.text != "" {
		o = append(o, member{"description", w.text})
	}
	if isBeyond(f.owner, f.name) {
		o = append(o, member{"x-beyond", true})
	}
	return o
}

// partial describes a component of which an answer may have the id alone. It is one
// object and no choice of two, since the id alone matches both.
func (s *schemas) partial(component string) object {
	var o object
	for _, m := range s.byName[component] {
		switch m.name {
		case "type", "properties":
			o = append(o, m)
		case "required":
			names := m.value.([]string)
			o = append(o, member{"required", names[:1]}, member{"dependentRequired", object{{names[1], names}}})
		}
	}
	return o
}

// alwaysTimes are the times that are never null.
var alwaysTimes = []string{
	"createdAt", "updatedAt", "activeStatusChangedAt", "validFrom", "appliedAt", "since", "from", "nextProbeAt", "until",
}

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
