package delivery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	// recorders write at the same time: while one commits the other gathers.
	recorders = 2
	// maxRecord bounds a batch.
	maxRecord = 200
	// flushTimeout bounds the last writes of a run that was aborted, all together.
	flushTimeout = time.Second
	// abortTimeout is how long after that an aborted run is waited for.
	abortTimeout = 500 * time.Millisecond
)

// result is the end of a task: a deferral, or else an outcome.
type result struct {
	*task
	outcome  store.Outcome
	deferral *store.Deferral
	seen     observation // zero if nothing was sent
	gone     bool
}

// recordLoop writes results in batches of whatever has gathered while the last
// batch was written: at low load one, without a wait; at high load many.
func (r *run) recordLoop() {
	batch := make([]*result, 0, maxRecord)
	for first := range r.results {
		batch = append(batch, first)
		for len(batch) < maxRecord {
			select {
			case next, ok := <-r.results:
				if ok {
					batch = append(batch, next)
					continue
				}
			default:
			}
			break
		}
		r.record(batch)
		clear(batch)
		batch = batch[:0]
	}
}

func (r *run) record(batch []*result) {
	var simple, chained []*result
	var deferrals []store.Deferral
	for _, b := range batch {
		switch {
		case b.deferral != nil:
			deferrals = append(deferrals, *b.deferral)
		case b.Number == 1 && b.outcome.Next == nil:
			simple = append(simple, b)
		default:
			chained = append(chained, b)
		}
	}
	kept := r.recordOutcomes(simple) // apart, because they are quick: see store.Queue
	kept = append(kept, r.recordOutcomes(chained)...)
	r.noteHealth(kept)
	r.persist(len(deferrals), func(ctx context.Context, from, to int) ([]uuid.UUID, error) {
		return r.cfg.Store.Defer(ctx, deferrals[from:to])
	})
}

// recordOutcomes returns the results that are recorded.
func (r *run) recordOutcomes(ended []*result) (kept []*result) {
	outcomes := make([]store.Outcome, len(ended))
	for i := range ended {
		outcomes[i] = ended[i].outcome
	}
	lost, failed := r.persist(len(outcomes), func(ctx context.Context, from, to int) ([]uuid.UUID, error) {
		return r.cfg.Store.Record(ctx, outcomes[from:to])
	})
	inLine := false
	for i, b := range ended {
		if failed[i] {
			continue
		}
		r.recorded(b, lost[b.AttemptID])
		if !lost[b.AttemptID] {
			kept = append(kept, b)
			inLine = inLine || b.to != nil && b.to.Ordered
		}
	}
	if inLine { // the next ones can be claimed, which were due before
		r.rescan.Store(true)
		r.signal()
	}
	return kept
}

// persist writes n items, for as long as it takes: while the store is away nobody
// else can make progress either, and the attempts were made. Items that the store
// refuses for another reason are tried one by one, so that a bad one does not take
// the others with it. It returns the attempts whose lease was lost, and which
// items could not be written; these become due again when their lease ends.
func (r *run) persist(n int, write func(ctx context.Context, from, to int) ([]uuid.UUID, error)) (lost map[uuid.UUID]bool, failed map[int]bool) {
	lost, failed = map[uuid.UUID]bool{}, map[int]bool{}
	try := func(from, to int) error {
		ids, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) { return write(ctx, from, to) })
		for _, id := range ids {
			lost[id] = true
		}
		return err
	}
	if n == 0 || try(0, n) == nil {
		return lost, failed
	}
	for i := range n {
		if err := try(i, i+1); err != nil {
			failed[i] = true
			r.lasts(slog.LevelError, "webhooks: a result could not be recorded", nil, "error", err)
		}
	}
	return lost, failed
}

// persistent calls write until it succeeds, fails for a reason other than the
// store being away, or the run was aborted and flushTimeout is over.
func (r *run) persistent(write func(context.Context) ([]uuid.UUID, error)) ([]uuid.UUID, error) {
	backOff := storeBackOff()
	for {
		ctx, cancel := r.bounded(r.writing)
		lost, err := write(ctx)
		cancel()
		if err == nil {
			r.outage.worked()
			return lost, nil
		}
		if !unavailable(err) {
			return nil, err
		}
		r.outage.failed(err)
		if r.sending.Err() != nil {
			return nil, errAborted
		}
		timer := time.NewTimer(backOff.NextBackOff())
		select {
		case <-timer.C:
		case <-r.sending.Done():
			timer.Stop()
		}
	}
}

// recorded does what follows when an outcome has been written.
func (r *run) recorded(b *result, lost bool) {
	o := &b.outcome
	n := Notice{
		Kind: AttemptEnded, OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID,
		MessageID: b.MessageID, AttemptID: b.AttemptID, Number: b.Number,
		Status: o.Status, HTTPStatus: o.HTTPStatus, Duration: o.Duration, Reason: o.Error,
	}
	if lost {
		n.Kind = LeaseLost
		r.notify(n)
		return
	}
	r.notify(n)
	if o.Next != nil {
		r.wakeAt(o.Next.DueAt)
	}
	switch {
	case o.Status == store.Succeeded && b.Number > 1:
		n.Kind = Recovered
		r.notify(n)
	case o.Status == store.Failed && o.Next == nil:
		n.Kind = Exhausted
		r.notify(n)
	case o.Status == store.Failed && b.Number == 1:
		n.Kind = FirstFailure
		r.notify(n)
	}
	if b.gone {
		r.deactivate(b, "the endpoint answered 410 Gone")
	}
}

// wakeAt makes a retry that is due before the next poll leave on time.
func (r *run) wakeAt(due time.Time) {
	if d := due.Sub(r.cfg.Now()); d < r.cfg.PollInterval {
		time.AfterFunc(max(d, 0), r.signal)
	}
}

// deactivate switches a subscription off.
func (r *run) deactivate(b *result, reason string) {
	now := r.cfg.Now().UTC().Truncate(time.Millisecond)
	changed := false
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		_, err := r.cfg.Store.UpdateSubscription(ctx, b.OrganizationID, b.SubscriptionID, now, func(s *store.Subscription) error {
			if changed = s.Active; changed {
				s.Active, s.ActiveChangedAt, s.InactiveReason, s.UpdatedAt, s.UpdatedBy = false, now, reason, now, ""
			}
			return nil
		})
		return nil, err
	})
	r.targets.forget(b.SubscriptionID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		r.lasts(slog.LevelError, "webhooks: a subscription could not be deactivated", b.SubscriptionID,
			"subscription", b.SubscriptionID, "error", err)
	case err == nil && changed:
		r.cfg.Logger.Warn("webhooks: subscription deactivated", "subscription", b.SubscriptionID, "organization", b.OrganizationID, "reason", reason)
		r.notify(Notice{Kind: SubscriptionDeactivated, OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Reason: reason})
	}
}
