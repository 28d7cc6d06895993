package delivery_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// claims is a store that takes its time to claim, and notes the options of each claim.
type claims struct {
	store.Store
	takes time.Duration

	mu    sync.Mutex
	asks  []ask
	given int // back
}

type ask struct {
	store.ClaimOptions
	at  time.Time
	got int
}

func (c *claims) Claim(ctx context.Context, o store.ClaimOptions) ([]store.Job, time.Time, error) {
	at := time.Now()
	time.Sleep(c.takes)
	jobs, now, err := c.Store.Claim(ctx, o)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks = append(c.asks, ask{o, at, len(jobs)})
	return jobs, now, err
}

// Abilities hides the Notifier: the figures of these tests are for an engine that polls.
func (c *claims) Abilities() store.Abilities { return store.Abilities{} }

func (c *claims) Defer(ctx context.Context, back []store.Deferral) ([]uuid.UUID, error) {
	c.mu.Lock()
	c.given += len(back)
	c.mu.Unlock()
	return c.Store.Defer(ctx, back)
}

// from returns the claims since then that did not pass over the organization.
func (c *claims) from(org uuid.UUID, since time.Time) []ask {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []ask
	for _, a := range c.asks {
		if !a.at.Before(since) && !slices.Contains(a.SkipOrganizations, org) {
			out = append(out, a)
		}
	}
	return out
}

// full returns the claims that got all they asked for.
func (c *claims) full() []ask {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.asks), func(a ask) bool { return a.got < a.Max })
}

// order notes the order in which the posts of organizations arrive. Each post takes some time.
type order struct {
	mu   sync.Mutex
	urls []string
}

func (o *order) Post(_ context.Context, r guard.Request) guard.Result {
	time.Sleep(time.Millisecond)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.urls = append(o.urls, r.URL.String())
	return guard.Result{Status: 200}
}

// count returns how many of the first n were the subscription's.
func (o *order) count(s store.Subscription, n int) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := 0
	for _, url := range o.urls[:min(n, len(o.urls))] {
		if url == s.PostURI {
			found++
		}
	}
	return found
}

func TestHeavyOrganizationsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second, third := w.subscribe(newID()), w.subscribe(newID()), w.subscribe(newID())
		spy, posts := &claims{Store: w.store, takes: 20 * time.Millisecond}, &order{}
		e := w.engine(posts, func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription = spy, 256, 64 })
		w.publish(first.OrganizationID, 7000)
		w.must(e.Start(t.Context()))
		pass(100 * time.Millisecond)
		began, before := now(), posts.count(first, 20_000)
		w.publish(second.OrganizationID, 1500)
		w.publish(third.OrganizationID, 1)
		pass(time.Minute)
		if n := posts.count(first, 20_000) + posts.count(second, 20_000) + posts.count(third, 20_000); n != 8501 {
			t.Errorf("%d of 8501 went out", n)
		}
		if n := posts.count(second, before+2000); n < 500 {
			t.Errorf("%d of the next 2000 are of the one whose queue is younger", n)
		}
		if posts.count(third, before+2000) != 1 {
			t.Error("who has one queued waited for those who have many")
		}
		for _, a := range spy.from(second.OrganizationID, began.Add(time.Second)) {
			if slices.Contains(a.SkipOrganizations, first.OrganizationID) && a.Since.IsZero() && a.at.Before(began.Add(4*time.Second)) {
				t.Error("a claim looked through what was passed over before")
			}
		}
		if n := len(spy.from(first.OrganizationID, now().Add(-time.Second))); n > 5 {
			t.Errorf("%d claims in a second in which nothing was due", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// If one endpoint of a heavy organization hangs, attempts to its other endpoints are delivered.
func TestHeavyOrganizationIsServedBesideItsHangingEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		good := w.subscribe(org)
		w.subscribe(org, func(s *store.Subscription) { s.PostURI = "https://example.com/hangs" })
		posts := &order{}
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() != good.PostURI {
				time.Sleep(15 * time.Second)
				return guard.Result{Status: 200}
			}
			return posts.Post(ctx, r)
		}), func(c *delivery.Config) { c.Workers, c.PerSubscription = 64, 16 })
		w.publish(org, 1000)
		w.must(e.Start(t.Context()))
		pass(20 * time.Second)
		if n := posts.count(good, 2000); n != 1000 {
			t.Errorf("%d of 1000 went out to the endpoint that answers", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// While a heavy organization has no room, no claim walks through its backlog.
func TestHeavyOrganizationIsSkippedWhileItHasNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		for range 4 {
			w.subscribe(org)
		}
		spy := &claims{Store: w.store, takes: time.Millisecond}
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			time.Sleep(100 * time.Millisecond)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription, c.Backlog = spy, 64, 16, 400 })
		w.publish(org, 3000)
		w.must(e.Start(t.Context()))
		pass(10 * time.Second)
		n := 0
		for _, a := range spy.from(newID(), now().Add(-7*time.Second)) {
			if a.Since.IsZero() && slices.Contains(a.SkipOrganizations, org) {
				n++
			}
		}
		if n > 3 {
			t.Errorf("%d claims in 7 s looked through all", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// The next attempt of a sequence may be older than the remaining backlog of its organization.
func TestHeavyOrganizationHasOldSequences(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, org := w.subscribe(newID()), newID()
		line := w.subscribe(org, func(s *store.Subscription) { s.Ordered, s.PostURI = true, "https://example.com/line" })
		spy, posts := &claims{Store: w.store, takes: 20 * time.Millisecond}, &order{}
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			switch r.URL.String() {
			case line.PostURI:
				time.Sleep(3 * time.Second)
			case first.PostURI:
				time.Sleep(100 * time.Millisecond)
			}
			return posts.Post(ctx, r)
		}), func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription = spy, 64, 16 })
		w.publish(org, 20)
		w.publish(first.OrganizationID, 5000)
		w.must(e.Start(t.Context()))
		pass(12 * time.Second)
		w.handOver(e, w.subscribe(newID()).OrganizationID, 1)
		w.subscribe(org)
		w.publish(org, 1500)
		pass(2 * time.Second)
		before := posts.count(line, 20_000)
		pass(10 * time.Second)
		if n := posts.count(line, 20_000) - before; n < 3 {
			t.Errorf("%d of the line went out in 10 s, at 3 s each", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// While other organizations are served, a heavy organization gets few attempts at a time, and a pause in
// proportion to the time of the claim; else it gets as many as there is room for, without a pause.
func TestHeavyOrganizationLeavesTimeToOtherOrganizations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const takes = 20 * time.Millisecond
		w := newWorld(t)
		much, other := w.subscribe(newID()), w.subscribe(newID())
		spy, posts := &claims{Store: w.store, takes: takes}, &order{}
		e := w.engine(posts, func(c *delivery.Config) {
			c.Store, c.Workers, c.PerSubscription, c.Backlog = spy, 256, 64, 800
		})
		w.publish(much.OrganizationID, 7500)
		w.must(e.Start(t.Context()))
		pass(400 * time.Millisecond)
		alone := spy.from(much.OrganizationID, now().Add(-200*time.Millisecond))
		if len(alone) < 7 {
			t.Errorf("alone it was claimed for %d times in 200 ms, at 20 ms each", len(alone))
		}
		began := now()
		for range 20 {
			w.handOver(e, other.OrganizationID, 1)
			pass(50 * time.Millisecond)
		}
		beside := spy.from(much.OrganizationID, began.Add(200*time.Millisecond))
		if len(beside) < 5 {
			t.Errorf("beside others it was claimed for %d times in 800 ms", len(beside))
		}
		for i, a := range beside {
			if a.Max > 50 {
				t.Errorf("%d were claimed at once", a.Max)
			}
			if i > 0 && a.at.Sub(beside[i-1].at) < 4*takes {
				t.Errorf("two claims were %v apart, of %v each", a.at.Sub(beside[i-1].at), takes)
			}
		}
		pass(10*time.Second + 300*time.Millisecond)
		again := spy.from(much.OrganizationID, now().Add(-200*time.Millisecond))
		if len(again) < 5 || again[0].Max < 100 {
			t.Errorf("after the others were gone it was claimed for %d times in 200 ms", len(again))
		}
		w.must(e.Stop(t.Context()))
	})
}

