package bunstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var errTodo = errors.New("bunstore: not implemented")

func (s *Store) Messages(ctx context.Context, org uuid.UUID, page store.Page) (store.List[store.MessageSummary], error) {
	return store.List[store.MessageSummary]{}, errTodo
}

func (s *Store) MessageDeliveries(ctx context.Context, org, message uuid.UUID, page store.Page) (store.List[store.Delivery], error) {
	return store.List[store.Delivery]{}, errTodo
}

func (s *Store) AddAttempt(ctx context.Context, org, subscription uuid.UUID, a store.NewAttempt) (store.Attempt, error) {
	if a.RetryOf == uuid.Nil || a.Message != nil {
		return store.Attempt{}, errTodo
	}
	return s.Retry(ctx, org, subscription, a.RetryOf, newRetry{a.ID, a.At, a.By, a.ExpiresAt})
}

type newRetry struct {
	ID        uuid.UUID
	At        time.Time
	By        string
	ExpiresAt time.Time
}

func (s *Store) Report(ctx context.Context, org, subscription, attempt uuid.UUID, decide func(store.Attempt) (*store.Report, error)) (store.Attempt, error) {
	return store.Attempt{}, errTodo
}

func (s *Store) Durations(ctx context.Context, q store.DurationQuery) ([]store.DurationCount, error) {
	return nil, errTodo
}

func (s *Store) CountRecoverable(ctx context.Context, r store.Recovery) (int, error) {
	return 0, errTodo
}

func (s *Store) CreateRecovery(ctx context.Context, r store.Recovery) error { return errTodo }

func (s *Store) Recovery(ctx context.Context, org, subscription, id uuid.UUID) (store.Recovery, error) {
	return store.Recovery{}, errTodo
}

func (s *Store) StopRecovery(ctx context.Context, org, subscription, id uuid.UUID, at time.Time) error {
	return errTodo
}

func (s *Store) AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (bool, error) {
	return false, errTodo
}
