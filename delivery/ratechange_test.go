package delivery_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

func rate(perSecond float64) func(*store.Subscription) {
	return func(s *store.Subscription) { s.RateLimit = perSecond }
}

// setRate changes a limit as another process does it: this one is not told.
func setRate(w *world, s store.Subscription, perSecond float64) {
	w.t.Helper()
	_, err := w.store.UpdateSubscription(context.Background(), s.OrganizationID, s.ID, now(), func(s *store.Subscription) error {
		s.RateLimit = perSecond
		return nil
	})
	w.must(err)
}

func TestRateLimitHoldsForTheFirstHandedOverAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(5))
		e, got, counting := limited(w)
		w.must(e.Start(t.Context()))
		synctest.Wait()
		w.handOver(e, org, 50) // the engine has not heard of the subscription yet
		synctest.Wait()
		room, free := e.Reserve(), 0
		for room.Take(newID(), newID()) {
			free++
		}
		if free < 125 {
			t.Errorf("there is room for %d more in a memory for 128, want what has to wait in the store", free)
		}
		room.HandOver(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		got.once(t, sub, 50)
		spaced(t, got.to(sub), 200*time.Millisecond)
		if _, most := counting.counts(); most > 2 {
			t.Errorf("an attempt was deferred %d times", most)
		}
		w.must(e.Stop(t.Context()))
	})
}

// handOver publishes and hands as many attempts to the engine as it has room for.
func (w *world) handOver(e *delivery.Engine, org uuid.UUID, n int) {
	w.t.Helper()
	room := e.Reserve()
	var jobs []store.Job
	for _, p := range w.publish(org, n, func(o *store.PublishOptions) { o.HandOff, o.Lease = room.Take, room.Lease }) {
		jobs = append(jobs, p.Jobs...)
	}
	room.HandOver(jobs)
}

func TestRateLimitCanBeChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(50))
		e, got, _ := limited(w)
		w.publish(org, 200)
		w.must(e.Start(t.Context()))
		phase := func(perSecond float64, d time.Duration) []time.Time {
			if perSecond != 50 {
				setRate(w, sub, perSecond)
			}
			time.Sleep(time.Second + time.Millisecond) // of the cache of targets
			before := len(got.to(sub))
			for range d / (100 * time.Millisecond) {
				w.publish(org, 1)
				time.Sleep(100 * time.Millisecond)
			}
			synctest.Wait()
			return got.to(sub)[before:]
		}
		if at := phase(50, time.Second); len(at) < 49 || len(at) > 51 {
			t.Errorf("%d requests in a second at 50/s", len(at))
		}
		at := phase(5, 10*time.Second)
		if len(at) < 49 || len(at) > 51 {
			t.Errorf("%d requests in ten seconds after a change to 5/s", len(at))
		}
		within(t, at, 5)
		if at := phase(20, time.Second); len(at) < 10 { // the published attempts, and attempts that return
			t.Errorf("%d requests in a second after a change to 20/s", len(at))
		}
		if at := phase(0, time.Second); len(at) < 10 {
			t.Errorf("%d requests in a second after the end of the limit", len(at))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got.once(t, sub, 330)
		w.must(e.Stop(t.Context()))
	})
}

func TestRateLimitThatWasLiftedHoldsNothingBack(t *testing.T) {
	t.Parallel()
	for name, publish := range map[string]func(*world, *delivery.Engine, uuid.UUID){
		"OfWhatIsClaimed":    func(w *world, _ *delivery.Engine, org uuid.UUID) { w.publish(org, 1) },
		"OfWhatIsHandedOver": func(w *world, e *delivery.Engine, org uuid.UUID) { w.handOver(e, org, 1) },
	} {
		for to, perSecond := range map[string]float64{"Raised": 10, "Lifted": 0} {
			t.Run(name+"/"+to, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w, org := newWorld(t), newID()
					sub := w.subscribe(org, rate(0.001))
					var at []time.Time
					e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
						at = append(at, time.Now())
						time.Sleep(10 * time.Second) // the lane stays
						return guard.Result{Status: 200}
					}))
					w.must(e.Start(t.Context()))
					w.publish(org, 1)
					settle()
					setRate(w, sub, perSecond)
					time.Sleep(1100 * time.Millisecond) // of the cache of targets
					began := time.Now()
					publish(w, e, org)
					time.Sleep(5 * time.Second)
					synctest.Wait()
					if len(at) != 2 || at[1].Sub(began) > 200*time.Millisecond {
						t.Errorf("requests at %v, want one soon after %v", at, began)
					}
					w.must(e.Stop(t.Context()))
				})
			})
		}
	}
}

func TestRateLimitThatBecomesKnownWhileTheLaneHasATurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org, other := newWorld(t), newID(), newID()
		sub, busy := w.subscribe(org, rate(0.1)), w.subscribe(other)
		var at []time.Time
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			if r.URL.String() == busy.PostURI {
				time.Sleep(5 * time.Second)
			} else {
				at = append(at, time.Now())
			}
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Workers, c.PerSubscription, c.Backlog = 1, 1, 16 })
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		settle()
		w.publish(other, 1) // holds the worker
		settle()
		settle()
		w.handOver(e, org, 1) // has a turn, for nothing is known of its limit any more
		w.publish(org, 1)     // is claimed, and its subscription read
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(at) != 3 {
			t.Errorf("%d requests, want 3", len(at))
		}
		spaced(t, at, 10*time.Second)
		if n := len(w.attempts(sub)); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestRateLimitForgetsPlannedReturnsWhenTheSubscriptionIsActivated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(1))
		e, got, _ := limited(w)
		w.publish(org, 100)
		w.must(e.Start(t.Context()))
		settle()
		for _, active := range []bool{false, true} {
			_, err := w.store.UpdateSubscription(t.Context(), org, sub.ID, now(), func(s *store.Subscription) error {
				s.Active, s.ActiveChangedAt = active, now()
				return nil
			})
			w.must(err)
			time.Sleep(2 * time.Second)
		}
		before := len(got.to(sub))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := len(got.to(sub)) - before; n < 19 || n > 21 {
			t.Errorf("%d requests in 20 s, want about 20", n)
		}
		time.Sleep(100 * time.Second)
		synctest.Wait()
		got.once(t, sub, 100)
		w.must(e.Stop(t.Context()))
	})
}
