package httpapi

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// schemas collects the JSON Schemas of the wire types, by component. The tag schema of a field
// completes its Go type: nullable, format=f, is=C (component C: an enumeration, a union or one of
// taggedTypes; of a slice, the component of its items), partial=C (component C, or its id alone),
// object (any JSON object), hides=m (member m is not described, because generated code gives it the
// same name).
//
// Code generators read the document, so it has no anyOf and no list of types but a type
// and null, and a component for each enumeration and union.
type schemas struct {
	byName map[string]object
	types  map[string]reflect.Type // the structs among them

	namedOrganizations bool // organizations have names of the host, not UUIDs
}

var (
	uuidType         = reflect.TypeFor[uuid.UUID]()
	timeType         = reflect.TypeFor[timestamp]()
	rawType          = reflect.TypeFor[json.RawMessage]()
	kindType         = reflect.TypeFor[webhooks.AttemptType]()
	objectType       = reflect.TypeFor[anyObject]()
	organizationType = reflect.TypeFor[organizationName]()
	healthParts      = reflect.TypeFor[map[string]part]()
)

// taggedTypes are types that only a tag names.
var taggedTypes = []any{conditionInput{}, eventInput{}, subscriptionWire{}, eventTypeWire{}}

// unions are the choices between objects, by component. No value may match two of them.
var unions = map[string][]any{"EventSelector": {eventRefWire{}, patternWire{}}}

// enums are the enumerations of texts, by component.
var enums = map[string][]string{
	"ActivityStatus":    {"pending", "sending", "succeeded", "failed", "cancelled", "unknown"},
	"ConditionOp":       {"eq", "ne", "in", "prefix", "exists", "lt", "gt"},
	"ErasureState":      {"running", "done", "unknown"},
	"HealthPartState":   {"up", "down"},
	"HealthState":       {"ok", "error"},
	"PatchOp":           {"add", "remove", "replace", "move", "copy", "test"},
	"RecoveryScope":     {"failed", "missed", "all"},
	"RecoveryState":     {"running", "done", "stopped", "unknown"},
	"Scope":             words(allScopes),
	"SubscriptionState": {"enabled", "failing", "paused", "disabled"},
	"UnmatchedReason":   {"not_subscribed", "version", "inactive", "archived", "filtered", "created_later", "payload_removed", "too_large"},
}

// activityTypes are the names of the numbers from 0 in code that is generated.
var activityTypes = []string{"FirstPost", "AutomaticRetry", "ManualRetry", "TestPost"}

// anyObject is the type of an answer that can be any JSON object.
type anyObject struct{}

func (c Config) newSchemas() *schemas {
	s := &schemas{byName: map[string]object{}, types: map[string]reflect.Type{}, namedOrganizations: c.Organizations != nil}
	for _, v := range taggedTypes {
		s.of(reflect.TypeOf(v))
	}
	return s
}

// components are the names of components that do not follow from the name of the type.
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
	"erasureStarted":   "ErasureStarted",
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
		return componentName(items.Type.Elem()) + map[string]string{"list": "List", "history": "History", "snapshot": "Snapshot"}[kind]
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
	case organizationType:
		return s.organization()
	case timeType:
		return object{{"type", "string"}, {"format", "date-time"}}
	case rawType:
		return object{}
	case kindType:
		return s.add("ActivityType", object{{"type", "integer"}, {"enum", []int{0, 1, 2, 3}}, {"x-enum-varnames", activityTypes}})
	case objectType:
		return anyObjectSchema
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
	default:
		return scalarSchema(t)
	}
}

// organization returns the schema of an organization in paths and answers.
func (s *schemas) organization() object {
	if s.namedOrganizations {
		return object{{"type", "string"}, {"minLength", 1}, {"maxLength", maxOrganizationName}}
	}
	return s.of(uuidType)
}

// words returns the wording of a component's member.
func (s *schemas) words(component, name string) wording {
	if s.namedOrganizations && name == organizationParameter {
		return organizationNameWords
	}
	return wordsOf(component, name)
}

// scalarSchema returns the schema of a type without parts.
func scalarSchema(t reflect.Type) object {
	switch t.Kind() {
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

// component describes a struct type. An answer has all of its members. An input has its required
// members; the optional ones may be absent or null.
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
