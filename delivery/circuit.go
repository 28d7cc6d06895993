package delivery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A circuit keeps what is queued for an endpoint that does not work from being
// posted again and again. It is open after so many failures without a success
// between them, over all hosts, because what is known of an endpoint is in the
// store. Then one attempt is made at a time, at growing intervals, by whichever host
// comes first; the others are given back until then, and released when one
// succeeds.
const (
	// CircuitAfter is how many attempts to a subscription have to fail in a row.
	CircuitAfter = 10
	// FirstProbe is how long after that the first one is made. Each wait is double the
	// one before, up to LastProbe.
	FirstProbe = 30 * time.Second
	LastProbe  = time.Hour
	// GiveUpAfter is for how long there may be nothing but failures, before the
	// subscription is deactivated.
	GiveUpAfter = 5 * 24 * time.Hour
)

// probeWait returns how long after so many probes the next one is made.
func probeWait(probes int) time.Duration {
	return min(FirstProbe<<min(probes, 16), LastProbe)
}

// circuitOpen reports whether attempts are held back.
func (t *target) circuitOpen() bool { return !t.ProbeAt.IsZero() }

// circuitOpen reports whether the subscription's circuit is known to be open.
func (c *targets) circuitOpen(subscription uuid.UUID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.m[subscription]
	return t != nil && t.circuitOpen()
}

// probe reports whether a task is the one that may be sent although the circuit is
// open. If not it is given back, until the next one may be.
func (r *run) probe(t task, to *target, now time.Time) bool {
	health, won := to.Health, false
	if !now.Before(health.ProbeAt) {
		ctx, cancel := r.bounded(r.sending)
		err := r.cfg.Store.UpdateHealth(ctx, []uuid.UUID{t.SubscriptionID}, func(_ uuid.UUID, h *store.Health) {
			if won = !h.ProbeAt.IsZero() && !now.Before(h.ProbeAt); won {
				h.Probes++
				h.ProbeAt = now.Add(probeWait(h.Probes))
			}
			health = *h
		})
		cancel()
		if err != nil {
			r.health.failed(err)
			r.giveBack(t, now.Add(time.Second))
			return false
		}
		r.targets.forget(t.SubscriptionID)
	}
	if won || health.ProbeAt.IsZero() {
		return true
	}
	due := health.ProbeAt.Add(rand.N(1 + health.ProbeAt.Sub(now)/4)) //nolint:gosec // only so that not all come at once
	if due.After(t.ExpiresAt) {
		due = t.ExpiresAt
	}
	r.deferTo(t, due, true)
	return false
}

// release has what waits for an endpoint sent.
func (r *run) release(subscription uuid.UUID) {
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		return nil, r.cfg.Store.Release(ctx, subscription)
	})
	if err != nil {
		r.lasts(slog.LevelError, "webhooks: attempts that wait for an endpoint could not be released; they are sent later", nil,
			"subscription", subscription, "error", err)
	}
	r.signal()
}

// change is what some outcomes say of an endpoint.
type change struct {
	last     *result   // of those that say something
	reset    bool      // one succeeded
	failures int       // since then
	since    time.Time // when the first of these was posted

	before, after store.Health
}

// noteHealth tells the store, and the host, what recorded outcomes mean for the
// endpoints. An endpoint that works costs nothing.
func (r *run) noteHealth(ended []*result) {
	changes := map[uuid.UUID]*change{}
	var ids []uuid.UUID
	for _, b := range ended {
		c := changes[b.SubscriptionID]
		well := b.outcome.Status == store.Succeeded
		if b.outcome.PostedAt.IsZero() || well && c == nil && (b.to == nil || b.to.Failures == 0) {
			continue
		}
		if c == nil {
			c = &change{}
			changes[b.SubscriptionID] = c
			ids = append(ids, b.SubscriptionID)
		}
		c.add(b, well)
	}
	if len(ids) == 0 {
		return
	}
	now := r.cfg.Now().UTC().Truncate(time.Millisecond)
	_, err := r.persistent(func(ctx context.Context) ([]uuid.UUID, error) {
		return nil, r.cfg.Store.UpdateHealth(ctx, ids, func(id uuid.UUID, h *store.Health) { changes[id].apply(h, now) })
	})
	if err != nil {
		r.lasts(slog.LevelError, "webhooks: the health of endpoints could not be recorded", nil, "error", err)
		return
	}
	for _, id := range ids {
		r.followHealth(changes[id], now)
	}
}

func (c *change) add(b *result, well bool) {
	c.last = b
	switch {
	case well:
		c.reset, c.failures = true, 0
	case c.failures == 0:
		c.since = b.outcome.PostedAt
		fallthrough
	default:
		c.failures++
	}
}

func (c *change) apply(h *store.Health, now time.Time) {
	c.before = *h
	if c.reset {
		*h = store.Health{}
	}
	if c.failures > 0 {
		if h.Failures == 0 {
			h.Since = c.since
		}
		h.Failures += c.failures
		if h.Failures >= CircuitAfter && h.ProbeAt.IsZero() {
			h.ProbeAt = now.Add(probeWait(0))
		}
	}
	c.after = *h
}

// followHealth does what a change in the health of an endpoint calls for.
func (r *run) followHealth(c *change, now time.Time) {
	b := c.last
	opened := b.to != nil && !b.to.circuitOpen() && !c.after.ProbeAt.IsZero() // by another host, perhaps
	if (c.before.Failures == 0) != (c.after.Failures == 0) || c.before.ProbeAt != c.after.ProbeAt || opened {
		r.targets.forget(b.SubscriptionID)
	}
	n := Notice{OrganizationID: b.OrganizationID, SubscriptionID: b.SubscriptionID, Reason: b.outcome.Error}
	switch wasOpen, open := !c.before.ProbeAt.IsZero(), !c.after.ProbeAt.IsZero(); {
	case open && !wasOpen:
		n.Kind = CircuitOpened
		r.notify(n)
	case wasOpen && !open:
		r.release(b.SubscriptionID)
		r.recorders.Go(func() { // what was on its way back there, in whatever host
			r.wait(nil, 2*targetTTL)
			r.release(b.SubscriptionID)
		})
		n.Kind = CircuitClosed
		r.notify(n)
	}
	if c.after.Failures > 0 && now.Sub(c.after.Since) >= GiveUpAfter {
		r.deactivate(b, "nothing but failures for 5 days")
	}
}
