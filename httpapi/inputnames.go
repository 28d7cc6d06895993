package httpapi

import (
	"errors"
	"strings"

	"github.com/ecg-api/webhooks"
)

// inputNames says how an operation names fields of its Go input, by their field tags. A field that
// is not listed has the same name in both.
type inputNames map[string]struct {
	member    string // of the body
	parameter string // of the query, in place of a member
	detail    string // replaces a detail that uses Go names; "" keeps the detail
}

// rename returns the problem of a ValidationError with the operation's names, and any other error
// unchanged.
func (names inputNames) rename(err error) error {
	v, ok := errors.AsType[*webhooks.ValidationError](err)
	if !ok {
		return err
	}
	p := validationProblem(v, "")
	for i, f := range v.Fields {
		field, _, _ := strings.Cut(strings.TrimPrefix(f.Pointer, "/"), "/")
		name, ok := names[field]
		if !ok {
			continue
		}
		if name.detail != "" {
			p.Errors[i].Detail = name.detail
		}
		if name.parameter != "" {
			p.Errors[i].Pointer, p.Errors[i].Parameter = nil, name.parameter
			continue
		}
		pointer := "/" + name.member + strings.TrimPrefix(f.Pointer, "/"+field)
		p.Errors[i].Pointer = &pointer
	}
	return p
}
