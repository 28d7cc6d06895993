package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// MaxRecoveryRate is the highest rate of a recovery, per second.
const MaxRecoveryRate = 10_000

// RecoveryInput is what a caller decides about a recovery.
type RecoveryInput struct {
	// Since and Until, exclusive, are when deliveries were created or messages
	// published. These times are kept in whole milliseconds, so the millisecond that
	// either falls into is included. Default of Until, and its latest: now.
	Since, Until time.Time
	// Scope is RecoverFailed, RecoverMissed or RecoverAll.
	Scope RecoveryScope
	// RatePerSecond is how many are queued in a second, 1–10,000. Default: as fast
	// as they can be.
	RatePerSecond int
}

// Recover starts a job that queues again what a subscription did not get: what
// failed, or was published while it was off. The job is in the store: it goes on
// after a restart, in whatever process dispatches. Each is queued as by
// [Dispatcher.Retry], or as a first post. [ErrArchived] if the subscription is
// archived.
func (d *Dispatcher) Recover(ctx context.Context, org, subscription uuid.UUID, in RecoveryInput) (Recovery, error) {
	r, err := d.recovery(ctx, org, subscription, in)
	if err != nil {
		return Recovery{}, err
	}
	if err := d.store.CreateRecovery(ctx, r); err != nil {
		return Recovery{}, err
	}
	d.engine.WakeRecoveries()
	return r, nil
}

// CountRecoverable returns how many deliveries [Dispatcher.Recover] would queue.
func (d *Dispatcher) CountRecoverable(ctx context.Context, org, subscription uuid.UUID, in RecoveryInput) (int, error) {
	r, err := d.recovery(ctx, org, subscription, in)
	return r.Matched, err
}

func (d *Dispatcher) recovery(ctx context.Context, org, subscription uuid.UUID, in RecoveryInput) (Recovery, error) {
	sub, err := d.store.Subscription(ctx, org, subscription)
	if err != nil {
		return Recovery{}, err
	}
	if err := editable(sub.Lifecycle); err != nil {
		return Recovery{}, err
	}
	now := d.now()
	since, until := milliseconds(in.Since, in.Until)
	if latest := now.Add(time.Millisecond); in.Until.IsZero() || until.After(latest) {
		in.Until, until = latest, latest
	}
	switch {
	case in.Since.IsZero():
		return Recovery{}, wrongField(Invalid, "/since", "is required")
	case !in.Since.Before(in.Until):
		return Recovery{}, wrongField(Invalid, "/since", "must be before until, and in the past")
	case in.Scope < RecoverFailed || in.Scope > RecoverAll:
		return Recovery{}, wrongField(Invalid, "/status", "must be failed, missed or all")
	case in.RatePerSecond < 0 || in.RatePerSecond > MaxRecoveryRate:
		return Recovery{}, wrongField(Invalid, "/ratePerSecond", "must be 1–10000")
	}
	r := Recovery{
		ID: d.cfg.NewID(), OrganizationID: org, SubscriptionID: subscription, Scope: in.Scope,
		Since: since, Until: until,
		RatePerSecond: in.RatePerSecond, CreatedAt: now, CreatedBy: Actor(ctx),
	}
	r.Matched, err = d.store.CountRecoverable(ctx, r)
	return r, err
}

// Recovery returns a job as it is now.
func (d *Dispatcher) Recovery(ctx context.Context, org, subscription, id uuid.UUID) (Recovery, error) {
	return d.store.Recovery(ctx, org, subscription, id)
}

// StopRecovery ends a job. What it queued stays queued. Of a job that has ended it
// changes nothing.
func (d *Dispatcher) StopRecovery(ctx context.Context, org, subscription, id uuid.UUID) error {
	return d.store.StopRecovery(ctx, org, subscription, id, d.now())
}
