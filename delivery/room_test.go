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

// Attempts that are handed over during a claim may use up the room for the claimed ones. These are kept
// nevertheless: to give them back would cost two writes more.
func TestClaimedAttemptsAreNotGivenBackForWantOfRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sub := w.subscribe(newID())
		spy, posts := &claims{Store: w.store, takes: 20 * time.Millisecond}, &order{}
		e := w.engine(posts, func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription, c.Backlog = spy, 16, 16, 400 })
		w.publish(sub.OrganizationID, 2000)
		w.must(e.Start(t.Context()))
		for range 200 {
			w.handOver(e, sub.OrganizationID, 100)
			pass(2 * time.Millisecond)
		}
		spy.mu.Lock()
		if spy.given > 0 {
			t.Errorf("%d of those claimed were given back", spy.given)
		}
		spy.mu.Unlock()
		pass(10 * time.Second)
		if n := posts.count(sub, 30_000); n != 22_000 {
			t.Errorf("%d of 22000 went out", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// For how long a slow endpoint's attempt goes back to the store depends on the attempts that were refused
// in the same claim, not on earlier ones.
func TestEarlierRefusalsDoNotCountForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		var sent atomic.Int32
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			time.Sleep(time.Second)
			sent.Add(1)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.PerSubscription = 1 })
		w.must(e.Start(t.Context()))
		w.publish(org, 40)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := sent.Load(); n != 40 {
			t.Errorf("%d of 40 were sent", n)
		}
		w.publish(org, 5)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if n := sent.Load() - 40; n != 5 {
			t.Errorf("%d of 5 were sent within 15 s", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// For how long an attempt goes back to the store is an estimate. Soon after its endpoint has become quick, no attempt is
// left in the store.
func TestAttemptsWithoutRoomComeBackSoonAfterTheirEndpointIsQuick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		var sent atomic.Int32
		quickAt := time.Now().Add(time.Minute)
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			if time.Now().Before(quickAt) {
				time.Sleep(10 * time.Second)
			}
			sent.Add(1)
			return guard.Result{Status: 200}
		}))
		w.publish(org, 500)
		w.must(e.Start(t.Context()))
		pass(time.Until(quickAt))
		if n := sent.Load(); n > 250 {
			t.Fatalf("%d of 500 were sent to a slow endpoint", n)
		}
		pass(16 * time.Second) // a slow attempt, and an attempt that has just gone back
		if n := sent.Load(); n != 500 {
			t.Errorf("%d of 500 were sent", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// stalled is a store that neither claims nor records for a while.
type stalled struct {
	*claims
	until time.Time
}

func (s *stalled) Record(ctx context.Context, outcomes []store.Outcome) ([]uuid.UUID, error) {
	time.Sleep(time.Until(s.until))
	return s.Store.Record(ctx, outcomes)
}

func (s *stalled) Claim(ctx context.Context, o store.ClaimOptions) ([]store.Job, time.Time, error) {
	time.Sleep(time.Until(s.until.Add(-10 * time.Millisecond)))
	return s.claims.Claim(ctx, o)
}

// An endpoint is not slow because the store is.
func TestNothingIsPutOffBecauseTheStoreIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sub := w.subscribe(newID())
		spy, posts := &claims{Store: w.store}, &order{}
		e := w.engine(posts, func(c *delivery.Config) {
			c.Store = &stalled{spy, time.Now().Add(5 * time.Second)}
			c.Workers, c.PerSubscription, c.Backlog = 64, 16, 800
		})
		w.must(e.Start(t.Context()))
		w.handOver(e, sub.OrganizationID, 200)
		pass(100 * time.Millisecond)
		w.publish(sub.OrganizationID, 300)
		pass(6 * time.Second)
		if n := posts.count(sub, 3000); n != 500 {
			t.Errorf("%d of 500 went out a second after the store recorded again", n)
		}
		w.must(e.Stop(t.Context()))
	})
}
