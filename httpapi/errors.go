package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/ecg-api/webhooks"
)

// The errors of this package. All other errors come from package webhooks.
var (
	errInternal          = errors.New("internal error")
	errForbidden         = errors.New("the caller lacks the scope")
	errPrecondition      = errors.New("the resource has changed since it was read")
	errMediaType         = errors.New("unsupported media type")
	errTooLarge          = errors.New("the body is too large")
	errTestFailed        = errors.New("a test of the patch failed")
	errAuthDown          = errors.New("the caller cannot be authenticated now")
	errOrganizationsDown = errors.New("the organization cannot be looked up now")
	errOverloaded        = errors.New("other requests take all of the memory for requests")
)

// maxFaults bounds the faults that an answer lists. The client determines how many there are.
const maxFaults = 100

// answers maps errors to HTTP. The first line that matches counts, so a special case
// stands before the general one. Details are fixed texts, because the text of an error
// may reveal internals.
var answers = []struct {
	err    error
	status int
	code   string
	detail string
}{
	{ErrUnauthorized, http.StatusUnauthorized, "unauthorized", "Valid credentials are required; WWW-Authenticate says which."},
	{errForbidden, http.StatusForbidden, "forbidden", "The caller lacks the scope for this."},
	{webhooks.ErrNotFound, http.StatusNotFound, "not_found", "There is no such resource."},
	{errPrecondition, http.StatusPreconditionFailed, "precondition_failed", "The resource has changed since it was read."},
	{errTooLarge, http.StatusRequestEntityTooLarge, "payload_too_large", "The request body is too large."},
	{
		errMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type",
		"The request body must be application/json, of a PATCH also application/json-patch+json.",
	},
	{webhooks.ErrCodeTaken, http.StatusConflict, "code_taken", "The code is taken."},
	{webhooks.ErrSampleExists, http.StatusConflict, "sample_exists", "There is a sample payload for this version."},
	{webhooks.ErrInUse, http.StatusConflict, "in_use", "Something else still refers to it."},
	{webhooks.ErrNotFinished, http.StatusConflict, "not_finished", "The activity has no outcome yet."},
	{webhooks.ErrIdempotencyMismatch, http.StatusConflict, "idempotency_mismatch", "The idempotency key was used with another content."},
	{webhooks.ErrArchived, http.StatusConflict, "archived", "It, or what it belongs to, is archived; restore that first."},
	{webhooks.ErrBuiltIn, http.StatusConflict, "built_in", "The category and its events are built in; only the service changes them."},
	{webhooks.ErrEventInactive, http.StatusConflict, "event_inactive", "The event, or its category, is inactive or archived."},
	{webhooks.ErrPostURIMissing, http.StatusConflict, "post_uri_missing", "The subscription has no postUri."},
	{webhooks.ErrSecretUnchanged, http.StatusConflict, "secret_unchanged", "The secret is the current one already."},
	{webhooks.ErrNoEvents, http.StatusConflict, "no_events", "The subscription lists no event that takes events; name one."},
	{webhooks.ErrNotInChain, http.StatusConflict, "not_in_chain", "The activity is not in the chain of originalActivityId."},
	{webhooks.ErrOutcomeExists, http.StatusConflict, "outcome_exists", "The activity has another outcome already."},
	{webhooks.ErrSending, http.StatusConflict, "sending", "The activity is being sent; its outcome follows."},
	{webhooks.ErrExpunged, http.StatusConflict, "payload_removed", "The payload of the event was removed."},
	{webhooks.ErrErasing, http.StatusConflict, "erasing", "The data of the organization is being removed; try again when that is done."},
	{errTestFailed, http.StatusConflict, "test_failed", "A test in the patch failed; nothing was changed."},
	{webhooks.ErrConflict, http.StatusConflict, "conflict", "The present state does not allow this."},
	{webhooks.ErrReadOnly, http.StatusServiceUnavailable, "store_unavailable", "The store can only be read now; try again later."},
	{webhooks.ErrUnavailable, http.StatusServiceUnavailable, "store_unavailable", "The store cannot be reached; try again later."},
	{errors.ErrUnsupported, http.StatusNotImplemented, "not_supported", "The store of this host cannot tell this."},
	{errAuthDown, http.StatusServiceUnavailable, "authentication_unavailable", "Callers cannot be authenticated now; try again later."},
	{
		errOrganizationsDown, http.StatusServiceUnavailable, "organizations_unavailable",
		"Organizations cannot be looked up now; try again later.",
	},
	{errOverloaded, http.StatusServiceUnavailable, "overloaded", "Too many large requests are under way; try again later."},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "store_unavailable", "The store did not answer in time; try again later."},
	{context.Canceled, http.StatusServiceUnavailable, "store_unavailable", "The request was given up."},
}

