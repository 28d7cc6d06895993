package memstore

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func readAttempt(a *attempt) store.Attempt {
	out := a.Attempt
	out.Response = bytes.Clone(a.Response)
	out.Body, out.Source = bytes.Clone(a.message.Body), bytes.Clone(a.message.Source)
	out.HeldUntil = a.heldUntil()
	return out
}

// heldUntil is when an attempt that is held becomes due.
func (a *attempt) heldUntil() time.Time {
	if !a.held || a.Status != store.Pending {
		return time.Time{}
	}
	return stored(a.due)
}

// status is that of the whole chain.
func (d *delivery) status() store.Status {
	status := store.Pending
	for _, a := range d.attempts {
		if !a.Status.Finished() {
			return store.Pending
		}
		status = a.Status
	}
	return status
}

func readDelivery(d *delivery) store.Delivery {
	out := store.Delivery{Attempt: readAttempt(d.attempts[0]), Attempts: len(d.attempts)}
	for _, a := range d.attempts {
		if a.Status.Finished() {
			out.Duration, out.HTTPStatus, out.Response = a.Duration, a.HTTPStatus, bytes.Clone(a.Response)
			out.Error, out.NextRetryAt = a.Error, a.NextRetryAt
		}
		if until := a.heldUntil(); out.HeldUntil.IsZero() || !until.IsZero() && until.Before(out.HeldUntil) {
			out.HeldUntil = until
		}
	}
	out.Status = d.status()
	return out
}

// Attempts lists the attempts of a subscription.
func (s *Store) Attempts(ctx context.Context, q store.HistoryQuery) (store.List[store.Attempt], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.Attempt]{}, err
	}
	defer s.unlock()
	sub, err := s.subscription(q.OrganizationID, q.SubscriptionID)
	if err != nil {
		return store.List[store.Attempt]{}, err
	}
	var matching []*attempt
	for _, a := range sub.attempts {
		if q.Status.Keeps(a.Status) && (q.EventTypeID == uuid.Nil || q.EventTypeID == a.EventTypeID) {
			matching = append(matching, a)
		}
	}
	return list(matching, attemptID, q.Page, readAttempt), nil
}

// attempt finds an attempt of an organization's subscription.
func (s *Store) attempt(org, subscription, id uuid.UUID) (*attempt, error) {
	sub, err := s.subscription(org, subscription)
	if err != nil {
		return nil, err
	}
	a := s.attempts[id]
	if a == nil || a.subscription != sub {
		return nil, notFound("attempt", id)
	}
	return a, nil
}

// delivery finds a delivery of an organization's subscription.
func (s *Store) delivery(org, subscription, id uuid.UUID) (*delivery, error) {
	a, err := s.attempt(org, subscription, id)
	if err != nil {
		return nil, err
	}
	if a.DeliveryID != id {
		return nil, notFound("delivery", id)
	}
	return a.delivery, nil
}

// Attempt returns an attempt.
func (s *Store) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (store.Attempt, error) {
	if err := s.lock(ctx); err != nil {
		return store.Attempt{}, err
	}
	defer s.unlock()
	a, err := s.attempt(org, subscription, id)
	if err != nil {
		return store.Attempt{}, err
	}
	return readAttempt(a), nil
}

// Chain lists the attempts of a delivery.
func (s *Store) Chain(ctx context.Context, org, subscription, delivery uuid.UUID) ([]store.Attempt, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	d, err := s.delivery(org, subscription, delivery)
	if err != nil {
		return nil, err
	}
	out := make([]store.Attempt, len(d.attempts))
	for i, a := range d.attempts {
		out[i] = readAttempt(a)
	}
	return out, nil
}

// Deliveries lists the deliveries of a subscription.
func (s *Store) Deliveries(ctx context.Context, q store.HistoryQuery) (store.List[store.Delivery], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.Delivery]{}, err
	}
	defer s.unlock()
	sub, err := s.subscription(q.OrganizationID, q.SubscriptionID)
	if err != nil {
		return store.List[store.Delivery]{}, err
	}
	var matching []*delivery
	for _, d := range sub.deliveries {
		if q.Status.Keeps(d.status()) && (q.EventTypeID == uuid.Nil || q.EventTypeID == d.attempts[0].EventTypeID) {
			matching = append(matching, d)
		}
	}
	return list(matching, deliveryID, q.Page, readDelivery), nil
}

// Delivery returns a delivery.
func (s *Store) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (store.Delivery, error) {
	if err := s.lock(ctx); err != nil {
		return store.Delivery{}, err
	}
	defer s.unlock()
	d, err := s.delivery(org, subscription, id)
	if err != nil {
		return store.Delivery{}, err
	}
	return readDelivery(d), nil
}
