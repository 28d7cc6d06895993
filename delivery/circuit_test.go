package delivery_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// endpoint is a receiver that can be broken and mended.
type endpoint struct {
	mu     sync.Mutex
	broken bool
	at     []time.Time
}

func (p *endpoint) Post(context.Context, guard.Request) guard.Result {
	time.Sleep(10 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = append(p.at, time.Now())
	if p.broken {
		return guard.Result{Status: 500}
	}
	return guard.Result{Status: 200}
}

func (p *endpoint) set(broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = broken
}

// posts returns when there were posts since the last call.
func (p *endpoint) posts() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.at
	p.at = nil
	return at
}

func (w *world) health(sub uuid.UUID) store.Health {
	w.t.Helper()
	targets, err := w.store.Targets(context.Background(), []uuid.UUID{sub}, now())
	w.must(err)
	return targets[sub].Health
}

// pass lets time go by on the bubble's clock.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// never is a schedule without retries that would disturb.
func never(c *delivery.Config) {
	c.Schedule, c.PollInterval = delivery.Schedule{90 * time.Hour}, 5*time.Second
}

func TestCircuitOpensAfterTenFailuresAndIsProbedAtGrowingIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &endpoint{broken: true}
		a, b := w.engine(p, never), w.engine(p, never) // two hosts on one store
		w.must(a.Start(t.Context()))
		w.must(b.Start(t.Context()))
		began := time.Now()
		w.publish(org, 200)
		pass(7 * time.Hour)
		opened := w.at(delivery.CircuitOpened)
		if len(opened) != 1 || opened[0].Sub(began) < 100*time.Millisecond { // ten of 10 ms, one after the other
			t.Fatalf("told that it opened at %v", opened)
		}
		posts := p.posts()
		n := 0
		for n < len(posts) && posts[n].Before(opened[0].Add(500*time.Millisecond)) {
			n++
		}
		if n < 10 || n > 100 { // attempts under way together, four of each host, count once
			t.Errorf("%d posts before the circuit opened", n)
		}
		probes := posts[n:]
		if first := probes[0].Sub(opened[0]); first < 900*time.Millisecond || first > 6*time.Second {
			t.Errorf("the first probe came %v after it opened, want 1 s and up to a poll", first)
		}
		for i := 1; i < len(probes); i++ {
			away := probes[i-1].Sub(began)
			least, most := max(time.Second, away/17), max(time.Second, away/10)+5*time.Second // a poll
			if d := probes[i].Sub(probes[i-1]); d < min(least, 9*time.Minute) || d > min(most, 10*time.Minute) {
				t.Errorf("probe %d came %v after the one before, when the endpoint was away for %v", i+1, d, away)
			}
		}
		p.set(false)
		pass(10 * time.Minute)
		if n := len(p.posts()); n < 90 {
			t.Errorf("%d posts in the 10 minutes after the endpoint came back, want all that waited", n)
		}
		if h := w.health(sub.ID); h != (store.Health{}) || w.count(delivery.CircuitClosed) != 1 {
			t.Errorf("health %+v, told %d times", h, w.count(delivery.CircuitClosed))
		}
		for _, attempt := range w.attempts(sub) {
			if attempt.Status == store.Pending && attempt.Number == 1 {
				t.Errorf("%s is still %v", attempt.ID, attempt.Status)
			}
		}
		w.must(a.Stop(t.Context()))
		w.must(b.Stop(t.Context()))
	})
}

// at returns when there were notices of a kind.
func (w *world) at(kind delivery.NoticeKind) (at []time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, notice := range w.notices {
		if notice.Kind == kind {
			at = append(at, notice.At)
		}
	}
	return at
}

// cut is an endpoint that answers after 50 ms, and once cuts all that is under way.
type cut struct {
	endpoint
	under, most int
	now         chan struct{} // closed when all is cut
}

func (p *cut) Post(ctx context.Context, r guard.Request) guard.Result {
	p.mu.Lock()
	now := p.now
	p.under++
	p.most = max(p.most, p.under)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.under--
		p.mu.Unlock()
	}()
	select {
	case <-now:
		return guard.Result{Err: io.ErrUnexpectedEOF}
	case <-time.After(50 * time.Millisecond):
		return p.endpoint.Post(ctx, r)
	}
}

func TestFailuresOfOneMomentCountOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &cut{now: make(chan struct{})}
		many := func(c *delivery.Config) { never(c); c.Workers, c.PerSubscription = 64, 16 }
		a, b := w.engine(p, many), w.engine(p, many)
		w.must(a.Start(t.Context()))
		w.must(b.Start(t.Context()))
		w.publish(org, 2000)
		pass(2 * time.Second)
		p.mu.Lock()
		under := p.under
		close(p.now) // a worker of the receiver restarts
		p.now = make(chan struct{})
		p.mu.Unlock()
		synctest.Wait()
		if h := w.health(sub.ID); under < 16 || h.Failures != 1 || !h.ProbeAt.IsZero() {
			t.Errorf("%d requests were cut together, health %+v, want one failure", under, h)
		}
		pass(30 * time.Second)
		if n := w.count(delivery.CircuitOpened); n != 0 {
			t.Errorf("the circuit opened %d times", n)
		}
		if h := w.health(sub.ID); h != (store.Health{}) {
			t.Errorf("health %+v after successes", h)
		}
		w.must(a.Stop(t.Context()))
		w.must(b.Stop(t.Context()))
	})
}

// An endpoint that was away for some time is served within max(2 s, a tenth of it), at
// most 10 minutes: all that the circuit held, none of which has used its schedule.
func TestEndpointThatIsBackIsServedSoon(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{
		time.Second, 3 * time.Second, 10 * time.Second, 19 * time.Second, 21 * time.Second, 45 * time.Second, 2 * time.Minute,
		17 * time.Minute, 2 * time.Hour, 30 * time.Hour,
	} {
		t.Run(away.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org)
				p := &endpoint{broken: true}
				schedule := func(c *delivery.Config) { c.Schedule = delivery.Schedule{1000 * time.Hour} } // after the deadline
				hosts := []*delivery.Engine{w.engine(p, schedule, polling(away)), w.engine(p, schedule, polling(away))}
				for _, e := range hosts {
					w.must(e.Start(t.Context()))
				}
				w.publish(org, 100)
				pass(away)
				held := 0
				for _, a := range w.attempts(sub) {
					if !a.Status.Finished() && a.Step == 0 { // a probe may be under way
						held++
					}
				}
				if held < 50 {
					t.Fatalf("%d of 100 are held", held)
				}
				p.posts()
				p.set(false)
				pass(max(2*time.Second, min(away/10, 10*time.Minute)))
				if n := len(p.posts()); n != held {
					t.Errorf("%d of %d that were held are delivered in time", n, held)
				}
				for _, e := range hosts {
					w.must(e.Stop(t.Context()))
				}
			})
		})
	}
}

// After an endpoint hung for long its attempts are quick again: the time of the hanging
// attempts does not slow down the next ones.
func TestEndpointThatHungIsServedAsQuicklyAsItAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &endpoint{}
		const away = 20 * time.Minute
		back := time.Now().Add(away)
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if time.Now().Before(back) {
				time.Sleep(15 * time.Second)
				return guard.Result{Err: &guard.TimeoutError{After: 15 * time.Second}}
			}
			return p.Post(ctx, r)
		}), never, polling(0))
		w.must(e.Start(t.Context()))
		w.publish(org, 300)
		pass(away)
		held := 0
		for _, a := range w.attempts(sub) {
			if a.Status == store.Pending && a.Step == 0 {
				held++
			}
		}
		first := len(p.posts())
		for ; first == 0; first = len(p.posts()) { // until a probe succeeds
			pass(500 * time.Millisecond)
		}
		pass(5 * time.Second)
		if n := first + len(p.posts()); held < 100 || n < held {
			t.Errorf("%d of %d held attempts went out within 5 s after the first one", n, held)
		}
		w.must(e.Stop(t.Context()))
	})
}

