package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// TestInput selects the event type of a test.
type TestInput struct {
	EventType string `json:"eventType,omitempty"` // code; default: the first that the subscription lists
	Version   string `json:"version,omitempty"`   // default: that of the subscription
}

// PostInput is an attempt to be queued, or one that the caller has made.
type PostInput struct {
	Type       AttemptType `json:"type"`       // FirstPost and TestPost without RetryingFromPostID, the retries with it
	Payload    any         `json:"payload"`    // the data; encodes to a JSON object
	RawMessage any         `json:"rawMessage"` // the source of the data; encodes to a JSON object, which is not sent
	EventID    uuid.UUID   `json:"eventId"`    // of the event type
	// RetryingFromPostID is the attempt that this one repeats. Zero: none.
	RetryingFromPostID uuid.UUID `json:"retryingFromPostId,omitzero"`
	// PostedAt is when the caller sent it, and will report the outcome. Zero: the host sends it.
	PostedAt time.Time `json:"postedAt,omitzero"`
}

// ReportInput is the outcome of an attempt that the caller has made.
type ReportInput struct {
	OriginalActivityID uuid.UUID `json:"originalActivityId"` // the first attempt of the delivery
	Success            bool      `json:"success"`            // the attempt succeeded
	HTTPStatusCode     *int      `json:"httpStatusCode"`     // nil: no response
	Error              string    `json:"error"`              // required where Success is false
	RawResponse        any       `json:"rawResponse"`        // a text, or a value that is encoded as JSON
}

// Test sends the sample payload of an event type at once, also while the circuit is open.
func (d *Dispatcher) Test(ctx context.Context, org string, subscription uuid.UUID, in TestInput) (Attempt, error) {
	return call[Attempt](ctx, d.c, request{method: http.MethodPost, path: subscriptionPath(org, subscription, "test"), body: in})
}

// Post adds an attempt to the history of a subscription.
func (d *Dispatcher) Post(ctx context.Context, org string, subscription uuid.UUID, in PostInput) (Attempt, error) {
	return call[Attempt](ctx, d.c, request{method: http.MethodPost, path: subscriptionPath(org, subscription, "activity"), body: in})
}

// Retry sends an attempt again at once, also after a success. One that has no outcome is
// [ErrNotFinished].
func (d *Dispatcher) Retry(ctx context.Context, org string, subscription, attempt uuid.UUID) (Attempt, error) {
	return call[Attempt](ctx, d.c, request{
		method: http.MethodPost, path: subscriptionPath(org, subscription, "activity", attempt.String(), "retry"),
	})
}

// Report saves the outcome of an attempt that the caller has made. The same outcome again changes
// nothing; another one is [ErrOutcomeExists].
func (d *Dispatcher) Report(ctx context.Context, org string, subscription, attempt uuid.UUID, in ReportInput) (Attempt, error) {
	return call[Attempt](ctx, d.c, request{
		method: http.MethodPost, path: subscriptionPath(org, subscription, "activity", attempt.String(), "outcomes"), body: in, repeat: true,
	})
}

// PayloadMode names the sender of a payload.
type PayloadMode string

// The modes.
const (
	Dispatch PayloadMode = "dispatch" // the host sends it
	External PayloadMode = "external" // the caller sends it, and reports the outcome
)

// PayloadInput is an event for one subscription.
type PayloadInput struct {
	EventType string `json:"eventType"` // code of an active event type; the subscription need not list it
	Version   string `json:"version"`   // of the event type
	Data      any    `json:"data"`      // is encoded as JSON
}

// PayloadQuery names the sender of a payload and its delivery.
type PayloadQuery struct {
	Mode               PayloadMode `query:"mode"`               // required
	OriginalActivityID uuid.UUID   `query:"originalActivityId"` // the first attempt of the delivery; zero: a delivery of its own
}

// Payload is a body with its signatures.
type Payload struct {
	ActivityID uuid.UUID         `json:"activityId"` // of the attempt
	Payload    json.RawMessage   `json:"payload"`    // the body as JSON
	Body       string            `json:"body"`       // the bytes to send
	Hash       string            `json:"hash"`       // lower-case hex: the value of the header X-Webhook-Hash
	CreatedAt  int64             `json:"createdAt"`  // Unix milliseconds
	Headers    map[string]string `json:"headers"`    // the request headers to send
}

// MakePayload makes the body and the headers of an attempt, and adds the attempt to the history of
// the subscription.
func (d *Dispatcher) MakePayload(
	ctx context.Context, org string, subscription uuid.UUID, in PayloadInput, q PayloadQuery,
) (Payload, error) {
	return call[Payload](ctx, d.c, request{
		method: http.MethodPost, path: signerPath(org, subscription, "webhooks-payloads"), query: q, body: in,
	})
}
