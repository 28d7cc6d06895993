package store

import (
	"bytes"
	"time"

	"github.com/google/uuid"
)

// Message is an event that was published. It never changes, except that ExpungeMessage removes its content.
type Message struct {
	ID             uuid.UUID // the webhook-id
	OrganizationID uuid.UUID // whose subscriptions get it
	EventTypeID    uuid.UUID // of the event
	Type           string    // the event type's code at the time
	Version        string    // the event type's version at the time
	Body           []byte    `log:"size"` // the exact bytes that are posted
	Source         []byte    `log:"size"` // the publisher's original of the body; kept and never sent; nil for none
	OrderingKey    string    // names its sequence at ordered subscriptions (see Queue); "" is a sequence too
	SubscriptionID uuid.UUID // the one subscription it was made for; zero if it was published to all that match
	CreatedAt      time.Time // when it was published
	CreatedBy      string    // the publisher's subject; "" if unknown
	Expunged       Expunged  // zero, or when Body and Source were removed; ignored when the message is stored
	TraceContext   string    // continues the publisher's trace, in printable ASCII; "" for none
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
	Message          // without Body and Source in lists
	Deliveries Tally // of the message to all subscriptions
}

// Tally counts deliveries by their status.
type Tally struct {
	Total     int // the sum of the other fields
	Pending   int // not ended, including deliveries that are being sent
	Succeeded int // with the Status Succeeded
	Failed    int // with the Status Failed
	Cancelled int // with the Status Cancelled
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
	FirstPost      AttemptType = 0 // begins a delivery
	AutomaticRetry AttemptType = 1 // follows a failure, by the schedule
	ManualRetry    AttemptType = 2 // a caller or a recovery asked for it; it uses no step of the schedule
	TestPost       AttemptType = 3 // begins the delivery of a test
)

// Status is the state of an attempt, or of a delivery as a whole.
type Status int

// The states: pending → sending → succeeded, failed or cancelled. A delivery is
// pending while one of its attempts is pending or being sent.
const (
	Pending   Status = 0 // waits in the queue; an external attempt waits for Report
	Sending   Status = 1 // claimed, under a lease; of attempts alone
	Succeeded Status = 2 // answered with a 2xx, or reported as a success
	Failed    Status = 3 // ended without success
	Cancelled Status = 4 // withdrawn before an outcome
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
	ID              uuid.UUID     // given by the creator; it never changes
	DeliveryID      uuid.UUID     // the id of the chain's first attempt
	MessageID       uuid.UUID     // the webhook-id that it is sent with
	OrganizationID  uuid.UUID     // the owner of the subscription
	SubscriptionID  uuid.UUID     // its PostURI at the time of sending gets the POST
	EventTypeID     uuid.UUID     // of the message
	Number          int           // in its chain, from 1
	Step            int           // steps of the schedule that are used
	Type            AttemptType   // its origin
	External        bool          // not posted by the dispatcher: it is never queued, and waits for Report
	Status          Status        // Pending at first
	RetryOf         uuid.UUID     // the attempt that this one retries, which may have been pruned; zero for the first
	PostedAt        time.Time     // zero until it was sent
	Duration        time.Duration // from the look-up of the name to the end of the answer, in whole milliseconds; 0 until then
	HTTPStatus      int           // of the answer; 0 for none
	Response        []byte        `log:"size"` // the first 16 KiB of the answer's body; nil for none
	ResponseHeaders HeaderLines   `log:"size"` // the headers of the answer, at most 2 KiB; "" for none
	Error           string        // one line for a person; "" on success, or when cancelled before it was sent
	NextRetryAt     time.Time     // zero when no automatic retry followed; stays when that is cancelled
	HeldUntil       time.Time     // when a held (see Deferral) pending attempt becomes due, by the store's clock; else zero
	Audit                         // see above

	// Body and Source are the message's, filled in by the store when it reads. The
	// attempts of a chain may have different messages.
	Body   []byte `log:"size"` // the exact bytes that are posted
	Source []byte `log:"size"` // see Message

	// Expunged is the message's, filled in by the store when it reads.
	Expunged Expunged
}

// Delivery is the summary of a chain, see [Chain.Delivery]: its first attempt, with the Status
// of the chain, and with the Duration, HTTPStatus, Response, ResponseHeaders, Error and NextRetryAt
// of the latest attempt, by Number, that succeeded, failed or was cancelled. The Status is Pending
// while an attempt is pending or being sent, else the Status of that latest attempt. HeldUntil
// is the earliest of all held attempts.
type Delivery struct {
	Attempt      // the first one, with the outcome of the latest
	Attempts int // number of attempts, including pending ones
}

// Recent summarizes the newest deliveries of a subscription.
type Recent struct {
	Deliveries  int       // that are summarized
	Pending     int       // of these, deliveries that have not ended
	LastSuccess time.Time // the PostedAt of their outcomes: the latest of the deliveries that succeeded; zero for none
}

// NewAttempt is an attempt that a caller asks for.
type NewAttempt struct {
	// ID of the attempt, made by the caller. It is the DeliveryID too if the attempt begins a delivery.
	ID uuid.UUID
	// Type is FirstPost or TestPost where RetryOf is zero, else ManualRetry or
	// AutomaticRetry.
	Type AttemptType
	// RetryOf is the attempt that is retried. The new attempt joins its chain; its
	// number and step are those of [Chain.NewAttempt]. A pending automatic retry of the
	// chain is cancelled, by By at At, unless it is external. AddAttempt fails with
	// ErrBadReference if the subscription has no such attempt, with ErrNotFinished if the
	// attempt has no outcome, and without a Message with ErrExpunged if the content of the
	// attempt's message was removed. Zero begins a delivery.
	RetryOf uuid.UUID
	// Message is stored with the attempt. Its OrganizationID and SubscriptionID are
	// replaced by those of the subscription. If it is nil, the attempt has the message
	// of RetryOf.
	Message *Message

	At        time.Time // when it is created. It is due at once
	By        string    // the caller's subject, for CreatedBy; "" if unknown
	ExpiresAt time.Time // it is not sent after this time, nor are its automatic retries

	External bool      // see Attempt
	PostedAt time.Time // of an external attempt, if it was posted already
}

// Report is the outcome of an attempt that a caller reports instead of the dispatcher. The
// duration was not measured, and the headers of the answer are not told: the attempt's Duration is
// 0, and its ResponseHeaders are "".
type Report struct {
	Status     Status    // Succeeded or Failed
	PostedAt   time.Time // zero keeps the PostedAt of the attempt
	HTTPStatus int       // 100–599; 0 for none
	Response   []byte    `log:"size"` // the body of the answer; nil for none
	Error      string    // kept as [ValidText] of it; "" on success
	At         time.Time // when it was reported
	By         string    // the reporter's subject; "" if unknown

	Next   *Next     // the automatic retry that follows; nil for none
	Advice time.Time // NextRetryAt where there is no Next
}