// The pauses are so short that the backlog shrinks although its organization goes on publishing.
func TestHeavyOrganizationThatGoesOnPublishingCatchesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		much, other := w.subscribe(newID()), w.subscribe(newID())
		spy, posts := &claims{Store: w.store, takes: 5 * time.Millisecond}, &order{}
		e := w.engine(posts, func(c *delivery.Config) { c.Store, c.Workers, c.PerSubscription = spy, 256, 64 })
		published := 0
		goOn := func(d time.Duration) { // 2,000 in a second
			for range d / (10 * time.Millisecond) {
				w.publish(much.OrganizationID, 20)
				published += 20
				pass(10 * time.Millisecond)
			}
		}
		goOn(time.Second)
		w.publish(other.OrganizationID, 1)
		w.must(e.Start(t.Context()))
		goOn(time.Second)
		for range 2 {
			w.publish(other.OrganizationID, 1)
			goOn(2 * time.Second)
		}
		if left := published - posts.count(much, 100_000); left > 1000 {
			t.Errorf("%d of %d are queued", left, published)
		}
		w.must(e.Stop(t.Context()))
	})
}

// Where everybody has much queued, nobody is passed over for it.
func TestNoOrganizationIsHeavyWhereAllHaveLargeBacklogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := make([]store.Subscription, 16)
		for i := range all {
			all[i] = w.subscribe(newID())
		}
		w.publish(all[0].OrganizationID, 100) // more than the other organizations, and before them
		for range 250 {
			for _, s := range all {
				w.publish(s.OrganizationID, 1)
			}
		}
		spy, posts := &claims{Store: w.store, takes: time.Millisecond}, &order{}
		e := w.engine(posts, func(c *delivery.Config) { c.Store = spy })
		w.must(e.Start(t.Context()))
		pass(10 * time.Second)
		if len(posts.urls) != 4100 {
			t.Errorf("%d of 4100 went out", len(posts.urls))
		}
		claimed, passed := spy.full(), 0
		for _, a := range claimed {
			if slices.Contains(a.SkipOrganizations, all[0].OrganizationID) {
				passed++
			}
		}
		if passed > len(claimed)/20 {
			t.Errorf("%d of %d claims passed over the one whose queue is a little longer", passed, len(claimed))
		}
		w.must(e.Stop(t.Context()))
	})
}

// Nor does one after the other come to be passed over.
func TestNoOrganizationIsHeavyWhereManyAre(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := make([]uuid.UUID, 12)
		for i := range all {
			all[i] = w.subscribe(newID()).OrganizationID
			w.publish(all[i], 500)
		}
		spy, posts := &claims{Store: w.store, takes: time.Millisecond}, &order{}
		e := w.engine(posts, func(c *delivery.Config) { c.Store = spy })
		w.must(e.Start(t.Context()))
		pass(10 * time.Second)
		if len(posts.urls) != 6000 {
			t.Errorf("%d of 6000 went out", len(posts.urls))
		}
		most := 0
		for _, a := range spy.full() {
			passed := 0
			for _, org := range all {
				if slices.Contains(a.SkipOrganizations, org) {
					passed++
				}
			}
			most = max(most, passed)
		}
		if most > 8 {
			t.Errorf("a claim passed over %d of them", most)
		}
		w.must(e.Stop(t.Context()))
	})
}
