package webhooks_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
)

func (w *world) statusOf(s webhooks.Subscription) webhooks.SubscriptionStatus {
	w.t.Helper()
	s, err := w.Subscriptions.Get(context.Background(), w.org, s.ID)
	w.must(err)
	all, err := w.Subscriptions.Statuses(context.Background(), []webhooks.Subscription{s})
	w.must(err)
	return all[s.ID]
}

// waiting returns the first attempts that wait.
func (w *world) waiting(s webhooks.Subscription) (waiting []webhooks.Attempt) {
	w.t.Helper()
	held, others := w.held(s)
	return slices.DeleteFunc(append(held, others...), func(a webhooks.Attempt) bool { return a.Type != webhooks.FirstPost })
}

// held returns the held attempts, and the remaining ones that wait.
func (w *world) held(s webhooks.Subscription) (held, others []webhooks.Attempt) {
	w.t.Helper()
	waiting, err := w.Subscriptions.Attempts(context.Background(), webhooks.HistoryQuery{
		OrganizationID: w.org, SubscriptionID: s.ID, Status: webhooks.OnlyPending, Page: webhooks.Page{Take: 1000},
	})
	w.must(err)
	for _, a := range waiting.Items {
		switch {
		case !a.HeldUntil.IsZero():
			held = append(held, a)
		default:
			others = append(others, a)
		}
	}
	return held, others
}

// openCircuit lets the endpoint of a subscription fail for three hours, so that the next
// probe comes minutes later, while deliveries wait.
func (w *world) openCircuit() webhooks.Subscription {
	w.t.Helper()
	s := w.subscribe("*")
	w.answer(500)
	for range 40 {
		w.publish("1")
		pass(10 * time.Millisecond) // attempts under way together count as one failure
	}
	pass(3 * time.Hour)
	for {
		if c := w.statusOf(s).Circuit; c == nil || time.Until(c.NextProbeAt) > 5*time.Minute {
			return s
		}
		pass(time.Second)
	}
}

// seldom delays the retries of deliveries that failed before the circuit opened until after the test.
func seldom(c *webhooks.Config) { c.RetrySchedule = []time.Duration{95 * time.Hour} }

func TestAnOpenCircuitIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seldom)
		began := time.Now()
		w.must(w.Dispatcher.Start(t.Context()))
		s := w.openCircuit()
		p := w.publish("1")
		pass(time.Second)
		got := w.statusOf(s)
		c := got.Circuit
		if got.State != "failing" || got.Reason == "" || c == nil || !got.Since.Equal(c.Since) || got.BackPressure != nil {
			t.Fatalf("status %+v, circuit %+v", got, c)
		}
		if c.Since.Sub(began) > 10*time.Second || c.Failures < 10 || !c.NextProbeAt.After(time.Now()) ||
			time.Until(c.NextProbeAt) > 10*time.Minute {
			t.Errorf("circuit %+v", c)
		}
		held, _ := w.held(s)
		latest := slices.IndexFunc(held, func(a webhooks.Attempt) bool { return a.MessageID == p.ID })
		if len(held) < 15 || latest < 0 {
			t.Fatalf("%d attempts are held, the latest is at %d", len(held), latest)
		}
		id := held[latest].ID
		shown := map[string]time.Time{}
		for _, a := range held {
			shown["attempt "+a.ID.String()] = a.HeldUntil
		}
		a, err := w.Subscriptions.Attempt(t.Context(), w.org, s.ID, id)
		w.must(err)
		shown["attempt"] = a.HeldUntil
		chain, err := w.Subscriptions.Chain(t.Context(), w.org, s.ID, id, 0)
		w.must(err)
		shown["chain"] = chain.Items[0].HeldUntil
		d, err := w.Subscriptions.Delivery(t.Context(), w.org, s.ID, id)
		w.must(err)
		shown["delivery"] = d.HeldUntil
		of, err := w.Dispatcher.MessageDeliveries(t.Context(), w.org, p.ID, webhooks.Page{Take: 10})
		w.must(err)
		shown["delivery of the message"] = of.Items[0].HeldUntil
		all, err := w.Subscriptions.Deliveries(t.Context(), webhooks.HistoryQuery{
			OrganizationID: w.org, SubscriptionID: s.ID, Page: webhooks.Page{Take: 1, Descending: true},
		})
		w.must(err)
		shown["deliveries"] = all.Items[0].HeldUntil
		explained, err := w.Dispatcher.Explain(t.Context(), w.org, p.ID, webhooks.ExplainQuery{SubscriptionID: s.ID})
		w.must(err)
		shown["explanation"] = explained.Items[0].HeldUntil
		for name, until := range shown {
			if !until.Equal(c.NextProbeAt) {
				t.Errorf("by the %s it is held until %v, want the next probe at %v", name, until, c.NextProbeAt)
			}
		}
		w.must(w.Subscriptions.Deactivate(t.Context(), w.org, s.ID))
		if held, _ := w.held(s); len(held) > 0 {
			t.Errorf("the endpoint of a subscription that is off holds %d attempts", len(held))
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

// The owner of an endpoint that works again closes the circuit: waiting deliveries are
// sent within seconds, and the status is that of a healthy subscription.
func TestTheOwnerClosesTheCircuit(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(w *world, s webhooks.Subscription) error{
		"Test": func(w *world, s webhooks.Subscription) error {
			_, err := w.Dispatcher.Test(w.t.Context(), w.org, s.ID, "", "")
			return err
		},
		"Retry": func(w *world, s webhooks.Subscription) error {
			for _, a := range w.attempts(s) {
				if a.Status == webhooks.Failed {
					_, err := w.Dispatcher.Retry(w.t.Context(), w.org, s.ID, a.ID)
					return err
				}
			}
			return webhooks.ErrNotFound
		},
		"Activate": func(w *world, s webhooks.Subscription) error {
			return w.Subscriptions.Activate(w.t.Context(), w.org, s.ID)
		},
		"DeactivateAndActivate": func(w *world, s webhooks.Subscription) error {
			if err := w.Subscriptions.Deactivate(w.t.Context(), w.org, s.ID); err != nil {
				return err
			}
			return w.Subscriptions.Activate(w.t.Context(), w.org, s.ID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seldom)
				w.must(w.Dispatcher.Start(t.Context()))
				s := w.openCircuit()
				if held, _ := w.held(s); len(held) < 15 {
					t.Fatalf("%d attempts are held", len(held))
				}
				w.answer(200)
				w.must(do(w, s))
				pass(4 * time.Second)
				if got := w.statusOf(s); got.State != "enabled" || got.Reason != "" || got.Circuit != nil {
					t.Errorf("status %+v", got)
				}
				if n := len(w.waiting(s)); n > 0 {
					t.Errorf("%d deliveries wait that were never tried", n)
				}
				w.must(w.Dispatcher.Stop(t.Context()))
			})
		})
	}
}

