package delivery_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// Attempts that failed together come back spread evenly over two fifths of their wait.
func TestRetryDelaysAreSpreadInsideTheirBounds(t *testing.T) {
	t.Parallel()
	const samples, parts = 10_000, 10
	schedule := delivery.DefaultSchedule()
	ended := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for step, wait := range schedule {
		x := delivery.Exchange{
			Job:    store.Job{Lease: store.Lease{Number: step + 1}, Step: step, ExpiresAt: ended.Add(96 * time.Hour)},
			Result: guard.Result{Status: 500}, Began: ended, Ended: ended,
		}
		least, width := time.Duration(float64(wait)*(1-delivery.Jitter)), time.Duration(2*delivery.Jitter*float64(wait))
		var found [parts]int
		for range samples {
			after := delivery.Decide(x, schedule).RetryAt.Sub(ended) - least
			if after < 0 || after > width+time.Millisecond {
				t.Fatalf("step %d: a wait of %v, want %v to %v", step, after+least, least, least+width)
			}
			found[min(int(after*parts/width), parts-1)]++
		}
		for part, n := range found { // the standard deviation is 30
			if n < 800 || n > 1200 {
				t.Errorf("step %d: %d of %d waits are in part %d of %d: %v", step, n, samples, part+1, parts, found)
			}
		}
	}
}

func TestTheScheduleSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		s := &script{statuses: []int{500, 500, 200}}
		waits := func(c *delivery.Config) { c.Schedule = delivery.Schedule{time.Hour, 10 * time.Hour} }
		w.publish(org, 1)
		for range 14 * 4 {
			e := w.engine(s, waits)
			w.must(e.Start(t.Context()))
			pass(15 * time.Minute)
			w.must(e.Stop(t.Context()))
		}
		if len(s.at) != 3 {
			t.Fatalf("%d requests, want 3", len(s.at))
		}
		for i, wait := range []time.Duration{time.Hour, 10 * time.Hour} {
			if gap := s.at[i+1].Sub(s.at[i]); gap < wait*8/10 || gap > wait*12/10+time.Second {
				t.Errorf("the wait before retry %d was %v, want %v", i+1, gap, wait)
			}
		}
	})
}

// The endpoint fails once, and then for five days nothing succeeds. When three hosts meet the next failures at the same
// time, the subscription is deactivated once.
func TestFiveDaysOfFailuresDeactivateOnceOverAllHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &endpoint{broken: true}
		one := func(c *delivery.Config) {
			never(c)
			polling(5 * 24 * time.Hour)(c)
			c.Store, c.Backlog = slowly{w.store}, 8 // a claim leaves attempts to the other engines
		}
		hosts := []*delivery.Engine{w.engine(p, one), w.engine(p, one), w.engine(p, one)}
		for _, e := range hosts {
			w.must(e.Start(t.Context()))
		}
		w.publish(org, 1)
		pass(5*24*time.Hour - time.Minute)
		if n := w.count(delivery.SubscriptionDeactivated); n != 0 {
			t.Fatalf("deactivated %d times before five days were over", n)
		}
		pass(2 * time.Minute)
		w.publish(org, 30)
		pass(time.Minute)
		if n := w.count(delivery.SubscriptionDeactivated); n != 1 {
			t.Errorf("deactivated %d times, want once", n)
		}
		s, err := w.store.Subscription(t.Context(), org, sub.ID)
		w.must(err)
		if s.Active || s.InactiveReason == "" {
			t.Errorf("the subscription is active: %v, reason %q", s.Active, s.InactiveReason)
		}
		sent := len(p.posts())
		w.publish(org, 30)
		pass(time.Hour)
		if n := len(p.posts()); sent < 2 || n != 0 {
			t.Errorf("%d requests before the deactivation, %d after it", sent, n)
		}
		for _, e := range hosts {
			w.must(e.Stop(t.Context()))
		}
	})
}
