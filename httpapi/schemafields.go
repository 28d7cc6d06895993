package httpapi

import (
	"reflect"
	"slices"
	"strings"
)

func isInput(t reflect.Type) bool { return strings.HasSuffix(t.Name(), "Input") }

// field is a member of a wire type.
type field struct {
	reflect.StructField
	name     string
	owner    string // the component that it is in
	optional bool   // left out where empty
}

// fields returns the members of a struct type, including the members of embedded types.
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
	null := t == timeType && !slices.Contains(nonNullTimes, f.name) || input && !required
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
			o = anyObjectSchema
		case "hides":
		default:
			panic("httpapi: schema tag " + option)
		}
	}
	if null {
		o = nullable(o)
	}
	o = slices.Clone(o)
	if w := s.words(f.owner, f.name); w.text != "" {
		o = append(o, member{"description", w.text})
	}
	if isBeyond(f.owner, f.name) {
		o = append(o, member{"x-beyond", true})
	}
	return o
}

// partial describes a component that an answer may shorten to its id. It is one object and no choice
// of two, since the id alone matches both.
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

// nonNullTimes are the members with a time that is never null.
var nonNullTimes = []string{
	"createdAt", "updatedAt", "activeStatusChangedAt", "validFrom", "appliedAt", "since", "from", "nextProbeAt", "until", "asOf",
}
