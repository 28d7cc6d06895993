package memstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// AddAttempt adds an attempt that a caller asks for.
func (s *Store) AddAttempt(ctx context.Context, org, subscription uuid.UUID, n store.NewAttempt) (store.Attempt, error) {
	return locked(ctx, s, func() (store.Attempt, error) {
		sub, err := s.subscription(org, subscription)
		if err != nil {
			return store.Attempt{}, err
		}
		d, m := &delivery{id: n.ID}, (*message)(nil)
		if n.Joins() {
			of := s.attempts[n.RetryOf]
			switch {
			case of == nil || of.subscription != sub:
				return store.Attempt{}, fmt.Errorf("attempt %s: %w", n.RetryOf, store.ErrBadReference)
			case !of.Status.Finished():
				return store.Attempt{}, fmt.Errorf("attempt %s: %w", n.RetryOf, store.ErrNotFinished)
			}
			d, m = of.delivery, of.message
			if n.Message == nil && m.Expunged.Is() {
				return store.Attempt{}, fmt.Errorf("message %s: %w", m.ID, store.ErrExpunged)
			}
		}
		b := newBatch()
		if err := s.claimID(n.ID, b, nil); err != nil {
			return store.Attempt{}, err
		}
		if n.Message != nil {
			m = &message{Message: copyMessage(*n.Message)}
			m.OrganizationID, m.SubscriptionID = sub.OrganizationID, sub.ID
			if err := s.claimID(m.ID, b, nil); err != nil {
				return store.Attempt{}, err
			}
			s.addMessage(m)
		}
		s.withdraw(d, n)
		added := newAttempt(sub, d, m, n)
		s.add(added, s.clock.Now())
		s.audit(ctx)
		return copyAttempt(added.Attempt, true), nil
	})
}

// newAttempt makes an attempt, which is yet to be added.
func newAttempt(sub *subscription, d *delivery, m *message, n store.NewAttempt) *attempt {
	return &attempt{
		Attempt: d.chain.NewAttempt(n, m.Message, sub.ID),
		message: m, subscription: sub, delivery: d, expiresAt: store.WholeMilliseconds(n.ExpiresAt), place: -1,
	}
}

// withdraw cancels the automatic retry of a chain that is pending, in favour of a new attempt.
func (s *Store) withdraw(d *delivery, n store.NewAttempt) {
	for _, a := range d.chain {
		if a.Withdrawable() {
			s.unqueue(s.attempts[a.ID])
			d.chain.Cancel(a, n.At, n.By)
		}
	}
}
