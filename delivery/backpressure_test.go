package delivery_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// limitedReceiver takes requests as its limit allows, and pushes back all other requests.
type limitedReceiver struct {
	latency time.Duration
	limit   func(now time.Time) (taken bool, retryAfter string)
	status  int // of a refusal. Default: 429

	mu       sync.Mutex
	accepted []time.Time
	refused  []time.Time
}

func (p *limitedReceiver) Post(context.Context, guard.Request) guard.Result {
	time.Sleep(p.latency / 2)
	p.mu.Lock()
	taken, retryAfter := p.limit(time.Now())
	if taken {
		p.accepted = append(p.accepted, time.Now())
	} else {
		p.refused = append(p.refused, time.Now())
	}
	p.mu.Unlock()
	time.Sleep(p.latency / 2)
	switch {
	case taken:
		return guard.Result{Status: 200}
	case p.status != 0:
		return guard.Result{Status: p.status, RetryAfter: retryAfter}
	default:
		return guard.Result{Status: 429, RetryAfter: retryAfter}
	}
}

// fixedWindow takes n requests in each window.
func fixedWindow(n int, window time.Duration, retryAfter func(left time.Duration) string) func(time.Time) (bool, string) {
	var began time.Time
	taken := 0
	return func(now time.Time) (bool, string) {
		if w := now.Truncate(window); !w.Equal(began) {
			began, taken = w, 0
		}
		if taken == n {
			return false, retryAfter(began.Add(window).Sub(now))
		}
		taken++
		return true, ""
	}
}

// tokenBucket takes rate requests a second, and burst at once.
func tokenBucket(rate, burst float64, retryAfter string) func(time.Time) (bool, string) {
	tokens, last := burst, time.Time{}
	return func(now time.Time) (bool, string) {
		if !last.IsZero() {
			tokens = math.Min(burst, tokens+rate*now.Sub(last).Seconds())
		}
		if last = now; tokens < 1 {
			return false, retryAfter
		}
		tokens--
		return true, ""
	}
}

func retryAfterText(text string) func(time.Duration) string {
	return func(time.Duration) string { return text }
}

func untilItsEnd(left time.Duration) string {
	return fmt.Sprint(int(math.Ceil(left.Seconds())))
}

// counts returns how many requests were accepted and refused.
func (p *limitedReceiver) counts() (accepted, refused int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.accepted), len(p.refused)
}

// limitedHosts starts hosts that send to a receiver.
func limitedHosts(w *world, p *limitedReceiver, n int) (stop func()) {
	var hosts []*delivery.Engine
	for range n {
		e := w.engine(p, func(c *delivery.Config) { c.Workers, c.PerSubscription = 256, 64 })
		w.must(e.Start(w.t.Context()))
		hosts = append(hosts, e)
	}
	return func() {
		for _, e := range hosts {
			w.must(e.Stop(context.Background()))
		}
	}
}

// unharmed fails the test if back-pressure counted as failure.
func (w *world) unharmed(sub store.Subscription) {
	w.t.Helper()
	if n, h := w.count(delivery.CircuitOpened), w.health(sub.ID); n != 0 || h.Failures != 0 {
		w.t.Errorf("the circuit opened %d times, health %+v", n, h)
	}
	for _, a := range w.attempts(sub) {
		if a.Step != 0 {
			w.t.Fatalf("attempt %d of a delivery has step %d of the schedule", a.Number, a.Step)
		}
	}
}

// Receivers that push back are served at about the rate that they take, with few refusals.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	quick := 10 * time.Millisecond
	for _, c := range []struct {
		name    string
		limit   func(time.Time) (bool, string)
		latency time.Duration
		hosts   int
		publish int
		within  time.Duration
		refused int // at most
	}{
		{"FiveASecond", fixedWindow(5, time.Second, retryAfterText("1")), quick, 1, 60, 15 * time.Second, 20},
		{"FiveASecondInDecimals", fixedWindow(5, time.Second, retryAfterText("0.9")), quick, 1, 60, 15 * time.Second, 20},
		{"FiveASecondSlowly", fixedWindow(5, time.Second, retryAfterText("1")), 100 * time.Millisecond, 1, 60, 15 * time.Second, 20},
		{"FiveASecondFromTwoHosts", fixedWindow(5, time.Second, retryAfterText("1")), quick, 2, 60, 20 * time.Second, 30},
		{"FiveASecondRetryAfterZero", fixedWindow(5, time.Second, retryAfterText("0")), quick, 1, 60, 15 * time.Second, 20},
		{"FiveASecondWithoutRetryAfter", fixedWindow(5, time.Second, retryAfterText("")), quick, 1, 60, 15 * time.Second, 20},
		{"FiveASecondForLong", fixedWindow(5, time.Second, retryAfterText("1")), quick, 1, 1000, 250 * time.Second, 40},
		{"BucketOfFive", tokenBucket(5, 5, "1"), quick, 1, 60, 15 * time.Second, 20},
		{"OneASecond", tokenBucket(1, 1, "1"), quick, 1, 60, 90 * time.Second, 40},
		{"OneASecondWithABurst", tokenBucket(1, 10, "1"), quick, 1, 60, 60 * time.Second, 40},
		{"TwentyASecond", tokenBucket(20, 20, "1"), quick, 1, 600, 40 * time.Second, 40},
		{"AHundredASecond", tokenBucket(100, 100, "1"), quick, 1, 6000, 80 * time.Second, 80},
		{"AHundredASecondFromTwoHosts", tokenBucket(100, 100, "1"), quick, 2, 6000, 150 * time.Second, 120},
		{"SixtyAMinute", fixedWindow(60, time.Minute, untilItsEnd), quick, 1, 300, 250 * time.Second, 100},
		{"OneAMinute", fixedWindow(1, time.Minute, untilItsEnd), quick, 1, 30, 40 * time.Minute, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org)
				p := &limitedReceiver{latency: c.latency, limit: c.limit}
				stop := limitedHosts(w, p, c.hosts)
				w.publish(org, c.publish)
				pass(c.within)
				if accepted, refused := p.counts(); accepted != c.publish || refused > c.refused {
					t.Errorf("%d of %d were accepted in %v, and %d refused; want at most %d", accepted, c.publish, c.within, refused, c.refused)
				}
				w.unharmed(sub)
				stop()
			})
		})
	}
}

