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
	FirstPost      AttemptType = 0 // the first attempt of a delivery
	AutomaticRetry AttemptType = 1 // a retry by the schedule
	ManualRetry    AttemptType = 2 // a retry that a caller asked for
	TestPost       AttemptType = 3 // an attempt of Dispatcher.Test
)

// AttemptStatus is the state of an attempt. A later release may add values.
type AttemptStatus string

// The states.
const (
	Pending   AttemptStatus = "pending"   // it waits to be sent; made by a caller: it waits for Report
	Sending   AttemptStatus = "sending"   // it is being sent
	Succeeded AttemptStatus = "succeeded" // the endpoint answered 2xx, or the caller reported a success
	Failed    AttemptStatus = "failed"    // any other end; an automatic retry may follow
	Cancelled AttemptStatus = "cancelled" // it was withdrawn before it was sent
	Unknown   AttemptStatus = "unknown"   // the stored value cannot be read
)

// Attempt is one HTTP request to an endpoint, made or to be made. The REST interface calls it an
// activity.
type Attempt struct {
	ID                  uuid.UUID       `json:"id"`                  // given by the host
	Type                AttemptType     `json:"type"`                // its origin
	Status              AttemptStatus   `json:"status"`              // Pending at first
	Number              int             `json:"attempt"`             // in its delivery, from 1
	PostedAt            time.Time       `json:"postedAt"`            // zero: not sent
	DurationMs          *int64          `json:"durationMs"`          // nil: no outcome
	HTTPStatusCode      int             `json:"httpStatusCode"`      // 0: no response
	Payload             json.RawMessage `json:"payload"`             // the data of the event
	RawMessage          json.RawMessage `json:"rawMessage"`          // the whole body, or the source message of the caller
	Subscription        Subscription    `json:"subscription"`        // its ID alone, unless the query has IncludeSubscription
	EventType           EventType       `json:"event"`               // its ID alone, unless the query has IncludeEventType
	RetryingFromPostID  uuid.UUID       `json:"retryingFromPostId"`  // the attempt that this one retries; zero: none
	NextRetryAt         time.Time       `json:"nextRetryAt"`         // zero: no automatic retry
	HeldUntil           time.Time       `json:"heldUntil"`           // zero: neither circuit nor back-pressure holds it
	RawResponse         string          `json:"rawResponse"`         // at most 16 KiB
	RawResponseEncoding string          `json:"rawResponseEncoding"` // base64 where the response is not UTF-8
	ResponseHeaders     []Header        `json:"responseHeaders"`     // in the order of their names, at most 2 KiB; credentials are masked
	// HeadersTruncated says that ResponseHeaders lack headers, because not all fit.
	HeadersTruncated bool      `json:"responseHeadersTruncated"`
	Error            string    `json:"error"`     // for a person
	Success          *bool     `json:"success"`   // nil: no outcome
	AuditInfo        AuditInfo `json:"auditInfo"` // the caller that asked for it; "" for automatic retries
	Damaged          []string  `json:"damaged"`   // members with stored values that cannot be read
	Expunged         *Expunged `json:"expunged"`  // when the payload was removed; nil: it is there
	Truncated        bool      `json:"truncated"` // the page was too large for Payload, RawMessage, RawResponse and ResponseHeaders
}

// Header is a header of a request or a response. A name with several values has one for each.
type Header struct {
	Name  string `json:"name"`  // such as Content-Type
	Value string `json:"value"` // one of the values of the name
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
	Level int `json:"level"` // 1: the attempt that was asked for
	// RequestHeaders are the headers that went out with the attempt that was asked for, the subscription's own ones
	// masked; empty for an attempt that the host has not sent, and for retries.
	RequestHeaders []Header        `json:"requestHeaders"`
	Retries        []AttemptDetail `json:"childPostHistory"` // as a tree, or as one list by time

	MessageID   uuid.UUID `json:"messageId"`   // of the event: the webhook-id of the request
	External    bool      `json:"external"`    // the caller makes it and reports its outcome
	RequestBody string    `json:"requestBody"` // the body of the request, where RawMessage is the source message of the caller; else ""
}
