package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ecg-api/webhooks/client"
)

// formError has the faults of a form, as the form shows them: in a summary, and beside the fields. As an error they say that the
// form was not carried out.
type formError struct {
	Status int    // of the answer
	Text   string // about the form as a whole; "": nothing
	Fields faults
}

// Error counts the faults.
func (f *formError) Error() string {
	return fmt.Sprintf("%d fields at fault %s", len(f.Fields), f.Text)
}

// Of returns the fault of a field; nil if it has none.
func (f *formError) Of(id string) *fault {
	if f == nil {
		return nil
	}
	return f.Fields.Of(id)
}

// faultOf returns the faults of a form of which one field has a fault.
func faultOf(id, text string) error {
	f := &formError{Status: http.StatusBadRequest}
	f.Fields.add(id, text)
	return f
}

// fieldOfCode names the field at fault, where the REST interface names none.
var fieldOfCode = map[string]string{"code_taken": "code", "sample_exists": "version"}

// faultsOf returns faults that are an error, or that an answer of the REST interface tells about the fields, by their names in the
// body. The error remains if a page of its own says it: nobody is signed in, the caller lacks the right, the record is gone, or the
// program failed.
func (v *visit) faultsOf(err error, fields ...string) (*formError, error) {
	if found, ok := errors.AsType[*formError](err); ok {
		return found, nil
	}
	said, ok := errors.AsType[*client.Error](err)
	if !ok {
		return nil, err
	}
	switch said.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusInternalServerError:
		return nil, err
	}
	f := &formError{Status: said.Status}
	if field := fieldOfCode[said.Code]; slices.Contains(fields, field) {
		f.Fields.add(field, v.problem(said))
		return f, nil
	}
	for _, fault := range said.Fields {
		name, below, nested := strings.Cut(strings.TrimPrefix(fault.Pointer, "/"), "/")
		switch {
		case !slices.Contains(fields, name):
			f.Text += strings.TrimSpace(fault.Pointer+fault.Parameter+" "+fault.Detail) + " "
		case nested:
			f.Fields.add(name, "/"+below+": "+fault.Detail)
		default:
			f.Fields.add(name, fault.Detail)
		}
	}
	if len(f.Fields) == 0 && f.Text == "" {
		f.Text = v.problem(said)
	}
	return f, nil
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

// jsonOf returns the JSON of a field of a form; nil for an empty field. The error is a formError.
func (v *visit) jsonOf(id, text string) (json.RawMessage, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	var value json.RawMessage
	err := json.Unmarshal([]byte(text), &value)
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + strings.Count(text[:min(int(wrong.Offset), len(text))], "\n")
		return nil, faultOf(id, v.say("fault.json", line))
	}
	return value, err
}
