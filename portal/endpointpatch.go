package portal

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// formMember is a member of an endpoint that the form changes as a whole.
type formMember struct {
	label   string // key of the text
	pointer string
	field   func(*endpointForm) any       // a pointer to the field
	value   func(endpointForm) (json any) // for the patch; nil: the field itself
}

// formMembers are the members except for the headers, which are changed one by one.
var formMembers = []formMember{
	{"field.url", "/postUri", func(f *endpointForm) any { return &f.URL }, func(f endpointForm) any { return orNull(f.URL) }},
	{"field.description", "/description", func(f *endpointForm) any { return &f.Description }, func(f endpointForm) any {
		return orNull(f.Description)
	}},
	{"field.version", "/version", func(f *endpointForm) any { return &f.Version }, nil},
	{"form.development", "/isDevelopment", func(f *endpointForm) any { return &f.Development }, nil},
	{"field.events", "/events", func(f *endpointForm) any { return &f.Events }, func(f endpointForm) any {
		return append([]string{}, f.Events...)
	}},
	{"field.filter", "/filter", func(f *endpointForm) any { return &f.Filter }, func(f endpointForm) any {
		return orNull(f.conditions())
	}},
	{"field.rate", "/rateLimit", func(f *endpointForm) any { return &f.Rate }, func(f endpointForm) any {
		return orNull(strings.Replace(f.Rate, ",", ".", 1), numberText)
	}},
	{"field.timeout", "/timeoutMs", func(f *endpointForm) any { return &f.Timeout }, func(f endpointForm) any {
		return orNull(f.Timeout, numberText)
	}},
	{"form.ordered", "/ordered", func(f *endpointForm) any { return &f.Ordered }, nil},
	{"field.schedule", "/retrySchedule", func(f *endpointForm) any { return &f.Schedule }, func(f endpointForm) any {
		return orNull(f.waits())
	}},
}

// orNull returns null for an empty value.
func orNull(value any, convert ...func(any) any) any {
	if reflect.ValueOf(value).Len() == 0 {
		return nil
	}
	for _, c := range convert {
		value = c(value)
	}
	return value
}

// numberText is a text, which numbers has checked, as a JSON number.
func numberText(text any) any {
	n, _ := strconv.ParseFloat(text.(string), 64)
	return n
}

func (m formMember) of(f endpointForm) any { return reflect.ValueOf(m.field(&f)).Elem().Interface() }

func (m formMember) same(a, b endpointForm) bool {
	x, _ := json.Marshal(m.of(a)) // texts and bools can be encoded; nil and empty lists are told apart below
	y, _ := json.Marshal(m.of(b))
	return slices.Equal(x, y) || isEmptyList(x) && isEmptyList(y)
}

func isEmptyList(text []byte) bool { return string(text) == "null" || string(text) == "[]" }

// endpointPatch returns the changes of the members that differ between the two forms.
func endpointPatch(before, after endpointForm) client.Patch {
	patch := client.Patch{}
	for _, m := range formMembers {
		switch {
		case m.same(before, after):
		case m.value == nil:
			patch = append(patch, client.Set(m.pointer, m.of(after)))
		default:
			patch = append(patch, client.Set(m.pointer, m.value(after)))
		}
	}
	return append(patch, headerPatch(before.headerMap(), after.headerMap())...)
}

// headerPatch leaves a header alone if its value is the masked one of the form.
func headerPatch(before, after map[string]string) (patch client.Patch) {
	if len(before) == 0 && len(after) > 0 {
		return client.Patch{client.Set("/headers", after)}
	}
	path := func(name string) string { return "/headers/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
	for name := range before {
		if _, kept := after[name]; !kept {
			patch = append(patch, client.Remove(path(name)))
		}
	}
	for name, value := range after {
		if was, known := before[name]; !known || was != value {
			patch = append(patch, client.Add(path(name), value))
		}
	}
	return patch
}

// changedMember is a member that somebody else changed while the form was open.
type changedMember struct {
	Label string // key of the text
	Now   string
	Flag  string // key of the text yes or no; "": Now has the value
}

// merge returns the typed form with the members that only somebody else has changed as they are now, and lists all members that
// somebody else has changed.
func merge(base, typed, now endpointForm) (endpointForm, []changedMember) {
	var changed []changedMember
	for _, m := range formMembers {
		if m.same(base, now) {
			continue
		}
		changed = append(changed, changedOf(m.label, m.of(now)))
		if m.same(base, typed) {
			reflect.ValueOf(m.field(&typed)).Elem().Set(reflect.ValueOf(m.of(now)))
		}
	}
	if !reflect.DeepEqual(base.headerMap(), now.headerMap()) {
		changed = append(changed, changedOf("field.headers", now.Headers))
		if reflect.DeepEqual(base.headerMap(), typed.headerMap()) {
			typed.Headers = now.Headers
		}
	}
	return typed, changed
}

func changedOf(label string, now any) changedMember {
	c := changedMember{Label: label}
	var texts []string
	switch now := now.(type) {
	case bool:
		c.Flag = map[bool]string{true: "yes", false: "no"}[now]
	case string:
		c.Now = now
	case []string:
		texts = now
	case []filterRow:
		for _, row := range now {
			texts = append(texts, row.Pointer+" "+row.Op+" "+row.Value)
		}
	case []headerRow:
		for _, row := range now {
			texts = append(texts, row.Name)
		}
	}
	c.Now += strings.Join(texts, "\n")
	return c
}
