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
	Type   string `json:"type"`   // about:blank; "" where a proxy answered
	Title  string `json:"title"`  // the text of the status, such as Not Found
	Status int    `json:"status"` // the HTTP status, 300–599
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
	Detail    string `json:"detail"` // the rule that the request breaks, as a sentence for a person
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

// ParameterError is an argument that no path can hold: it is empty, or dots alone. No request was sent.
// By [errors.Is] it is [ErrInvalid].
type ParameterError struct {
	Parameter string // organization, or code
	Value     string // "", "." or ".."
}

// Error names the parameter and its value.
func (e *ParameterError) Error() string {
	return fmt.Sprintf("webhooks client: %s is %q: it must not be empty, \".\" or \"..\"", e.Parameter, e.Value)
}

// Unwrap returns [ErrInvalid].
func (e *ParameterError) Unwrap() error { return ErrInvalid }

// maxShownFields is how many faults the text of an error lists.
const maxShownFields = 5

// The errors by status that an [*Error] is, by [errors.Is].
var (
	// ErrInvalid: a value or the form of the request is not allowed; the Fields name the places. Status 400, and code
	// unsupported_media_type. A [*ParameterError] is one too.
	ErrInvalid = errors.New("request not valid")
	// ErrUnauthorized: the token is missing, expired or not valid. Status 401.
	ErrUnauthorized = errors.New("token missing or not valid")
	// ErrForbidden: the token lacks the scope, or the member is read-only. Status 403.
	ErrForbidden = errors.New("token lacks the scope, or the member is read-only")
	// ErrNotFound: the resource does not exist, was deleted, or belongs to another organization. Status 404.
	ErrNotFound = errors.New("no such resource")
	// ErrConflict: the state of the resource forbids the change. Status 409; the code tells the reason.
	ErrConflict = errors.New("state forbids the change")
	// ErrPreconditionFailed: the resource has changed since it was read: see [IfMatch]. Status 412; nothing was changed.
	ErrPreconditionFailed = errors.New("resource has changed since it was read")
	// ErrPayloadTooLarge: the request body is larger than the host accepts. Status 413.
	ErrPayloadTooLarge = errors.New("request body too large")
	// ErrUnprocessable: the request is well-formed and cannot be carried out. Status 422; the code tells the reason.
	ErrUnprocessable = errors.New("request cannot be carried out")
	// ErrRateLimited: the caller sends too many requests: see RetryAfter. Status 429.
	ErrRateLimited = errors.New("too many requests")
	// ErrInternal: the host failed; its log has the RequestID. Status 500.
	ErrInternal = errors.New("host failed")
	// ErrUnavailable: the host, its store or its authentication is down or busy. Status 502, 503 or 504. It is unknown
	// whether a change was made.
	ErrUnavailable = errors.New("host unavailable")
)

// The errors by code that an [*Error] is, by [errors.Is]. An Error is also the error of its status: a
// taken code is ErrCodeTaken and ErrConflict.
var (
	// ErrAddressBlocked: the URL of an endpoint leads to an address or port that the host forbids. Code address_blocked.
	ErrAddressBlocked = errors.New("address of the endpoint not allowed")
	// ErrArchived: the resource, or the resource that it belongs to, is archived: restore it first. Code archived.
	ErrArchived = errors.New("resource archived")
	// ErrBuiltIn: the category, with its event types, is built in and never changes. Code built_in.
	ErrBuiltIn = errors.New("category built in")
	// ErrCodeTaken: another category has the code, or another event type the code and version. Code code_taken.
	ErrCodeTaken = errors.New("code taken")
	// ErrErasing: the data of the organization is being removed: try again when that is done. Code erasing.
	ErrErasing = errors.New("organization is being erased")
	// ErrEventInactive: the event type, or its category, is inactive or archived. Code event_inactive.
	ErrEventInactive = errors.New("event type inactive")
	// ErrIdempotencyMismatch: the idempotency key was used for another event in the last 24 hours. Code
	// idempotency_mismatch.
	ErrIdempotencyMismatch = errors.New("idempotency key used with other content")
	// ErrInUse: a resource cannot be deleted while another one refers to it. Code in_use.
	ErrInUse = errors.New("resource in use")
	// ErrNoEvents: a subscription lists no active event type, so that a test must name one. Code no_events.
	ErrNoEvents = errors.New("subscription lists no event type")
	// ErrNotFinished: an attempt cannot be retried before it has an outcome. Code not_finished.
	ErrNotFinished = errors.New("attempt not finished")
	// ErrNotInChain: an attempt does not belong to the OriginalActivityID of a report. Code not_in_chain.
	ErrNotInChain = errors.New("attempt belongs to another delivery")
	// ErrNotSupported: the store of the host cannot tell this. Code not_supported.
	ErrNotSupported = errors.New("not supported by the store")
	// ErrOutcomeExists: an attempt already has another outcome than the reported one. Code outcome_exists.
	ErrOutcomeExists = errors.New("attempt has another outcome")
	// ErrPathNotFound: a patch names a member or an index that does not exist. Code path_not_found.
	ErrPathNotFound = errors.New("path of the patch not found")
	// ErrPayloadRemoved: the payload of the event was removed. Code payload_removed.
	ErrPayloadRemoved = errors.New("payload removed")
	// ErrPostURIMissing: a subscription without a PostURI cannot be activated. Code post_uri_missing.
	ErrPostURIMissing = errors.New("subscription has no postUri")
	// ErrReadOnly: a patch would change a member that is read-only. Code read_only.
	ErrReadOnly = errors.New("member is read-only")
	// ErrSampleExists: the event type has a sample payload for the version. Code sample_exists.
	ErrSampleExists = errors.New("sample payload exists")
	// ErrSchemaMismatch: the data does not match the schema of its event type; the Fields name the places. Code
	// schema_mismatch.
	ErrSchemaMismatch = errors.New("data does not match the schema")
	// ErrSecretUnchanged: the new secret is the current one. Code secret_unchanged.
	ErrSecretUnchanged = errors.New("secret is the current one")
	// ErrSending: the host is sending the attempt, so that no outcome can be reported now. Code sending.
	ErrSending = errors.New("attempt is being sent")
	// ErrTestFailed: a [Test] in a patch failed; nothing was changed. Code test_failed.
	ErrTestFailed = errors.New("test of the patch failed")
	// ErrUnknownReference: the request refers to a resource that does not exist. Code unknown_reference.
	ErrUnknownReference = errors.New("reference to an unknown resource")
)

var errorsByCode = map[string]error{
	"address_blocked": ErrAddressBlocked, "archived": ErrArchived, "authentication_unavailable": ErrUnavailable,
	"built_in": ErrBuiltIn, "code_taken": ErrCodeTaken, "erasing": ErrErasing, "event_inactive": ErrEventInactive, "forbidden": ErrForbidden,
	"idempotency_mismatch": ErrIdempotencyMismatch, "in_use": ErrInUse, "internal_error": ErrInternal,
	"malformed_json": ErrInvalid, "no_events": ErrNoEvents, "not_finished": ErrNotFinished, "not_found": ErrNotFound,
	"not_in_chain": ErrNotInChain, "not_supported": ErrNotSupported,
	"organizations_unavailable": ErrUnavailable, "outcome_exists": ErrOutcomeExists,
	"overloaded": ErrUnavailable, "path_not_found": ErrPathNotFound, "payload_removed": ErrPayloadRemoved,
	"payload_too_large": ErrPayloadTooLarge, "post_uri_missing": ErrPostURIMissing,
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
