package delivery_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestDeliversAPublishedMessageAndRecordsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, func(s *store.Subscription) { s.Headers = map[string]string{"X-Tenant": "7"} })
		sent := &script{statuses: []int{201}}
		e := w.engine(sent)
		w.must(e.Start(t.Context()))
		message := w.publish(org, 1)[0].MessageID
		settle()

		if len(sent.requests) != 1 {
			t.Fatalf("%d requests, want 1", len(sent.requests))
		}
		h := sent.requests[0]
		for name, want := range map[string]string{
			signing.HeaderID: message.String(), "X-Tenant": "7", "Content-Type": "application/json",
			delivery.HeaderAttempt: "1", "User-Agent": "ecg-webhooks",
		} {
			if h.Get(name) != want {
				t.Errorf("header %s is %q, want %q", name, h.Get(name), want)
			}
		}
		a := w.attempts(sub)[0]
		if a.Status != store.Succeeded || a.HTTPStatus != 201 || a.PostedAt.IsZero() || a.Error != "" {
			t.Errorf("recorded %+v", a)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestRetriesOnScheduleUntilItIsUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		sent := &script{statuses: []int{500, 503, 500}}
		e := w.engine(sent)
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		time.Sleep(time.Hour) // of the bubble's clock
		synctest.Wait()

		if len(sent.at) != 3 {
			t.Fatalf("%d requests, want 3", len(sent.at))
		}
		for i, want := range []time.Duration{10 * time.Second, 100 * time.Second} {
			wait := sent.at[i+1].Sub(sent.at[i])
			if wait < want*8/10 || wait > want*12/10+time.Millisecond {
				t.Errorf("wait %d was %v, want %v ± 20 %%", i+1, wait, want)
			}
		}
		attempts := w.attempts(sub)
		for i, a := range attempts {
			if a.Status != store.Failed || a.Number != i+1 {
				t.Errorf("attempt %d is %v, number %d", i+1, a.Status, a.Number)
			}
		}
		if !attempts[2].NextRetryAt.IsZero() || attempts[1].NextRetryAt.IsZero() || attempts[1].RetryOf != attempts[0].ID {
			t.Errorf("chain is not linked: %+v", attempts)
		}
		if w.count(delivery.FirstFailure) != 1 || w.count(delivery.Exhausted) != 1 {
			t.Errorf("notices %+v", w.notices)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestSubscriptionsScheduleAndTimeoutReplaceTheDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org, func(s *store.Subscription) {
			s.RetrySchedule, s.Timeout = []time.Duration{time.Minute}, 3*time.Second
		})
		var at []time.Time
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			if r.Timeout != 3*time.Second {
				t.Errorf("time-out %v, want 3s", r.Timeout)
			}
			at = append(at, time.Now())
			return guard.Result{Status: 500}
		}))
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(at) != 2 || at[1].Sub(at[0]) < 48*time.Second || at[1].Sub(at[0]) > 73*time.Second {
			t.Errorf("attempts at %v, want two a minute apart", at)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestGoneDeactivatesTheSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		sent := &script{statuses: []int{410}}
		e := w.engine(sent, func(c *delivery.Config) { c.Workers = 1 })
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		got, err := w.store.Subscription(t.Context(), org, sub.ID)
		w.must(err)
		if got.Active || got.InactiveReason == "" || w.count(delivery.SubscriptionDeactivated) != 1 {
			t.Errorf("subscription active %v, reason %q, notices %+v", got.Active, got.InactiveReason, w.notices)
		}
		if len(sent.requests) != 1 {
			t.Errorf("%d requests, want 1", len(sent.requests))
		}
		w.must(e.Stop(t.Context()))
	})
}

// rarely polls so seldom that days of the bubble's clock pass quickly.
func rarely(c *delivery.Config) { c.PollInterval = time.Minute }

func setActive(w *world, s store.Subscription, active bool) {
	w.t.Helper()
	_, err := w.store.UpdateSubscription(context.Background(), s.OrganizationID, s.ID, now(), func(s *store.Subscription) error {
		s.Active = active
		return nil
	})
	w.must(err)
}

