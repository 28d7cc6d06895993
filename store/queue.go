package store

import (
	"context"
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
	// Claim leases up to max attempts that are due, those due longest first,
	// whatever became of their subscriptions and however late it is for them. An
	// external attempt is never due. Concurrent claims, also of other processes,
	// never return the same attempt.
	Claim(ctx context.Context, max int, lease time.Duration) ([]Job, error)

	// Record stores outcomes and the next attempts they call for, all in one
	// transaction. Those of first attempts without a next one are the quickest in a
	// call of their own. A next attempt is not added if another attempt of the same
	// delivery is pending or being sent; an external one does not count. Lost ones
	// do not stop the others.
	Record(ctx context.Context, outcomes []Outcome) (lost []uuid.UUID, err error)

	// Defer gives claimed attempts back, to become due at the given times.
	Defer(ctx context.Context, deferrals []Deferral) (lost []uuid.UUID, err error)

	// Targets returns what is needed to send to the given subscriptions, by id,
	// deleted and archived ones included. Ids that never existed are left out.
	// Of the secrets it gives the current one and those that ended after
	// secretsSince, newest first.
	Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]Target, error)
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
	Step                 int   // automatic retries so far: how much of the schedule is used
	Type                 AttemptType
	ExpiresAt            time.Time // not to be sent after this; an automatic retry has that of the failed attempt
	Body                 []byte    // shared between the jobs of a message: not to be changed
}

// Outcome is what became of a claimed attempt.
type Outcome struct {
	Lease
	Status     Status // Succeeded, Failed or Cancelled
	PostedAt   time.Time
	Duration   time.Duration // kept in whole milliseconds
	HTTPStatus int
	Response   []byte
	Error      string
	At         time.Time // when this was decided
	Next       *Next     // the automatic retry that follows; nil for none
}

// Next is an automatic retry to be added. It uses one more step of the schedule.
type Next struct {
	ID    uuid.UUID
	DueAt time.Time
}

// Deferral gives a claimed attempt back.
type Deferral struct {
	Lease
	DueAt time.Time
}

// Target is a subscription as the dispatcher needs it.
type Target struct {
	Subscription
	Deleted bool
	Secrets []Secret
}
