package memstore

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func (a *attempt) show() store.Attempt {
	out := a.Attempt
	out.Response = bytes.Clone(a.Response)
	out.Body, out.Source = bytes.Clone(a.message.Body), bytes.Clone(a.message.Source)
	return out
}

// delivery returns the chain as one. The attempt is its first.
func (a *attempt) delivery() store.Delivery {
	d := store.Delivery{Attempt: a.show(), Attempts: len(a.chain.attempts)}
	d.Status = a.chain.status()
	for _, o := range a.chain.attempts {
		if o.Status.Finished() {
			d.Duration, d.HTTPStatus, d.Response = o.Duration, o.HTTPStatus, bytes.Clone(o.Response)
			d.Error, d.NextRetryAt = o.Error, o.NextRetryAt
		}
	}
	return d
}

func (c *chain) status() store.Status {
	if c.busy(nil) {
		return store.Pending
	}
	return c.last().Status
}

// Attempts implements [store.History].
func (s *Store) Attempts(ctx context.Context, q store.HistoryQuery) (store.List[store.Attempt], error) {
	found, err := s.find(ctx, q, func(a *attempt) bool { return q.Status.Keeps(a.Status) })
	if err != nil {
		return store.List[store.Attempt]{}, err
	}
	return convert(s, found, (*attempt).show), nil
}

// Deliveries implements [store.History].
func (s *Store) Deliveries(ctx context.Context, q store.HistoryQuery) (store.List[store.Delivery], error) {
	found, err := s.find(ctx, q, func(a *attempt) bool { return a.Number == 1 && q.Status.Keeps(a.chain.status()) })
	if err != nil {
		return store.List[store.Delivery]{}, err
	}
	return convert(s, found, (*attempt).delivery), nil
}

// find returns the page of a subscription's attempts that keep wants.
func (s *Store) find(ctx context.Context, q store.HistoryQuery, keep func(*attempt) bool) (store.List[*attempt], error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.List[*attempt]{}, err
	}
	defer unlock()
	sub, err := s.owned(q.OrganizationID, q.SubscriptionID)
	if err != nil {
		return store.List[*attempt]{}, err
	}
	var found []*attempt
	for _, a := range sub.attempts {
		if (q.EventTypeID == uuid.Nil || a.EventTypeID == q.EventTypeID) && keep(a) {
			found = append(found, a)
		}
	}
	return list(found, func(a *attempt) uuid.UUID { return a.ID }, q.Page), nil
}

func convert[T any](s *Store, found store.List[*attempt], show func(*attempt) T) store.List[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := store.List[T]{Total: found.Total, Items: make([]T, len(found.Items))}
	for i, a := range found.Items {
		out.Items[i] = show(a)
	}
	return out
}

// one returns an attempt of the subscription. The store is locked.
func (s *Store) one(org, subscription, id uuid.UUID) (*attempt, error) {
	if _, err := s.owned(org, subscription); err != nil {
		return nil, err
	}
	a := s.attempts[id]
	if a == nil || a.SubscriptionID != subscription {
		return nil, store.ErrNotFound
	}
	return a, nil
}

// Attempt implements [store.History].
func (s *Store) Attempt(ctx context.Context, org, subscription, id uuid.UUID) (store.Attempt, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Attempt{}, err
	}
	defer unlock()
	a, err := s.one(org, subscription, id)
	if err != nil {
		return store.Attempt{}, err
	}
	return a.show(), nil
}

// Chain implements [store.History].
func (s *Store) Chain(ctx context.Context, org, subscription, delivery uuid.UUID) ([]store.Attempt, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	first, err := s.one(org, subscription, delivery)
	if err != nil || first.Number != 1 {
		return nil, store.ErrNotFound
	}
	var out []store.Attempt
	for _, a := range first.chain.attempts {
		out = append(out, a.show())
	}
	return out, nil
}

// Delivery implements [store.History].
func (s *Store) Delivery(ctx context.Context, org, subscription, id uuid.UUID) (store.Delivery, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Delivery{}, err
	}
	defer unlock()
	a, err := s.one(org, subscription, id)
	if err != nil || a.Number != 1 {
		return store.Delivery{}, store.ErrNotFound
	}
	return a.delivery(), nil
}

// Retry implements [store.History].
func (s *Store) Retry(ctx context.Context, org, subscription, id uuid.UUID, retry store.NewRetry) (store.Attempt, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Attempt{}, err
	}
	defer unlock()
	of, err := s.one(org, subscription, id)
	if err != nil {
		return store.Attempt{}, err
	}
	if !of.Status.Finished() {
		return store.Attempt{}, store.ErrNotFinished
	}
	step := of.chain.last().step
	for _, a := range of.chain.attempts {
		if a.Type == store.AutomaticRetry && a.Status == store.Pending {
			if a == of.chain.last() {
				step--
			}
			s.end(a, store.Cancelled, retry.At)
			a.Error = "withdrawn in favour of a manual retry"
		}
	}
	next := s.follow(of, store.ManualRetry, retry.ID, retry.At, store.Audit{
		CreatedAt: retry.At, CreatedBy: retry.By, UpdatedAt: retry.At, UpdatedBy: retry.By,
	})
	next.step, next.expiresAt = step, retry.ExpiresAt
	s.wake()
	return next.show(), nil
}
