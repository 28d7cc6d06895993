package store

import (
	"bytes"
	"time"

	"github.com/google/uuid"
)

// Message is an event that was published. It never changes.
type Message struct {
	ID             uuid.UUID // the webhook-id
	OrganizationID uuid.UUID
	EventTypeID    uuid.UUID
	Type           string // the event type's code at the time
	Version        string
	Body           []byte // the exact bytes that are posted
	Source         []byte // what the publisher made it from, kept and never sent; nil for none
	OrderingKey    string
	CreatedAt      time.Time
	CreatedBy      string
}

// Data returns the publisher's JSON value as it stands in the body, the last
// member of the body's object. The members before it hold no text that could be
// taken for its name.
func (m Message) Data() []byte {
	_, data, ok := bytes.Cut(m.Body, []byte(`,"data":`))
	if !ok {
		return nil
	}
	return bytes.TrimSuffix(data, []byte("}"))
}

// AttemptType says how an attempt came about. Its numbers are those of the REST
// interface.
type AttemptType int

// The types of attempt.
const (
	FirstPost      AttemptType = 0
	AutomaticRetry AttemptType = 1
	ManualRetry    AttemptType = 2
	TestPost       AttemptType = 3
)

// Status is the state of an attempt, or of a delivery as a whole.
type Status int

// The states: pending → sending → succeeded, failed or cancelled. A delivery is
// pending while one of its attempts is pending or being sent.
const (
	Pending   Status = 0
	Sending   Status = 1
	Succeeded Status = 2
	Failed    Status = 3
	Cancelled Status = 4
)

// String returns the lower-case name of the status.
func (s Status) String() string {
	names := [...]string{"pending", "sending", "succeeded", "failed", "cancelled"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Finished reports whether the status is final.
func (s Status) Finished() bool { return s >= Succeeded }

// Attempt is one POST of a delivery: to come, under way, or done.
//
// Its Audit: a first post is created as its message was, an automatic retry at
// the time of the outcome that called for it and by "", a manual one by whoever
// asked for it. An outcome or a cancellation updates it, by "", or by whoever
// asked for the manual retry that it gave way to.
type Attempt struct {
	ID             uuid.UUID
	DeliveryID     uuid.UUID // the id of the chain's first attempt
	MessageID      uuid.UUID
	OrganizationID uuid.UUID
	SubscriptionID uuid.UUID
	EventTypeID    uuid.UUID
	Number         int // in its chain, from 1
	Type           AttemptType
	Status         Status
	RetryOf        uuid.UUID // the attempt that this one retries; zero for the first
	PostedAt       time.Time // zero until it was sent
	Duration       time.Duration
	HTTPStatus     int // 0 for none
	Response       []byte
	Error          string    // one line for a person; "" on success, or when cancelled before it was sent
	NextRetryAt    time.Time // zero when no automatic retry followed; stays when that is cancelled
	Audit

	// Body and Source are the message's, filled in by the store when it reads.
	Body   []byte
	Source []byte
}

// Delivery is a chain of attempts as one: its first attempt, with the Status of
// the whole, and with the Duration, HTTPStatus, Response, Error and NextRetryAt
// of the latest attempt, by Number, that was succeeded, failed or cancelled. The
// Status is Pending while an attempt is pending or being sent, else that
// attempt's.
type Delivery struct {
	Attempt
	Attempts int // how many there are, those to come included
}
