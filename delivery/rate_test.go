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
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// frugal is a store that counts how often it is written to for nothing.
type frugal struct {
	*memstore.Store
	mu       sync.Mutex
	deferred map[uuid.UUID]int
}

func (f *frugal) Defer(ctx context.Context, deferrals []store.Deferral) ([]uuid.UUID, error) {
	f.mu.Lock()
	for _, d := range deferrals {
		f.deferred[d.AttemptID]++
	}
	f.mu.Unlock()
	return f.Store.Defer(ctx, deferrals)
}

// counts returns how often attempts were deferred: all together, and the one that
// was most often.
func (f *frugal) counts() (total, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.deferred {
		total += n
		most = max(most, n)
	}
	return total, most
}

// traffic is the requests that arrived, by URL.
type traffic struct {
	mu  sync.Mutex
	at  map[string][]time.Time
	ids map[string][]string
}

func (r *traffic) Post(_ context.Context, q guard.Request) guard.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	to := q.URL.String()
	r.at[to] = append(r.at[to], time.Now())
	r.ids[to] = append(r.ids[to], q.Header.Get(signing.HeaderID))
	return guard.Result{Status: 200}
}

func (r *traffic) to(s store.Subscription) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.at[s.PostURI])
}

// once fails the test unless n messages arrived, none of them twice.
func (r *traffic) once(t *testing.T, s store.Subscription, n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := slices.Clone(r.ids[s.PostURI])
	slices.Sort(ids)
	if all, distinct := len(ids), len(slices.Compact(ids)); all != n || distinct != n {
		t.Errorf("%d requests for %d messages, want %d", all, distinct, n)
	}
}

// within fails the test if a window of a second has more than most of the times.
func within(t *testing.T, at []time.Time, most int) {
	t.Helper()
	for i := range at {
		if j := i + most; j < len(at) && at[j].Sub(at[i]) < time.Second {
			t.Errorf("more than %d requests in the second after %v", most, at[i])
			return
		}
	}
}

// spaced fails the test if two of the times are closer than d.
func spaced(t *testing.T, at []time.Time, d time.Duration) {
	t.Helper()
	for i := 1; i < len(at); i++ {
		if got := at[i].Sub(at[i-1]); got < d {
			t.Errorf("request %d is %v after the one before, want at least %v", i+1, got, d)
			return
		}
	}
}

// limited makes an engine over the world, with a record of its requests and of its use of the store.
func limited(w *world, change ...func(*delivery.Config)) (*delivery.Engine, *traffic, *frugal) {
	w.t.Helper()
	got := &traffic{at: map[string][]time.Time{}, ids: map[string][]string{}}
	counting := &frugal{Store: w.store.(*memstore.Store), deferred: map[uuid.UUID]int{}}
	w.store = counting
	return w.engine(got, change...), got, counting
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		rate    float64
		publish int
		most    int // requests in a second
		change  func(*delivery.Config)
	}{
		{"SpacesWhatIsPublishedAtOnce", 5, 50, 5, nil},
		{"WithOneWorker", 5, 50, 5, func(c *delivery.Config) { c.Workers, c.PerSubscription = 1, 1 }},
		{"WithALittleMemory", 5, 50, 5, func(c *delivery.Config) { c.Backlog = 2 }},
		{"WithoutPolling", 5, 50, 5, rarely},
		{"BelowOneASecond", 0.1, 5, 1, rarely},
		{"OfMany", 100, 2000, 109, nil}, // the bucket of ten, then one each 10 ms
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org, rate(c.rate))
				w.publish(org, c.publish)
				var change []func(*delivery.Config)
				if c.change != nil {
					change = append(change, c.change)
				}
				e, got, counting := limited(w, change...)
				w.must(e.Start(t.Context()))
				interval := time.Duration(float64(time.Second) / c.rate)
				whole := time.Duration(c.publish-1) * interval
				time.Sleep(whole + time.Second)
				synctest.Wait()

				got.once(t, sub, c.publish)
				at := got.to(sub)
				within(t, at, c.most)
				if took := at[len(at)-1].Sub(at[0]); took > whole || took < whole-100*time.Millisecond {
					t.Errorf("took %v, want %v less a bucket", took, whole)
				}
				if c.rate <= 10 {
					for i := range at {
						if want := at[0].Add(time.Duration(i) * interval); !at[i].Equal(want) {
							t.Errorf("request %d after %v, want %v", i, at[i].Sub(at[0]), want.Sub(at[0]))
						}
					}
				}
				if total, most := counting.counts(); total > c.publish*11/10 || most > 2 {
					t.Errorf("%d attempts were deferred %d times, one of them %d times; want about once each", c.publish, total, most)
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}

func TestRateLimitDelaysNoOtherSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		slow, quick := w.subscribe(org, rate(1)), w.subscribe(org, func(s *store.Subscription) { s.PostURI = "https://example.com/quick" })
		e, got, _ := limited(w, func(c *delivery.Config) { c.Workers, c.Backlog = 1, 16 })
		w.publish(org, 200)
		w.must(e.Start(t.Context()))
		time.Sleep(10 * time.Second) // attempts beyond the room come back after a poll
		synctest.Wait()
		got.once(t, quick, 200)
		before := len(got.to(quick))
		began := time.Now()
		w.publish(org, 1)
		time.Sleep(time.Second)
		synctest.Wait()
		if at := got.to(quick); len(at) != before+1 || !at[before].Equal(began) {
			t.Errorf("%d requests beside a backlog, want one at once", len(at)-before)
		}
		spaced(t, got.to(slow), time.Second)
		w.must(e.Stop(t.Context()))
	})
}