// polling polls as an engine does by default, less often in the longest tests.
func polling(length time.Duration) func(*delivery.Config) {
	return func(c *delivery.Config) { c.PollInterval = max(500*time.Millisecond, length/5000) }
}

func TestProbeThatHangsDelaysTheNextOneByItsTimeoutAtMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		p := &endpoint{}
		var mu sync.Mutex
		under, most, hangs := 0, 0, true
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			mu.Lock()
			under++
			open := w.count(delivery.CircuitOpened) > 0 // 16 s later no earlier attempt is under way
			if hanging := hangs; hanging {
				if mu.Unlock(); open {
					mu.Lock()
					most = max(most, under)
					mu.Unlock()
				}
				time.Sleep(15 * time.Second)
				mu.Lock()
				under--
				mu.Unlock()
				return guard.Result{Err: &guard.TimeoutError{After: 15 * time.Second}}
			}
			under--
			mu.Unlock()
			return p.Post(ctx, r)
		}), never, polling(0))
		w.must(e.Start(t.Context()))
		w.publish(org, 100)
		for w.count(delivery.CircuitOpened) == 0 {
			pass(time.Second)
		}
		pass(16 * time.Second)
		mu.Lock()
		most = 0
		mu.Unlock()
		pass(5 * time.Minute)
		mu.Lock()
		if most != 1 {
			t.Errorf("%d probes at a time", most)
		}
		hangs = false
		mu.Unlock()
		pass(40 * time.Second) // a tenth of the time since the first failure
		if n := len(p.posts()); n == 0 {
			t.Error("no post after the endpoint came back")
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestHeldAttemptsUseNoStepAndAreSeldomClaimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, func(s *store.Subscription) { s.RetrySchedule = []time.Duration{5 * time.Second, 10 * time.Second} })
		p := &endpoint{broken: true}
		counting := &frugal{Store: w.store.(*memstore.Store), deferred: map[uuid.UUID]int{}}
		w.store = counting
		e := w.engine(p)
		w.must(e.Start(t.Context()))
		w.publish(org, 1000)
		pass(6 * time.Hour)
		probes := len(p.posts())
		steps := map[int]int{}
		for _, a := range w.attempts(sub) {
			if a.Status == store.Pending {
				steps[a.Step]++
			}
		}
		if steps[0]+steps[1]+steps[2] != 1000 || steps[0] < 950 || steps[2] > 0 {
			t.Errorf("waiting deliveries by step: %v, want all of 1000, of which only the attempts before the circuit opened used one", steps)
		}
		if total, _ := counting.counts(); total > 8*1000+2*probes {
			t.Errorf("1000 attempts were given back %d times in 6 hours, beside %d probes", total, probes)
		}
		p.set(false)
		pass(11 * time.Minute)
		if n := w.count(delivery.Exhausted); n != 0 || len(p.posts()) != 1000 {
			t.Errorf("%d deliveries failed for good", n)
		}
		w.must(e.Stop(t.Context()))
	})
}

// slowly is a store in which a change of the health takes some time, so that other workers act
// on the health before the change.
type slowly struct{ store.Store }

func (s slowly) UpdateHealth(ctx context.Context, subs []uuid.UUID, change func(uuid.UUID, *store.Health)) error {
	time.Sleep(time.Millisecond)
	return s.Store.UpdateHealth(ctx, subs, change)
}

func TestCircuitIsProbedByOneAttemptOverAllHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
			*h = store.Health{Failures: 10, Since: now().Add(-time.Hour), ProbeAt: now()} // a probe is due
		}))
		p := &endpoint{broken: true}
		one := func(c *delivery.Config) {
			never(c)
			c.Store, c.Backlog = slowly{w.store}, 8 // a claim leaves attempts to the other engines
		}
		hosts := []*delivery.Engine{w.engine(p, one), w.engine(p, one), w.engine(p, one)}
		w.publish(org, 30)
		for _, e := range hosts {
			w.must(e.Start(t.Context()))
		}
		pass(20 * time.Second)
		if n := len(p.posts()); n != 1 { // the next one comes a sixteenth of an hour later
			t.Errorf("%d probes, want 1", n)
		}
		if h := w.health(sub.ID); h.Failures != 11 || h.Probes != 1 {
			t.Errorf("health %+v", h)
		}
		for _, e := range hosts {
			w.must(e.Stop(t.Context()))
		}
	})
}