// A circuit is not reported of a subscription to which nothing is sent.
func TestStatusSaysWhyNothingIsSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seldom)
		w.must(w.Dispatcher.Start(t.Context()))
		s := w.openCircuit()
		expect := func(state webhooks.SubscriptionState, reason string) {
			t.Helper()
			pass(time.Second)
			now, err := w.Subscriptions.Get(t.Context(), w.org, s.ID)
			w.must(err)
			since := now.ActiveChangedAt
			if now.Archived {
				since = now.ArchivedChangedAt
			}
			if got := w.statusOf(s); got != (webhooks.SubscriptionStatus{State: state, Reason: reason, Since: since}) {
				t.Errorf("status %+v, want %s since %v", got, state, since)
			}
		}
		w.must(w.Subscriptions.Deactivate(t.Context(), w.org, s.ID))
		expect("paused", "")
		w.must(w.Subscriptions.Activate(t.Context(), w.org, s.ID))
		expect("enabled", "")
		w.must(w.Subscriptions.Archive(t.Context(), w.org, s.ID))
		expect("disabled", "archived")
		w.must(w.Subscriptions.Restore(t.Context(), w.org, s.ID))
		w.answer(410)
		w.publish("1")
		expect("disabled", "the endpoint answered 410 Gone")
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

func TestBackPressureIsShown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var posts atomic.Int32
		w := newWorld(t, func(c *webhooks.Config) {
			c.Sender = senderFunc(func() guard.Result {
				if posts.Add(1) == 1 {
					return guard.Result{Status: 429, RetryAfter: "600"}
				}
				return guard.Result{Status: 200}
			})
		})
		s := w.subscribe("*")
		w.must(w.Dispatcher.Start(t.Context()))
		began := time.Now()
		w.publish("1")
		pass(time.Second)
		w.publish("2")
		pass(time.Second)
		got := w.statusOf(s)
		p := got.BackPressure
		if got.State != "enabled" || got.Circuit != nil || p == nil || p.Since.Before(began) ||
			p.Until.Sub(began).Round(time.Second) != 10*time.Minute {
			t.Fatalf("status %+v, back-pressure %+v, want it for 10 minutes", got, p)
		}
		held, others := w.held(s)
		if len(held) != 1 || held[0].HeldUntil.Before(p.Until.Truncate(time.Second)) ||
			len(others) != 1 { // the retry of the refused attempt has its own time
			t.Errorf("held: %+v, and %d more wait", held, len(others))
		}
		pass(15 * time.Minute)
		if got := w.statusOf(s); got.BackPressure != nil || posts.Load() != 3 {
			t.Errorf("status %+v after %d posts", got, posts.Load())
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

// senderFunc answers every request.
type senderFunc func() guard.Result

func (f senderFunc) Post(context.Context, guard.Request) guard.Result { return f() }
