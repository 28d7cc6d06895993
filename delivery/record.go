package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	// recorders is how many goroutines record: while one commits, the next batch of the other one grows.
	recorders = 2
	// maxRecord bounds a batch.
	maxRecord = 200
)

// recordLoop writes results in batches. A batch has the results that arrived while the last batch
// was written: one at low load, without a wait, and many at high load.
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
		for range batch[1:] { // from here on, one goroutine has the results
			r.activity.End()
		}
		r.record(batch)
		r.leases.remove(batch)
		r.recording.Add(-int32(len(batch)))
		r.activity.End()
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
		case b.Number == 1 && b.outcome.Next == nil && !r.exhausted(b):
			simple = append(simple, b)
		default:
			chained = append(chained, b)
		}
	}
	r.batched("defer", len(deferrals))
	kept := r.recordOutcomes(simple) // in a call of their own, because that is quicker: see store.Queue
	kept = append(kept, r.recordOutcomes(chained)...)
	r.noteHealth(kept)
	r.persist(len(deferrals), func(ctx context.Context, from, to int) ([]uuid.UUID, error) {
		return r.cfg.Store.Defer(ctx, deferrals[from:to])
	})
	r.releaseLate(batch)
}

// recordOutcomes returns the results that are recorded.
func (r *run) recordOutcomes(ended []*result) (kept []*result) {
	r.batched("record", len(ended))
	outcomes := make([]store.Outcome, len(ended))
	for i := range ended {
		outcomes[i] = ended[i].outcome
	}
	lost, failed := r.persist(len(outcomes), func(ctx context.Context, from, to int) ([]uuid.UUID, error) {
		return r.cfg.Store.Record(r.tellingOfExhausted(ctx, ended[from:to]), outcomes[from:to])
	})
	var advanced time.Time // the first delivery of a sequence that went on
	for i, b := range ended {
		if failed[i] {
			continue
		}
		r.recorded(b, lost[b.AttemptID])
		if !lost[b.AttemptID] {
			kept = append(kept, b)
			if began := time.Unix(b.DeliveryID.Time().UnixTime()); b.to != nil && b.to.Ordered && (advanced.IsZero() || began.Before(advanced)) {
				advanced = began
			}
		}
	}
	if !advanced.IsZero() { // the next attempt of a sequence can be claimed, and may have been due for as long as this one
		r.rescanFrom(advanced.Add(-maxLookBack))
	}
	return kept
}

// recorded tells the host of an outcome that was written, wakes the claims for the next attempt, and
// deactivates a subscription whose endpoint is gone.
func (r *run) recorded(b *result, lost bool) {
	o := &b.outcome
	n := Notice{
		Kind: AttemptEnded, OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID,
		MessageID: b.MessageID, AttemptID: b.AttemptID, Number: b.Number,
		Status: o.Status, HTTPStatus: o.HTTPStatus, Duration: o.Duration, Class: b.failure, Reason: o.Error,
	}
	if lost {
		n.Kind = LeaseLost
		r.notify(n)
		return
	}
	r.measureOutcome(b)
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
