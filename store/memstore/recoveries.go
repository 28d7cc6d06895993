package memstore

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type recovery struct {
	store.Recovery
	due  time.Time // when its next step is due
	from place
}

// A place is where a recovery is: behind a failed delivery, or a missed message.
type place struct {
	missed bool
	after  uuid.UUID
}

// A find is something to recover.
type find struct {
	place
	delivery *delivery // that failed; nil for a missed message
	message  *message  // of the attempt to be added
}

// CountRecoverable counts the deliveries and messages that a recovery would queue now.
func (s *Store) CountRecoverable(ctx context.Context, r store.Recovery) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.unlock()
	sub, err := s.subscription(r.OrganizationID, r.SubscriptionID)
	if err != nil {
		return 0, err
	}
	n := 0
	for range s.recoverable(r, sub, place{}) {
		n++
	}
	return n, nil
}

// CreateRecovery adds a job.
func (s *Store) CreateRecovery(ctx context.Context, r store.Recovery) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if _, err := s.subscription(r.OrganizationID, r.SubscriptionID); err != nil {
		return err
	}
	if s.recoveries[r.ID] != nil {
		return errDuplicateID
	}
	r.State, r.Queued, r.FinishedAt = store.RecoveryRunning, 0, time.Time{}
	r.Since, r.Until, r.CreatedAt = store.WholeMilliseconds(r.Since), store.WholeMilliseconds(r.Until), store.WholeMilliseconds(r.CreatedAt)
	s.recoveries[r.ID] = &recovery{Recovery: r, due: s.clock.Now()}
	s.audit(ctx)
	return nil
}

// recovery finds a job of an organization's subscription.
func (s *Store) recovery(org, subscription, id uuid.UUID) (*recovery, error) {
	if _, err := s.subscription(org, subscription); err != nil {
		return nil, err
	}
	r := s.recoveries[id]
	if r == nil || r.SubscriptionID != subscription {
		return nil, notFound("recovery", id)
	}
	return r, nil
}

// Recovery returns a job.
func (s *Store) Recovery(ctx context.Context, org, subscription, id uuid.UUID) (store.Recovery, error) {
	return read(ctx, s, func() (*recovery, error) { return s.recovery(org, subscription, id) },
		func(r *recovery) store.Recovery { return r.Recovery })
}

// StopRecovery ends a job that is running.
func (s *Store) StopRecovery(ctx context.Context, org, subscription, id uuid.UUID, at time.Time) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	r, err := s.recovery(org, subscription, id)
	if err != nil {
		return err
	}
	if r.State != store.RecoveryRunning {
		return nil
	}
	ended := *r
	ended.end(store.RecoveryStopped, at)
	news, err := s.news(ctx, store.Change{Ended: &ended.Recovery})
	if err != nil {
		return err
	}
	*r = ended
	s.audit(ctx)
	return s.tell(ctx, news)
}

func (r *recovery) end(state store.RecoveryState, at time.Time) {
	r.State, r.FinishedAt = state, store.WholeMilliseconds(at)
}

// AdvanceRecovery queues the next attempts of a job.
func (s *Store) AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (bool, error) {
	r, err := s.advanceDue(ctx, opts)
	if err == nil && r != nil && r.State != store.RecoveryRunning && opts.Ended != nil {
		opts.Ended(*r)
	}
	return r != nil, err
}

// advanceDue does one step of the job that has been due longest, and returns the job as it is
// after the step; nil if no job is due.
func (s *Store) advanceDue(ctx context.Context, opts store.AdvanceOptions) (*store.Recovery, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	r := s.dueRecovery()
	if r == nil {
		return nil, nil
	}
	err := s.advance(ctx, r, s.subscriptions[r.SubscriptionID], opts)
	after := r.Recovery
	return &after, err
}

// dueRecovery returns the running job that has been due longest, or nil.
func (s *Store) dueRecovery() *recovery {
	var first *recovery
	now := s.clock.Now()
	for _, r := range s.recoveries {
		if r.State != store.RecoveryRunning || r.due.After(now) {
			continue
		}
		if first == nil || r.due.Before(first.due) || r.due.Equal(first.due) && compare(r.ID, first.ID) < 0 {
			first = r
		}
	}
	return first
}

func (s *Store) advance(ctx context.Context, r *recovery, sub *subscription, opts store.AdvanceOptions) error {
	after, b := *r, newBatch()
	if sub.deleted || sub.Archived {
		after.end(store.RecoveryStopped, opts.At)
	} else {
		more, err := s.queueNext(&after, sub, b, opts)
		if err != nil {
			return err
		}
		if !more {
			after.end(store.RecoveryDone, opts.At)
		}
	}
	var news []store.NewMessage
	if after.State != store.RecoveryRunning {
		var err error
		if news, err = s.news(ctx, store.Change{Ended: &after.Recovery}); err != nil {
			return err
		}
	}
	*r = after
	s.apply(b)
	return s.tell(ctx, news)
}

// queueNext adds the next attempts of a job to a batch, and reports whether the job goes on.
func (s *Store) queueNext(r *recovery, sub *subscription, b *batch, opts store.AdvanceOptions) (more bool, err error) {
	from, now := r.from, s.clock.Now()
	for f := range s.recoverable(r.Recovery, sub, r.from) {
		if len(b.attempts) >= r.Batch(opts.Max) {
			more = true
			break
		}
		from = f.place
		if f.message.Expunged.Is() {
			continue
		}
		a := f.attempt(sub, store.NewAttempt{ID: opts.NewID(), At: opts.At, By: r.CreatedBy, ExpiresAt: opts.ExpiresAt})
		if err := s.claimID(a.ID, b, nil); err != nil {
			return false, err
		}
		a.due = now
		b.attempts = append(b.attempts, a)
	}
	r.from, r.due = from, now.Add(r.Wait(len(b.attempts)))
	r.Queued += len(b.attempts)
	return more, nil
}

// attempt makes the attempt that recovers the find.
func (f find) attempt(sub *subscription, a store.NewAttempt) *attempt {
	if f.delivery == nil {
		a.Type = store.FirstPost
		return newAttempt(sub, &delivery{id: a.ID}, f.message, a)
	}
	a.Type, a.RetryOf = store.ManualRetry, f.delivery.chain.Latest().ID
	return newAttempt(sub, f.delivery, f.message, a)
}

// recoverable returns the things that a recovery finds from a place on, in its order.
func (s *Store) recoverable(r store.Recovery, sub *subscription, from place) iter.Seq[find] {
	return func(yield func(find) bool) {
		if r.Scope != store.RecoverMissed && !from.missed {
			for _, d := range sub.deliveries {
				if compare(d.id, from.after) <= 0 || !r.Retries(d.chain) {
					continue
				}
				if !yield(find{place{false, d.id}, d, s.messages[d.chain.Latest().MessageID]}) {
					return
				}
			}
			from.after = uuid.Nil
		}
		if r.Scope == store.RecoverFailed {
			return
		}
		missed := func(m *message) bool {
			return m.OrganizationID == sub.OrganizationID && compare(m.ID, from.after) > 0 &&
				!m.deliveredTo(sub) && r.Posts(m.Message, sub.Subscription)
		}
		for _, m := range chosen(maps.Values(s.messages), missed, messageID) {
			if !yield(find{place{true, m.ID}, nil, m}) {
				return
			}
		}
	}
}

// deliveredTo reports whether the message began a delivery to the subscription.
func (m *message) deliveredTo(sub *subscription) bool {
	return slices.ContainsFunc(m.attempts, func(a *attempt) bool { return a.subscription == sub && a.Number == 1 })
}
