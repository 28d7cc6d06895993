package memstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Report stores an outcome that somebody else than the dispatcher reports.
func (s *Store) Report(
	ctx context.Context, org, subscription, id uuid.UUID, decide func(store.Attempt) (*store.Report, error),
) (store.Attempt, error) {
	if err := s.lock(ctx); err != nil {
		return store.Attempt{}, err
	}
	defer s.unlock()
	a, err := s.attempt(org, subscription, id)
	if err != nil {
		return store.Attempt{}, err
	}
	r, err := decide(readAttempt(a))
	if err != nil {
		return store.Attempt{}, err
	}
	if r == nil {
		return readAttempt(a), nil
	}
	if r.Next != nil {
		if err := s.claimID(r.Next.ID, newBatch(), nil); err != nil {
			return store.Attempt{}, err
		}
	}
	s.finish(a, r.Status)
	if !r.PostedAt.IsZero() {
		a.PostedAt = stored(r.PostedAt)
	}
	a.HTTPStatus, a.Response, a.Error = r.HTTPStatus, bytes.Clone(r.Response), store.ValidText(r.Error)
	a.UpdatedAt, a.UpdatedBy = stored(r.At), r.By
	a.NextRetryAt = time.Time{}
	if r.Next == nil {
		a.NextRetryAt = stored(r.Advice)
	}
	s.follow(a, r.Next, r.At)
	return readAttempt(a), nil
}

// follow adds the automatic retry of an attempt, nil for none, unless another
// attempt of its chain is queued.
func (s *Store) follow(a *attempt, next *store.Next, at time.Time) {
	if next == nil || slices.ContainsFunc(a.delivery.attempts, (*attempt).queued) {
		return
	}
	step := a.Step
	if !next.KeepStep {
		step++
	}
	a.NextRetryAt = stored(next.DueAt)
	s.add(&attempt{
		Attempt: store.Attempt{
			ID: next.ID, Type: store.AutomaticRetry, RetryOf: a.ID, Step: step,
			Audit: store.Audit{CreatedAt: stored(at), UpdatedAt: stored(at)},
		},
		message: a.message, subscription: a.subscription, delivery: a.delivery, expiresAt: a.expiresAt, place: -1,
	}, notBefore(next.DueAt))
}
