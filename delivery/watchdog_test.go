package delivery_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// The guard bounds the work that one group can make for it.
func TestAnOrganizationIsAGroupOfRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, orgs := newWorld(t), []uuid.UUID{newID(), newID()}
		var mu sync.Mutex
		groups := map[string]int{}
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			mu.Lock()
			defer mu.Unlock()
			groups[r.Group]++
			return guard.Result{Status: 200}
		}))
		for _, org := range orgs {
			w.subscribe(org)
			w.subscribe(org)
			w.publish(org, 1)
		}
		w.must(e.Start(t.Context()))
		settle()
		w.must(e.Stop(t.Context()))
		if len(groups) != 2 || groups[orgs[0].String()] != 2 || groups[orgs[1].String()] != 2 {
			t.Errorf("%v, want two requests of each of %v", groups, orgs)
		}
	})
}

// hungSender is a sender that does not return, whatever its context says, until it is let go.
type hungSender struct {
	letGo  chan struct{}
	called chan struct{}
	result guard.Result
}

func newHungSender() *hungSender {
	return &hungSender{make(chan struct{}), make(chan struct{}, 1000), guard.Result{Status: 200}}
}

func (d *hungSender) Post(context.Context, guard.Request) guard.Result {
	d.called <- struct{}{}
	<-d.letGo
	return d.result
}

func TestASenderThatDoesNotReturnLosesItsAttemptAndItsWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, bad, good := newWorld(t), newID(), newID()
		broken, fine := w.subscribe(bad), w.subscribe(good)
		hangs := newHungSender()
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() == broken.PostURI {
				return hangs.Post(ctx, r)
			}
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Workers, c.Schedule = 1, delivery.Schedule{time.Hour} })
		w.must(e.Start(t.Context()))
		w.publish(bad, 1)
		<-hangs.called
		w.publish(good, 1)

		time.Sleep(15*time.Second + 2*time.Second - time.Millisecond)
		synctest.Wait()
		if a := w.attempts(broken)[0]; a.Status != store.Sending {
			t.Errorf("before 2 s after its deadline the attempt is %v", a.Status)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		list := w.attempts(broken)
		if a := list[0]; a.Status != store.Failed || a.Error != "timeout after 15s; the sender did not return" || len(list) != 2 {
			t.Errorf("the attempt is %v, %q, and there are %d", a.Status, a.Error, len(list))
		}
		if a := w.attempts(fine)[0]; a.Status != store.Succeeded {
			t.Errorf("the only worker is not free: the next attempt is %v", a.Status)
		}
		if calls, _ := e.Stuck(); calls != 1 || w.count(delivery.SenderStuck) != 1 {
			t.Errorf("%d calls are stuck, %d notices", calls, w.count(delivery.SenderStuck))
		}

		close(hangs.letGo) // the result comes late
		time.Sleep(time.Second)
		synctest.Wait()
		if again := w.attempts(broken); !reflect.DeepEqual(again, list) {
			t.Errorf("the late result changed the attempts from %+v to %+v", list, again)
		}
		if calls, _ := e.Stuck(); calls != 0 || w.count(delivery.AttemptEnded) != 2 || w.count(delivery.LeaseLost) != 0 {
			t.Errorf("%d calls are stuck, %d attempts ended, %d leases lost", calls, w.count(delivery.AttemptEnded), w.count(delivery.LeaseLost))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestStopDoesNotWaitForASenderThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		hangs := newHungSender()
		defer close(hangs.letGo)
		e := w.engine(hangs)
		w.must(e.Start(t.Context()))
		w.publish(org, 2)
		<-hangs.called
		<-hangs.called

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := e.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop returned %v, want its ctx's error", err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("Stop returned %v after the end of its ctx", took-time.Second)
		}
		for _, a := range w.attempts(sub) {
			if a.Status != store.Pending {
				t.Errorf("an attempt that was cut off is %v, want it given back", a.Status)
			}
		}
		w.must(e.Start(t.Context())) // nothing of the former run is left
		synctest.Wait()
		w.must(e.Stop(t.Context()))
	})
}

// With time enough Stop returns nil: the attempt ends 2 s after its deadline.
func TestADrainEndsWhenASenderDoesNotReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		hangs := newHungSender()
		defer close(hangs.letGo)
		e := w.engine(hangs)
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		<-hangs.called
		start := time.Now()
		w.must(e.Stop(t.Context()))
		if took := time.Since(start); took > 18*time.Second {
			t.Errorf("Stop took %v", took)
		}
		if a := w.attempts(sub)[0]; a.Status != store.Failed {
			t.Errorf("the attempt is %v", a.Status)
		}
	})
}

// Each costs a goroutine. Beyond the bound a call keeps its worker, so that nothing is sent.
func TestAtMostAsManyCallsAreGivenUpAsThereAreWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const workers = 4
		w, org := newWorld(t), newID()
		for range 5 * workers {
			w.subscribe(org, func(s *store.Subscription) { s.PostURI = "https://example.com/" + s.ID.String() })
		}
		hangs := newHungSender()
		e := w.engine(hangs, func(c *delivery.Config) { c.Workers = workers })
		w.must(e.Start(t.Context()))
		w.publish(org, 10)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if calls, most := e.Stuck(); calls != workers || most != workers || len(hangs.called) > 2*workers {
			t.Errorf("%d of %d calls given up after %d", calls, most, len(hangs.called))
		}
		close(hangs.letGo)
		time.Sleep(time.Minute)
		synctest.Wait()
		if calls, _ := e.Stuck(); calls != 0 {
			t.Errorf("%d calls are stuck after all have returned", calls)
		}
		if len(hangs.called) < 10*5*workers {
			t.Errorf("only %d of %d were sent when the calls had returned", len(hangs.called), 10*5*workers)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestStopReturnsSoonAfterItsContextAlsoWhenTheObserverDoesNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		letGo, observed := make(chan struct{}), make(chan struct{}, 100)
		e := w.engine(answer(200), func(c *delivery.Config) {
			c.Observe = func(delivery.Notice) {
				observed <- struct{}{}
				<-letGo
			}
		})
		w.must(e.Start(t.Context()))
		w.publish(org, 100)
		<-observed

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := e.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop returned %v, want its ctx's error", err)
		}
		if took := time.Since(start); took > 2500*time.Millisecond {
			t.Errorf("Stop returned %v after the end of its ctx", took-time.Second)
		}
		close(letGo)
		w.must(e.Stop(t.Context()))
	})
}
