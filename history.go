package webhooks

import (
	"context"

	"github.com/google/uuid"
)

// Attempts lists the past, current and future attempts of a subscription. HeldUntil of an attempt
// is the time of the next probe while the circuit is open, the time at which the attempt is due
// while the receiver pushes back, and zero otherwise.
func (s *Subscriptions) Attempts(ctx context.Context, q HistoryQuery) (List[Attempt], error) {
	list, err := s.store.Attempts(ctx, q)
	if err != nil {
		return list, err
	}
	return list, setHeldUntilOf(ctx, s.core, list.Items, attemptOf)
}

// Attempt returns an attempt, as [Subscriptions.Attempts] does, given the ids of organization,
// subscription and attempt in this order.
func (s *Subscriptions) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (Attempt, error) {
	a, err := s.store.Attempt(ctx, org, subscription, id)
	if err == nil {
		err = s.setHeldUntil(ctx, &a)
	}
	return a, err
}

// Chain lists the attempts of a delivery in order, as [Subscriptions.Attempts] does, given the ids
// of organization, subscription and delivery in this order. MaxBytes is that of a [Page]; 0 for no
// bound.
func (s *Subscriptions) Chain(ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int) (List[Attempt], error) {
	chain, err := s.store.Chain(ctx, org, subscription, delivery, maxBytes)
	if err != nil {
		return chain, err
	}
	return chain, setHeldUntilOf(ctx, s.core, chain.Items, attemptOf)
}

// Deliveries lists the deliveries of a subscription. HeldUntil is that of the pending attempt, as
// in [Subscriptions.Attempts].
func (s *Subscriptions) Deliveries(ctx context.Context, q HistoryQuery) (List[Delivery], error) {
	list, err := s.store.Deliveries(ctx, q)
	if err != nil {
		return list, err
	}
	return list, setHeldUntilOf(ctx, s.core, list.Items, firstAttemptOf)
}

// RecentDeliveries summarizes the newest [MaxRecent] deliveries of each of an organization's subscriptions; one without
// deliveries is not in the result.
func (s *Subscriptions) RecentDeliveries(ctx context.Context, org uuid.UUID, subscriptions []uuid.UUID) (map[uuid.UUID]Recent, error) {
	return s.store.RecentDeliveries(ctx, org, subscriptions, MaxRecent)
}

// MaxRecent bounds the deliveries that [Subscriptions.RecentDeliveries] summarizes for a subscription, so that the cost does not
// grow with the history.
const MaxRecent = 1000

// Delivery returns a delivery, as [Subscriptions.Deliveries] does, given the ids of organization,
// subscription and delivery in this order.
func (s *Subscriptions) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (Delivery, error) {
	d, err := s.store.Delivery(ctx, org, subscription, id)
	if err == nil {
		err = s.setHeldUntil(ctx, &d.Attempt)
	}
	return d, err
}
