package memstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// AddAttempt adds an attempt that somebody asked for.
func (s *Store) AddAttempt(ctx context.Context, org, subscription uuid.UUID, a store.NewAttempt) (store.Attempt, error) {
	if err := s.lock(ctx); err != nil {
		return store.Attempt{}, err
	}
	defer s.unlock()
	sub, err := s.subscription(org, subscription)
	if err != nil {
		return store.Attempt{}, err
	}
	d, m := &delivery{id: a.ID}, (*message)(nil)
	if a.RetryOf != uuid.Nil || a.Message == nil {
		of := s.attempts[a.RetryOf]
		switch {
		case of == nil || of.subscription != sub:
			return store.Attempt{}, fmt.Errorf("attempt %s: %w", a.RetryOf, store.ErrBadReference)
		case !of.Status.Finished():
			return store.Attempt{}, fmt.Errorf("attempt %s: %w", a.RetryOf, store.ErrNotFinished)
		}
		d, m = of.delivery, of.message
	}
	b := newBatch()
	if err := s.claimID(a.ID, b, nil); err != nil {
		return store.Attempt{}, err
	}
	if a.Message != nil {
		m = &message{Message: copyMessage(*a.Message)}
		m.OrganizationID, m.SubscriptionID = sub.OrganizationID, sub.ID
		if err := s.claimID(m.ID, b, nil); err != nil {
			return store.Attempt{}, err
		}
		s.addMessage(m)
	}
	s.withdrawAutomatic(d, a)
	added := newAttempt(sub, d, m, a)
	s.add(added, notBefore(a.At))
	return readAttempt(added), nil
}

// newAttempt makes an attempt, which is yet to be added.
func newAttempt(sub *subscription, d *delivery, m *message, a store.NewAttempt) *attempt {
	at := stored(a.At)
	made := &attempt{
		Attempt: store.Attempt{
			ID: a.ID, Type: a.Type, RetryOf: a.RetryOf, External: a.External, Step: d.nextStep(a.Type),
			Audit: store.Audit{CreatedAt: at, CreatedBy: a.By, UpdatedAt: at, UpdatedBy: a.By},
		},
		message: m, subscription: sub, delivery: d, expiresAt: stored(a.ExpiresAt), place: -1,
	}
	if a.External {
		made.PostedAt = stored(a.PostedAt)
	}
	return made
}

// withdrawAutomatic cancels the automatic retry of a chain that is queued, in
// favour of a new attempt.
func (s *Store) withdrawAutomatic(d *delivery, by store.NewAttempt) {
	for _, a := range d.attempts {
		if a.Type == store.AutomaticRetry && a.pending() {
			s.finish(a, store.Cancelled)
			a.UpdatedAt, a.UpdatedBy = stored(by.At), by.By
		}
	}
}

// nextStep is the step of an attempt that joins the chain. It is the latest
// attempt's, which a cancelled automatic retry did not use up.
func (d *delivery) nextStep(t store.AttemptType) int {
	latest := d.latest()
	if latest == nil {
		return 0
	}
	step := latest.Step
	if latest.Type == store.AutomaticRetry && latest.Status == store.Cancelled {
		step--
	}
	if t == store.AutomaticRetry {
		step++
	}
	return step
}
