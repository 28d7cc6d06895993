package webhooks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// Times are stored in whole milliseconds. A span of time must include records of the milliseconds in
// which it begins and ends.

func TestRecoverIncludesTheMillisecondsOfItsBounds(t *testing.T) {
	t.Parallel()
	const us = time.Microsecond
	for _, c := range []struct {
		name         string
		since, until time.Duration // after the whole millisecond; until 0 for none
		published    time.Duration
		asked        time.Duration
		want         int
	}{
		{name: "NoUntil", since: -time.Hour, published: 300 * us, asked: 700 * us, want: 1},
		{name: "AllAtOnce", since: 300 * us, published: 300 * us, asked: 300 * us, want: 1},
		{name: "UntilNow", since: -time.Hour, published: 300 * us, until: 700 * us, asked: 700 * us, want: 1},
		{name: "UntilLater", since: -time.Hour, published: 300 * us, until: time.Hour, asked: 700 * us, want: 1},
		{name: "UntilBefore", since: -time.Hour, published: 300 * us, until: 700 * us, asked: time.Second, want: 1},
		{name: "UntilAWholeMillisecond", since: -time.Hour, published: 1300 * us, until: 1000 * us, asked: time.Second, want: 0},
		{name: "UntilTheNextWholeMillisecond", since: -time.Hour, published: 1300 * us, until: 2000 * us, asked: time.Second, want: 1},
		{name: "SinceInTheSameMillisecond", since: 100 * us, published: 300 * us, asked: time.Second, want: 1},
		{name: "SinceTheNextMillisecond", since: 1000 * us, published: 300 * us, asked: time.Second, want: 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				s := w.subscribe("*")
				w.must(w.Subscriptions.Deactivate(t.Context(), w.org, s.ID))
				start := time.Now()
				time.Sleep(c.published)
				w.publish("1")
				time.Sleep(time.Until(start.Add(c.asked)))
				in := webhooks.RecoveryInput{Since: start.Add(c.since), Scope: webhooks.RecoverMissed}
				if c.until != 0 {
					in.Until = start.Add(c.until)
				}
				if n, err := w.Dispatcher.CountRecoverable(t.Context(), w.org, s.ID, in); err != nil || n != c.want {
					t.Errorf("counted %d, %v, want %d", n, err, c.want)
				}
				if job, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in); err != nil || job.Matched != c.want {
					t.Errorf("matched %d, %v, want %d", job.Matched, err, c.want)
				}
			})
		})
	}
}

func TestRecoverRefusesASpanThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		time.Sleep(300 * time.Microsecond)
		now := time.Now()
		for _, in := range []webhooks.RecoveryInput{
			{Since: now, Until: now},
			{Since: now, Until: now.Add(-time.Microsecond)},
			{Since: now.Add(time.Millisecond)},
			{Since: now.Add(time.Millisecond), Until: now.Add(time.Hour)},
		} {
			in.Scope = webhooks.RecoverAll
			_, err := w.Dispatcher.Recover(t.Context(), w.org, s.ID, in)
			wantFault(t, err, webhooks.Invalid, "/since")
		}
	})
}

func TestStatsIncludeTheMillisecondsOfTheirBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		w.must(w.Dispatcher.Start(t.Context()))
		pollOnce()
		start := time.Now() // a whole millisecond
		time.Sleep(300 * time.Microsecond)
		w.publish("1")
		synctest.Wait()
		if len(w.sent()) != 1 || !time.Now().Equal(start.Add(300*time.Microsecond)) {
			t.Fatalf("%d posted after %v", len(w.sent()), time.Since(start))
		}
		for name, c := range map[string]struct {
			from, to time.Duration
			want     int
		}{
			"Default": {want: 1}, "ToInTheSameMillisecond": {from: -time.Hour, to: 900 * time.Microsecond, want: 1},
			"FromInTheSameMillisecond": {from: 100 * time.Microsecond, to: time.Hour, want: 1},
			"ToTheWholeMillisecond":    {from: -time.Hour, to: 0, want: 0},
			"FromTheNextMillisecond":   {from: time.Millisecond, to: time.Hour, want: 0},
		} {
			q := webhooks.StatsQuery{From: start.Add(c.from), To: start.Add(c.to)}
			if name == "Default" {
				q = webhooks.StatsQuery{}
			}
			if stats, err := w.Subscriptions.Stats(t.Context(), w.org, s.ID, q); err != nil || stats.Total.Attempts != c.want {
				t.Errorf("%s: %d attempts, %v, want %d", name, stats.Total.Attempts, err, c.want)
			}
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}

// Each secret is current for a millisecond at least, so the newest may begin in the next one.
func TestTheCurrentSecretIsTheNewestInTheMillisecondOfARotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		for range 3 {
			rotated, err := w.Subscriptions.RotateSecret(t.Context(), w.org, s.ID, nil)
			w.must(err)
			if got, err := w.Subscriptions.SecretAt(t.Context(), w.org, s.ID, time.Time{}); err != nil || got.ID != rotated.ID {
				t.Errorf("the current secret is that of %v, %v, want that of %v", got.ValidFrom, err, rotated.ValidFrom)
			}
		}
	})
}

// A message without a delivery, published in the millisecond of a change, counts as published before
// the change.
func TestExplainKnowsAChangeInTheMillisecondOfTheMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		inactive, archived := w.subscribe("*"), w.subscribe("*")
		time.Sleep(time.Hour)
		w.must(w.Subscriptions.Deactivate(ctx, w.org, inactive.ID))
		w.must(w.Subscriptions.Archive(ctx, w.org, archived.ID))
		p := w.publish("1")
		w.must(w.Subscriptions.Activate(ctx, w.org, inactive.ID))
		w.must(w.Subscriptions.Restore(ctx, w.org, archived.ID))
		later := w.subscribe("*")
		elsewhere := w.subscribe()
		found, err := w.Dispatcher.Explain(ctx, w.org, p.ID, webhooks.ExplainQuery{Page: webhooks.Page{Take: 10}})
		w.must(err)
		for _, e := range found.Items {
			want := map[uuid.UUID]webhooks.Reason{
				inactive.ID: webhooks.WasInactive, archived.ID: webhooks.WasArchived, later.ID: webhooks.CreatedLater,
				elsewhere.ID: webhooks.NotSubscribed,
			}[e.Subscription.ID]
			if e.Reason != want {
				t.Errorf("got %q, want %q", e.Reason, want)
			}
		}
		if len(found.Items) != 4 || found.Total != 4 {
			t.Errorf("%d explanations of %d", len(found.Items), found.Total)
		}
	})
}
