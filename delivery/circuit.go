package delivery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A circuit breaker keeps the queue of an endpoint that fails from being posted again
// and again. Its state is the store.Health of the subscription, so that it counts over
// all hosts; breaker.go has its rules. While the circuit is open one attempt at a time is
// made, a probe, by the host that claims an attempt first. Tests and manual retries are
// probes at any time: a person asked for them. All other attempts are held: given back to
// the store, and released when a probe succeeds.

// circuitOpen reports whether attempts are held back.
func (t *target) circuitOpen() bool { return circuitOpen(t.Health) }

// circuitOpen reports whether the subscription's circuit is known to be open.
func (c *targets) circuitOpen(subscription uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.m[subscription]
	return t != nil && t.circuitOpen()
}

// probe reports whether a task may be sent although the circuit is open. If not, it is
// held.
func (r *run) probe(t *task, to *target, now time.Time) bool {
	health, won, exists := to.Health, false, false
	asked := (t.Type == store.ManualRetry || t.Type == store.TestPost) && r.holds.ask(t.SubscriptionID, now)
	if asked || !now.Before(health.ProbeAt) {
		ctx, cancel := r.bounded(r.sending)
		err := r.cfg.Store.UpdateHealth(ctx, []uuid.UUID{t.SubscriptionID}, func(_ uuid.UUID, h *store.Health) {
			*h, won = beginProbe(*h, now, r.timeout(to)+leaseMargin, asked)
			health, exists = *h, true
		})
		cancel()
		if err != nil {
			r.outage.failed(err)
			r.giveBack(t, now.Add(time.Second))
			return false
		}
		r.targets.forget(t.SubscriptionID)
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
	r.deferTo(t, due, true)
	r.wakeAt(due)
	return false
}

// maxHold is how long an attempt is held at most before it is looked at again, up to a
// quarter more. It bounds how long attempts stay where a host dies after it closed the
// circuit, and before it released them.
const maxHold = time.Hour

// holdsEnd is how long after the circuit closed no host holds attempts any more: a host
// knows the circuit as open for targetTTL, and then has an attempt to record.
const holdsEnd = 2 * targetTTL

const (
	// maxAsked is how many probes that a person asked for may begin in each askedWindow, of
	// one subscription in one process. A recovery asks for thousands of manual retries: those
	// beyond maxAsked are held as all other attempts are.
	maxAsked    = CircuitAfter
	askedWindow = 10 * time.Second
)

// holds plans when held attempts become due: one after the other, as far apart as probes
// are, so that there is one for each probe and a long queue is not claimed for nothing.
type holds struct {
	mu      sync.Mutex
	planned map[uuid.UUID]hold // by subscription
	sweepAt int                // how many there may be before old ones are dropped
}

// hold is the plan of one open circuit.
type hold struct {
	since time.Time // of the Health: another one means that the circuit was closed meanwhile
	last  time.Time // when the attempt that was held last becomes due

	window time.Time // when the present askedWindow began
	asked  int       // probes in it that a person asked for
}

// ask reports whether a probe that a person asked for may begin, and counts it.
func (h *holds) ask(subscription uuid.UUID, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.planned[subscription]
	if now.Sub(p.window) >= askedWindow {
		p.window, p.asked = now, 0
	}
	if p.asked == maxAsked {
		return false
	}
	p.asked++
	h.planned[subscription] = p
	return true
}

func (h *holds) plan(subscription uuid.UUID, health store.Health, now time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.planned) >= h.sweepAt {
		for id, p := range h.planned {
			if p.last.Before(now) && now.Sub(p.window) >= askedWindow {
				delete(h.planned, id)
			}
		}
		h.sweepAt = max(1000, 2*len(h.planned))
	}
	wait := absenceWait(now.Sub(health.Since))
	at := health.ProbeAt
	if !at.After(now) { // another probe is under way
		at = now.Add(wait)
	}
	p := h.planned[subscription]
	if p.since.Equal(health.Since) && !p.last.Before(at) {
		at = p.last.Add(wait)
	}
	if at.Sub(now) > maxHold {
		return now.Add(maxHold + rand.N(maxHold/4)) //nolint:gosec // only so that they do not all come at once
	}
	p.since, p.last = health.Since, at
	h.planned[subscription] = p
	return at
}

