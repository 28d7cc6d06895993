package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// moody is a store that can be away.
type moody struct {
	store.Store
	away    atomic.Bool
	claimed func()
}

var errAway = fmt.Errorf("%w: connection refused", store.ErrUnavailable)

func (m *moody) Ping(ctx context.Context) error {
	if m.away.Load() {
		return errAway
	}
	return m.Store.Ping(ctx)
}

func (m *moody) Claim(ctx context.Context, opts store.ClaimOptions) ([]store.Job, time.Time, error) {
	if m.away.Load() {
		return nil, time.Time{}, errAway
	}
	jobs, at, err := m.Store.Claim(ctx, opts)
	if len(jobs) > 0 && m.claimed != nil {
		m.claimed()
	}
	return jobs, at, err
}

func (m *moody) Record(ctx context.Context, o []store.Outcome) ([]uuid.UUID, error) {
	if m.away.Load() {
		return nil, errAway
	}
	return m.Store.Record(ctx, o)
}

func TestStartFailsWhenTheStoreDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := &moody{Store: w.store}
	m.away.Store(true)
	e := w.engine(answer(200), func(c *delivery.Config) { c.Store = m })
	if err := e.Start(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if e.Running() {
		t.Error("runs nevertheless")
	}
}

func TestOutcomesSurviveAStoreThatGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		m := &moody{Store: w.store}
		var sent atomic.Int32
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			m.away.Store(true) // between sending and recording
			sent.Add(1)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Store = m })
		w.must(e.Start(t.Context()))
		w.publish(org, 3)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		m.away.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for _, a := range w.attempts(sub) {
			if a.Status != store.Succeeded {
				t.Errorf("attempt is %v after the store came back", a.Status)
			}
		}
		if sent.Load() != 3 {
			t.Errorf("%d requests, want each message once", sent.Load())
		}
		if w.count(delivery.StoreDown) == 0 || w.count(delivery.StoreDown) != w.count(delivery.StoreUp) {
			t.Errorf("%d times down and %d times up", w.count(delivery.StoreDown), w.count(delivery.StoreUp))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestALateOutcomeChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		m := &moody{Store: w.store}
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			m.away.Store(true)
			return guard.Result{Status: 500}
		}), func(c *delivery.Config) { c.Store = m })
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		time.Sleep(time.Minute) // longer than the lease: another host takes over
		jobs, _, err := w.store.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Hour})
		w.must(err)
		if len(jobs) != 1 {
			t.Fatalf("another host got %d jobs after the lease, want 1", len(jobs))
		}
		m.away.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if a := w.attempts(sub); len(a) != 1 || a[0].Status != store.Sending {
			t.Errorf("the late outcome changed the attempts: %+v", a)
		}
		if w.count(delivery.LeaseLost) != 1 {
			t.Errorf("%d leases lost, want 1", w.count(delivery.LeaseLost))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestStopFinishesAttemptsInFlightAndGivesBackWaitingOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			time.Sleep(3 * time.Second)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Workers = 16 })
		w.must(e.Start(t.Context()))
		w.publish(org, 20)
		settle()
		w.must(e.Stop(t.Context()))
		done, pending := 0, 0
		for _, a := range w.attempts(sub) {
			switch a.Status {
			case store.Succeeded:
				done++
			case store.Pending:
				pending++
			default: // fails below
			}
		}
		if done != 4 || pending != 16 {
			t.Errorf("%d done and %d pending, want the 4 in flight done and 16 given back", done, pending)
		}
		jobs, _, err := w.store.Claim(t.Context(), store.ClaimOptions{Max: 100, Lease: time.Minute})
		w.must(err)
		if len(jobs) != 16 {
			t.Errorf("%d can be claimed at once, want 16", len(jobs))
		}
	})
}

func TestStopAbortsAttemptsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		e := w.engine(sender(func(ctx context.Context, _ guard.Request) guard.Result {
			<-ctx.Done()
			return guard.Result{Err: ctx.Err()}
		}))
		w.must(e.Start(t.Context()))
		w.publish(org, 2)
		settle()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop returned %v, want its ctx's error", err)
		}
		for _, a := range w.attempts(sub) {
			if a.Status != store.Pending {
				t.Errorf("what was cut off is %v, want it given back", a.Status)
			}
		}
	})
}

func TestStartAndStopCanBeRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		sent := &script{statuses: []int{200}}
		e := w.engine(sent)
		w.must(e.Stop(t.Context())) // before any Start
		for range 2 {
			w.must(e.Start(t.Context()))
			w.must(e.Start(t.Context()))
			w.publish(org, 1)
			time.Sleep(time.Second)
			synctest.Wait()
			w.must(e.Stop(t.Context()))
			w.must(e.Stop(t.Context()))
			if e.Running() {
				t.Error("runs after Stop")
			}
		}
		if len(sent.requests) != 2 {
			t.Errorf("%d requests, want one from each run", len(sent.requests))
		}
	})
}

func TestCancellingStartsContextDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			time.Sleep(3 * time.Second)
			return guard.Result{Status: 200}
		}))
		ctx, cancel := context.WithCancel(t.Context())
		w.must(e.Start(ctx))
		w.publish(org, 1)
		settle()
		cancel()
		w.must(e.Stop(t.Context())) // waits for the drain
		if a := w.attempts(sub)[0]; a.Status != store.Succeeded {
			t.Errorf("what was in flight is %v, want it finished", a.Status)
		}
		time.Sleep(time.Minute) // the drain's own time-out
	})
}

func TestPanicsOfTheHostFailTheirOwnDeliveryOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, bad, good := newWorld(t), newID(), newID()
		broken, fine := w.subscribe(bad), w.subscribe(good)
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			if r.URL.String() == broken.PostURI {
				panic("boom")
			}
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) {
			c.Observe = func(delivery.Notice) { panic("the observer, too") }
		})
		w.must(e.Start(t.Context()))
		w.publish(bad, 1)
		w.publish(good, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		if a := w.attempts(broken)[0]; a.Status != store.Failed || a.NextRetryAt.IsZero() {
			t.Errorf("a panicking sender left %v, want a failure that is retried", a.Status)
		}
		if a := w.attempts(fine)[0]; a.Status != store.Succeeded {
			t.Errorf("the other delivery is %v", a.Status)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestAnAttemptIsNotBegunOnALeaseThatEndsSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		inFlight, twice := map[string]bool{}, false
		gate := make(chan struct{}, 1)
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			gate <- struct{}{}
			id := r.Header.Get("Webhook-Id")
			twice = twice || inFlight[id]
			inFlight[id] = true
			<-gate
			time.Sleep(14 * time.Second)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Workers, c.PerSubscription = 1, 1 })
		w.must(e.Start(t.Context()))
		w.publish(org, 12) // one after the other they take longer than a lease
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(inFlight) != 12 || twice {
			t.Errorf("%d sent, some twice: %v", len(inFlight), twice)
		}
		w.must(e.Stop(t.Context()))
	})
}
