package client

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// RecoveryScope says which events a recovery queues again.
type RecoveryScope string

// The scopes.
const (
	RecoverFailed RecoveryScope = "failed" // deliveries that failed
	RecoverMissed RecoveryScope = "missed" // events that were published while the subscription was inactive
	RecoverAll    RecoveryScope = "all"    // both
)

// RecoveryInput says which events are queued again, and how fast.
type RecoveryInput struct {
	Since         time.Time     `json:"since"`                   // required
	Until         time.Time     `json:"until,omitzero"`          // default, and at most: now
	Scope         RecoveryScope `json:"status"`                  // required
	DryRun        bool          `json:"dryRun,omitempty"`        // only count
	RatePerSecond int           `json:"ratePerSecond,omitempty"` // 1–10,000; default: as fast as possible
	// ID is the id of the job, best a UUID of version 7. A call with the id of a job of the subscription starts no other job, so
	// that it is repeated after a failure. Default: the host makes one, and the call is not repeated.
	ID uuid.UUID `json:"id,omitzero"`
}

// RecoveryStarted is a recovery that has begun.
type RecoveryStarted struct {
	ID      uuid.UUID `json:"id"`      // zero after a dry run
	Matched int       `json:"matched"` // deliveries and events that are queued again
}

// RecoveryState is the state of a recovery.
type RecoveryState string

// The states.
const (
	RecoveryRunning RecoveryState = "running" // deliveries remain to be queued
	RecoveryDone    RecoveryState = "done"    // everything is queued
	RecoveryStopped RecoveryState = "stopped" // by StopRecovery, or because the subscription was archived, deleted or damaged
	RecoveryUnknown RecoveryState = "unknown" // the stored value cannot be read
)

// Recovery is the progress of a recovery.
type Recovery struct {
	ID         uuid.UUID     `json:"id"`         // given by the host
	State      RecoveryState `json:"state"`      // RecoveryRunning at first
	Matched    int           `json:"matched"`    // when it began
	Queued     int           `json:"queued"`     // so far
	CreatedAt  time.Time     `json:"createdAt"`  // when it was asked for
	FinishedAt time.Time     `json:"finishedAt"` // zero: it is running
}

// Recover starts a durable job that queues failed or missed deliveries again.
func (d *Dispatcher) Recover(ctx context.Context, org string, subscription uuid.UUID, in RecoveryInput) (RecoveryStarted, error) {
	return call[RecoveryStarted](ctx, d.c, request{
		method: http.MethodPost, path: subscriptionPath(org, subscription, "recover"), body: in,
		repeat: in.DryRun || in.ID != uuid.Nil,
	})
}

// Recovery returns the progress of a recovery.
func (d *Dispatcher) Recovery(ctx context.Context, org string, subscription, id uuid.UUID) (Recovery, error) {
	return get[Recovery](ctx, d.c, subscriptionPath(org, subscription, "recover", id.String()), nil)
}

// StopRecovery stops a recovery. Attempts that it has queued stay queued.
func (d *Dispatcher) StopRecovery(ctx context.Context, org string, subscription, id uuid.UUID) error {
	return command(ctx, d.c, request{
		method: http.MethodDelete, path: subscriptionPath(org, subscription, "recover", id.String()), repeat: true,
	})
}
