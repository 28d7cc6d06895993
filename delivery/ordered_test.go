package delivery_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

func TestOrderedGoesOneByOneWithoutPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, func(s *store.Subscription) { s.Ordered = true })
		var mu sync.Mutex
		inFlight, sent := 0, 0
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			mu.Lock()
			if inFlight++; inFlight > 1 {
				t.Error("two at a time")
			}
			mu.Unlock()
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			inFlight--
			if sent++; sent == 50 { // the 50th fails once
				return guard.Result{Status: 500}
			}
			return guard.Result{Status: 200}
		}), rarely)
		w.must(e.Start(t.Context()))
		synctest.Wait()
		w.publish(org, 100)
		e.Wake()
		pass(5 * time.Second)
		if sent != 50 {
			t.Errorf("%d sent while the 50th waits for its retry", sent)
		}
		e.Wake()
		pass(10 * time.Second)
		e.Wake()
		pass(2 * time.Second)
		if sent != 101 {
			t.Errorf("%d sent in the end, want 101", sent)
		}
		var last time.Time
		for _, a := range w.attempts(sub) {
			if a.Number == 1 && a.PostedAt.Before(last) {
				t.Errorf("%s was posted before those published before it", a.ID)
			}
			last = a.PostedAt
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestOrderedGoesOnBesideALargeBacklog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, busy, org := newWorld(t), newID(), newID()
		hung := w.subscribe(busy)
		w.subscribe(org, func(s *store.Subscription) { s.Ordered = true })
		p := &endpoint{}
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() == hung.PostURI {
				time.Sleep(10 * time.Second)
				return guard.Result{Status: 200}
			}
			time.Sleep(290 * time.Millisecond)
			return p.Post(ctx, r)
		}), func(c *delivery.Config) { c.Backlog = 64 })
		w.publish(busy, 500) // its lane is full, and claims pass over it
		w.must(e.Start(t.Context()))
		pass(2 * time.Second)
		w.publish(org, 50)
		pass(17 * time.Second)
		if n := len(p.posts()); n != 50 {
			t.Errorf("%d of 50 went out in 17 s, one after the other, at 300 ms each", n)
		}
		w.must(e.Stop(t.Context()))
	})
}
