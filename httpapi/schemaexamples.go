package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/ecg-api/webhooks"
)

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
		return s.structExample(t)
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

// structExample makes an example of a struct type. It has no members that an answer may lack.
func (s *schemas) structExample(t reflect.Type) object {
	var o object
	for _, f := range fields(t) {
		if f.optional {
			continue
		}
		if w := s.words(f.owner, f.name); w.example != "" {
			o = append(o, member{f.name, json.RawMessage(w.example)})
		} else {
			o = append(o, member{f.name, s.example(f.Type)})
		}
	}
	return o
}
