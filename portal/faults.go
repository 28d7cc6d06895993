package portal

import (
	"cmp"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// faults are the faults of a form. Its page shows them in a summary at the top, and beside the fields.
type faults struct {
	Status  int      // of the answer; 0: there is none
	General []string // about no field
	Fields  []*fault // in the order in which they were found
}

// fault is the reason why a field of a form is refused.
type fault struct {
	ID    string   // of the field in the page
	Texts []string // sentences in the language of the page
}

// Label is the key of the field's name. The parts of a row have an id with the number of the row, such as condition-0-value.
func (f fault) Label() string {
	if _, rest, ok := strings.Cut(f.ID, "-"); ok {
		_, part, _ := strings.Cut(rest, "-")
		return "field." + part
	}
	return "field." + f.ID
}

// Any reports whether there is a fault.
func (f faults) Any() bool { return len(f.Fields)+len(f.General) > 0 }

// Of returns the fault of a field; nil: it has none.
func (f faults) Of(id string) *fault {
	for _, one := range f.Fields {
		if one.ID == id {
			return one
		}
	}
	return nil
}

// Attributes are the attributes of a field for assistive technology. Hints are ids of further descriptions.
func (f faults) Attributes(id string, hints ...string) template.HTMLAttr {
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

// status is that of the answer which shows the form.
func (f faults) status() int { return cmp.Or(f.Status, http.StatusOK) }

// add adds a text to the faults of a field; id "": about no field.
func (f *faults) add(id, text string) {
	f.Status = cmp.Or(f.Status, http.StatusBadRequest)
	if id == "" {
		f.General = append(f.General, text)
		return
	}
	if known := f.Of(id); known != nil {
		known.Texts = append(known.Texts, text)
		return
	}
	f.Fields = append(f.Fields, &fault{id, []string{text}})
}

// fieldOf returns the id of the field for a member of a request's body, by the parts of the JSON Pointer to the member, and the place
// within the value of the field; id "": the form has no such field.
type fieldOf func(pointer []string) (id, place string)

// fields is the fieldOf of a form by the ids of its fields and the names of their members.
func fields(ids map[string]string) fieldOf {
	return func(pointer []string) (id, place string) {
		if len(pointer) > 1 {
			place = "/" + strings.Join(pointer[1:], "/") + ": "
		}
		return ids[pointer[0]], place
	}
}

// fieldOfCode names the field at fault, where the REST interface names none.
var fieldOfCode = map[string]string{"code_taken": "code", "sample_exists": "version"}

// take adds the faults that an answer of the REST interface tells. It returns an error that a page of its own says: nobody is signed in,
// the caller lacks the right, the record is gone, or the program failed.
func (f *faults) take(v *visit, err error, field fieldOf) error {
	said, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	switch said.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusInternalServerError:
		return err
	}
	f.Status = said.Status
	for _, e := range said.Fields {
		id, place := field(pointerParts(e.Pointer))
		if id == "" {
			place = strings.TrimSpace(e.Pointer+e.Parameter) + " "
		}
		f.add(id, place+e.Detail)
	}
	if len(said.Fields) == 0 {
		f.add(fieldOfCode[said.Code], v.problem(said))
	}
	return nil
}

// pointerParts returns the parts of a JSON Pointer.
func pointerParts(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range parts {
		parts[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
	}
	return parts
}

// problem returns the text of an answer that is no success.
func (v *visit) problem(said *client.Error) string {
	key := "problem." + said.Code
	switch {
	case v.text.has(key):
		return v.say(key)
	case said.Status < http.StatusInternalServerError && said.Detail != "":
		return said.Detail
	}
	return v.say(explain(said).key)
}

// readJSON returns the JSON of a field; nil for an empty field, and for one that has no JSON, which is a fault.
func (v *visit) readJSON(f *faults, id, text string) json.RawMessage {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	var value json.RawMessage
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		at := len(text)
		if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = min(int(wrong.Offset), at)
		}
		f.add(id, v.say("fault.json", 1+strings.Count(text[:at], "\n")))
		return nil
	}
	return value
}
