package portal

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// formExpiry is the time for which the store keeps that a form was sent.
const formExpiry = 24 * time.Hour

// onceNamespace is the namespace of the ids of forms that were sent.
var onceNamespace = uuid.MustParse("6f1c1f0e-7a53-4f0c-9d52-5a1c1b8e9d37")

// Once is a fresh value for the hidden field once of a form.
func (f *frame) Once() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// onceValue returns the value of the hidden field once.
func onceValue(form url.Values) (uuid.UUID, error) {
	id, err := uuid.Parse(form.Get("once"))
	if err != nil {
		return uuid.Nil, &pageError{status: http.StatusBadRequest, key: "error.form_malformed"}
	}
	return id, nil
}

// once carries out a form, at most once in all processes that share the store: a form that is sent twice leads to the address
// again, with a notice, and does nothing.
//
// The order is: check the fields, call once, act. A form with a fault that the check finds has not used its value, so that each of its
// requests is answered with the faults. The value is used before the action, so that of requests at the same time one acts; it stays used
// if the REST interface refuses the action or the action fails. A page that shows the form again has a fresh value, as each page has. The
// action is not cancelled when the browser goes away: a second click ends the first request, and then does nothing itself.
func (v *visit) once(form url.Values, again string, carryOut func() error) error {
	value, err := onceValue(form)
	if err != nil {
		return err
	}
	v.ctx = context.WithoutCancel(v.ctx)
	id := uuid.NewSHA1(onceNamespace, []byte(v.caller.Subject+"\n"+v.r.URL.Path+"\n"+value.String()))
	hooks := v.p.hooks
	first, err := hooks.UseOnce(v.ctx, id, hooks.Now().Add(formExpiry))
	switch {
	case err != nil:
		return &pageError{status: http.StatusServiceUnavailable, key: "error.unavailable", cause: err}
	case !first:
		return v.redirect(withDone(again, "sent_before"))
	}
	return carryOut()
}
