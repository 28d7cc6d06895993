package delivery

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A circuit breaker keeps the queue of an endpoint that fails from being posted again
// and again. Its state is the store.Health of the subscription, so that it counts over
// all hosts; breaker.go has its rules. While the circuit is open one attempt at a time is
// made, a probe, by the host that claims an attempt first. Tests and manual retries are
// probes at any time, because a person asked for them. All other attempts are held: given back to
// the store, and released when a probe succeeds.

// probe reports whether a task may be sent although the circuit is open. If not, it is
// held.
func (r *run) probe(t *task, to *endpoint, now time.Time) bool {
	health, won, exists := to.Health, false, false
	asked := (t.Type == store.ManualRetry || t.Type == store.TestPost) && r.holds.admitManual(t.SubscriptionID, now)
	reserved := r.timeout(to) + leaseMargin
	if _, due := beginProbe(health, now, reserved, asked); due && (asked || r.holds.beginTry(t.SubscriptionID)) {
		ctx, cancel := r.bounded(r.sending)
		err := r.cfg.Store.UpdateHealth(ctx, []uuid.UUID{t.SubscriptionID}, func(_ uuid.UUID, h *store.Health) {
			*h, won = beginProbe(*h, now, reserved, asked)
			health, exists = *h, true
		})
		cancel()
		r.endpoints.forget(t.SubscriptionID)
		if !asked {
			r.holds.endTry(t.SubscriptionID)
		}
		if err != nil {
			r.outage.failed(err)
			r.giveBack(t, now.Add(time.Second))
			return false
		}
		if !exists { // the subscription was deleted meanwhile: the next look at the attempt cancels it
			r.giveBack(t, now)
			return false
		}
	}
	if won || !circuitOpen(health) {
		return true
	}
	due := wholeMilliseconds(r.holds.plan(t.SubscriptionID, health, now))
	if due.After(t.ExpiresAt) {
		due = t.ExpiresAt
	}
	r.deliver(&result{task: t, deferral: &store.Deferral{Lease: t.Lease, DueAt: due, Held: true}, heldAt: now})
	r.wakeAt(due)
	return false
}

// holdsEnd is how long after the circuit closed no host holds attempts any more: a host
// knows the circuit as open for endpointTTL, and then has an attempt to record.
const holdsEnd = 2 * endpointTTL

// release makes the held attempts of a subscription due.
func (r *run) release(subscription uuid.UUID) {
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		return nil, r.cfg.Store.Release(ctx, subscription)
	})
	if err != nil {
		r.logCondition(slog.LevelError, "webhooks: held attempts could not be released; they are sent later", nil,
			"subscriptionId", subscription, "error", err)
	}
	r.signal()
}

// releaseLate releases attempts of a batch again that were held and then recorded late: their circuit may have closed, and
// released its attempts, in between. Attempts of one subscription are planned one after the other, so the last
// one of a long queue would wait for up to maxHold.
func (r *run) releaseLate(batch []*result) {
	recorded := r.cfg.Clock.Now()
	var late []uuid.UUID
	for _, b := range batch {
		if !b.heldAt.IsZero() && recorded.Sub(b.heldAt) > holdsEnd-endpointTTL && !slices.Contains(late, b.SubscriptionID) {
			late = append(late, b.SubscriptionID)
		}
	}
	if len(late) == 0 {
		return
	}
	var health map[uuid.UUID]store.Target
	_, err := r.persistent(func(ctx context.Context) (_ []uuid.UUID, err error) {
		health, err = r.cfg.Store.Targets(ctx, late, recorded)
		return nil, err
	})
	for _, id := range late {
		if err != nil || !circuitOpen(health[id].Health) {
			r.release(id)
		}
	}
}

// CloseCircuit closes the circuit of a subscription, if it is open, and makes the attempts
// due that it holds. Its failures are forgiven; back-pressure stays. Hosts that know the
// circuit as open go on holding attempts for up to endpointTTL; these attempts are made due
// after that, so the last ones are sent 2 s later.
func (e *Engine) CloseCircuit(ctx context.Context, org, subscription uuid.UUID) error {
	closed := false
	err := e.cfg.Store.UpdateHealth(ctx, []uuid.UUID{subscription}, func(_ uuid.UUID, h *store.Health) {
		if closed = circuitOpen(*h); closed {
			*h = closeCircuit(*h)
		}
	})
	if err != nil || !closed {
		return err
	}
	e.endpoints.forget(subscription)
	e.notify(Notice{Kind: CircuitClosed, OrganizationID: org, SubscriptionID: subscription})
	e.cfg.Clock.AfterFunc(holdsEnd, func() {
		ctx, cancel := e.bounded(context.Background())
		defer cancel()
		_ = e.cfg.Store.Release(ctx, subscription) // maxHold bounds how long attempts stay otherwise
		e.Wake()
	})
	defer e.Wake()
	return e.cfg.Store.Release(ctx, subscription)
}
