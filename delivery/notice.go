package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Notice tells the host of something that happened in the dispatcher. It holds no
// payload, secret or URL.
type Notice struct {
	Kind           NoticeKind    // decides which of the other fields are set
	At             time.Time     // when the host is told, by the engine's clock
	OrganizationID uuid.UUID     // zero in StoreDown and StoreUp
	SubscriptionID uuid.UUID     // zero in StoreDown and StoreUp
	MessageID      uuid.UUID     // zero in notices about a subscription or the store
	AttemptID      uuid.UUID     // zero in notices about a subscription or the store
	Number         int           // of the attempt in its chain, from 1
	Status         store.Status  // of the attempt, in a notice about its outcome
	HTTPStatus     int           // of the answer, in a notice about an outcome; 0 for none
	Duration       time.Duration // of the attempt, in a notice about its outcome
	Class          string        // of a failure: dns, connect, tls, timeout, blocked, http_3xx, http_4xx, http_5xx, broken, expired or other
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
