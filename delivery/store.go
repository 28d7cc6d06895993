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

	Ping(ctx context.Context) error
	Abilities() store.Abilities
	Prune(ctx context.Context, before time.Time, max int) (int, error)
	AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (bool, error)
	UpdateSubscription(
		ctx context.Context, org, id uuid.UUID, now time.Time, change func(*store.Subscription) error,
	) (store.Subscription, error)
}
