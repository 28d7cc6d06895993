package webhooks

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Attempts lists the attempts of a subscription: those made, those under way and
// those to come.
func (s *Subscriptions) Attempts(ctx context.Context, q HistoryQuery) (List[Attempt], error) {
	return s.store.Attempts(ctx, q)
}

// Attempt returns one of a subscription's attempts.
func (s *Subscriptions) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (Attempt, error) {
	return s.store.Attempt(ctx, org, subscription, id)
}

// Chain lists the attempts of a delivery in order.
func (s *Subscriptions) Chain(ctx context.Context, org, subscription, delivery uuid.UUID) ([]Attempt, error) {
	return s.store.Chain(ctx, org, subscription, delivery)
}

// Deliveries lists the deliveries of a subscription.
func (s *Subscriptions) Deliveries(ctx context.Context, q HistoryQuery) (List[Delivery], error) {
	return s.store.Deliveries(ctx, q)
}

// Delivery returns one of a subscription's deliveries.
func (s *Subscriptions) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (Delivery, error) {
	return s.store.Delivery(ctx, org, subscription, id)
}

// Retry sends a message once more, now: the same body under the same webhook-id,
// as a manual retry of the given attempt, also of one that succeeded. A pending
// automatic retry of the chain is cancelled in its favour; if the manual one fails,
// the schedule goes on where it was. [ErrNotFinished] if the given attempt has no
// outcome, [ErrArchived] if the subscription is archived.
func (d *Dispatcher) Retry(ctx context.Context, org, subscription, attempt uuid.UUID) (Attempt, error) {
	sub, err := d.store.Subscription(ctx, org, subscription)
	if err != nil {
		return Attempt{}, err
	}
	if err := editable(sub.Lifecycle); err != nil {
		return Attempt{}, err
	}
	id, audit := d.created(ctx)
	a, err := d.store.AddAttempt(ctx, org, subscription, store.NewAttempt{
		ID: id, Type: ManualRetry, RetryOf: attempt,
		At: audit.CreatedAt, By: audit.CreatedBy, ExpiresAt: audit.CreatedAt.Add(d.cfg.Deadline),
	})
	if errors.Is(err, store.ErrBadReference) {
		return Attempt{}, ErrNotFound
	}
	if err == nil {
		d.engine.Wake()
	}
	return a, err
}