func TestRateLimitSendsInTurnWhileMoreIsPublishedThanItAllows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(5))
		e, got, counting := limited(w)
		w.must(e.Start(t.Context()))
		var want []string
		for range 300 {
			want = append(want, w.publish(org, 1)[0].MessageID.String())
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		got.once(t, sub, 300)
		spaced(t, got.to(sub), 200*time.Millisecond)
		if !slices.Equal(got.ids[sub.PostURI], want) {
			t.Error("what was published later overtook what waits")
		}
		if _, most := counting.counts(); most > 1 {
			t.Errorf("an attempt was deferred %d times", most)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestRateLimitsOfSeveralProcessesAddUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(5))
		a, got, counting := limited(w)
		b := w.engine(got, func(c *delivery.Config) { c.Store = counting })
		w.must(a.Start(t.Context()))
		w.must(b.Start(t.Context()))
		w.publish(org, 1000)
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		got.once(t, sub, 1000)
		at := got.to(sub)
		within(t, at, 2*(5+1))
		if d := at[999].Sub(at[0]); d > 3*time.Minute+20*time.Second {
			t.Errorf("took %v, longer than one process alone", d)
		}
		if total, most := counting.counts(); total > 2000 || most > 10 {
			t.Errorf("1000 attempts were deferred %d times, one of them %d times", total, most)
		}
		w.must(a.Stop(t.Context()))
		w.must(b.Stop(t.Context()))
	})
}

func TestRateLimitCountsRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org, rate(2), func(s *store.Subscription) { s.RetrySchedule = []time.Duration{time.Minute} })
		sent := &script{}
		for i := range 40 { // each other one fails, so that no circuit opens
			sent.statuses = append(sent.statuses, 200+300*(i%2))
		}
		sent.statuses = append(sent.statuses, 200)
		e := w.engine(sent)
		w.publish(org, 40) // 20 s, and the retries come 48 to 92 s later
		w.must(e.Start(t.Context()))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if len(sent.at) != 60 {
			t.Errorf("%d requests, want 60", len(sent.at))
		}
		spaced(t, sent.at, 500*time.Millisecond)
		w.must(e.Stop(t.Context()))
	})
}

func TestRateLimitOutlivesItsLaneAndTheRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(0.1))
		e, got, _ := limited(w)
		for range 3 {
			w.must(e.Start(t.Context()))
			w.publish(org, 1)
			settle()
			w.publish(org, 1)
			settle()
			w.must(e.Stop(t.Context()))
		}
		w.must(e.Start(t.Context()))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		got.once(t, sub, 6)
		spaced(t, got.to(sub), 10*time.Second)
		w.must(e.Stop(t.Context()))
	})
}

func TestStopWaitsForNoRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(3))
		e, got, _ := limited(w)
		w.publish(org, 10)
		w.must(e.Start(t.Context()))
		synctest.Wait() // one is sent, one waits in its lane, all others in the store
		began := time.Now()
		w.must(e.Stop(t.Context()))
		if d := time.Since(began); d != 0 {
			t.Errorf("Stop took %v", d)
		}
		time.Sleep(time.Minute)
		if n := len(got.to(sub)); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		jobs, _, err := w.store.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
		w.must(err)
		if len(jobs) != 9 {
			t.Errorf("%d can be claimed, want what was not sent", len(jobs))
		}
	})
}

func TestAttemptHeldByTheRateLimitPastItsDeadlineFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org, rate(0.001))
		e, got, counting := limited(w, rarely)
		began := time.Now()
		w.publish(org, 1000) // 278 hours
		w.must(e.Start(t.Context()))
		time.Sleep(96*time.Hour + 2*time.Minute)
		synctest.Wait()
		failed := 0
		for _, a := range w.attempts(sub) {
			if a.Status == store.Failed && a.Error == "not sent before its deadline" && a.UpdatedAt.Sub(began) >= 96*time.Hour {
				failed++
			}
		}
		if n := len(got.to(sub)); n+failed != 1000 || n < 345 || n > 347 {
			t.Errorf("%d sent and %d failed, want 346 and the rest of 1000", n, failed)
		}
		if _, most := counting.counts(); most > 3 {
			t.Errorf("an attempt was deferred %d times", most)
		}
		w.must(e.Stop(t.Context()))
	})
}

func TestPacersWithoutUseAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		slow := w.subscribe(org, rate(0.001))
		e, got, _ := limited(w)
		w.must(e.Start(t.Context()))
		w.publish(org, 1)
		settle()
		for range 3 {
			for range 1000 {
				other := newID()
				w.subscribe(other, rate(5))
				w.publish(other, 1)
			}
			settle()
			settle()
		}
		w.publish(org, 1)
		settle()
		if n := len(got.to(slow)); n != 1 {
			t.Errorf("%d requests where one is allowed: forgotten too early", n)
		}
		w.must(e.Stop(t.Context()))
		if n := e.Pacers(); n > 2000 {
			t.Errorf("remembers %d subscriptions, want those of the last moments", n)
		}
	})
}
