package delivery_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	schedule := delivery.Schedule{10 * time.Second, 100 * time.Second}
	far, near := now.Add(96*time.Hour), now.Add(5*time.Second)
	reset := &guard.TimeoutError{After: 15 * time.Second}
	cases := []struct {
		name     string
		step     int
		expires  time.Time
		result   guard.Result
		want     store.Status
		err      string
		from, to time.Duration // of RetryAt after now; 0 for no retry
		gone     bool
		pushed   bool // it pushed back until RetryAt
		keep     bool // the retry uses no step
		health   store.Health
		probe    bool
	}{
		{name: "200 succeeds", expires: far, result: guard.Result{Status: 200}, want: store.Succeeded},
		{name: "299 succeeds", expires: far, result: guard.Result{Status: 299}, want: store.Succeeded},
		{name: "204 succeeds after the deadline too", expires: now.Add(-time.Hour), result: guard.Result{Status: 204}, want: store.Succeeded},
		{name: "2xx whose body broke off succeeds", expires: far, result: guard.Result{Status: 200, Err: reset}, want: store.Succeeded},
		{
			name: "300 is retried", expires: far, result: guard.Result{Status: 300}, want: store.Failed, err: "HTTP 300: redirects are not followed",
			from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "302 is retried", expires: far, result: guard.Result{Status: 302}, want: store.Failed, err: "HTTP 302: redirects are not followed",
			from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "399 is retried", expires: far, result: guard.Result{Status: 399, Err: reset}, want: store.Failed,
			err: "HTTP 399: redirects are not followed", from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "400 is no redirect", expires: far, result: guard.Result{Status: 400}, want: store.Failed, err: "HTTP 400", from: 8 * time.Second,
			to: 12 * time.Second,
		},
		{
			name: "404 is retried", expires: far, result: guard.Result{Status: 404}, want: store.Failed, err: "HTTP 404", from: 8 * time.Second,
			to: 12 * time.Second,
		},
		{name: "410 fails for good", expires: far, result: guard.Result{Status: 410}, want: store.Failed, err: "HTTP 410", gone: true},
		{
			name: "500 on the second step waits longer", step: 1, expires: far, result: guard.Result{Status: 500}, want: store.Failed,
			err: "HTTP 500", from: 80 * time.Second, to: 120 * time.Second,
		},
		{name: "the schedule ends", step: 2, expires: far, result: guard.Result{Status: 500}, want: store.Failed, err: "HTTP 500"},
		{
			name: "back-pressure goes on until the deadline", expires: near, result: guard.Result{Status: 429, RetryAfter: "1"}, want: store.Failed,
			err: "HTTP 429", from: time.Second, to: time.Second, pushed: true, keep: true,
		},
		{name: "the deadline ends it before", expires: near, result: guard.Result{Status: 500}, want: store.Failed, err: "HTTP 500"},
		{
			name: "429 waits as told", expires: far, result: guard.Result{Status: 429, RetryAfter: "3600"}, want: store.Failed, err: "HTTP 429",
			from: time.Hour, to: time.Hour, pushed: true, keep: true,
		},
		{
			name: "503 waits until the date", expires: far, result: guard.Result{Status: 503, RetryAfter: "Sun, 01 Mar 2026 14:00:00 GMT"},
			want: store.Failed, err: "HTTP 503", from: 2 * time.Hour, to: 2 * time.Hour, pushed: true, keep: true,
		},
		{
			name: "Retry-After may be shorter than the schedule", expires: far, result: guard.Result{Status: 503, RetryAfter: "1.5"},
			want: store.Failed, err: "HTTP 503", from: 1500 * time.Millisecond, to: 1500 * time.Millisecond, pushed: true, keep: true,
		},
		{
			name: "Retry-After is bounded", expires: far, result: guard.Result{Status: 429, RetryAfter: "99999999999999999"}, want: store.Failed,
			err: "HTTP 429", from: 24 * time.Hour, to: 24 * time.Hour, pushed: true, keep: true,
		},
		{
			name: "Retry-After is bounded whatever its length", expires: far, result: guard.Result{Status: 503, RetryAfter: strings.Repeat("9", 40)},
			want: store.Failed, err: "HTTP 503", from: 24 * time.Hour, to: 24 * time.Hour, pushed: true, keep: true,
		},
		{
			name: "429 alone waits a second", expires: far, result: guard.Result{Status: 429}, want: store.Failed, err: "HTTP 429",
			from: time.Second, to: time.Second, pushed: true, keep: true,
		},
		{
			name: "429 with an unreadable Retry-After waits a second", expires: far, result: guard.Result{Status: 429, RetryAfter: "soon"},
			want: store.Failed, err: "HTTP 429", from: time.Second, to: time.Second, pushed: true, keep: true,
		},
		{
			name: "Retry-After zero waits a second", expires: far, result: guard.Result{Status: 503, RetryAfter: "0"}, want: store.Failed,
			err: "HTTP 503", from: time.Second, to: time.Second, pushed: true, keep: true,
		},
		{
			name: "back-pressure that lasts waits longer", expires: far, result: guard.Result{Status: 429, RetryAfter: "1"},
			health: store.Health{BackPressureSince: now.Add(-160 * time.Second)}, want: store.Failed, err: "HTTP 429", from: 10 * time.Second,
			to: 10 * time.Second, pushed: true, keep: true,
		},
		{
			name: "back-pressure that lasts waits ten minutes at most", expires: far, result: guard.Result{Status: 429},
			health: store.Health{BackPressureSince: now.Add(-72 * time.Hour)}, want: store.Failed, err: "HTTP 429", from: 9 * time.Minute,
			to: 10 * time.Minute, pushed: true, keep: true,
		},
		{
			name: "back-pressure goes on when the schedule is used up", step: 2, expires: far, result: guard.Result{Status: 429, RetryAfter: "60"},
			want: store.Failed, err: "HTTP 429", from: time.Minute, to: time.Minute, pushed: true, keep: true,
		},
		{
			name: "a probe that fails uses no step", step: 2, probe: true, expires: far, result: guard.Result{Status: 500},
			health: store.Health{Failures: 10, Since: now.Add(-160 * time.Second), ProbeAt: now}, want: store.Failed, err: "HTTP 500",
			from: 10 * time.Second, to: 10 * time.Second, keep: true,
		},
		{
			name: "a probe that is pushed back waits as told", probe: true, expires: far, result: guard.Result{Status: 429, RetryAfter: "60"},
			health: store.Health{Failures: 10, Since: now.Add(-160 * time.Second), ProbeAt: now}, want: store.Failed, err: "HTTP 429",
			from: time.Minute, to: time.Minute, pushed: true, keep: true,
		},
		{
			name: "the deadline ends a probe", probe: true, expires: near, result: guard.Result{Status: 500},
			health: store.Health{Failures: 10, Since: now.Add(-160 * time.Second), ProbeAt: now}, want: store.Failed, err: "HTTP 500", keep: true,
		},
		{
			name: "503 alone is a failure", expires: far, result: guard.Result{Status: 503}, want: store.Failed, err: "HTTP 503",
			from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "Retry-After on another status is ignored", expires: far, result: guard.Result{Status: 500, RetryAfter: "3600"},
			want: store.Failed, err: "HTTP 500", from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "Retry-After that is no number is ignored", expires: far, result: guard.Result{Status: 503, RetryAfter: "-5"}, want: store.Failed,
			err: "HTTP 503", from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "Retry-After in the past waits a second", expires: far,
			result: guard.Result{Status: 503, RetryAfter: "Sun, 01 Mar 2026 10:00:00 GMT"}, want: store.Failed, err: "HTTP 503", from: time.Second,
			to: time.Second, pushed: true, keep: true,
		},
		{
			name: "a time-out is retried", expires: far, result: guard.Result{Err: reset}, want: store.Failed, err: "timeout after 15s",
			from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "an unknown error says nothing of itself", expires: far, result: guard.Result{Err: errors.New("secret=1")}, want: store.Failed,
			err: "request failed", from: 8 * time.Second, to: 12 * time.Second,
		},
		{
			name: "a failure without a whole answer keeps its status", expires: far, result: guard.Result{Status: 500, Err: reset},
			want: store.Failed, err: "HTTP 500", from: 8 * time.Second, to: 12 * time.Second,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for range 50 { // the jitter
				d := delivery.Decide(delivery.Exchange{
					Job: store.Job{Step: c.step, ExpiresAt: c.expires}, Result: c.result, Began: now, Ended: now, Health: c.health, Probe: c.probe,
				}, schedule)
				if d.Status != c.want || d.Error != c.err || d.Gone != c.gone || d.KeepStep != c.keep {
					t.Fatalf("got %+v, want %v %q, gone %v, keep the step %v", d, c.want, c.err, c.gone, c.keep)
				}
				if c.pushed != !d.PushedBackUntil.IsZero() || c.pushed && !d.PushedBackUntil.Equal(d.RetryAt) {
					t.Fatalf("got %+v, want it pushed back until the retry: %v", d, c.pushed)
				}
				wait := d.RetryAt.Sub(now)
				switch {
				case c.to == 0 && !d.RetryAt.IsZero():
					t.Fatalf("retries at %v, want no retry", d.RetryAt)
				case c.to != 0 && (wait < c.from || wait > c.to):
					t.Fatalf("retries after %v, want %v to %v", wait, c.from, c.to)
				}
			}
		})
	}
}

func TestScheduleSpreadsItsWaits(t *testing.T) {
	t.Parallel()
	s := delivery.Schedule{100 * time.Second}
	least, most := time.Hour, time.Duration(0)
	for range 2000 {
		wait, ok := s.Wait(0)
		if !ok || wait < 80*time.Second || wait > 120*time.Second {
			t.Fatalf("Wait(0) = %v, %v", wait, ok)
		}
		least, most = min(least, wait), max(most, wait)
	}
	if most-least < 30*time.Second {
		t.Errorf("waits lie between %v and %v, want them spread over 80s to 120s", least, most)
	}
	for _, step := range []int{-1, 1, 99} {
		if _, ok := s.Wait(step); ok {
			t.Errorf("Wait(%d) goes on, want the schedule to be used up", step)
		}
	}
}

func TestDefaultScheduleIsTenAttemptsOverThreeDays(t *testing.T) {
	t.Parallel()
	var total time.Duration
	for _, wait := range delivery.DefaultSchedule() {
		total += wait
	}
	if n := len(delivery.DefaultSchedule()) + 1; n != 10 || total < 75*time.Hour || total > 76*time.Hour {
		t.Errorf("%d attempts over %v, want 10 over 75 hours", n, total)
	}
}
