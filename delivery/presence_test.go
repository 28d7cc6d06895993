package delivery_test

import (
	"context"
	"errors"
	"slices"
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

// hosted is a store that knows hosts, by the answers of a test.
type hosted struct {
	store.Store

	mu      sync.Mutex
	answer  store.Beat
	err     error
	delay   time.Duration // of each Beat
	beats   []time.Time
	named   []int64 // the host of each Beat
	ended   []int64 // the host of each EndLeases
	claimed []int64 // the host of each claim
	closed  bool    // claims find nothing
	loses   bool    // the reply of the next claim that finds something
	leased  []store.Lease
}

func (h *hosted) Abilities() store.Abilities {
	a := h.Store.Abilities()
	a.Hosts = h
	return a
}

func (h *hosted) Beat(_ context.Context, host int64, _ time.Duration) (store.Beat, error) {
	h.mu.Lock()
	delay := h.delay
	h.mu.Unlock()
	time.Sleep(delay)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.beats, h.named = append(h.beats, time.Now()), append(h.named, host)
	return h.answer, h.err
}

func (h *hosted) EndLeases(_ context.Context, host int64) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = append(h.ended, host)
	return 5, nil
}

func (h *hosted) Claim(ctx context.Context, opts store.ClaimOptions) ([]store.Job, time.Time, error) {
	h.mu.Lock()
	h.claimed = append(h.claimed, opts.Host)
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return nil, time.Now(), nil
	}
	jobs, at, err := h.Store.Claim(ctx, opts)
	h.lease(jobs)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(jobs) > 0 && h.loses {
		h.loses = false
		return nil, time.Time{}, store.ErrUnavailable
	}
	return jobs, at, err
}

func (h *hosted) Leases(context.Context, int64) ([]store.Lease, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.leased), nil
}

// lease notes the leases of jobs.
func (h *hosted) lease(jobs []store.Job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, j := range jobs {
		h.leased = append(h.leased, store.Lease{AttemptID: j.AttemptID, Token: j.Token})
	}
}

// loseReply makes the next claim that finds something fail after that.
func (h *hosted) loseReply() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.loses = true
}

// publishLeased publishes n messages, and leases their attempts under a reservation.
func (w *world) publishLeased(h *hosted, room *delivery.Reservation, org uuid.UUID, n int) (jobs []store.Job) {
	w.t.Helper()
	for _, p := range w.publish(org, n, func(o *store.PublishOptions) { o.HandOff, o.Lease, o.Host = room.Take, room.Lease, room.Host }) {
		jobs = append(jobs, p.Jobs...)
	}
	if len(jobs) != n {
		w.t.Fatalf("%d of %d attempts were leased", len(jobs), n)
	}
	h.lease(jobs)
	return jobs
}

// slow delays each Beat, until set.
func (h *hosted) slow(delay time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delay = delay
}

// set changes the answer, and forgets the calls.
func (h *hosted) set(answer store.Beat, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delay = 0
	h.answer, h.err, h.beats, h.named, h.ended, h.claimed = answer, err, nil, nil, nil, nil
}

// forbidClaims makes claims find nothing.
func (h *hosted) forbidClaims() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
}

// calls returns the hosts of the calls since set.
func (h *hosted) calls() (named, ended, claimed []int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.named), slices.Clone(h.ended), slices.Compact(slices.Clone(h.claimed))
}

// host starts an engine as host 7, which others find dead after 3 s at the earliest.
func (w *world) host(sender delivery.Sender, change ...func(*delivery.Config)) (*delivery.Engine, *hosted) {
	w.t.Helper()
	h := &hosted{Store: w.store, answer: store.Beat{Host: 7, Silent: 3 * time.Second}}
	e := w.engine(sender, append(change, func(c *delivery.Config) { c.Store = h })...)
	w.must(e.Start(w.t.Context()))
	return e, h
}

