package store

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Queue hands out the attempts that are due, and takes their outcomes. An attempt is queued
// while it is pending or being sent, unless it is external.
//
// A claim is a lease. While it lasts, by the store's clock, no other claim returns the
// attempt. After its end the attempt is due again. Each claim of an attempt has a new Token,
// and each later call about the attempt names the token. If the attempt was claimed again, or
// is no longer being sent, the call changes nothing about it and returns its id among the
// lost. A host that was thought dead cannot overwrite the outcome that its successor
// recorded. A store that notices the death of a host ends its leases early: see [Hosts].
//
// An ordered subscription has sequences, one for each OrderingKey. A delivery that begins
// while its subscription is Ordered belongs to the sequence of its message, in the order of
// the deliveries' ids. Of a sequence only attempts of the first delivery that has a queued
// attempt can be claimed: the later deliveries wait. Tests, and deliveries that begin with an
// external attempt, belong to no sequence.
type Queue interface {
	// Claim leases attempts that are due, in the order in which they became due. It
	// returns attempts of archived and deleted subscriptions and expired attempts too.
	// Concurrent claims, also of other processes, never return the same attempt. At is
	// the time of the claim by the store's clock.
	Claim(ctx context.Context, opts ClaimOptions) (jobs []Job, at time.Time, err error)

	// Record stores outcomes, and the automatic retries that follow, as [Chain.Record]
	// describes, all in one transaction. A retry is not added while another attempt of
	// the delivery is queued. A lost lease does not stop the other outcomes. A call with
	// nothing but first attempts without a retry is the cheapest: a store may have a
	// shorter way for it.
	Record(ctx context.Context, outcomes []Outcome) (lost []uuid.UUID, err error)

	// Defer gives claimed attempts back. See Deferral for when they are due.
	Defer(ctx context.Context, deferrals []Deferral) (lost []uuid.UUID, err error)

	// Release makes the pending attempts of a subscription that were given back as Held
	// due at once.
	Release(ctx context.Context, subscription uuid.UUID) error

	// UpdateHealth reads the Health of subscriptions, calls change with each, and writes
	// the changed Health, all in one transaction. No other change of the same Health can
	// come between. Change may be called several times for a subscription, and must not
	// call the store. It is not called for subscriptions that do not exist or were
	// deleted.
	UpdateHealth(ctx context.Context, subscriptions []uuid.UUID, change func(subscription uuid.UUID, h *Health)) error

	// Targets returns the given subscriptions by id, also if they are archived, for
	// sending to them. Their selectors have no EventType. The target of a deleted
	// subscription has only Deleted and the fields that DeleteSubscription keeps. Ids
	// that never existed, or that Prune removed, are left out. Secrets are the current
	// one and the ones that ended after secretsSince, newest first.
	Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]Target, error)
}

// ClaimOptions choose the attempts of a claim.
type ClaimOptions struct {
	Max               int           // attempts at most
	Lease             time.Duration // how long the claim lasts
	Host              int64         // the claiming host, see Hosts; 0 for none
	SkipSubscriptions []uuid.UUID   // their attempts are skipped
	SkipOrganizations []uuid.UUID   // their attempts are skipped
	Since             time.Time     // skips attempts due before this time, by the store's clock; zero skips none
	Until             time.Time     // skips attempts due at this time or later, by the store's clock; zero skips none
}

// Lease names a claim.
type Lease struct {
	AttemptID uuid.UUID // the claimed attempt
	Token     int64     // of this claim; made by the store
	Number    int       // of the attempt in its chain; a store may have a shorter way for first attempts
}