func TestInactiveSubscriptionWaitsUntilItIsActive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		sent := &script{statuses: []int{200}}
		e := w.engine(sent, rarely)
		w.publish(org, 3)
		setActive(w, sub, false)
		w.must(e.Start(t.Context()))
		time.Sleep(50 * time.Hour)
		synctest.Wait()
		if len(sent.requests) != 0 {
			t.Fatalf("%d requests while inactive", len(sent.requests))
		}
		setActive(w, sub, true)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(sent.requests) != 3 {
			t.Errorf("%d requests after it became active, want 3", len(sent.requests))
		}
		w.must(e.Stop(t.Context()))
	})
}

// crossing is a store in which something happens just before attempts are given
// back for long.
type crossing struct {
	*memstore.Store
	happens func()
}

func (c *crossing) Defer(ctx context.Context, deferrals []store.Deferral) ([]uuid.UUID, error) {
	if deferrals[0].DueAt.After(now().Add(30*time.Second)) && c.happens != nil {
		c.happens()
		c.happens = nil
	}
	return c.Store.Defer(ctx, deferrals)
}

func TestAttemptGivenBackWhileItsSubscriptionBecomesActiveIsNotForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		sent := &script{statuses: []int{200}}
		c := &crossing{Store: w.store.(*memstore.Store), happens: func() { setActive(w, sub, true) }}
		e := w.engine(sent, func(conf *delivery.Config) { conf.Store = c })
		w.publish(org, 1)
		setActive(w, sub, false)
		w.must(e.Start(t.Context()))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(sent.requests) != 1 {
			t.Errorf("%d requests two minutes after it became active, want 1", len(sent.requests))
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestAttemptThatWaitedPastItsDeadlineFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		sent := &script{statuses: []int{200}}
		e := w.engine(sent, rarely)
		w.publish(org, 1)
		setActive(w, sub, false)
		w.must(e.Start(t.Context()))
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		a := w.attempts(sub)[0]
		if len(sent.requests) != 0 || a.Status != store.Failed || a.Error != "not sent before its deadline: the subscription was inactive" {
			t.Errorf("%d requests, attempt %v %q", len(sent.requests), a.Status, a.Error)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestClaimedAttemptOfAnArchivedSubscriptionIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		release := make(chan struct{})
		var sent atomic.Int32
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			sent.Add(1)
			<-release
			return guard.Result{Status: 500}
		}), func(c *delivery.Config) { c.Workers = 1 })
		w.must(e.Start(t.Context()))
		w.publish(org, 2)
		settle() // the first is being sent, the second waits in memory
		_, err := w.store.UpdateSubscription(t.Context(), org, sub.ID, now(), func(s *store.Subscription) error {
			s.Archived = true
			return nil
		})
		w.must(err)
		e.Forget(sub.ID)
		close(release)
		time.Sleep(time.Hour)
		synctest.Wait()
		if sent.Load() != 1 {
			t.Errorf("%d requests, want 1", sent.Load())
		}
		for i, a := range w.attempts(sub)[1:] {
			if a.Status != store.Cancelled {
				t.Errorf("attempt %d is %v, want cancelled", i+2, a.Status)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}

// A host died with attempts of an endpoint that hangs, and the subscription is archived.
func TestAttemptsOfAnArchivedSubscriptionDoNotWaitForThePaceOfItsEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		const left, lease, inFlight = 200, 40 * time.Second, 4
		w.publish(org, left)
		_, _, err := w.store.Claim(t.Context(), store.ClaimOptions{Max: left, Lease: lease})
		w.must(err)
		w.publish(org, 50)
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			time.Sleep(15 * time.Second)
			return guard.Result{Err: &guard.TimeoutError{After: 15 * time.Second}}
		}), func(c *delivery.Config) { c.PerSubscription = inFlight })
		w.must(e.Start(t.Context()))
		pass(lease - time.Second)
		_, err = w.store.UpdateSubscription(t.Context(), org, sub.ID, now(), func(s *store.Subscription) error {
			s.Archived = true
			return nil
		})
		w.must(err)
		pass(2 * time.Minute)
		queued := 0
		for _, a := range w.attempts(sub) {
			if a.Status == store.Pending || a.Status == store.Sending {
				queued++
			}
		}
		if queued > inFlight { // retries of the attempts in flight may wait for their time
			t.Errorf("%d attempts are queued two minutes later, want at most %d", queued, inFlight)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestHangingEndpointHoldsUpNoOtherEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, bad, good := newWorld(t), newID(), newID()
		hung := w.subscribe(bad)
		w.subscribe(good)
		var delivered atomic.Int32
		e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
			if r.URL.String() == hung.PostURI {
				<-time.After(15 * time.Second)
				return guard.Result{Err: &guard.TimeoutError{After: 15 * time.Second}}
			}
			delivered.Add(1)
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.Backlog = 64 })
		w.publish(bad, 2000) // far more than fits in memory
		w.must(e.Start(t.Context()))
		time.Sleep(20 * time.Second)
		w.publish(good, 100)
		time.Sleep(time.Second)
		synctest.Wait()
		if delivered.Load() != 100 {
			t.Errorf("%d of 100 delivered beside a hanging endpoint", delivered.Load())
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestConcurrencyPerSubscriptionIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		var inFlight, most, total atomic.Int32
		e := w.engine(sender(func(context.Context, guard.Request) guard.Result {
			n := inFlight.Add(1)
			defer inFlight.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			total.Add(1)
			time.Sleep(time.Millisecond)
			return guard.Result{Status: 200}
		}))
		w.must(e.Start(t.Context()))
		w.publish(org, 100)
		time.Sleep(time.Minute)
		synctest.Wait()
		if total.Load() != 100 || most.Load() != 4 {
			t.Errorf("%d sent, %d at once, want 100 and 4", total.Load(), most.Load())
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestHandedOverJobsGoOutWithoutAClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		sent := &script{statuses: []int{200}}
		e := w.engine(sent)
		if e.Reserve().Take(org, sub.ID) {
			t.Fatal("a stopped engine took an attempt")
		}
		w.must(e.Start(t.Context()))
		synctest.Wait()
		room, left := e.Reserve(), 2
		take := func(org, subscription uuid.UUID) bool { left--; return left >= 0 && room.Take(org, subscription) }
		out := w.publish(org, 3, func(o *store.PublishOptions) { o.HandOff, o.Lease = take, room.Lease })
		var jobs []store.Job
		for _, p := range out {
			jobs = append(jobs, p.Jobs...)
		}
		if len(jobs) != 2 {
			t.Fatalf("%d jobs handed off, want 2", len(jobs))
		}
		room.HandOver(jobs)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(sent.requests) != 3 {
			t.Errorf("%d requests, want each once", len(sent.requests))
		}
		for _, a := range w.attempts(sub) {
			if a.Status != store.Succeeded {
				t.Errorf("attempt is %v", a.Status)
			}
		}
		w.must(e.Stop(t.Context()))
	})
}

