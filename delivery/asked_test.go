package delivery_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// ask adds an attempt as another process does that only serves the interface: a manual
// retry of an attempt, or a test.
func (w *world) ask(sub store.Subscription, kind store.AttemptType, retryOf uuid.UUID) store.Attempt {
	w.t.Helper()
	a := store.NewAttempt{ID: newID(), Type: kind, RetryOf: retryOf, At: now(), ExpiresAt: now().Add(96 * time.Hour)}
	if kind == store.TestPost {
		m := w.message(sub.OrganizationID).Message
		a.Message = &m
	}
	added, err := w.store.AddAttempt(context.Background(), sub.OrganizationID, sub.ID, a)
	w.must(err)
	return added
}

func (w *world) attempt(a store.Attempt) store.Attempt {
	w.t.Helper()
	a, err := w.store.Attempt(context.Background(), a.OrganizationID, a.SubscriptionID, a.ID)
	w.must(err)
	return a
}

// outage lets an endpoint fail for three hours, with deliveries that wait. It returns an
// attempt that failed, right after a probe: the next one comes more than 9 minutes later.
func (w *world) outage(sub store.Subscription) (failed store.Attempt) {
	w.t.Helper()
	w.publish(sub.OrganizationID, 50)
	pass(3 * time.Hour)
	for time.Until(w.health(sub.ID).ProbeAt) < 9*time.Minute {
		pass(time.Second)
	}
	pass(time.Second) // the probe has ended
	for _, a := range w.attempts(sub) {
		if a.Status == store.Failed {
			return a
		}
	}
	w.t.Fatal("no attempt failed")
	return failed
}

// A test or a manual retry is sent at once while the circuit is open, and is a probe: its failure
// changes nothing for the other attempts, and its success releases them.
func TestManualRetryProbesAnOpenCircuitAtOnce(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]store.AttemptType{"Test": store.TestPost, "ManualRetry": store.ManualRetry} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				sub := w.subscribe(newID())
				p := &endpoint{broken: true}
				e := w.engine(p, never, polling(0))
				w.must(e.Start(t.Context()))
				failed := w.outage(sub)
				ask := func() store.Attempt {
					w.t.Helper()
					if kind == store.TestPost {
						return w.ask(sub, kind, uuid.Nil)
					}
					return w.ask(sub, kind, failed.ID)
				}
				p.posts()
				before := w.health(sub.ID)
				asked := ask()
				pass(time.Second)
				failed = w.attempt(asked)
				if n := len(p.posts()); n != 1 || failed.Status != store.Failed || failed.Step != 0 && kind == store.TestPost {
					t.Fatalf("%d posts within a second, the attempt is %v", n, failed.Status)
				}
				after := w.health(sub.ID)
				if after.ProbeAt.Before(time.Now().Add(9*time.Minute)) || after.Probes != before.Probes+1 || after.ProbeUntil != (time.Time{}) {
					t.Errorf("health %+v after a probe that failed, %+v before", after, before)
				}
				if d := failed.NextRetryAt.Sub(after.ProbeAt).Abs(); d > time.Millisecond {
					t.Errorf("the retry of a probe comes %v away from the next probe", d)
				}
				p.set(false)
				asked = ask()
				pass(5 * time.Second)
				if a := w.attempt(asked); a.Status != store.Succeeded {
					t.Errorf("the attempt is %v", a.Status)
				}
				if h := w.health(sub.ID); h != (store.Health{}) || w.count(delivery.CircuitClosed) != 1 {
					t.Errorf("health %+v, told %d times", h, w.count(delivery.CircuitClosed))
				}
				for _, a := range w.attempts(sub) {
					if a.Type == store.FirstPost && !a.Status.Finished() {
						t.Fatalf("an attempt that was held is %v 5 s after the circuit closed", a.Status)
					}
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}