func TestCircuitStaysClosedWhereOneSucceedsNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &endpoint{}
		e := w.engine(p, never)
		w.must(e.Start(t.Context()))
		for i := range 50 {
			p.set(i%9 != 8)
			w.publish(org, 1)
			pass(2 * time.Second)
		}
		if n := len(p.posts()); n != 50 || w.count(delivery.CircuitOpened) != 0 {
			t.Errorf("%d posts, opened %d times", n, w.count(delivery.CircuitOpened))
		}
		if h := w.health(sub.ID); h.Failures != 5 {
			t.Errorf("health %+v, want the 5 failures since the last success", h)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestCircuitHoldsBackNoOtherSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, bad, good := newWorld(t), newID(), newID()
		hung, _ := w.subscribe(bad), w.subscribe(good)
		p := &endpoint{}
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() == hung.PostURI {
				return guard.Result{Status: 503}
			}
			return p.Post(ctx, r)
		}), never, func(c *delivery.Config) { c.Backlog = 64 })
		w.must(e.Start(t.Context()))
		w.publish(bad, 2_000)
		pass(2 * time.Second)
		for range 15 {
			w.publish(good, 1)
			pass(time.Second)
			if n := len(p.posts()); n != 1 {
				t.Fatalf("%d posts within a second beside 2,000 that wait", n)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestFiveDaysOfNothingButFailuresDeactivate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		e := w.engine(&endpoint{broken: true}, never)
		w.must(e.Start(t.Context()))
		began := time.Now()
		for w.count(delivery.SubscriptionDeactivated) == 0 && time.Since(began) < 8*24*time.Hour {
			w.publish(org, 1)
			pass(time.Hour)
		}
		if d := time.Since(began); d < 5*24*time.Hour || d > 5*24*time.Hour+4*time.Hour {
			t.Errorf("deactivated after %v, want 5 days", d)
		}
		s, err := w.store.Subscription(t.Context(), org, sub.ID)
		w.must(err)
		if s.Active || s.InactiveReason == "" {
			t.Errorf("the subscription is active: %v, reason %q", s.Active, s.InactiveReason)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestHeldAttemptEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		e := w.engine(&endpoint{broken: true}, never)
		w.must(e.Start(t.Context()))
		w.publish(org, 100)
		pass(98 * time.Hour)
		for _, a := range w.attempts(sub) {
			if a.Number == 1 && a.Status != store.Failed {
				t.Fatalf("an attempt is %v after its deadline", a.Status)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}

// mortal is a store in which a subscription is deleted just before its Health changes.
type mortal struct {
	store.Store
	dies func()
	once sync.Once
}

func (s *mortal) UpdateHealth(ctx context.Context, subs []uuid.UUID, change func(uuid.UUID, *store.Health)) error {
	s.once.Do(s.dies)
	return s.Store.UpdateHealth(ctx, subs, change)
}

func TestAnAttemptWhoseSubscriptionIsDeletedBeforeItsProbeIsCancelledAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		open := store.Health{Failures: 10, Since: now().Add(-5 * time.Hour), ProbeAt: now()}
		w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) { *h = open }))
		inner := w.store
		w.store = &mortal{Store: inner, dies: func() { w.must(inner.DeleteSubscription(t.Context(), org, sub.ID, now(), nil)) }}
		p := &endpoint{}
		e := w.engine(p, never)
		w.must(e.Start(t.Context()))
		message := w.publish(org, 1)[0].MessageID
		pass(10 * time.Second)
		list, err := w.store.MessageDeliveries(t.Context(), org, message, nil, store.Page{Take: 1})
		w.must(err)
		if d := list.Items[0]; d.Status != store.Cancelled || len(p.posts()) > 0 {
			t.Errorf("the attempt is %v (%s), want cancelled", d.Status, d.Error)
		}
		w.must(e.Stop(t.Context()))
	})
}
