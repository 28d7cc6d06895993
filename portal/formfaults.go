package portal

import (
	"errors"
	"html/template"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// formFaults are the faults of a form, in the order in which they were found.
type formFaults struct {
	Fields  []*fieldFault
	General []string // of no field
}

// fieldFault has the faults of a field.
type fieldFault struct {
	ID    string // of the field in the page
	Texts []string
}

// Label is the key of the field's name.
func (f fieldFault) Label() string {
	name := f.ID
	if kind, rest, ok := strings.Cut(f.ID, "-"); ok {
		_, name, _ = strings.Cut(rest, "-")
		if kind == "header" && name == "name" {
			name = "header_name"
		}
	}
	return "form." + name
}

// Any reports whether there is a fault.
func (f formFaults) Any() bool { return len(f.Fields)+len(f.General) > 0 }

// Of returns the faults of a field, nil for none.
func (f formFaults) Of(id string) *fieldFault {
	for _, field := range f.Fields {
		if field.ID == id {
			return field
		}
	}
	return nil
}

// Attributes are the attributes of a field for assistive technology. Hints are ids of further descriptions.
func (f formFaults) Attributes(id string, hints ...string) template.HTMLAttr {
	text := ""
	if f.Of(id) != nil {
		hints = append([]string{id + "-fault"}, hints...)
		text = ` aria-invalid="true"`
	}
	if len(hints) > 0 {
		text += ` aria-describedby="` + strings.Join(hints, " ") + `"`
	}
	return template.HTMLAttr(text) //nolint:gosec // ids are made by the templates and by this package
}

func (f *formFaults) add(id, text string) {
	if id == "" {
		f.General = append(f.General, text)
		return
	}
	if field := f.Of(id); field != nil {
		field.Texts = append(field.Texts, text)
		return
	}
	f.Fields = append(f.Fields, &fieldFault{id, []string{text}})
}

func (f *formFaults) addKey(l *language, id, key string) { f.add(id, l.texts[key]) }

// addRefusal adds the faults that the REST interface finds in a request. Field returns the id of a field by the JSON Pointer to the member,
// "" for none. It reports whether the error is a refusal; another error is shown as a page of its own.
func (f *formFaults) addRefusal(err error, field func(pointer []string) string) (status int, refused bool) {
	said, ok := errors.AsType[*client.Error](err)
	if !ok {
		return 0, false
	}
	switch said.Status {
	case 400, 409, 413, 422, 429:
	default:
		return 0, false
	}
	for _, e := range said.Fields {
		f.add(field(pointerParts(e.Pointer)), e.Detail)
	}
	if len(said.Fields) == 0 {
		f.add("", said.Detail)
	}
	return said.Status, true
}

// pointerParts returns the parts of a JSON Pointer.
func pointerParts(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
	}
	return parts
}

func headerID(i int, part string) string    { return "header-" + strconv.Itoa(i) + "-" + part }
func conditionID(i int, part string) string { return "condition-" + strconv.Itoa(i) + "-" + part }

// fieldOf returns the id of the field for a member of the REST interface, "" for none.
func (f endpointForm) fieldOf(pointer []string) string {
	switch pointer[0] {
	case "filter":
		if len(pointer) > 1 {
			if i, err := strconv.Atoi(pointer[1]); err == nil && i >= 0 && i < len(f.Filter) {
				part := "pointer"
				if len(pointer) > 2 && (pointer[2] == "op" || pointer[2] == "value") {
					part = pointer[2]
				}
				return conditionID(i, part)
			}
		}
	case "headers":
		for i, row := range f.Headers {
			if len(pointer) > 1 && strings.EqualFold(row.Name, pointer[1]) {
				return headerID(i, "value")
			}
		}
	}
	return map[string]string{
		"postUri": "url", "isDevelopment": "url", "description": "description", "version": "version", "events": "events",
		"filter": "filter", "headers": "headers", "rateLimit": "rate", "timeoutMs": "timeout", "retrySchedule": "schedule",
	}[pointer[0]]
}