// problem is an RFC 9457 problem. As an error it is rendered without a change.
type problem struct {
	Type      string  `json:"type"`
	Title     string  `json:"title"`
	Status    int     `json:"status"`
	Detail    string  `json:"detail"`
	Code      string  `json:"code"`
	RequestID string  `json:"requestId"`
	Errors    []fault `json:"errors"`

	allow      string // the header Allow of a 405
	retryAfter string // the header Retry-After of a 429
}

// fault is one mistake in a request: its place in the body, or its parameter, and the rule.
type fault struct {
	Pointer   *string `json:"pointer,omitempty"`
	Parameter string  `json:"parameter,omitempty"`
	Detail    string  `json:"detail"`
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func newProblem(status int, code, detail string, faults ...fault) *problem {
	if faults == nil {
		faults = []fault{}
	}
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Errors: faults}
}

func faultAt(pointer, detail string) fault { return fault{Pointer: &pointer, Detail: detail} }

// invalid says that a value of the body is not allowed.
func invalid(pointer, detail string) *problem {
	return newProblem(http.StatusBadRequest, "validation_failed", "The request is not valid.", faultAt(pointer, detail))
}

// methodError says that a path is known, with other methods.
type methodError struct{ allowed []string }

func (e *methodError) Error() string { return "method not allowed" }

// authError tells wrong credentials from an authenticator that cannot check them.
func authError(err error) error {
	if errors.Is(err, ErrUnauthorized) {
		return err
	}
	return fmt.Errorf("%w: %w", errAuthDown, err)
}

// problemFor returns the answer to an error.
func problemFor(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		copied := *p
		return &copied
	}
	if m, ok := errors.AsType[*methodError](err); ok {
		p := newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "The path does not take this method.")
		p.allow = strings.Join(m.allowed, ", ")
		return p
	}
	if l, ok := errors.AsType[*rateLimitError](err); ok {
		return l.problem()
	}
	prefix := ""
	if e, ok := errors.AsType[*webhooks.EventError](err); ok {
		prefix = "/events/" + strconv.Itoa(e.Index)
	}
	if v, ok := errors.AsType[*webhooks.ValidationError](err); ok {
		return validationProblem(v, prefix)
	}
	for _, a := range answers {
		if !errors.Is(err, a.err) {
			continue
		}
		p := newProblem(a.status, a.code, a.detail)
		if prefix != "" && a.status < http.StatusInternalServerError {
			p.Errors = []fault{faultAt(prefix, a.detail)}
		}
		return p
	}
	return newProblem(http.StatusInternalServerError, "internal_error", "Something went wrong here; the log has it under the request id.")
}

// validationProblem renders the faults of an input below a place in the body.
func validationProblem(v *webhooks.ValidationError, prefix string) *problem {
	status, detail := http.StatusUnprocessableEntity, "The request cannot be carried out."
	if v.Problem == webhooks.Invalid {
		status, detail = http.StatusBadRequest, "The request is not valid."
	}
	p := newProblem(status, string(v.Problem), detail)
	for _, f := range v.Fields {
		if f.Pointer == "/"+organizationParameter { // it stands in the path, never in a body
			p.Errors = append(p.Errors, fault{Parameter: organizationParameter, Detail: f.Detail})
			continue
		}
		p.Errors = append(p.Errors, faultAt(prefix+f.Pointer, f.Detail))
	}
	return p
}

// write sends the problem.
func (p *problem) write(w http.ResponseWriter, requestID string) {
	p.RequestID = requestID
	p.Errors = p.Errors[:min(len(p.Errors), maxFaults)]
	text, err := encode(p)
	if err != nil {
		text = nil // a problem holds only texts and numbers
	}
	h := w.Header()
	h.Del("ETag")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	switch p.Status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", p.allow)
	case http.StatusTooManyRequests:
		h.Set("Retry-After", p.retryAfter)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(p.Status)
	w.Write(text) //nolint:gosec // JSON by its Content-Type, and never sniffed
}
