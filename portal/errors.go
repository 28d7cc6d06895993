package portal

import (
	"errors"
	"net/http"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
)

// pageError is a failure that a page says in words.
type pageError struct {
	status int
	key    string // of the text
	cause  error  // for the log; nil: the log does not get it
}

// Error returns the key and the cause.
func (e *pageError) Error() string {
	if e.cause == nil {
		return e.key
	}
	return e.key + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *pageError) Unwrap() error { return e.cause }

var (
	errNoPage      = &pageError{status: http.StatusNotFound, key: "error.not_found"}
	errCrossOrigin = &pageError{status: http.StatusForbidden, key: "error.cross_origin"}
	errForbidden   = &pageError{status: http.StatusForbidden, key: "error.forbidden"}
	errUnavailable = &pageError{status: http.StatusServiceUnavailable, key: "error.unavailable"}
	errSignedOut   = &pageError{status: http.StatusUnauthorized, key: "error.signed_out"}
)

// failureView is the data of the page that says a failure.
type failureView struct {
	Status    int
	Key       string // of the text
	Detail    string // what the REST interface says; "": nothing more
	RequestID string // "": the REST interface was not called
	SignIn    string // "": no link
}

// fail answers with a page that says the error. A failure of the program is logged.
func (v *visit) fail(err error) {
	e, view := explain(err), failureView{}
	view.Status, view.Key = e.status, e.key
	if said, ok := errors.AsType[*client.Error](err); ok {
		view.RequestID = said.RequestID
		if said.Status < http.StatusInternalServerError && said.Status != http.StatusNotFound {
			view.Detail = said.Detail
		}
	}
	if e.status == http.StatusUnauthorized {
		view.SignIn = v.p.cfg.SignIn
	}
	if e.cause != nil {
		v.p.cfg.Logger.ErrorContext(v.ctx, "page failed",
			"method", v.r.Method, "page", v.r.Pattern, "requestId", view.RequestID, "error", e.cause)
	}
	if e.status == http.StatusServiceUnavailable {
		v.w.Header().Set("Retry-After", "5")
	}
	if err := v.render(e.status, "failure", view); err != nil {
		v.p.cfg.Logger.ErrorContext(v.ctx, "page of a failure failed", "error", err)
		http.Error(v.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// explain returns the page of an error.
func explain(err error) *pageError {
	if e, ok := errors.AsType[*pageError](err); ok {
		return e
	}
	if errors.Is(err, httpapi.ErrUnauthorized) || errors.Is(err, client.ErrUnauthorized) {
		return errSignedOut
	}
	said, ok := errors.AsType[*client.Error](err)
	switch {
	case ok && said.Code == "not_supported":
		return &pageError{status: said.Status, key: "error.not_supported"}
	case errors.Is(err, client.ErrUnavailable):
		return errUnavailable
	case !ok || said.Status >= http.StatusInternalServerError:
		return &pageError{status: http.StatusInternalServerError, key: "error.internal", cause: err}
	case said.Status == http.StatusNotFound:
		return errNoPage
	case said.Status == http.StatusForbidden:
		return errForbidden
	case said.Status == http.StatusPreconditionFailed:
		return &pageError{status: said.Status, key: "error.changed_meanwhile"}
	}
	return &pageError{status: said.Status, key: "error.refused"}
}
