package delivery_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// neighbours are endpoints that answer by their host: endpoints of "slow" take 12 s.
type neighbours struct {
	mu       sync.Mutex
	inFlight map[string]int
	most     map[string]int
	begun    map[string][]time.Time
}

func newNeighbours() *neighbours {
	return &neighbours{inFlight: map[string]int{}, most: map[string]int{}, begun: map[string][]time.Time{}}
}

func (n *neighbours) Post(_ context.Context, r guard.Request) guard.Result {
	host := r.URL.Host
	n.mu.Lock()
	n.inFlight[host]++
	n.most[host] = max(n.most[host], n.inFlight[host])
	n.begun[host] = append(n.begun[host], time.Now())
	n.mu.Unlock()
	if host == "slow" {
		time.Sleep(12 * time.Second)
	} else {
		time.Sleep(time.Millisecond)
	}
	n.mu.Lock()
	n.inFlight[host]--
	n.mu.Unlock()
	return guard.Result{Status: 200}
}

func (n *neighbours) count(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.begun[host])
}

func at(host string) func(*store.Subscription) {
	return func(s *store.Subscription) { s.PostURI = "https://" + host + "/" }
}

// handOverTo hands a delivery to each subscription of the organization.
func (w *world) handOverTo(e *delivery.Engine, org uuid.UUID) {
	room := e.Reserve()
	out := w.publish(org, 1, func(o *store.PublishOptions) { o.HandOff, o.Lease = room.Take, room.Lease })
	room.HandOver(out[0].Jobs)
}

// 300 endpoints of one organization take 12 s to answer. Another organization waits for
// none of them, from the first moment on.
func TestSlowEndpointsOfOneOrganizationDelayNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, posts := newWorld(t), newNeighbours()
		slow, quick := newID(), newID()
		for range 300 {
			w.subscribe(slow, at("slow"))
		}
		w.subscribe(quick, at("quick"))
		e := w.engine(posts, func(c *delivery.Config) { c.Workers, c.PerSubscription, c.Backlog = 256, 64, 8192 })
		w.must(e.Start(t.Context()))
		for range 8 {
			w.handOverTo(e, slow)
		}
		pass(10 * time.Millisecond)
		for i := range 1200 { // for a minute
			w.handOverTo(e, quick)
			pass(10 * time.Millisecond)
			if n := posts.count("quick"); n != i+1 {
				t.Fatalf("%d of %d were sent within 10 ms, beside %d slow ones in flight", n, i+1, posts.inFlight["slow"])
			}
			pass(40 * time.Millisecond)
		}
		if most := posts.most["slow"]; most < 90 { // three quarters of half of the workers
			t.Errorf("%d slow ones were in flight, want the use of free workers", most)
		}
		w.must(e.Stop(t.Context()))
	})
}

// Slow endpoints give way to the quick ones of the same organization, as soon as they are
// known to be slow.
func TestSlowEndpointsGiveWayToQuickOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, posts := newWorld(t), newNeighbours()
		org := newID()
		for range 300 {
			w.subscribe(org, at("slow"))
		}
		w.subscribe(org, at("quick"))
		e := w.engine(posts, func(c *delivery.Config) { c.Workers, c.PerSubscription, c.Backlog = 1024, 64, 8192 })
		w.must(e.Start(t.Context()))
		for range 4 {
			w.handOverTo(e, org)
		}
		pass(time.Second)
		before := posts.count("quick")
		for i := range 20 {
			w.handOverTo(e, org)
			pass(10 * time.Millisecond)
			if n := posts.count("quick") - before; n < i+1 {
				t.Fatalf("%d of %d were sent within 10 ms, beside %d slow ones in flight", n, i+1, posts.inFlight["slow"])
			}
			pass(time.Second)
		}
		if most := posts.most["slow"]; most > 1024/2 {
			t.Errorf("%d slow ones were in flight", most)
		}
		w.must(e.Stop(t.Context()))
	})
}

// Attempts that wait for an answer cost no processor time: many endpoints that take 300 ms
// get as many workers as they can use.
func TestWorkersGrowWithEndpointsThatTakeTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for range 200 {
			org := newID()
			w.subscribe(org)
			w.publish(org, 100)
		}
		var inFlight, most atomic.Int32
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			if n := inFlight.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(300 * time.Millisecond)
			inFlight.Add(-1)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Workers, c.PerSubscription, c.Backlog = 2048, 64, 8192 })
		w.must(e.Start(t.Context()))
		pass(10 * time.Second)
		if n := most.Load(); n < 1024 {
			t.Errorf("at most %d were in flight, want 1024 at least", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// A healthy endpoint that takes 200 ms gets 64 at once, and so 320 a second, however many
// of its answers come at once.
func TestHealthyEndpointGetsAsMuchAsItCanTake(t *testing.T) {
	t.Parallel()
	for name, quick := range map[string]int{"Constant": 0, "EachTwentiethAtOnce": 20, "EachThirdAtOnce": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				w.subscribe(org)
				var mu sync.Mutex
				sent := 0
				e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
					mu.Lock()
					sent++
					instantly := quick > 0 && sent%quick == 0
					mu.Unlock()
					if !instantly {
						time.Sleep(200 * time.Millisecond)
					}
					return guard.Result{Status: 200}
				}), func(c *delivery.Config) { c.Workers, c.PerSubscription, c.Backlog = 256, 64, 8192 })
				w.publish(org, 10_000)
				w.must(e.Start(t.Context()))
				pass(5 * time.Second)
				mu.Lock()
				before := sent
				mu.Unlock()
				pass(10 * time.Second)
				mu.Lock()
				if rate := float64(sent-before) / 10; rate < 0.9*320 {
					t.Errorf("%.0f a second from the fifth second on, want 288 at least", rate)
				}
				mu.Unlock()
				w.must(e.Stop(t.Context()))
			})
		})
	}
}

// One organization has a far larger backlog than there is room for, at an endpoint that answers at once;
// messages that another organization publishes meanwhile do not wait for it.
func TestLargeBacklogHoldsUpNoOtherOrganization(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, busy, other := newWorld(t), newID(), newID()
		much := []store.Subscription{w.subscribe(busy), w.subscribe(busy), w.subscribe(busy)}
		w.subscribe(other)
		p := &endpoint{}
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			for _, s := range much {
				if r.URL.String() == s.PostURI {
					time.Sleep(100 * time.Millisecond)
					return guard.Result{Status: 200}
				}
			}
			return p.Post(ctx, r)
		}), func(c *delivery.Config) { c.Workers, c.Backlog = 16, 160 })
		w.publish(busy, 5000)
		w.must(e.Start(t.Context()))
		pass(3 * time.Second)
		began := time.Now()
		for range 20 {
			w.handOver(e, other, 1)
			pass(250 * time.Millisecond)
		}
		posts := p.posts()
		if len(posts) != 20 {
			t.Fatalf("%d of 20 went out beside what is queued", len(posts))
		}
		for i, at := range posts {
			if late := at.Sub(began.Add(time.Duration(i) * 250 * time.Millisecond)); late > 110*time.Millisecond {
				t.Errorf("one was %v late", late)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}
