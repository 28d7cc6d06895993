package delivery_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// skewed is a store with a clock ahead of the engine's.
type skewed struct {
	store.Store
	ahead time.Duration
}

func (s *skewed) Claim(ctx context.Context, o store.ClaimOptions) ([]store.Job, time.Time, error) {
	if !o.Since.IsZero() {
		o.Since = o.Since.Add(-s.ahead)
	}
	jobs, at, err := s.Store.Claim(ctx, o)
	for i := range jobs {
		jobs[i].DueAt = jobs[i].DueAt.Add(s.ahead)
	}
	return jobs, at.Add(s.ahead), err
}

func (s *skewed) Targets(ctx context.Context, ids []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	found, err := s.Store.Targets(ctx, ids, secretsSince)
	for id, t := range found {
		t.Health = moved(t.Health, s.ahead)
		found[id] = t
	}
	return found, err
}

func (s *skewed) UpdateHealth(ctx context.Context, ids []uuid.UUID, change func(uuid.UUID, *store.Health)) error {
	return s.Store.UpdateHealth(ctx, ids, func(id uuid.UUID, h *store.Health) {
		*h = moved(*h, s.ahead)
		change(id, h)
		*h = moved(*h, -s.ahead)
	})
}

// moved returns the Health later by some time.
func moved(h store.Health, by time.Duration) store.Health {
	for _, t := range []*time.Time{&h.Since, &h.CountedUntil, &h.ProbeAt, &h.ProbeUntil, &h.BackPressureSince, &h.BackPressureUntil} {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
	return h
}

// The store's clock says when an attempt is due, and the engine looks for it by that clock.
func TestClaimsMissNothingWhateverTheStoresClockShows(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-time.Hour, -20 * time.Second, 20 * time.Second, time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub, posts, spy := w.subscribe(org), &order{}, &claims{Store: &skewed{w.store, ahead}}
				e := w.engine(posts, func(c *delivery.Config) { c.Store, c.PollInterval = spy, 20*time.Millisecond })
				w.must(e.Start(t.Context()))
				for n := range 1000 {
					w.publish(org, 1)
					pass(30 * time.Millisecond)
					if posts.count(sub, 10_000) != n+1 {
						t.Fatalf("number %d was not sent within 30 ms", n)
					}
				}
				everything, all := 0, spy.from(newID(), now().Add(-10*time.Second))
				for _, a := range all {
					if a.Since.IsZero() {
						everything++
					} else if d := now().Add(ahead).Sub(a.Since); d > 16*time.Second {
						t.Errorf("a claim began %v before the store's time", d)
					}
				}
				if everything > len(all)/8 {
					t.Errorf("%d of %d claims looked through everything", everything, len(all))
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}

// Receivers refuse signatures with a time far from their own, so a skew is logged, but not with every
// claim.
func TestAClockSkewIsLoggedOnceAnHour(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ahead time.Duration
		lines int
	}{{-59 * time.Second, 0}, {59 * time.Second, 0}, {-2 * time.Minute, 3}, {2 * time.Minute, 3}} {
		t.Run(c.ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, log := newWorld(t), &bytes.Buffer{}
				e := w.engine(answer(200), func(cfg *delivery.Config) {
					cfg.Store, cfg.Logger, cfg.PollInterval = &skewed{w.store, c.ahead}, slog.New(slog.NewTextHandler(log, nil)), time.Minute
				})
				w.must(e.Start(t.Context()))
				pass(150 * time.Minute)
				w.must(e.Stop(t.Context()))
				if n := strings.Count(log.String(), "clocks"); n != c.lines || n > 0 &&
					!strings.Contains(log.String(), "store_ahead_by="+c.ahead.String()) {
					t.Errorf("want %d lines about the clocks in 2.5 h:\n%s", c.lines, log)
				}
			})
		})
	}
}