// A receiver that answers 503 with Retry-After while it is deployed gets the waiting
// deliveries when it is back, and its rate is not taken for low.
func TestBackPressureOfADeploy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		began := time.Now()
		deploying := func(now time.Time) bool {
			d := now.Sub(began)
			return d >= 20*time.Second && d < 30*time.Second
		}
		p := &limitedReceiver{
			latency: 10 * time.Millisecond, status: 503,
			limit: func(now time.Time) (bool, string) { return !deploying(now), "5" },
		}
		stop := limitedHosts(w, p, 2)
		for range 500 { // ten a second
			w.publish(org, 1)
			pass(100 * time.Millisecond)
		}
		pass(20 * time.Second)
		if accepted, refused := p.counts(); accepted != 500 || refused > 20 {
			t.Errorf("%d of 500 were accepted 40 s after the deploy, and %d refused", accepted, refused)
		}
		w.publish(org, 1000)
		pass(time.Minute)
		if accepted, _ := p.counts(); accepted != 1500 {
			t.Errorf("%d of 1000 were accepted in a minute, by a receiver without a limit", accepted-500)
		}
		w.unharmed(sub)
		stop()
	})
}

// An endpoint that refuses the first attempt after it was left alone is out of service,
// whichever host made that attempt: a rate that was learned before means little then.
func TestBackPressureOfAnOutageThatAnotherHostSees(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		began := time.Now()
		window := fixedWindow(5, time.Second, retryAfterText("5"))
		p := &limitedReceiver{latency: 10 * time.Millisecond, limit: func(now time.Time) (bool, string) {
			if now.Sub(began) > 2*time.Second {
				return true, ""
			}
			return window(now)
		}}
		stop := limitedHosts(w, p, 1)
		w.publish(org, 500)
		pass(time.Second)
		until := w.health(sub.ID).BackPressureUntil
		pass(time.Until(until) - 10*time.Millisecond)
		w.must(w.store.UpdateHealth(t.Context(), []uuid.UUID{sub.ID}, func(_ uuid.UUID, h *store.Health) {
			h.BackPressureUntil = until.Add(5 * time.Second) // another host was refused
		}))
		pass(20 * time.Second)
		if accepted, _ := p.counts(); accepted < 250 {
			t.Errorf("%d of 500 were accepted 15 s after the outage", accepted)
		}
		stop()
	})
}

func TestBackPressureGrowsWithTheReceiver(t *testing.T) {
	t.Parallel()
	for name, hosts := range map[string]int{"OneHost": 1, "TwoHosts": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org)
				before, after := fixedWindow(5, time.Second, retryAfterText("1")), fixedWindow(10, time.Second, retryAfterText("1"))
				began := time.Now()
				p := &limitedReceiver{latency: 10 * time.Millisecond, limit: func(now time.Time) (bool, string) {
					if now.Sub(began) < 2*time.Minute {
						return before(now)
					}
					return after(now)
				}}
				stop := limitedHosts(w, p, hosts)
				w.publish(org, 4000)
				pass(4 * time.Minute)
				settled, _ := p.counts()
				pass(time.Minute)
				if accepted, refused := p.counts(); accepted-settled < 60*8 || refused > 100 {
					t.Errorf("%d were accepted in the third minute after the limit became 600 a minute, %d refused in all", accepted-settled, refused)
				}
				w.unharmed(sub)
				stop()
			})
		})
	}
}

