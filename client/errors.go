package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Error is an answer that is not a success: a problem after RFC 9457, or the status alone where a
// proxy answered instead of the host.
type Error struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail is a sentence for a person.
	Detail string `json:"detail"`
	// Code is the word of the REST interface for the fault, such as not_found. It is "" where a
	// proxy answered.
	Code string `json:"code"`
	// RequestID finds the request in the log of the host.
	RequestID string `json:"requestId"`
	// Fields are the faults of the request, each with its place.
	Fields []FieldError `json:"errors"`

	// RetryAfter is the wait that the host asks for. 0: none.
	RetryAfter time.Duration `json:"-"`
	// Operation is the method and the path of the request.
	Operation string `json:"-"`
}

// FieldError is one fault of a request.
type FieldError struct {
	// Pointer is the place in the body as a JSON Pointer (RFC 6901); "" is the whole body, or a
	// fault of a parameter.
	Pointer string `json:"pointer,omitempty"`
	// Parameter is the parameter that is at fault. "": the body is.
	Parameter string `json:"parameter,omitempty"`
	Detail    string `json:"detail"`
}

// Error names the operation, the status, the code and the faults.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "webhooks client: %s: HTTP %d", e.Operation, e.Status)
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	for i, f := range e.Fields {
		if i == maxShownFields {
			fmt.Fprintf(&b, "; %d more", len(e.Fields)-i)
			break
		}
		fmt.Fprintf(&b, "; %s%s: %s", f.Pointer, f.Parameter, f.Detail)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// maxShownFields is how many faults the text of an error lists.
const maxShownFields = 5

// The errors that an [*Error] is, by [errors.Is]. An Error can be several of them: a taken code
// is ErrCodeTaken and ErrConflict.
var (
	ErrInvalid            = errors.New("request not valid")
	ErrUnauthorized       = errors.New("token missing or not valid")
	ErrForbidden          = errors.New("token lacks the scope, or the member is read-only")
	ErrNotFound           = errors.New("no such resource")
	ErrConflict           = errors.New("state forbids the change")
	ErrPreconditionFailed = errors.New("resource has changed since it was read")
	ErrPayloadTooLarge    = errors.New("request body too large")
	ErrUnprocessable      = errors.New("request cannot be carried out")
	ErrRateLimited        = errors.New("too many requests")
	ErrInternal           = errors.New("host failed")
	ErrUnavailable        = errors.New("host unavailable")

	ErrAddressBlocked      = errors.New("address of the endpoint not allowed")
	ErrArchived            = errors.New("resource archived")
	ErrCodeTaken           = errors.New("code taken")
	ErrEventInactive       = errors.New("event type inactive")
	ErrIdempotencyMismatch = errors.New("idempotency key used with other content")
	ErrInUse               = errors.New("resource in use")
	ErrNoEvents            = errors.New("subscription lists no event type")
	ErrNotFinished         = errors.New("attempt not finished")
	ErrNotInChain          = errors.New("attempt belongs to another delivery")
	ErrOutcomeExists       = errors.New("attempt has another outcome")
	ErrPathNotFound        = errors.New("path of the patch not found")
	ErrPostURIMissing      = errors.New("subscription has no postUri")
	ErrReadOnly            = errors.New("member is read-only")
	ErrSampleExists        = errors.New("sample payload exists")
	ErrSchemaMismatch      = errors.New("data does not match the schema")
	ErrSecretUnchanged     = errors.New("secret is the current one")
	ErrSending             = errors.New("attempt is being sent")
	ErrTestFailed          = errors.New("test of the patch failed")
	ErrUnknownReference    = errors.New("reference to an unknown resource")
)

var errorsByCode = map[string]error{
	"address_blocked": ErrAddressBlocked, "archived": ErrArchived, "authentication_unavailable": ErrUnavailable,
	"code_taken": ErrCodeTaken, "event_inactive": ErrEventInactive, "forbidden": ErrForbidden,
	"idempotency_mismatch": ErrIdempotencyMismatch, "in_use": ErrInUse, "internal_error": ErrInternal,
	"malformed_json": ErrInvalid, "no_events": ErrNoEvents, "not_finished": ErrNotFinished, "not_found": ErrNotFound,
	"not_in_chain": ErrNotInChain, "outcome_exists": ErrOutcomeExists, "overloaded": ErrUnavailable,
	"path_not_found": ErrPathNotFound, "payload_too_large": ErrPayloadTooLarge, "post_uri_missing": ErrPostURIMissing,
	"precondition_failed": ErrPreconditionFailed, "rate_limited": ErrRateLimited, "read_only": ErrReadOnly,
	"sample_exists": ErrSampleExists, "schema_mismatch": ErrSchemaMismatch, "secret_unchanged": ErrSecretUnchanged,
	"sending": ErrSending, "store_unavailable": ErrUnavailable, "test_failed": ErrTestFailed, "unauthorized": ErrUnauthorized,
	"unknown_reference": ErrUnknownReference, "unsupported_media_type": ErrInvalid, "validation_failed": ErrInvalid,
}

var errorsByStatus = map[int]error{
	http.StatusBadRequest: ErrInvalid, http.StatusUnauthorized: ErrUnauthorized, http.StatusForbidden: ErrForbidden,
	http.StatusNotFound: ErrNotFound, http.StatusConflict: ErrConflict, http.StatusPreconditionFailed: ErrPreconditionFailed,
	http.StatusRequestEntityTooLarge: ErrPayloadTooLarge, http.StatusUnprocessableEntity: ErrUnprocessable,
	http.StatusTooManyRequests: ErrRateLimited, http.StatusInternalServerError: ErrInternal,
	http.StatusBadGateway: ErrUnavailable, http.StatusServiceUnavailable: ErrUnavailable, http.StatusGatewayTimeout: ErrUnavailable,
}

// Is reports whether the target is the error of the code or of the status.
func (e *Error) Is(target error) bool {
	return target != nil && (target == errorsByCode[e.Code] || target == errorsByStatus[e.Status])
}

// errorOf returns the error of an answer. Only a problem document is read: the text of a proxy may
// say anything.
func errorOf(r request, resp *http.Response, text []byte, now time.Time) error {
	e := &Error{}
	if mediaType(resp.Header) == "application/problem+json" && json.Unmarshal(text, e) != nil {
		e = &Error{}
	}
	if e.Title == "" {
		e.Title = http.StatusText(resp.StatusCode)
	}
	if e.RequestID == "" {
		e.RequestID = resp.Header.Get("X-Request-Id")
	}
	e.Status = resp.StatusCode
	e.RetryAfter = retryAfter(resp.Header, now)
	e.Operation = r.method + " " + r.where()
	return e
}

// mediaType returns the media type of an answer without its parameters; "" if it is malformed.
func mediaType(h http.Header) string {
	name, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return name
}