// One host sees that an endpoint fails or pushes back, and another host sends the next attempt, when it is allowed.
func TestHostsWhoseClocksDifferShareCircuitsAndBackPressure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result   guard.Result
		from, to time.Duration // after the first failure
	}{
		"Circuit":      {guard.Result{Status: 500}, 0, 10 * time.Second},
		"BackPressure": {guard.Result{Status: 429, RetryAfter: "60"}, time.Minute, 65 * time.Second},
	} {
		for _, ahead := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
			for who, skews := range map[string][2]time.Duration{"First": {ahead, 0}, "Second": {0, ahead}} {
				t.Run(name+who+ahead.String(), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w, org := newWorld(t), newID()
						w.subscribe(org)
						host := func(s delivery.Sender, ahead time.Duration) *delivery.Engine {
							return w.engine(s, never, func(c *delivery.Config) { c.Store = &skewed{w.store, ahead} })
						}
						first := host(sender(func(context.Context, guard.Request) guard.Result {
							time.Sleep(10 * time.Millisecond)
							return c.result
						}), skews[0])
						p := &endpoint{}
						second := host(p, skews[1])
						began := now()
						w.publish(org, 100)
						w.must(first.Start(t.Context()))
						pass(time.Second)
						w.must(first.Stop(t.Context()))
						w.must(second.Start(t.Context()))
						pass(5 * time.Minute)
						w.must(second.Stop(t.Context()))
						posts := p.posts()
						if len(posts) == 0 {
							t.Fatal("nothing was sent within 5 minutes")
						}
						if wait := posts[0].Sub(began); wait < c.from || wait > c.to {
							t.Errorf("sent after %v, want %v to %v", wait, c.from, c.to)
						}
						if n := w.count(delivery.CircuitOpened); n != 1 && name == "Circuit" {
							t.Errorf("the circuit opened %d times", n)
						}
					})
				})
			}
		}
	}
}

// readings is a store that counts the times to wait for, and those without a monotonic reading.
type readings struct {
	store.Store
	mu                              sync.Mutex
	retries, returns, held, without int
	counted                         chan struct{}
}

func (r *readings) count(n *int, due time.Time) {
	r.mu.Lock()
	*n++
	if !strings.Contains(due.String(), " m=") {
		r.without++
	}
	r.mu.Unlock()
	select {
	case r.counted <- struct{}{}:
	default:
	}
}

func (r *readings) Record(ctx context.Context, outcomes []store.Outcome) ([]uuid.UUID, error) {
	for _, o := range outcomes {
		if o.Next != nil {
			r.count(&r.retries, o.Next.DueAt)
		}
	}
	return r.Store.Record(ctx, outcomes)
}

func (r *readings) Defer(ctx context.Context, deferrals []store.Deferral) ([]uuid.UUID, error) {
	for _, d := range deferrals {
		n := &r.returns
		if d.Held {
			n = &r.held
		}
		r.count(n, d.DueAt)
	}
	return r.Store.Defer(ctx, deferrals)
}

// The store waits until a time by the clock of the engine's process. If somebody sets that clock before the store has the time, the
// monotonic reading keeps the wait right. The clock of a bubble has no such reading.
func TestTheTimesToWaitForCarryAMonotonicReading(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		result                 guard.Result
		rate                   float64
		retries, returns, held int // at least
	}{
		"Retries":      {guard.Result{Status: 500}, 0, 10, 0, 10}, // the circuit opens
		"BackPressure": {guard.Result{Status: 429, RetryAfter: "1"}, 0, 1, 0, 10},
		"Rate":         {guard.Result{Status: 200}, 1, 0, 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, org := newWorld(t), newID()
			w.subscribe(org, func(s *store.Subscription) { s.RateLimit = c.rate })
			r := &readings{Store: w.store, counted: make(chan struct{}, 1)}
			e := w.engine(sender(func(context.Context, guard.Request) guard.Result { return c.result }), func(c *delivery.Config) { c.Store = r })
			w.publish(org, 200)
			w.must(e.Start(t.Context()))
			for enough := false; !enough; {
				<-r.counted
				r.mu.Lock()
				enough = r.retries >= c.retries && r.returns >= c.returns && r.held >= c.held
				r.mu.Unlock()
			}
			w.must(e.Stop(context.Background()))
			if r.without > 0 {
				t.Errorf("%d of %d times have no monotonic reading", r.without, r.retries+r.returns+r.held)
			}
		})
	}
}
