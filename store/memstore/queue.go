package memstore

import (
	"container/heap"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Claim leases attempts that are due.
func (s *Store) Claim(ctx context.Context, opts store.ClaimOptions) ([]store.Job, time.Time, error) {
	now := s.clock.Now()
	if err := s.lock(ctx); err != nil {
		return nil, now, err
	}
	defer s.unlock()
	now = s.clock.Now().UTC()
	var due, passed []*attempt
	for len(due) < opts.Max && len(s.due) > 0 && !s.due[0].due.After(now) {
		a := heap.Pop(&s.due).(*attempt)
		if a.due.Before(opts.Since) || !opts.Until.IsZero() && !a.due.Before(opts.Until) ||
			slices.Contains(opts.SkipSubscriptions, a.SubscriptionID) ||
			slices.Contains(opts.SkipOrganizations, a.OrganizationID) || !s.hasTurn(a) {
			passed = append(passed, a)
		} else {
			due = append(due, a)
		}
	}
	if len(due) < opts.Max && len(s.due) > 0 { // everything that is due now was popped
		s.wakeAt(s.due[0].due)
	}
	for _, a := range passed {
		heap.Push(&s.due, a)
	}
	var jobs []store.Job
	for _, a := range due {
		dueAt := a.due
		j := s.lease(a, opts.Lease)
		j.DueAt = dueAt
		jobs = append(jobs, j)
	}
	return jobs, now, nil
}

// lease gives an attempt to a dispatcher.
func (s *Store) lease(a *attempt, lease time.Duration) store.Job {
	s.token++
	a.token = s.token
	s.schedule(a, store.Sending, s.clock.Now().Add(lease))
	return store.Job{
		Lease:                store.Lease{AttemptID: a.ID, Token: a.token, Number: a.Number},
		DeliveryID:           a.DeliveryID,
		MessageID:            a.MessageID,
		OrganizationID:       a.OrganizationID,
		SubscriptionID:       a.SubscriptionID,
		SubscriptionRevision: a.subscription.Revision,
		Step:                 a.Step,
		Type:                 a.Type,
		CreatedAt:            a.CreatedAt,
		ExpiresAt:            a.expiresAt,
		Body:                 a.message.Body,
		TraceContext:         a.message.TraceContext,
	}
}

// held returns the attempt of a lease that has not been lost, or nil.
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
	lostLease := func(o store.Outcome) bool { return s.held(o.Lease) == nil }
	news, err := s.news(ctx, store.Change{Recorded: slices.DeleteFunc(slices.Clone(outcomes), lostLease)})
	if err != nil {
		return nil, err
	}
	var lost []uuid.UUID
	for _, o := range outcomes {
		if a := s.held(o.Lease); a != nil {
			s.unqueue(a)
			s.follow(a, a.delivery.chain.Record(&a.Attempt, o), o.Next)
		} else {
			lost = append(lost, o.AttemptID)
		}
	}
	return lost, s.tell(ctx, news)
}

// follow adds the automatic retry of an attempt; nil for none.
func (s *Store) follow(a *attempt, retry *store.Attempt, next *store.Next) {
	if retry != nil {
		s.add(&attempt{
			Attempt: *retry,
			message: a.message, subscription: a.subscription, delivery: a.delivery, expiresAt: a.expiresAt, place: -1,
		}, s.notBefore(next.DueAt))
	}
}

// Defer gives claimed attempts back.
func (s *Store) Defer(ctx context.Context, deferrals []store.Deferral) ([]uuid.UUID, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	var lost []uuid.UUID
	for _, d := range deferrals {
		a := s.held(d.Lease)
		if a == nil {
			lost = append(lost, d.AttemptID)
			continue
		}
		switch sub := s.subscriptions[a.SubscriptionID]; {
		case !d.Held:
			s.queue(a, s.notBefore(d.DueAt))
		case sub == nil || sub.deleted || sub.Archived:
			s.queue(a, s.clock.Now())
		default:
			s.queue(a, s.notBefore(d.DueAt))
			a.HeldUntil = store.WholeMilliseconds(a.due)
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
		target := store.Target{Subscription: copySubscription(sub.Subscription), Health: sub.health, Deleted: sub.deleted}
		for i := range target.Selectors {
			target.Selectors[i].EventType = store.EventTypeRef{}
		}
		for _, secret := range slices.Backward(sub.secrets) {
			if secret.ValidTo.IsZero() || secret.ValidTo.After(secretsSince) {
				target.Secrets = append(target.Secrets, copySecret(*secret))
			}
		}
		out[id] = target
	}
	return out, nil
}

// Release makes held attempts due.
func (s *Store) Release(ctx context.Context, subscription uuid.UUID) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if sub := s.subscriptions[subscription]; sub != nil {
		s.followChange(sub, store.QueueChange{ReleaseHeld: true}, time.Time{})
	}
	return nil
}

// UpdateHealth changes the health of endpoints.
func (s *Store) UpdateHealth(
	ctx context.Context, subscriptions []uuid.UUID, change func(subscription uuid.UUID, h *store.Health),
) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	changed := map[*subscription]store.Health{}
	for _, id := range subscriptions {
		sub := s.subscriptions[id]
		if sub == nil || sub.deleted {
			continue
		}
		h, again := changed[sub]
		if !again {
			h = sub.health
		}
		change(id, &h)
		for _, t := range []*time.Time{
			&h.Since, &h.CountedUntil, &h.ProbeAt, &h.ProbeUntil, &h.BackPressureSince, &h.BackPressureUntil,
		} {
			*t = store.WholeMilliseconds(*t)
		}
		changed[sub] = h
	}
	news, err := s.news(ctx, store.Change{})
	if err != nil {
		return err
	}
	for sub, h := range changed {
		sub.health = h
	}
	s.audit(ctx)
	return s.tell(ctx, news)
}
