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

// attempt is an attempt with its place in the queue.
type attempt struct {
	store.Attempt
	message   *message
	sub       *subscription
	chain     *chain
	step      int
	token     int64
	expiresAt time.Time
	dueAt     *time.Time // when it may be claimed; nil when it is not in the queue
	place     int        // in the queue; -1 for none
}

// chain is the attempts of a delivery, by number.
type chain struct{ attempts []*attempt }

func (c *chain) busy(except *attempt) bool {
	return slices.ContainsFunc(c.attempts, func(a *attempt) bool { return a != except && !a.Status.Finished() })
}

func (c *chain) last() *attempt { return c.attempts[len(c.attempts)-1] }

// add puts a new attempt in its places, due at the time.
func (s *Store) add(a *attempt, due time.Time) {
	s.attempts[a.ID] = a
	a.message.attempts = append(a.message.attempts, a)
	at, _ := slices.BinarySearchFunc(a.sub.attempts, a.ID, func(o *attempt, id uuid.UUID) int { return compare(o.ID, id) })
	a.sub.attempts = slices.Insert(a.sub.attempts, at, a)
	s.schedule(a, due)
}

func (s *Store) schedule(a *attempt, due time.Time) {
	a.dueAt = &due
	if a.place < 0 {
		heap.Push(&s.due, a)
	} else {
		heap.Fix(&s.due, a.place)
	}
}

// end finishes an attempt and takes it out of the queue.
func (s *Store) end(a *attempt, status store.Status, at time.Time) {
	if a.place >= 0 {
		heap.Remove(&s.due, a.place)
	}
	a.dueAt = nil
	a.Status, a.UpdatedAt, a.UpdatedBy = status, at, ""
}

// queue is a heap by due time.
type queue []*attempt

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if c := q[i].dueAt.Compare(*q[j].dueAt); c != 0 {
		return c < 0
	}
	return compare(q[i].ID, q[j].ID) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i]; q[i].place, q[j].place = i, j }
func (q *queue) Push(v any)   { a := v.(*attempt); a.place = len(*q); *q = append(*q, a) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	last.place = -1
	return last
}

// lease claims an attempt.
func (s *Store) lease(a *attempt, lease time.Duration) store.Job {
	a.Status = store.Sending
	a.token++
	s.schedule(a, now().Add(lease))
	return store.Job{
		Lease: store.Lease{AttemptID: a.ID, Token: a.token}, DeliveryID: a.DeliveryID, MessageID: a.MessageID,
		OrganizationID: a.OrganizationID, SubscriptionID: a.SubscriptionID, SubscriptionRevision: a.sub.Revision,
		Number: a.Number, Step: a.step, Type: a.Type, ExpiresAt: a.expiresAt, Body: a.message.Body,
	}
}

// Claim implements [store.Queue].
func (s *Store) Claim(ctx context.Context, most int, lease time.Duration) ([]store.Job, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var jobs []store.Job
	for len(jobs) < most && len(s.due) > 0 && !s.due[0].dueAt.After(now()) {
		jobs = append(jobs, s.lease(s.due[0], lease))
	}
	return jobs, nil
}

// held returns the attempt if the lease is still held.
func (s *Store) held(l store.Lease) *attempt {
	if a := s.attempts[l.AttemptID]; a != nil && a.Status == store.Sending && a.token == l.Token {
		return a
	}
	return nil
}

// Record implements [store.Queue].
func (s *Store) Record(ctx context.Context, outcomes []store.Outcome) (lost []uuid.UUID, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	for _, o := range outcomes {
		a := s.held(o.Lease)
		if a == nil {
			lost = append(lost, o.AttemptID)
			continue
		}
		s.end(a, o.Status, o.At)
		a.PostedAt, a.Duration, a.HTTPStatus = o.PostedAt, o.Duration.Truncate(time.Millisecond), o.HTTPStatus
		a.Response, a.Error = bytes.Clone(o.Response), o.Error
		if o.Next != nil && !a.chain.busy(a) {
			a.NextRetryAt = o.Next.DueAt
			s.follow(a, store.AutomaticRetry, o.Next.ID, o.Next.DueAt, store.Audit{CreatedAt: o.At, UpdatedAt: o.At})
		}
	}
	return lost, nil
}

// follow adds an attempt behind the chain's last one, as a retry of the given one.
func (s *Store) follow(of *attempt, t store.AttemptType, id uuid.UUID, due time.Time, audit store.Audit) *attempt {
	next := &attempt{
		message: of.message, sub: of.sub, chain: of.chain, expiresAt: of.expiresAt, step: of.step + 1, place: -1,
		Attempt: store.Attempt{
			ID: id, DeliveryID: of.DeliveryID, MessageID: of.MessageID, OrganizationID: of.OrganizationID,
			SubscriptionID: of.SubscriptionID, EventTypeID: of.EventTypeID,
			Number: of.chain.last().Number + 1, Type: t, RetryOf: of.ID, Audit: audit,
		},
	}
	of.chain.attempts = append(of.chain.attempts, next)
	s.add(next, due)
	return next
}

// Defer implements [store.Queue].
func (s *Store) Defer(ctx context.Context, deferrals []store.Deferral) (lost []uuid.UUID, err error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	wake := false
	for _, d := range deferrals {
		a := s.held(d.Lease)
		if a == nil {
			lost = append(lost, d.AttemptID)
			continue
		}
		a.Status = store.Pending
		s.schedule(a, d.DueAt)
		wake = wake || !d.DueAt.After(now())
	}
	if wake {
		s.wake()
	}
	return lost, nil
}

// Targets implements [store.Queue].
func (s *Store) Targets(ctx context.Context, ids []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := map[uuid.UUID]store.Target{}
	for _, id := range ids {
		sub := s.subscriptions[id]
		if sub == nil {
			continue
		}
		t := store.Target{Subscription: s.show(sub), Deleted: sub.deleted}
		for _, secret := range slices.Backward(sub.secrets) {
			if secret.ValidTo.IsZero() || secret.ValidTo.After(secretsSince) {
				t.Secrets = append(t.Secrets, copySecret(secret))
			}
		}
		out[id] = t
	}
	return out, nil
}