func TestAHostBeatsBeforeItClaimsAndEverySecondUntilItLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e, h := w.host(answer(200))
		pass(3500 * time.Millisecond)
		if named, _, claimed := h.calls(); !slices.Equal(named, []int64{0, 7, 7, 7}) || !slices.Equal(claimed, []int64{7}) {
			t.Errorf("beats as %v, claims as %v", named, claimed)
		}
		w.must(e.Stop(t.Context()))
		h.mu.Lock()
		beats := len(h.beats)
		h.mu.Unlock()
		pass(time.Minute)
		if named, ended, _ := h.calls(); len(named) != beats || !slices.Equal(ended, []int64{7}) {
			t.Errorf("%d beats after Stop, leases ended of %v", len(named)-beats, ended)
		}
	})
}

func TestAHostBeatsWhileItDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org)
		called := make(chan struct{})
		e, h := w.host(sender(func(ctx context.Context, _ guard.Request) guard.Result {
			close(called)
			<-ctx.Done()
			return guard.Result{Err: ctx.Err()}
		}))
		w.publish(org, 1)
		<-called
		h.set(store.Beat{Host: 7, Silent: 3 * time.Second}, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 4500*time.Millisecond)
		defer cancel()
		_ = e.Stop(ctx)
		if named, ended, _ := h.calls(); len(named) < 4 || !slices.Equal(ended, []int64{7}) {
			t.Errorf("%d beats in a drain of 4.5 s, leases ended of %v", len(named), ended)
		}
	})
}

func TestAHostEndsTheLeasesOfDeadHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e, h := w.host(answer(200), func(c *delivery.Config) { c.PollInterval = time.Minute })
		synctest.Wait() // for the first claim
		h.set(store.Beat{Host: 7, Silent: 3 * time.Second, Dead: []int64{3, 4}}, nil)
		pass(1500 * time.Millisecond)
		if _, ended, claimed := h.calls(); !slices.Equal(ended, []int64{3, 4}) || !slices.Equal(claimed, []int64{7}) {
			t.Errorf("ended the leases of %v and then claimed as %v, want 3 and 4, and 7 at once", ended, claimed)
		}
		if in := e.Inspect(); in.Host != 7 || in.TakenOver != 10 {
			t.Errorf("inspected host %d with %d attempts taken over, want 7 and 10", in.Host, in.TakenOver)
		}
	})
}

func TestAHostThatCannotBeatClaimsWithoutItsNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, h := w.host(answer(200), func(c *delivery.Config) { c.PollInterval = store.BeatInterval / 10 })
		h.set(store.Beat{}, errors.New("refused"))
		pass(2500 * time.Millisecond)
		if _, _, claimed := h.calls(); !slices.Equal(claimed, []int64{7}) {
			t.Errorf("claims within 3 s as %v, want 7", claimed)
		}
		pass(2 * time.Second)
		if _, _, claimed := h.calls(); !slices.Equal(claimed, []int64{7, 0}) {
			t.Errorf("claims after 3 s as %v, want 7 and then none", claimed)
		}
		h.set(store.Beat{Host: 7, Silent: 3 * time.Second}, nil)
		pass(2 * time.Second)
		if named, _, claimed := h.calls(); named[0] != 7 || !slices.Equal(claimed, []int64{7}) {
			t.Errorf("beats as %v, claims as %v afterwards, want 7 from the first claim on", named, claimed)
		}
	})
}

// Other hosts count from the time at which a beat reached the store, which may be its beginning.
func TestAHostCountsFromTheBeginningOfABeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, h := w.host(answer(200))
		h.slow(1500 * time.Millisecond)
		pass(2600 * time.Millisecond) // a beat took from 1 s to 2.5 s
		h.set(store.Beat{}, errors.New("refused"))
		pass(1900 * time.Millisecond)
		if _, _, claimed := h.calls(); !slices.Equal(claimed, []int64{7, 0}) {
			t.Errorf("claims from 2.6 s to 4.5 s as %v, want 7 and, after 4 s, none", claimed)
		}
	})
}

