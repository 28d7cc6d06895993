package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Store has the methods of a [store.Store] that the engine needs.
type Store interface {
	store.Queue

	// Ping is called by Start, which fails with its error.
	Ping(ctx context.Context) error
	// Abilities returns the Notifier and the Maintainer, which the engine uses if they are there.
	Abilities() store.Abilities
	// Prune is called every hour, with the end of the retention.
	Prune(ctx context.Context, before time.Time, max int) (int, error)
	// PruneAudit is called every hour, with the end of the audit retention.
	PruneAudit(ctx context.Context, before time.Time, max int) (int, error)
	// PruneUsed is called every hour, with a time an hour ago.
	PruneUsed(ctx context.Context, before time.Time, max int) (int, error)
	// AdvanceErasure is called until no erasure is running.
	AdvanceErasure(ctx context.Context, at time.Time, max int) (bool, error)
	// AdvanceRecovery is called until no recovery is due.
	AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (bool, error)
	// UpdateSubscription deactivates a subscription after 410 Gone, or after days of failures.
	UpdateSubscription(
		ctx context.Context, org, id uuid.UUID, now time.Time, change func(*store.Subscription) error,
	) (store.Subscription, error)
}
