package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Notice tells the host of something that happened in the dispatcher. It holds no
// payload, secret or URL.
type Notice struct {
	Kind           NoticeKind
	At             time.Time
	OrganizationID uuid.UUID // zero where it does not apply, like the next three
	SubscriptionID uuid.UUID
	MessageID      uuid.UUID
	AttemptID      uuid.UUID
	Number         int           // of the attempt in its chain
	Status         store.Status  // AttemptEnded
	HTTPStatus     int           // AttemptEnded; 0 for none
	Duration       time.Duration // AttemptEnded
	Reason         string        // one line for a person; "" if there is nothing to say
}

// NoticeKind is the kind of event that a Notice reports.
type NoticeKind string

// The kinds of notice.
const (
	AttemptEnded            NoticeKind = "attempt_ended"            // an attempt has an outcome, and it is recorded
	FirstFailure            NoticeKind = "first_failure"            // the first attempt of a delivery failed
	Recovered               NoticeKind = "recovered"                // a retry succeeded
	Exhausted               NoticeKind = "exhausted"                // a delivery failed for good
	CircuitOpened           NoticeKind = "circuit_opened"           // CircuitAfter attempts failed: the endpoint is only probed
	CircuitClosed           NoticeKind = "circuit_closed"           // an attempt succeeded, or the subscription was activated
	SubscriptionDeactivated NoticeKind = "subscription_deactivated" // the dispatcher switched a subscription off
	LeaseLost               NoticeKind = "lease_lost"               // an outcome came too late and changed nothing
	SenderStuck             NoticeKind = "sender_stuck"             // the Sender did not return 2 s after an attempt's deadline
	StoreDown               NoticeKind = "store_down"               // the store does not answer; acknowledged publishes are safe
	StoreUp                 NoticeKind = "store_up"                 // it answers again
)