// An attempt that waits in memory is not begun if other hosts may have it.
func TestAHostThatWasTakenOverBeginsNoAttemptOfBefore(t *testing.T) {
	t.Parallel()
	keeps := func(*hosted) { pass(5 * time.Second) }
	cannotBeat := func(h *hosted) {
		h.set(store.Beat{}, errors.New("refused"))
		pass(5 * time.Second)
	}
	getsAnother := func(h *hosted) {
		h.set(store.Beat{Host: 8, Silent: 3 * time.Second}, nil)
		pass(1500 * time.Millisecond)
	}
	for _, c := range []struct {
		rule          string
		before, after func(h *hosted)
		sent          int
	}{
		{"WhileItKeepsItsNumber", keeps, keeps, 3},
		{"AfterItGotAnotherNumber", keeps, getsAnother, 1},
		{"AfterItCouldNotBeat", keeps, cannotBeat, 1},
		{"ExceptOfLeasesWithoutANumber", cannotBeat, getsAnother, 3},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				w.subscribe(org)
				release, sent := make(chan struct{}), 0
				once := sender(func(context.Context, guard.Request) guard.Result { // one at a time
					sent++
					<-release
					return guard.Result{Status: 200}
				})
				e, h := w.host(once, func(c *delivery.Config) { c.PerSubscription = 1 })
				c.before(h)
				room := e.Reserve()
				jobs := w.publishLeased(h, room, org, 3)
				h.forbidClaims()
				room.HandOver(jobs)
				synctest.Wait()
				c.after(h)
				close(release)
				synctest.Wait()
				if sent != c.sent {
					t.Errorf("%d of 3 attempts were sent, want %d", sent, c.sent)
				}
			})
		})
	}
}

// A connection may break after the store has committed a claim or a publish, and before its reply.
func TestAHostSendsWithinSecondsWhatItLeasedInALostReply(t *testing.T) {
	t.Parallel()
	for call, lose := range map[string]func(w *world, e *delivery.Engine, h *hosted, org uuid.UUID){
		"Claim": func(w *world, _ *delivery.Engine, h *hosted, org uuid.UUID) {
			h.loseReply()
			w.publish(org, 3)
		},
		"Publish": func(w *world, e *delivery.Engine, h *hosted, org uuid.UUID) {
			room := e.Reserve()
			w.publishLeased(h, room, org, 3)
			room.HandOver(nil)
		},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org, sent := newWorld(t), newID(), atomic.Int32{}
				w.subscribe(org)
				e, h := w.host(sender(func(context.Context, guard.Request) guard.Result {
					sent.Add(1)
					return guard.Result{Status: 200}
				}))
				lose(w, e, h, org)
				pass(3 * time.Second)
				if n := sent.Load(); n != 3 {
					t.Errorf("%d of 3 attempts were sent within 3 s", n)
				}
				pass(time.Minute)
				if n := sent.Load(); n != 3 {
					t.Errorf("3 attempts were sent %d times", n)
				}
			})
		})
	}
}

func TestAHostInDoubtSendsNothingTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, busy, late, lost := newWorld(t), newID(), newID(), newID()
		for _, org := range []uuid.UUID{busy, late, lost} {
			w.subscribe(org)
		}
		var mu sync.Mutex
		sent, release := map[string]int{}, make(chan struct{})
		e, h := w.host(sender(func(_ context.Context, r guard.Request) guard.Result {
			mu.Lock()
			sent[r.URL.Path]++
			mu.Unlock()
			if r.URL.Path == "/"+busy.String() {
				<-release
			}
			return guard.Result{Status: 200}
		}), func(c *delivery.Config) { c.PerSubscription = 1 })
		check := func(when string, ofBusy, ofLate, ofLost int) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			got := [...]int{sent["/"+busy.String()], sent["/"+late.String()], sent["/"+lost.String()]}
			if want := [...]int{ofBusy, ofLate, ofLost}; got != want {
				t.Errorf("%s the requests are %v, want %v", when, got, want)
			}
		}
		room := e.Reserve()
		room.HandOver(w.publishLeased(h, room, busy, 3)) // one is in flight, two wait
		slow := e.Reserve()
		jobs := w.publishLeased(h, slow, late, 1)
		room = e.Reserve()
		w.publishLeased(h, room, lost, 1)
		room.HandOver(nil)
		pass(5 * time.Second)
		check("while a publish is under way", 1, 0, 0)
		slow.HandOver(jobs)
		pass(5 * time.Second)
		check("when its attempts are known", 1, 1, 1)
		close(release)
		pass(time.Minute)
		check("in the end", 3, 1, 1)
		if n := e.KnownLeases(); n != 0 {
			t.Errorf("%d attempts stay known after their end", n)
		}
	})
}