// Many manual retries at once, as a recovery adds them, do not post to an endpoint that
// fails as often as they are.
func TestManyManualRetriesDoNotFloodAnOpenCircuit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sub := w.subscribe(newID())
		p := &endpoint{broken: true}
		e := w.engine(p, func(c *delivery.Config) { c.Schedule = delivery.Schedule{time.Millisecond} }, polling(0))
		w.must(e.Start(t.Context()))
		failed := w.outage(sub)
		p.posts()
		asked := make([]store.Attempt, 2000)
		for i := range asked {
			asked[i] = w.ask(sub, store.ManualRetry, failed.ID)
			if i == 0 {
				pass(time.Second)
			}
			failed = w.attempt(asked[0])
		}
		pass(5 * time.Minute)
		if n := len(p.posts()); n < 10 || n > 40 {
			t.Errorf("%d posts in 5 minutes, want the 10 of a burst and a few", n)
		}
		p.set(false)
		pass(11 * time.Minute)
		for i := range asked {
			if a := w.attempt(asked[i]); !a.Status.Finished() {
				t.Fatalf("a manual retry is %v 11 minutes after the endpoint came back", a.Status)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}

// While a receiver pushes back, tests and manual retries wait, too.
// History says until when.
func TestManualRetryWaitsWhileTheReceiverPushesBack(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"ClosedCircuit": 0, "OpenCircuit": 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				sub := w.subscribe(newID())
				if before > 0 {
					w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
						*h = store.Health{Failures: before, Since: now().Add(-time.Hour), ProbeAt: now()} // a probe is due
					}))
				}
				var posts atomic.Int32
				e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
					if posts.Add(1) == 1 {
						return guard.Result{Status: 503, RetryAfter: "600"}
					}
					return guard.Result{Status: 200}
				}))
				w.must(e.Start(t.Context()))
				began := time.Now()
				w.publish(sub.OrganizationID, 1)
				pass(time.Minute)
				asked := w.ask(sub, store.TestPost, uuid.Nil)
				pass(time.Minute)
				asked = w.attempt(asked)
				if n, held := posts.Load(), asked.HeldUntil.Sub(began); n != 1 || held < 10*time.Minute || held > 11*time.Minute {
					t.Errorf("%d posts; a test is %v and held for %v after the beginning, want 10 minutes", n, asked.Status, held)
				}
				pass(15 * time.Minute)
				if n := posts.Load(); n != 3 {
					t.Errorf("%d posts after the back-pressure, want 3", n)
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}

func TestCloseCircuitForgivesFailuresAndKeepsBackPressure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(newID())
	e := w.engine(answer(200))
	pressure := store.Health{BackPressureSince: now().Add(-time.Hour), BackPressureUntil: now().Add(time.Hour)}
	for _, c := range []struct {
		before, after store.Health
		closed        bool
	}{
		{store.Health{}, store.Health{}, false},
		{store.Health{Failures: 9, Since: now(), CountedUntil: now()}, store.Health{Failures: 9, Since: now(), CountedUntil: now()}, false},
		{store.Health{Failures: 12, Since: now(), CountedUntil: now(), Probes: 2, ProbeAt: now(), ProbeUntil: now()}, store.Health{}, true},
		{store.Health{
			Failures: 12, Since: now(), ProbeAt: now(), BackPressureSince: pressure.BackPressureSince,
			BackPressureUntil: pressure.BackPressureUntil,
		}, pressure, true},
		{pressure, pressure, false},
	} {
		w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) { *h = c.before }))
		told := w.count(delivery.CircuitClosed)
		w.must(e.CloseCircuit(t.Context(), sub.OrganizationID, sub.ID))
		if got := w.health(sub.ID); got != c.after {
			t.Errorf("health\n%+v, want\n%+v", got, c.after)
		}
		if n := w.count(delivery.CircuitClosed) - told; n != map[bool]int{true: 1}[c.closed] {
			t.Errorf("told %d times", n)
		}
	}
}

// Another process, which only serves the interface, closes the circuit: held attempts are sent, also
// attempts that a dispatcher claims while it still knows the circuit as open.
func TestCloseCircuitOfAnotherProcessReleasesHeldAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sub := w.subscribe(newID())
		p := &endpoint{broken: true}
		dispatcher, other := w.engine(p, never, polling(0)), w.engine(p)
		w.must(dispatcher.Start(t.Context()))
		w.outage(sub)
		p.set(false)
		p.posts()
		w.publish(sub.OrganizationID, 1) // the dispatcher reads the subscription
		pass(100 * time.Millisecond)
		w.must(other.CloseCircuit(t.Context(), sub.OrganizationID, sub.ID))
		for range 10 {
			w.publish(sub.OrganizationID, 1)
			pass(100 * time.Millisecond)
		}
		pass(5 * time.Second)
		for _, a := range w.attempts(sub) {
			if a.Type == store.FirstPost && !a.Status.Finished() {
				t.Fatalf("an attempt is %v 5 s after the circuit closed, and held until %v", a.Status, a.HeldUntil)
			}
		}
		w.must(dispatcher.Stop(t.Context()))
	})
}
