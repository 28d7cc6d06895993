package memstore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func readAttempt(a *attempt) store.Attempt {
	out := a.Attempt
	out.Response = bytes.Clone(a.Response)
	out.Body, out.Source = bytes.Clone(a.message.Body), bytes.Clone(a.message.Source)
	return out
}

// status is that of the whole chain.
func (d *delivery) status() store.Status {
	status := store.Pending
	for _, a := range d.attempts {
		if a.unfinished() {
			return store.Pending
		}
		status = a.Status
	}
	return status
}

func readDelivery(d *delivery) store.Delivery {
	out := store.Delivery{Attempt: readAttempt(d.attempts[0]), Attempts: len(d.attempts)}
	for _, a := range d.attempts {
		if !a.unfinished() {
			out.Duration, out.HTTPStatus, out.Response = a.Duration, a.HTTPStatus, bytes.Clone(a.Response)
			out.Error, out.NextRetryAt = a.Error, a.NextRetryAt
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

// Retry adds a manual retry.
func (s *Store) Retry(ctx context.Context, org, subscription, id uuid.UUID, retry newRetry) (store.Attempt, error) {
	if err := s.lock(ctx); err != nil {
		return store.Attempt{}, err
	}
	defer s.unlock()
	of, err := s.attempt(org, subscription, id)
	if err != nil {
		return store.Attempt{}, err
	}
	if of.unfinished() {
		return store.Attempt{}, fmt.Errorf("attempt %s: %w", id, store.ErrNotFinished)
	}
	if err := s.claimID(retry.ID, newBatch(), nil); err != nil {
		return store.Attempt{}, err
	}
	at := stored(retry.At)
	s.withdrawAutomatic(of.delivery, store.Audit{UpdatedAt: at, UpdatedBy: retry.By})
	added := &attempt{
		Attempt: store.Attempt{
			ID: retry.ID, Type: store.ManualRetry, RetryOf: of.ID,
			Audit: store.Audit{CreatedAt: at, CreatedBy: retry.By, UpdatedAt: at, UpdatedBy: retry.By},
		},
		message: of.message, subscription: of.subscription, delivery: of.delivery,
		step: of.delivery.stepForManual(), expiresAt: stored(retry.ExpiresAt),
	}
	s.add(added, retry.At)
	return readAttempt(added), nil
}

// withdrawAutomatic cancels the automatic retry of a chain that is pending.
func (s *Store) withdrawAutomatic(d *delivery, by store.Audit) {
	for _, a := range d.attempts {
		if a.Type == store.AutomaticRetry && a.Status == store.Pending {
			s.finish(a, store.Cancelled)
			a.UpdatedAt, a.UpdatedBy = by.UpdatedAt, by.UpdatedBy
		}
	}
}

// stepForManual is the latest attempt's step, which a cancelled automatic retry
// did not use up.
func (d *delivery) stepForManual() int {
	latest := d.attempts[len(d.attempts)-1]
	if latest.Type == store.AutomaticRetry && latest.Status == store.Cancelled {
		return latest.step - 1
	}
	return latest.step
}
