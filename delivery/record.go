package delivery

import (
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	// recorders write at the same time: while one commits the other gathers.
	recorders = 2
	// maxRecord bounds a batch.
	maxRecord = 200
)

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