// Job is a claimed attempt.
type Job struct {
	Lease                            // names the claim
	DeliveryID           uuid.UUID   // the id of the chain's first attempt
	MessageID            uuid.UUID   // the webhook-id
	OrganizationID       uuid.UUID   // the owner of the subscription
	SubscriptionID       uuid.UUID   // see Targets for the URL
	SubscriptionRevision int64       // of the subscription at the claim
	Step                 int         // steps of the schedule that are used
	Type                 AttemptType // as in Attempt
	CreatedAt            time.Time   // of the attempt
	DueAt                time.Time   // when it became due, by the store's clock; zero if Publish handed it off
	ExpiresAt            time.Time   // it is not sent after this time, nor are its automatic retries
	TraceContext         string      // of the message
	Body                 []byte      `log:"size"` // shared between the jobs of a message: not to be changed
}

// Outcome is the outcome of a claimed attempt.
type Outcome struct {
	Lease                         // names the claim
	Status          Status        // Succeeded, Failed or Cancelled
	PostedAt        time.Time     // when the request began; zero if it was not sent
	Duration        time.Duration // of the request, kept in whole milliseconds
	HTTPStatus      int           // of the answer; 0 for none
	Response        []byte        `log:"size"` // the body of the answer; nil for none
	ResponseHeaders HeaderLines   `log:"size"` // of the answer, kept as [ValidText] of it; "" for none
	Error           string        // kept as [ValidText] of it
	At              time.Time     // when this was decided
	Next            *Next         // the automatic retry that follows; nil for none
}

// ValidText returns text that every database takes: NUL and bytes that are not UTF-8 become
// U+FFFD. Stores apply it to the error and the headers of an outcome. A receiver can influence both,
// and must not keep the other outcomes of a batch from being stored.
func ValidText(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
}

// Next is an automatic retry to be added.
type Next struct {
	ID       uuid.UUID // of the new attempt, made by the caller
	DueAt    time.Time // as that of a Deferral; becomes NextRetryAt
	KeepStep bool      // the retry has the step of the attempt before it; by default it has one more
}

// Deferral gives a claimed attempt back.
type Deferral struct {
	Lease // names the claim
	// DueAt is by the clock of this process. The store waits as long by its own clock. A time with a monotonic
	// reading keeps the wait right although somebody sets the clock of this process meanwhile.
	DueAt time.Time
	// Held says that Release may make it due earlier. It is due at once if the subscription was deleted or archived.
	Held bool
}

// Health is the state of a subscription's circuit breaker: the failures of its endpoint that
// the dispatchers of all processes have seen. It is zero for a healthy endpoint. A change of
// the subscription's PostURI makes it zero, as does switching the subscription on. Dispatchers whose clocks differ share
// a Health, so the times are by the store's clock; the dispatcher translates the times.
type Health struct {
	Failures     int       // since the last success; failures of attempts that were in flight together count once
	Since        time.Time // when the first attempt that failed since the last success began
	CountedUntil time.Time // an attempt that began before this time belongs to a failure that is counted

	Probes     int       // attempts that were allowed although the circuit is open
	ProbeAt    time.Time // when the next probe is allowed; zero while the circuit is closed
	ProbeUntil time.Time // until when a probe may be in flight, and no other is allowed; zero for none

	BackPressureSince time.Time // when the first attempt that was pushed back since the last success began
	BackPressureUntil time.Time // the endpoint wants no attempt before this time

	// Stage is that of which the owner is told. Deliveries of messages that tell of deliveries do not change it, so that it
	// may lag behind the other fields.
	Stage HealthStage
}

// HealthStage is a stage in the failing of an endpoint.
type HealthStage int

// The stages. An endpoint that fails goes from one to the next, and from any to the first when it is back.
const (
	StageHealthy HealthStage = iota // it works, or failed a few times
	StageFailing                    // it failed several times in a row
	StageOpen                       // its circuit is open
)

// Target is a subscription with its Health and secrets, for sending to it.
type Target struct {
	Subscription          // without the EventType of its selectors
	Health                // zero for a healthy endpoint
	Deleted      bool     // DeleteSubscription was called: nothing may be sent
	Secrets      []Secret // that sign: the current one first, then former ones; see Targets
}
