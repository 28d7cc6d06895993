package memstore

import (
	"bytes"
	"container/heap"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Claim leases attempts that are due.
func (s *Store) Claim(ctx context.Context, limit int, lease time.Duration) ([]store.Job, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	now := time.Now()
	var due []*attempt
	for len(due) < limit && len(s.due) > 0 && !s.due[0].due.After(now) {
		due = append(due, heap.Pop(&s.due).(*attempt))
	}
	var jobs []store.Job
	for _, a := range due {
		jobs = append(jobs, s.lease(a, lease))
	}
	return jobs, nil
}

// lease gives an attempt to a dispatcher.
func (s *Store) lease(a *attempt, lease time.Duration) store.Job {
	s.token++
	a.Status, a.token, a.due = store.Sending, s.token, time.Now().Add(lease)
	s.schedule(a)
	return store.Job{
		Lease:                store.Lease{AttemptID: a.ID, Token: a.token, Number: a.Number},
		DeliveryID:           a.DeliveryID,
		MessageID:            a.MessageID,
		OrganizationID:       a.OrganizationID,
		SubscriptionID:       a.SubscriptionID,
		SubscriptionRevision: a.subscription.Revision,
		Step:                 a.Step,
		Type:                 a.Type,
		ExpiresAt:            a.expiresAt,
		Body:                 a.message.Body,
	}
}

// held returns the attempt of a lease that holds, or nil.
func (s *Store) held(l store.Lease) *attempt {
	if a := s.attempts[l.AttemptID]; a != nil && a.Status == store.Sending && a.token == l.Token {
		return a
	}
	return nil
}

// Record stores outcomes.
func (s *Store) Record(ctx context.Context, outcomes []store.Outcome) ([]uuid.UUID, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	b := newBatch()
	for _, o := range outcomes {
		if o.Next != nil && s.held(o.Lease) != nil {
			if err := s.claimID(o.Next.ID, b, nil); err != nil {
				return nil, err
			}
		}
	}
	var lost []uuid.UUID
	for _, o := range outcomes {
		if a := s.held(o.Lease); a != nil {
			s.record(a, o)
		} else {
			lost = append(lost, o.AttemptID)
		}
	}
	return lost, nil
}

func (s *Store) record(a *attempt, o store.Outcome) {
	s.finish(a, o.Status)
	a.PostedAt, a.Duration = stored(o.PostedAt), o.Duration.Truncate(time.Millisecond)
	a.HTTPStatus, a.Response, a.Error = o.HTTPStatus, bytes.Clone(o.Response), o.Error
	a.UpdatedAt, a.UpdatedBy = stored(o.At), ""
	s.follow(a, o.Next, o.At)
}

// Defer gives claimed attempts back.
func (s *Store) Defer(ctx context.Context, deferrals []store.Deferral) ([]uuid.UUID, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	var lost []uuid.UUID
	for _, d := range deferrals {
		if a := s.held(d.Lease); a != nil {
			s.queue(a, d.DueAt)
		} else {
			lost = append(lost, d.AttemptID)
		}
	}
	return lost, nil
}

// Targets returns subscriptions with the secrets that sign.
func (s *Store) Targets(
	ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time,
) (map[uuid.UUID]store.Target, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	out := map[uuid.UUID]store.Target{}
	for _, id := range subscriptions {
		sub := s.subscriptions[id]
		if sub == nil {
			continue
		}
		target := store.Target{Subscription: s.readSubscription(sub), Deleted: sub.deleted}
		for _, secret := range slices.Backward(sub.secrets) {
			if secret.ValidTo.IsZero() || secret.ValidTo.After(secretsSince) {
				target.Secrets = append(target.Secrets, copySecret(*secret))
			}
		}
		out[id] = target
	}
	return out, nil
}
