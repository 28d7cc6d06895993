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
	Source         []byte `log:"size"` // the publisher's original of the body; kept and never sent; nil for none
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

// MessageSummary is a message with the states of its deliveries.
type MessageSummary struct {
	Message
	Deliveries Tally
}

// Tally counts deliveries by their status.
type Tally struct {
	Total     int
	Pending   int // including deliveries that are being sent
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

// AttemptType is the origin of an attempt. Its numbers are the numbers of the REST
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
// Its Audit has the creation of the message for a first post; the time of the outcome and ""
// for the automatic retry that follows it; the time and the caller for an attempt that was
// asked for. An outcome or a cancellation updates it: by "", by the reporter of the outcome,
// or by the caller of the attempt that withdrew it.
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
	External       bool // not posted by the dispatcher: it is never queued, and waits for Report
	Status         Status
	RetryOf        uuid.UUID // the attempt that this one retries, which may have been pruned; zero for the first
	PostedAt       time.Time // zero until it was sent
	Duration       time.Duration
	HTTPStatus     int       // 0 for none
	Response       []byte    `log:"size"`
	Error          string    // one line for a person; "" on success, or when cancelled before it was sent
	NextRetryAt    time.Time // zero when no automatic retry followed; stays when that is cancelled
	HeldUntil      time.Time // when a held (see Deferral) pending attempt becomes due, by the store's clock; else zero
	Audit

	// Body and Source are the message's, filled in by the store when it reads. The
	// attempts of a chain may have different messages.
	Body   []byte `log:"size"`
	Source []byte `log:"size"`
}

// Delivery is the summary of a chain, see [Chain.Delivery]: its first attempt, with the Status
// of the chain, and with the Duration, HTTPStatus, Response, Error and NextRetryAt of the
// latest attempt, by Number, that succeeded, failed or was cancelled. The Status is Pending
// while an attempt is pending or being sent, else the Status of that latest attempt. HeldUntil
// is the earliest of all held attempts.
type Delivery struct {
	Attempt
	Attempts int // number of attempts, including pending ones
}

// NewAttempt is an attempt that a caller asks for.
type NewAttempt struct {
	ID uuid.UUID
	// Type is FirstPost or TestPost where RetryOf is zero, else ManualRetry or
	// AutomaticRetry.
	Type AttemptType
	// RetryOf is the attempt that is retried. The new attempt joins its chain; its
	// number and step are those of [Chain.NewAttempt]. A pending automatic retry of the
	// chain is cancelled, by By at At, unless it is external. AddAttempt fails with
	// ErrBadReference if the subscription has no such attempt, and with ErrNotFinished
	// if the attempt has no outcome. Zero begins a delivery.
	RetryOf uuid.UUID
	// Message is stored with the attempt. Its OrganizationID and SubscriptionID are
	// replaced by those of the subscription. If it is nil, the attempt has the message
	// of RetryOf.
	Message *Message

	At        time.Time // when it is created, and due: see Next.DueAt
	By        string
	ExpiresAt time.Time

	External bool      // see Attempt
	PostedAt time.Time // of an external attempt, if it was posted already
}

// Report is the outcome of an attempt that a caller reports instead of the dispatcher. The
// duration was not measured: the attempt's Duration is 0.
type Report struct {
	Status     Status    // Succeeded or Failed
	PostedAt   time.Time // zero keeps the PostedAt of the attempt
	HTTPStatus int
	Response   []byte `log:"size"`
	Error      string // kept as [ValidText] of it
	At         time.Time
	By         string

	Next   *Next     // the automatic retry that follows; nil for none
	Advice time.Time // NextRetryAt where there is no Next
}
