package memstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Report stores an outcome that a caller reports instead of the dispatcher.
func (s *Store) Report(
	ctx context.Context, org, subscription, id uuid.UUID, decide func(store.Attempt) (*store.Report, error),
) (store.Attempt, error) {
	return locked(ctx, s, func() (store.Attempt, error) {
		a, err := s.attempt(org, subscription, id)
		if err != nil {
			return store.Attempt{}, err
		}
		r, err := decide(copyAttempt(a.Attempt, true))
		if err != nil {
			return store.Attempt{}, err
		}
		if r != nil && r.Next != nil {
			err = s.claimID(r.Next.ID, newBatch(), nil)
		}
		if err != nil {
			return store.Attempt{}, err
		}
		if r != nil {
			s.unqueue(a)
			s.follow(a, a.delivery.chain.Report(&a.Attempt, *r), r.Next)
			s.audit(ctx)
		}
		return copyAttempt(a.Attempt, true), nil
	})
}
