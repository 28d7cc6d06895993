package webhooks

import (
	"context"

	"github.com/google/uuid"
)

// Attempts lists the attempts of a subscription: those made, those under way and
// those to come. HeldUntil of an attempt is when the next probe is due, while the circuit
// is open; when the attempt is due, while the receiver pushes back; and zero if neither
// holds it back.
func (s *Subscriptions) Attempts(ctx context.Context, q HistoryQuery) (List[Attempt], error) {
	list, err := s.store.Attempts(ctx, q)
	if err != nil {
		return list, err
	}
	return list, setHeldUntilOf(ctx, s.core, list.Items, attemptOf)
}

// Attempt returns one of a subscription's attempts, as [Subscriptions.Attempts] does.
func (s *Subscriptions) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (Attempt, error) {
	a, err := s.store.Attempt(ctx, org, subscription, id)
	if err == nil {
		err = s.setHeldUntil(ctx, &a)
	}
	return a, err
}

// Chain lists the attempts of a delivery in order, as [Subscriptions.Attempts] does. MaxBytes
// is that of a [Page]; 0 for no bound.
func (s *Subscriptions) Chain(ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int) (List[Attempt], error) {
	chain, err := s.store.Chain(ctx, org, subscription, delivery, maxBytes)
	if err != nil {
		return chain, err
	}
	return chain, setHeldUntilOf(ctx, s.core, chain.Items, attemptOf)
}

// Deliveries lists the deliveries of a subscription. HeldUntil is that of the attempt which
// is pending, as [Subscriptions.Attempts] gives it.
func (s *Subscriptions) Deliveries(ctx context.Context, q HistoryQuery) (List[Delivery], error) {
	list, err := s.store.Deliveries(ctx, q)
	if err != nil {
		return list, err
	}
	return list, setHeldUntilOf(ctx, s.core, list.Items, firstAttemptOf)
}

// Delivery returns one of a subscription's deliveries, as [Subscriptions.Deliveries] does.
func (s *Subscriptions) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (Delivery, error) {
	d, err := s.store.Delivery(ctx, org, subscription, id)
	if err == nil {
		err = s.setHeldUntil(ctx, &d.Attempt)
	}
	return d, err
}
