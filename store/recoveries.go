package store

import (
	"time"

	"github.com/google/uuid"
)

// RecoveryScope is the kind of deliveries that a recovery queues.
type RecoveryScope int

// The scopes. A delivery has failed if its Status is Failed; tests and deliveries that began
// with an external attempt do not count. A subscription missed a message if the message was
// published after the creation of the subscription, was not made for one subscription,
// matches the selectors and the Filter as they are now, and has no delivery to the
// subscription. The subscription need not be live. A message without content (see Expunged) is
// not missed.
const (
	RecoverFailed RecoveryScope = iota + 1 // deliveries that failed
	RecoverMissed                          // messages that the subscription missed
	RecoverAll                             // both
)

// RecoveryState is the state of a recovery.
type RecoveryState int

// The states.
const (
	RecoveryRunning RecoveryState = iota // deliveries or messages remain
	RecoveryDone                         // it went through all deliveries and messages
	RecoveryStopped                      // by StopRecovery, or because its subscription was archived, deleted or damaged
)

// String returns the lower-case name of the state.
func (s RecoveryState) String() string {
	names := [...]string{"running", "done", "stopped"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Recovery is a job that queues failed deliveries and missed messages of a subscription. To a
// failed delivery it adds a manual retry of the latest attempt, as AddAttempt does. For a
// missed message it begins a delivery with a FirstPost. The new attempts are created by
// CreatedBy, at the time of the step that adds them. The job goes through the failed
// deliveries first, then through the missed messages, in the order of their ids, once. A
// delivery that is no longer failed, or a message that is no longer missed, is skipped. A
// delivery that fails again is not retried again. A delivery whose latest attempt has a message
// without content (see Expunged) is skipped, too; Matched counts it.
type Recovery struct {
	ID             uuid.UUID     // given by the creator; it never changes
	OrganizationID uuid.UUID     // the owner of the subscription
	SubscriptionID uuid.UUID     // whose deliveries are queued
	Scope          RecoveryScope // failed deliveries, missed messages, or both
	Since, Until   time.Time     // [Since, Until): when deliveries were created, or messages published
	RatePerSecond  int           // attempts that are queued in a second; 0 for no limit
	Matched        int           // result of CountRecoverable at the creation of the job
	CreatedAt      time.Time     // when it was asked for
	CreatedBy      string        // the caller's subject; "" if unknown

	// Kept by the store from here.

	State      RecoveryState // RecoveryRunning at first
	Queued     int           // attempts that were queued so far
	FinishedAt time.Time     // zero while it is running
}

// AdvanceOptions are the options of AdvanceRecovery.
type AdvanceOptions struct {
	Max       int              // attempts at most
	NewID     func() uuid.UUID // ids for the attempts; required
	At        time.Time        // when the attempts that it adds are created; they are due at once
	ExpiresAt time.Time        // of the attempts that it adds
	Ended     func(Recovery)   // is told of the job if the call ended it, after the transaction; nil: nothing is
}

// covers reports whether the recovery is about the time.
func (r Recovery) covers(t time.Time) bool { return !t.Before(r.Since) && t.Before(r.Until) }

// Retries reports whether the recovery retries the delivery with this chain.
func (r Recovery) Retries(c Chain) bool {
	first := c[0]
	return r.covers(first.CreatedAt) && first.Type != TestPost && !first.External && c.Status() == Failed
}

// Posts reports whether the recovery posts a message of the organization to the subscription
// if the message has no delivery to it.
func (r Recovery) Posts(m Message, s Subscription) bool {
	return m.SubscriptionID == uuid.Nil && !m.Expunged.Is() && r.covers(m.CreatedAt) && !m.CreatedAt.Before(s.CreatedAt) && s.Matches(m)
}

// Batch returns how many attempts one step of the recovery queues, of at most max.
func (r Recovery) Batch(max int) int {
	if r.RatePerSecond > 0 {
		return min(max, r.RatePerSecond)
	}
	return max
}

// Wait returns how long the recovery waits after a step that queued attempts.
func (r Recovery) Wait(queued int) time.Duration {
	if r.RatePerSecond > 0 {
		return time.Duration(queued) * time.Second / time.Duration(r.RatePerSecond)
	}
	return 0
}
