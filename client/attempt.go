package client

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// AttemptType says why an attempt is made.
type AttemptType int

// The types.
const (
	FirstPost      AttemptType = 0
	AutomaticRetry AttemptType = 1
	ManualRetry    AttemptType = 2
	TestPost       AttemptType = 3
)

// AttemptStatus is the state of an attempt. A later release may add values.
type AttemptStatus string

// The states.
const (
	Pending   AttemptStatus = "pending"
	Sending   AttemptStatus = "sending"
	Succeeded AttemptStatus = "succeeded"
	Failed    AttemptStatus = "failed"
	Cancelled AttemptStatus = "cancelled"
	Unknown   AttemptStatus = "unknown" // the stored value cannot be read
)

// Attempt is one HTTP request to an endpoint, made or to be made. The REST interface calls it an
// activity.
type Attempt struct {
	ID                  uuid.UUID       `json:"id"`
	Type                AttemptType     `json:"type"`
	Status              AttemptStatus   `json:"status"`
	Number              int             `json:"attempt"`        // in its delivery, from 1
	PostedAt            time.Time       `json:"postedAt"`       // zero: not sent
	DurationMs          *int64          `json:"durationMs"`     // nil: no outcome
	HTTPStatusCode      int             `json:"httpStatusCode"` // 0: no response
	Payload             json.RawMessage `json:"payload"`        // the data of the event
	RawMessage          json.RawMessage `json:"rawMessage"`     // the whole body, or the source message of the caller
	Subscription        Subscription    `json:"subscription"`   // its ID alone, without IncludeSubscription
	EventType           EventType       `json:"event"`          // its ID alone, without IncludeEventType
	RetryingFromPostID  uuid.UUID       `json:"retryingFromPostId"`
	NextRetryAt         time.Time       `json:"nextRetryAt"`         // zero: no automatic retry
	HeldUntil           time.Time       `json:"heldUntil"`           // zero: neither circuit nor back-pressure holds it
	RawResponse         string          `json:"rawResponse"`         // at most 16 KiB
	RawResponseEncoding string          `json:"rawResponseEncoding"` // base64 where the response is not UTF-8
	Error               string          `json:"error"`               // for a person
	Success             *bool           `json:"success"`             // nil: no outcome
	AuditInfo           AuditInfo       `json:"auditInfo"`
	Damaged             []string        `json:"damaged"`   // members with stored values that cannot be read
	Truncated           bool            `json:"truncated"` // the page was too large for Payload, RawMessage and RawResponse
}

// Delivery is an event on its way to one subscription: the first attempt with the outcome of the
// latest. The REST interface calls it an activation.
type Delivery struct {
	Attempt
	Attempts int `json:"attempts"` // how many there are, the queued one included
}

// AttemptDetail is an attempt with its retries.
type AttemptDetail struct {
	Attempt
	Level   int             `json:"level"`            // 1: the attempt that was asked for
	Retries []AttemptDetail `json:"childPostHistory"` // as a tree, or as one list by time
}
