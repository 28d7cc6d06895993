package delivery_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

func TestInspectShowsAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		limited := w.subscribe(org, func(s *store.Subscription) { s.RateLimit = 5 })
		hangs := newHungSender()
		e := w.engine(hangs, func(c *delivery.Config) { c.Workers, c.Backlog = 8, 100 })
		if in := e.Inspect(); in.Running || in.Workers != 8 || in.MostWaiting != 100 {
			t.Errorf("before the start: %+v", in)
		}
		w.must(e.Start(t.Context()))
		w.publish(org, 3)
		<-hangs.called
		synctest.Wait()
		in := e.Inspect()
		if !in.Running || in.InFlight != 1 || in.Slow != 1 || in.Waiting != 2 || in.WaitingBytes == 0 || in.CachedSubscriptions != 1 ||
			in.Watermark.IsZero() {
			t.Errorf("while an attempt is under way: %+v", in)
		}
		if len(in.Organizations) != 1 || in.Organizations[0] != (delivery.OrganizationLoad{ID: org, Waiting: 2, InFlight: 1}) {
			t.Errorf("organizations: %+v", in.Organizations)
		}
		if len(in.Subscriptions) != 1 {
			t.Fatalf("subscriptions: %+v", in.Subscriptions)
		}
		s := in.Subscriptions[0]
		if s.ID != limited.ID || s.OrganizationID != org || s.Waiting != 2 || s.InFlight != 1 || s.Limit != delivery.FirstLimit || !s.Slow ||
			s.PerSecond != 5 {
			t.Errorf("the subscription: %+v", s)
		}
		close(hangs.letGo)
		pass(time.Second)
		if in := e.Inspect(); in.InFlight+in.Waiting+len(in.Subscriptions)+len(in.Organizations) != 0 {
			t.Errorf("when all is delivered: %+v", in)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestInspectNamesHeavyOrganizations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		much := w.subscribe(newID())
		w.publish(much.OrganizationID, 3000)
		slow := &claims{Store: w.store, takes: 5 * time.Millisecond}
		e := w.engine(&order{}, func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription = slow, 256, 64 })
		w.must(e.Start(t.Context()))
		pass(30 * time.Millisecond)
		if in := e.Inspect(); !slices.Equal(in.HeavyOrganizations, []uuid.UUID{much.OrganizationID}) {
			t.Errorf("with a backlog of 3000: %v", in.HeavyOrganizations)
		}
		pass(10 * time.Second)
		if in := e.Inspect(); len(in.HeavyOrganizations) != 0 {
			t.Errorf("when all is delivered: %v", in.HeavyOrganizations)
		}
		w.must(e.Stop(t.Context()))
	})
}
