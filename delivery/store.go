package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Store is what the engine needs of a [store.Store].
type Store interface {
	store.Queue

	Ping(ctx context.Context) error
	Abilities() store.Abilities
	Prune(ctx context.Context, before time.Time, max int) (int, error)
	AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (bool, error)
	UpdateSubscription(ctx context.Context, org, id uuid.UUID, now time.Time, change func(*store.Subscription) error) (store.Subscription, error)
}
