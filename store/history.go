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
	Body           []byte `log:"size"` // the exact bytes that are posted
	Source         []byte `log:"size"` // what the publisher made it from, kept and never sent; nil for none
	OrderingKey    string
	SubscriptionID uuid.UUID // the one subscription it was made for; zero if it was published to all that match
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

// MessageSummary is a message with what became of it.
type MessageSummary struct {
	Message
	Deliveries Tally
}

// Tally counts deliveries by their status.
type Tally struct {
	Total     int
	Pending   int // those being sent included
	Succeeded int
	Failed    int
	Cancelled int
}

// Add counts n deliveries of a status.
func (t *Tally) Add(s Status, n int) {
	t.Total += n
	switch s {
	case Succeeded:
		t.Succeeded += n
	case Failed:
		t.Failed += n
	case Cancelled:
		t.Cancelled += n
	default:
		t.Pending += n
	}
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
// the time of the outcome that called for it and by "", what somebody asked for
// by whoever did. An outcome or a cancellation updates it, by "", by whoever
// reported it, or by whoever asked for the attempt that it gave way to.
type Attempt struct {
	ID             uuid.UUID
	DeliveryID     uuid.UUID // the id of the chain's first attempt
	MessageID      uuid.UUID
	OrganizationID uuid.UUID
	SubscriptionID uuid.UUID
	EventTypeID    uuid.UUID
	Number         int // in its chain, from 1
	Step           int // steps of the schedule that are used
	Type           AttemptType
	External       bool // posted by somebody else than the dispatcher: it is never queued, and waits for Report
	Status         Status
	RetryOf        uuid.UUID // the attempt that this one retries, which may have been pruned; zero for the first
	PostedAt       time.Time // zero until it was sent
	Duration       time.Duration
	HTTPStatus     int       // 0 for none
	Response       []byte    `log:"size"`
	Error          string    // one line for a person; "" on success, or when cancelled before it was sent
	NextRetryAt    time.Time // zero when no automatic retry followed; stays when that is cancelled
	HeldUntil      time.Time // when a pending attempt that was given back as Held (see Deferral) becomes due, by the store's clock; zero if it is not held
	Audit

	// Body and Source are the message's, filled in by the store when it reads. The
	// attempts of a chain may have different messages.
	Body   []byte `log:"size"`
	Source []byte `log:"size"`
}

// Delivery is a chain of attempts as one: its first attempt, with the Status of
// the whole, and with the Duration, HTTPStatus, Response, Error and NextRetryAt
// of the latest attempt, by Number, that was succeeded, failed or cancelled. The
// Status is Pending while an attempt is pending or being sent, else that
// attempt's. HeldUntil is the earliest of the attempts that are held.
type Delivery struct {
	Attempt
	Attempts int // how many there are, those to come included
}

// NewAttempt is an attempt that somebody asked for.
type NewAttempt struct {
	ID uuid.UUID
	// Type is FirstPost or TestPost where RetryOf is zero, else ManualRetry or
	// AutomaticRetry.
	Type AttemptType
	// RetryOf is the attempt that is retried: the new one joins its chain. An
	// automatic retry that is queued there is cancelled, by By at At; an external
	// one goes on waiting. The Step of a manual retry is that of the chain's latest
	// attempt, less one if that is an automatic retry that was cancelled, now or
	// before: it uses up nothing of the schedule. That of an automatic retry is one
	// more than that. It fails with ErrBadReference if the subscription has no such
	// attempt, and with ErrNotFinished if that has no outcome. Zero begins a
	// delivery.
	RetryOf uuid.UUID
	// Message is stored with it, as one of the organization and for the
	// subscription, whatever its OrganizationID and SubscriptionID say. Nil for
	// that of RetryOf.
	Message *Message

	At        time.Time // it is created, and due, then: see Next.DueAt
	By        string
	ExpiresAt time.Time

	External bool      // see Attempt
	PostedAt time.Time // of an external one, if it was posted already
}

// Report is what became of an attempt, as somebody else than the dispatcher says.
// Nobody measured how long it took: the attempt's Duration is 0.
type Report struct {
	Status     Status    // Succeeded or Failed
	PostedAt   time.Time // zero keeps the attempt's
	HTTPStatus int
	Response   []byte `log:"size"`
	Error      string // kept as [ValidText] of it
	At         time.Time
	By         string

	Next   *Next     // the automatic retry that follows; nil for none
	Advice time.Time // NextRetryAt where there is no Next
}