// shelf is a store which takes a while to give out subscriptions, and may fail to.
type shelf struct {
	store.Store
	reads atomic.Int32
	away  atomic.Bool
}

func (s *shelf) Targets(ctx context.Context, subscriptions []uuid.UUID, since time.Time) (map[uuid.UUID]store.Target, error) {
	s.reads.Add(1)
	targets, err := s.Store.Targets(ctx, subscriptions, since)
	time.Sleep(10 * time.Millisecond)
	if s.away.Load() {
		return nil, store.ErrUnavailable
	}
	return targets, err
}

func TestSubscriptionsWantedAtOnceAreReadTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		shelf := &shelf{Store: w.store}
		w.store = shelf
		sent := &script{statuses: []int{200}}
		e := w.engine(sent, func(c *delivery.Config) { c.Workers = 128 })
		w.must(e.Start(t.Context()))
		synctest.Wait()
		const n = 500
		var subs []store.Subscription
		handOver := func() { // something to n new ones
			for range n {
				org := newID()
				subs = append(subs, w.subscribe(org))
				w.handOver(e, org, 1)
			}
		}
		handOver()
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if reads := shelf.reads.Load(); len(sent.requests) != n || reads > n/20 {
			t.Errorf("%d of %d sent, with %d reads", len(sent.requests), n, reads)
		}

		shelf.away.Store(true)
		handOver()
		time.Sleep(500 * time.Millisecond)
		shelf.away.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, sub := range subs {
			for _, a := range w.attempts(sub) {
				if a.Status != store.Succeeded {
					t.Fatalf("an attempt is %v: %s", a.Status, a.Error)
				}
			}
		}
		if len(sent.requests) != 2*n {
			t.Errorf("%d sent, want %d", len(sent.requests), 2*n)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestSubscriptionThatIsForgottenWhileItIsReadIsNotTakenForDeleted(t *testing.T) {
	t.Parallel()
	w, org := newWorld(t), newID()
	sub := w.subscribe(org)
	const n = 300
	w.publish(org, n)
	e := w.engine(answer(200))
	w.must(e.Start(t.Context()))
	for w.count(delivery.AttemptEnded) < n {
		for range 100 {
			e.Forget(sub.ID)
		}
	}
	for _, a := range w.attempts(sub) {
		if a.Status != store.Succeeded {
			t.Fatalf("an attempt is %v: %s", a.Status, a.Error)
		}
	}
}

// A cached subscription is not used for longer because it was changed, or the store was away, while it
// was read again.
func TestSubscriptionThatCannotBeReadAgainIsNotKept(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(*shelf, *delivery.Engine, uuid.UUID){
		"forgotten": func(_ *shelf, e *delivery.Engine, id uuid.UUID) { e.Forget(id) },
		"away":      func(s *shelf, _ *delivery.Engine, _ uuid.UUID) { s.away.Store(true) },
	} {
		synctest.Test(t, func(t *testing.T) {
			w, org := newWorld(t), newID()
			shelf := &shelf{Store: w.store}
			w.store = shelf
			sub := w.subscribe(org)
			var paths []string
			e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
				paths = append(paths, r.URL.Path)
				return guard.Result{Status: 200}
			}), func(c *delivery.Config) { c.Workers = 1 })
			w.must(e.Start(t.Context()))
			synctest.Wait()
			w.handOver(e, org, 1)
			time.Sleep(2 * time.Second) // then it is read again
			w.handOver(e, org, 2)
			time.Sleep(5 * time.Millisecond)
			_, err := shelf.UpdateSubscription(t.Context(), org, sub.ID, now(), func(s *store.Subscription) error {
				s.PostURI = "https://example.com/new"
				return nil
			})
			w.must(err)
			happens(shelf, e, sub.ID)
			time.Sleep(10 * time.Millisecond)
			shelf.away.Store(false)
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if len(paths) != 3 || paths[2] != "/new" || name == "away" && paths[1] != "/new" {
				t.Errorf("%s: got %q, want what was not read yet to go to /new", name, paths)
			}
			w.must(e.Stop(t.Context()))
		})
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := delivery.Config{
		Store: w.store, Sender: answer(200),
		Signer: func(store.Target) (signing.Signer, error) { return nil, errors.New("unused") },
	}
	for want, change := range map[string]func(*delivery.Config){
		"Store":       func(c *delivery.Config) { c.Store = nil },
		"Sender":      func(c *delivery.Config) { c.Sender = nil },
		"Signer":      func(c *delivery.Config) { c.Signer = nil },
		"Workers":     func(c *delivery.Config) { c.Workers = -1 },
		"Timeout":     func(c *delivery.Config) { c.Timeout = time.Minute },
		"Lease":       func(c *delivery.Config) { c.Lease = 19*time.Second - 1 },
		"Deadline":    func(c *delivery.Config) { c.Deadline = -time.Hour },
		"Schedule[1]": func(c *delivery.Config) { c.Schedule = delivery.Schedule{1, 0} },
	} {
		c := good
		change(&c)
		if _, err := delivery.New(c); err == nil || !strings.Contains(err.Error(), "Config."+want+" ") {
			t.Errorf("%s: got %v", want, err)
		}
	}
	for _, lease := range []time.Duration{0, 19 * time.Second} { // the time-out and 4 s
		good.Lease = lease
		if _, err := delivery.New(good); err != nil {
			t.Error(err)
		}
	}
}
