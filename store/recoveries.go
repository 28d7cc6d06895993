package store

import (
	"time"

	"github.com/google/uuid"
)

// RecoveryScope says what a recovery is about.
type RecoveryScope int

// The scopes. A delivery has failed if its Status is Failed; tests and deliveries
// that began with an external attempt do not count. A message was missed if it was
// published, and not made for one subscription, when the subscription was created
// or later, matches it by its topics (those of the message's EventTypeID, Type and
// Version) and Filter as they are now, and has no delivery to it. It does not
// matter whether the subscription is live.
const (
	RecoverFailed RecoveryScope = iota + 1
	RecoverMissed
	RecoverAll
)

// RecoveryState is where a recovery is.
type RecoveryState int

// The states.
const (
	RecoveryRunning RecoveryState = iota
	RecoveryDone
	RecoveryStopped
)

// String returns the lower-case name of the state.
func (s RecoveryState) String() string {
	names := [...]string{"running", "done", "stopped"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Recovery is a job that queues again what a subscription did not get. Of a failed
// delivery it adds a manual retry of the latest attempt, as AddAttempt does; to a
// missed message, a delivery with a FirstPost. Both are created by CreatedBy, when
// the job comes to them. It goes through the failed ones first, each kind in the
// order of their ids, and to each once: what is no longer failed or missed by then
// is passed over, and what fails again stays so.
type Recovery struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	SubscriptionID uuid.UUID
	Scope          RecoveryScope
	Since, Until   time.Time // [Since, Until): when deliveries were created, or messages published
	RatePerSecond  int       // 0 for no limit
	Matched        int       // what CountRecoverable found when the job was made
	CreatedAt      time.Time
	CreatedBy      string

	// Kept by the store from here.
	State      RecoveryState
	Queued     int       // so far
	FinishedAt time.Time // zero while it is running
}

// AdvanceOptions are what AdvanceRecovery needs.
type AdvanceOptions struct {
	Max       int
	NewID     func() uuid.UUID
	At        time.Time // when the attempts that it adds are created; they are due at once
	ExpiresAt time.Time // of what it adds
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
	return m.SubscriptionID == uuid.Nil && r.covers(m.CreatedAt) && !m.CreatedAt.Before(s.CreatedAt) && s.Matches(m)
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
