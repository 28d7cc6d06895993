package delivery_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// lately is a store with a slow Defer, as on an overloaded database.
type lately struct {
	store.Store
	by       time.Duration
	releases *atomic.Int32
}

func (l lately) Defer(ctx context.Context, deferrals []store.Deferral) ([]uuid.UUID, error) {
	time.Sleep(l.by)
	return l.Store.Defer(ctx, deferrals)
}

func (l lately) Release(ctx context.Context, subscription uuid.UUID) error {
	l.releases.Add(1)
	return l.Store.Release(ctx, subscription)
}

// A host holds attempts, and records them after the circuit has closed and released its attempts.
func TestAttemptsThatAreHeldTooLateDoNotWaitForTheirPlan(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{0, 1500 * time.Millisecond, 5 * time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org)
				p := &endpoint{broken: true}
				w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
					*h = store.Health{Failures: 10, Since: now(), ProbeAt: now().Add(500 * time.Millisecond)}
				}))
				releases := &atomic.Int32{}
				late := w.engine(p, never, func(c *delivery.Config) { c.Store = lately{w.store, by, releases} })
				w.publish(org, 100)
				w.must(late.Start(t.Context()))
				pass(100 * time.Millisecond) // it holds them, one probe for each second
				p.set(false)
				prompt := w.engine(p, never)
				w.must(prompt.Start(t.Context()))
				pass(500 * time.Millisecond)
				w.publish(org, 1) // its probe closes the circuit
				prompt.Wake()
				pass(30 * time.Second)
				waiting := 0
				for _, one := range w.attempts(sub) {
					if one.Number == 1 && one.Status == store.Pending {
						waiting++
					}
				}
				if h := w.health(sub.ID); waiting > 0 || h != (store.Health{}) {
					t.Errorf("%d attempts wait 30 s after the endpoint was back; health %+v", waiting, h)
				}
				w.must(late.Stop(t.Context()))
				w.must(prompt.Stop(t.Context()))
			})
		})
	}
}

// While the circuit is open nothing is released, because the hosts would hold it again.
func TestAttemptsThatAreHeldTooLateStayHeldWhileTheCircuitIsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub, releases := w.subscribe(org), &atomic.Int32{}
		w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
			*h = store.Health{Failures: 10, Since: now(), ProbeAt: now()}
		}))
		e := w.engine(&endpoint{broken: true}, never, func(c *delivery.Config) { c.Store = lately{w.store, 5 * time.Second, releases} })
		w.publish(org, 100)
		w.must(e.Start(t.Context()))
		pass(30 * time.Second)
		if n := releases.Load(); n != 0 {
			t.Errorf("%d releases while the circuit was open", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// queueing is a store that changes one Health after the other, as a database does that has a row for each.
type queueing struct {
	store.Store
	waiting, most atomic.Int32
}

func (q *queueing) UpdateHealth(ctx context.Context, subs []uuid.UUID, change func(uuid.UUID, *store.Health)) error {
	q.most.Store(max(q.most.Load(), q.waiting.Add(1)))
	defer q.waiting.Add(-1)
	time.Sleep(time.Second)
	return q.Store.UpdateHealth(ctx, subs, change)
}

// Each call has a worker and a connection of the database while it waits for the row of the endpoint.
func TestAttemptsDoNotQueueToBecomeTheProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
			*h = store.Health{Failures: 10, Since: now(), ProbeAt: now()}
		}))
		p, q := &endpoint{}, &queueing{Store: w.store}
		e := w.engine(p, never, func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription = q, 64, 64 })
		w.publish(org, 50)
		w.must(e.Start(t.Context()))
		pass(time.Minute)
		if n := q.most.Load(); n > 2 { // one attempt, and one of the recorders
			t.Errorf("%d calls waited for the row of one endpoint together", n)
		}
		if n := len(p.posts()); n != 50 {
			t.Errorf("%d of 50 attempts were sent", n)
		}
		w.must(e.Stop(t.Context()))
	})
}
