package delivery

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/store"
)

// maxDrift is how far the clocks of the store and of this process may move apart before hostTimes reads them again. Claims
// that take long do not make it read them: a reading that is wrong by a little would change times that are compared.
const maxDrift = time.Second

// hostTimes is a store for one process. Hosts with different clocks share a store.Health, so the store keeps the times of
// a Health by the store's clock. Through hostTimes the times are by the clock of the process, with the monotonic
// reading, so that they stay right although somebody sets the clock of the process.
type hostTimes struct {
	Store
	clock clock.Clock
	last  atomic.Pointer[clockReading]
}

// A clockReading is a moment by two clocks: that of the process, with the monotonic reading, and that of the store.
type clockReading struct{ host, store time.Time }

func withHostTimes(s Store, c clock.Clock) *hostTimes {
	now, h := c.Now(), &hostTimes{Store: s, clock: c}
	h.last.Store(&clockReading{now, now.UTC()}) // until the first claim: the same clock
	return h
}

// Claim implements store.Queue. It compares the clocks.
func (h *hostTimes) Claim(ctx context.Context, opts store.ClaimOptions) ([]store.Job, time.Time, error) {
	from := h.clock.Now()
	jobs, at, err := h.Store.Claim(ctx, opts)
	if to, last := h.clock.Now(), h.last.Load(); err == nil && outside(at, last.toStore(from), last.toStore(to)).Abs() > maxDrift {
		h.last.Store(&clockReading{from.Add(to.Sub(from) / 2), at.UTC()})
	}
	return jobs, at, err
}

// UpdateHealth implements store.Queue.
func (h *hostTimes) UpdateHealth(
	ctx context.Context, subscriptions []uuid.UUID, change func(subscription uuid.UUID, h *store.Health),
) error {
	last := h.last.Load()
	return h.Store.UpdateHealth(ctx, subscriptions, func(id uuid.UUID, h *store.Health) {
		before := translated(*h, last.toHost)
		after := before
		if change(id, &after); after != before {
			*h = translated(after, last.toStore)
		}
	})
}

// Targets implements store.Queue.
func (h *hostTimes) Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	last := h.last.Load()
	found, err := h.Store.Targets(ctx, subscriptions, secretsSince)
	for id, t := range found {
		t.Health = translated(t.Health, last.toHost)
		found[id] = t
	}
	return found, err
}

func (r *clockReading) toHost(t time.Time) time.Time { return r.host.Add(t.Sub(r.store)) }

func (r *clockReading) toStore(t time.Time) time.Time { return r.store.Add(t.Sub(r.host)) }

// translated returns the Health with all times translated that are not zero.
func translated(h store.Health, translate func(time.Time) time.Time) store.Health {
	for _, t := range []*time.Time{
		&h.Since, &h.CountedUntil, &h.ProbeAt, &h.ProbeUntil, &h.BackPressureSince, &h.BackPressureUntil,
	} {
		if !t.IsZero() {
			*t = translate(*t)
		}
	}
	return h
}
