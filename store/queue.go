package store

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Queue hands out the attempts that are due and takes in what became of them.
//
// A claim is a lease: while it lasts, by the store's clock, nobody else is given
// the attempt. When it ran out, the attempt is due again. Each claim of an
// attempt has a new Token, and everything that is done to a claimed attempt
// carries it: if the attempt was claimed again since, or is no longer being
// sent, nothing is changed and the id is returned among the lost. So a host that
// was thought dead cannot undo what its successor did.
type Queue interface {
	// Claim leases attempts that are due, those due longest first, whatever became
	// of their subscriptions and however late it is for them. An external attempt is
	// never due. Concurrent claims, also of other processes, never return the same
	// attempt. At is the time by the store's clock at which Claim looked for them.
	//
	// The deliveries of a subscription that was Ordered when they began stand in
	// lines, one for each OrderingKey of their messages, in the order of their ids. Of
	// a line only the first attempt that is pending or being sent can be claimed, so
	// that the others wait until its delivery has ended. Tests and external attempts
	// stand in none.
	Claim(ctx context.Context, opts ClaimOptions) (jobs []Job, at time.Time, err error)

	// Record stores outcomes and the next attempts they call for, all in one
	// transaction. A next attempt has one more step than the one before it, or the
	// same with KeepStep. Those of first attempts without a next one are the quickest in a
	// call of their own. A next attempt is not added if another attempt of the same
	// delivery is pending or being sent; an external one does not count. Lost ones
	// do not stop the others.
	Record(ctx context.Context, outcomes []Outcome) (lost []uuid.UUID, err error)

	// Defer gives claimed attempts back. See Deferral for when they are due.
	Defer(ctx context.Context, deferrals []Deferral) (lost []uuid.UUID, err error)

	// Release makes the attempts of a subscription due at once that were given back as
	// Held and are still pending.
	Release(ctx context.Context, subscription uuid.UUID) error

	// UpdateHealth reads the Health of subscriptions, calls change with each, and
	// writes back what change made of it, all in one transaction that no other change
	// of the same can come between. Change may be called several times for the same,
	// and must not call the store. It is not called for subscriptions that do not exist,
	// or were deleted.
	UpdateHealth(ctx context.Context, subscriptions []uuid.UUID, change func(subscription uuid.UUID, h *Health)) error

	// Targets returns what is needed to send to the given subscriptions, by id,
	// archived ones included, without what their selectors show of event types. Of a
	// deleted one there are only Deleted and what DeleteSubscription keeps. Ids that
	// never existed, or were removed by Prune, are left out.
	// Of the secrets it gives the current one and those that ended after
	// secretsSince, newest first.
	Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]Target, error)
}

// ClaimOptions say what to claim.
type ClaimOptions struct {
	Max               int           // attempts at most
	Lease             time.Duration // how long the claim lasts
	SkipSubscriptions []uuid.UUID   // their attempts are skipped
	SkipOrganizations []uuid.UUID   // their attempts are skipped
	Since             time.Time     // skips attempts due before this time, by the store's clock; zero skips none
}

// Lease names a claim.
type Lease struct {
	AttemptID uuid.UUID
	Token     int64
	Number    int // the attempt's, which never changes: most are the first, whose outcomes are the simplest
}

// Job is a claimed attempt with what is needed to send it.
type Job struct {
	Lease
	DeliveryID           uuid.UUID
	MessageID            uuid.UUID
	OrganizationID       uuid.UUID
	SubscriptionID       uuid.UUID
	SubscriptionRevision int64 // of the subscription when the job was claimed
	Step                 int   // steps of the schedule that are used
	Type                 AttemptType
	CreatedAt            time.Time
	DueAt                time.Time // when it became due, by the store's clock; zero for one that Publish handed off
	ExpiresAt            time.Time // not to be sent after this; an automatic retry has that of the failed attempt
	Body                 []byte    `log:"size"` // shared between the jobs of a message: not to be changed
}

// Outcome is what became of a claimed attempt.
type Outcome struct {
	Lease
	Status     Status // Succeeded, Failed or Cancelled
	PostedAt   time.Time
	Duration   time.Duration // kept in whole milliseconds
	HTTPStatus int
	Response   []byte    `log:"size"`
	Error      string    // kept as [ValidText] of it
	At         time.Time // when this was decided
	Next       *Next     // the automatic retry that follows; nil for none
}

// ValidText returns text that every database takes: NUL and bytes that are not UTF-8 become
// U+FFFD. Stores apply it to the error of an outcome, which a receiver can influence, so that
// it does not keep the other outcomes of a batch from being stored.
func ValidText(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// Next is an automatic retry to be added.
type Next struct {
	ID       uuid.UUID
	DueAt    time.Time // by the clock of this process; becomes NextRetryAt. The store waits as long by its own clock
	KeepStep bool      // the retry has the step of the attempt before it; by default one more
}

// Deferral gives a claimed attempt back.
type Deferral struct {
	Lease
	DueAt time.Time // by the clock of this process. The store waits as long by its own clock
	Held  bool      // Release may make it due before
}

// Health is what the dispatchers know about the endpoint of a subscription; zero if
// nothing speaks against it. A change of the subscription's PostURI makes it zero, as
// does switching the subscription on.
type Health struct {
	Failures     int       // since the last success; attempts that were under way together count as one
	Since        time.Time // when the first attempt that failed since the last success began
	CountedUntil time.Time // an attempt that began before this time belongs to a failure that is counted

	Probes     int       // attempts that were allowed although the circuit is open
	ProbeAt    time.Time // when the next probe is allowed; zero while the circuit is closed
	ProbeUntil time.Time // until when a probe may be under way, and no other is allowed; zero for none

	BackPressureSince time.Time // when the first attempt that was pushed back since the last success began
	BackPressureUntil time.Time // the endpoint wants no attempt before this time
}

// Target is a subscription as the dispatcher needs it.
type Target struct {
	Subscription
	Health
	Deleted bool
	Secrets []Secret
}
