package memstore

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func readAttempt(a *attempt) store.Attempt { return readAttemptAs(a, true) }

// readAttemptAs leaves out the large members unless the attempt is to be whole.
func readAttemptAs(a *attempt, whole bool) store.Attempt {
	out := a.Attempt
	out.Response = nil
	if whole {
		out.Response = bytes.Clone(a.Response)
		out.Body, out.Source = bytes.Clone(a.message.Body), bytes.Clone(a.message.Source)
	}
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

func attemptSize(a *attempt) int {
	return len(a.message.Body) + len(a.message.Source) + len(a.Response)
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

// outcome is the latest attempt that has one; the first where none has.
func (d *delivery) outcome() *attempt {
	latest := d.attempts[0]
	for _, a := range d.attempts {
		if a.Status.Finished() {
			latest = a
		}
	}
	return latest
}

func readDelivery(d *delivery) store.Delivery { return readDeliveryAs(d, true) }

// readDeliveryAs leaves out the large members unless the delivery is to be whole.
func readDeliveryAs(d *delivery, whole bool) store.Delivery {
	out := store.Delivery{Attempt: readAttemptAs(d.attempts[0], whole), Attempts: len(d.attempts)}
	a := d.outcome()
	out.Duration, out.HTTPStatus, out.Error, out.NextRetryAt = a.Duration, a.HTTPStatus, a.Error, a.NextRetryAt
	if whole {
		out.Response = bytes.Clone(a.Response)
	}
	for _, a := range d.attempts {
		if until := a.heldUntil(); out.HeldUntil.IsZero() || !until.IsZero() && until.Before(out.HeldUntil) {
			out.HeldUntil = until
		}
	}
	out.Status = d.status()
	return out
}

func deliverySize(d *delivery) int {
	m := d.attempts[0].message
	return len(m.Body) + len(m.Source) + len(d.outcome().Response)
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
	return boundedList(matching, attemptID, q.Page, attemptSize, readAttemptAs), nil
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
func (s *Store) Chain(ctx context.Context, org, subscription, delivery uuid.UUID, maxBytes int) (store.List[store.Attempt], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.Attempt]{}, err
	}
	defer s.unlock()
	d, err := s.delivery(org, subscription, delivery)
	if err != nil {
		return store.List[store.Attempt]{}, err
	}
	all := store.Page{Take: len(d.attempts), MaxBytes: maxBytes}
	return boundedList(d.attempts, attemptID, all, attemptSize, readAttemptAs), nil
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
	return boundedList(matching, deliveryID, q.Page, deliverySize, readDeliveryAs), nil
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