// No attempt to the subscription begins for as long as Retry-After says. Other hosts know it
// when they read the subscription again.
func TestBackPressureHoldsTheWholeSubscription(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hosts int
		after time.Duration // the refusal
	}{
		"OnThisHostAtOnce": {1, 20 * time.Millisecond}, "OnOtherHostsWithinASecond": {3, 1020 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				w.subscribe(org)
				requests := 0
				p := &limitedReceiver{latency: 10 * time.Millisecond, limit: func(time.Time) (bool, string) {
					requests++
					return requests != 20, "30" // it says so to one host only
				}}
				stop := limitedHosts(w, p, c.hosts)
				began := time.Now()
				for range 280 {
					w.publish(org, 1)
					pass(100 * time.Millisecond)
				}
				p.mu.Lock()
				first := p.refused[0]
				for _, at := range append(p.accepted, p.refused...) {
					if at.After(first.Add(c.after)) {
						t.Errorf("a request %v after a refusal for 30 s, at %v", at.Sub(first), at.Sub(began))
						break
					}
				}
				p.mu.Unlock()
				stop()
			})
		})
	}
}

func TestBackPressureIsInTheHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &limitedReceiver{latency: 10 * time.Millisecond, limit: fixedWindow(0, time.Hour, retryAfterText("120"))}
		stop := limitedHosts(w, p, 1)
		began := now()
		w.publish(org, 1)
		pass(time.Minute)
		a := w.attempts(sub)
		if len(a) != 2 || a[0].Status != store.Failed || a[0].HTTPStatus != 429 || a[0].Error != "HTTP 429" || a[1].Status != store.Pending ||
			a[1].Number != 2 || a[1].Step != 0 {
			t.Errorf("attempts %+v", a)
		}
		if wait := a[0].NextRetryAt.Sub(began); wait < 2*time.Minute || wait > 2*time.Minute+time.Second {
			t.Errorf("the next attempt is due after %v, want 2 minutes", wait)
		}
		if h := w.health(sub.ID); h.BackPressureSince.Before(began) || h.BackPressureUntil.Sub(began) < 2*time.Minute {
			t.Errorf("health %+v", h)
		}
		stop()
	})
}

// The deadline of a delivery and five days end back-pressure too, and requests to an
// endpoint that answers nothing else grow rare. An attempt that waits for such an endpoint wakes no claim before the hold ends.
func TestFiveDaysOfNothingButBackPressureDeactivate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		p := &limitedReceiver{latency: 10 * time.Millisecond, limit: fixedWindow(0, time.Hour, retryAfterText("1"))}
		asked := &claims{Store: w.store}
		e := w.engine(p, never, polling(5*24*time.Hour), func(c *delivery.Config) { c.Store = asked })
		w.must(e.Start(t.Context()))
		began := time.Now()
		for w.count(delivery.SubscriptionDeactivated) == 0 && time.Since(began) < 8*24*time.Hour {
			w.publish(org, 1)
			pass(time.Hour)
		}
		if d := time.Since(began); d < 5*24*time.Hour || d > 5*24*time.Hour+2*time.Hour {
			t.Errorf("deactivated after %v, want 5 days", d)
		}
		if n := w.count(delivery.Exhausted); n < 22 || n > 27 {
			t.Errorf("%d deliveries ended by their deadline, want the deliveries of the first day", n)
		}
		if _, refused := p.counts(); refused > 3000 {
			t.Errorf("%d requests to an endpoint that takes none for 5 days", refused)
		}
		if n := len(asked.from(org, began)); n > 3*5000 {
			t.Errorf("%d claims, want little more than the 5000 of polling", n)
		}
		w.unharmed(sub)
		w.must(e.Stop(t.Context()))
	})
}

func TestBackPressureEndsWithTheEndpointThatAskedForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		sub := w.subscribe(org)
		var mu sync.Mutex
		got := 0
		e := w.engine(sender(func(_ context.Context, r guard.Request) guard.Result {
			if r.URL.Path != "/mended" {
				return guard.Result{Status: 429, RetryAfter: "86400"}
			}
			mu.Lock()
			got++
			mu.Unlock()
			return guard.Result{Status: 200}
		}))
		w.must(e.Start(t.Context()))
		w.publish(org, 20)
		pass(10 * time.Second)
		_, err := w.store.UpdateSubscription(t.Context(), org, sub.ID, now(), func(s *store.Subscription) error {
			s.PostURI = "https://example.com/mended"
			return nil
		})
		w.must(err)
		w.publish(org, 20)
		pass(5 * time.Second)
		mu.Lock()
		if got < 36 { // all but the refused attempts
			t.Errorf("%d of 40 deliveries arrived after the URI was mended", got)
		}
		mu.Unlock()
		w.must(e.Stop(t.Context()))
	})
}

// RateLimit is the upper bound, whatever the receiver would take.
func TestBackPressureRaisesNoRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, org := newWorld(t), newID()
		w.subscribe(org, rate(10))
		p := &limitedReceiver{latency: 10 * time.Millisecond, limit: fixedWindow(5, time.Second, retryAfterText("1"))}
		stop := limitedHosts(w, p, 1)
		w.publish(org, 1000)
		pass(20 * time.Second)
		p.mu.Lock()
		p.limit = func(time.Time) (bool, string) { return true, "" }
		p.mu.Unlock()
		pass(2 * time.Minute)
		p.mu.Lock()
		within(t, p.accepted, 10)
		p.mu.Unlock()
		if accepted, _ := p.counts(); accepted < 800 {
			t.Errorf("%d of 1000 were accepted", accepted)
		}
		stop()
	})
}
