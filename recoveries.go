package webhooks

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// MaxRecoveryRate is the highest rate of a recovery, in deliveries per second.
const MaxRecoveryRate = 10_000

// RecoveryInput is the part of a recovery that a caller sets.
type RecoveryInput struct {
	// Since and Until, exclusive, bound the time at which deliveries were created or messages
	// published. These times are kept in whole milliseconds, so the milliseconds of both bounds
	// are included. Until is now by default, and at the latest.
	Since, Until time.Time
	// Scope is RecoverFailed, RecoverMissed or RecoverAll.
	Scope RecoveryScope
	// RatePerSecond is the number of deliveries that are queued in a second, 1–10,000.
	// Default: no limit.
	RatePerSecond int
	// ID is the id of the job, which makes it safe to call Recover again: a job of the
	// subscription that has the id is returned as it is. Best a UUID of version 7: lists of
	// jobs are in the order of their ids. Default: a new id.
	ID uuid.UUID
}

// Recover starts a job that queues the deliveries which a subscription did not get: failed
// deliveries, and events that were published while the subscription was off. The job is in the
// store: it continues after a restart, in any process that dispatches. A failed delivery is queued
// as by [Dispatcher.Retry], a missed event as a first post. [ErrArchived] if the subscription is
// archived.
func (d *Dispatcher) Recover(ctx context.Context, org, subscription uuid.UUID, in RecoveryInput) (Recovery, error) {
	if in.ID != uuid.Nil {
		if known, err := d.store.Recovery(ctx, org, subscription, in.ID); !errors.Is(err, ErrNotFound) {
			return known, err
		}
	}
	r, err := d.recovery(ctx, org, subscription, in)
	if err != nil {
		return Recovery{}, err
	}
	switch err := d.store.CreateRecovery(ctx, r); {
	case in.ID != uuid.Nil && errors.Is(err, ErrConflict): // by another call at the same time, or of another subscription
		known, err := d.store.Recovery(ctx, org, subscription, in.ID)
		if errors.Is(err, ErrNotFound) {
			err = wrongField(Invalid, "/id", "is the id of another recovery")
		}
		return known, err
	case err != nil:
		return Recovery{}, err
	}
	d.engine.WakeRecoveries()
	return r, nil
}

// CountRecoverable returns the number of deliveries that [Dispatcher.Recover] would queue.
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
		ID: in.ID, OrganizationID: org, SubscriptionID: subscription, Scope: in.Scope,
		Since: since, Until: until,
		RatePerSecond: in.RatePerSecond, CreatedAt: now, CreatedBy: Actor(ctx),
	}
	if r.ID == uuid.Nil {
		r.ID = d.cfg.NewID()
	}
	r.Matched, err = d.store.CountRecoverable(ctx, r)
	return r, err
}

// Recovery returns the present state of a job, given the ids of organization, subscription and job
// in this order.
func (d *Dispatcher) Recovery(ctx context.Context, org, subscription, id uuid.UUID) (Recovery, error) {
	return d.store.Recovery(ctx, org, subscription, id)
}

// StopRecovery ends a job, given the ids of organization, subscription and job in this order.
// Deliveries that the job queued stay queued. A job that has ended does not change.
func (d *Dispatcher) StopRecovery(ctx context.Context, org, subscription, id uuid.UUID) error {
	return d.store.StopRecovery(d.engine.TellingOfRecovery(ctx), org, subscription, id, d.now())
}