// release makes the held attempts of a subscription due.
func (r *run) release(subscription uuid.UUID) {
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		return nil, r.cfg.Store.Release(ctx, subscription)
	})
	if err != nil {
		r.lasts(slog.LevelError, "webhooks: held attempts could not be released; they are sent later", nil,
			"subscription", subscription, "error", err)
	}
	r.signal()
}

// CloseCircuit closes the circuit of a subscription, if it is open, and makes the attempts
// due that it holds. Its failures are forgiven; back-pressure stays. Hosts that know the
// circuit as open go on holding attempts for up to targetTTL; these attempts are made due
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
	e.targets.forget(subscription)
	e.notify(Notice{Kind: CircuitClosed, OrganizationID: org, SubscriptionID: subscription})
	time.AfterFunc(holdsEnd, func() {
		ctx, cancel := e.bounded(context.Background())
		defer cancel()
		_ = e.cfg.Store.Release(ctx, subscription) // maxHold bounds how long attempts stay otherwise
		e.Wake()
	})
	defer e.Wake()
	return e.cfg.Store.Release(ctx, subscription)
}

// healthChange is the outcomes of one endpoint in a batch, and its Health before and after.
type healthChange struct {
	results       []*result
	before, after store.Health
}

// noteHealth updates the Health of endpoints by recorded outcomes, and tells the host of
// changes. An endpoint that works costs nothing.
func (r *run) noteHealth(ended []*result) {
	slices.SortStableFunc(ended, func(a, b *result) int { return a.seen.ended.Compare(b.seen.ended) })
	changes := map[uuid.UUID]*healthChange{}
	var ids []uuid.UUID
	for _, b := range ended {
		c := changes[b.SubscriptionID]
		if b.seen.ended.IsZero() || c == nil && !b.tellsOfHealth() {
			continue
		}
		if c == nil {
			c = &healthChange{}
			changes[b.SubscriptionID] = c
			ids = append(ids, b.SubscriptionID)
		}
		c.results = append(c.results, b)
	}
	if len(ids) == 0 {
		return
	}
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		return nil, r.cfg.Store.UpdateHealth(ctx, ids, func(id uuid.UUID, h *store.Health) { changes[id].apply(h) })
	})
	if err != nil {
		r.lasts(slog.LevelError, "webhooks: the health of endpoints could not be recorded", nil, "error", err)
		return
	}
	for _, id := range ids {
		r.followHealth(changes[id])
	}
}

// tellsOfHealth reports whether the result may change the Health of the endpoint. A success
// does only if there were failures or back-pressure when it began.
func (b *result) tellsOfHealth() bool {
	if b.seen.kind != succeeded {
		return true
	}
	return b.to != nil && b.to.Health != observe(b.to.Health, b.seen)
}

func (c *healthChange) apply(h *store.Health) {
	c.before = *h
	for _, b := range c.results {
		*h = observe(*h, b.seen)
	}
	c.after = *h
}

// followHealth does what a change in the health of an endpoint calls for.
func (r *run) followHealth(c *healthChange) {
	b := c.results[len(c.results)-1]
	was, is := circuitOpen(c.before), circuitOpen(c.after)
	opened := b.to != nil && !b.to.circuitOpen() && is // by another host, perhaps
	if opened || decisive(c.before) != decisive(c.after) {
		r.targets.forget(b.SubscriptionID)
	}
	n := Notice{OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Reason: b.outcome.Error}
	switch {
	case is && !was:
		n.Kind = CircuitOpened
		r.notify(n)
	case was && !is:
		r.release(b.SubscriptionID)
		r.recorders.Go(func() { // attempts that any host was about to hold at that moment
			r.wait(nil, holdsEnd)
			r.release(b.SubscriptionID)
		})
		n.Kind = CircuitClosed
		r.notify(n)
	}
	if hopeless(c.after, b.seen.ended) {
		r.deactivate(b, "nothing but failures for 5 days")
	}
}

// decisive is the part of a Health on which the next attempts depend.
func decisive(h store.Health) store.Health {
	h.Failures = min(h.Failures, 1)
	h.CountedUntil, h.Since = time.Time{}, time.Time{}
	return h
}
