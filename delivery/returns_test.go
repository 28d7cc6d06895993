package delivery_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/delivery"
)

// numbered is the id of the nth attempt.
func numbered(n int) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func TestReturns(t *testing.T) {
	t.Parallel()
	type planned struct {
		id      int
		wait    time.Duration
		learned bool
		held    int // until, in ms after noon
		want    time.Duration
	}
	const month = 30 * 24 * time.Hour
	for name, plans := range map[string][]planned{
		"TheFirstAttemptReturnsAfterItsWait": {{id: 1, wait: 700 * ms, want: 700 * ms}},
		"AttemptsReturnOneAfterTheOther": {
			{id: 1, wait: 700 * ms, want: 700 * ms},
			{id: 2, wait: 700 * ms, want: 800 * ms},
			{id: 3, wait: 700 * ms, want: 900 * ms},
		},
		"ALongerWaitCounts":       {{id: 1, wait: 700 * ms, want: 700 * ms}, {id: 2, wait: 5000 * ms, want: 5000 * ms}},
		"ARateIsPlannedForAMonth": {{id: 1, wait: 2 * month, want: month}},
		"ALearnedRateIsPlannedForTenSeconds": {
			{id: 1, wait: 10_000 * ms, learned: true, want: 10_000 * ms},
			{id: 2, learned: true, want: 10_020 * ms},
			{id: 3, learned: true, want: 10_040 * ms},
		},
		"ALearnedRateIsPlannedFromTheEndOfAHold": {
			{id: 1, wait: 15_000 * ms, learned: true, held: 5000, want: 15_000 * ms},
			{id: 2, learned: true, held: 5000, want: 15_020 * ms},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := delivery.NewReturns(100 * ms)
			for _, p := range plans {
				if got := r.Plan(numbered(p.id), p.wait, p.learned, millis(p.held), noon); got != p.want {
					t.Errorf("attempt %d returns after %v, want %v", p.id, got, p.want)
				}
			}
		})
	}
}

// Without a learned rate no two attempts return closer together than the spacing. While returns are
// planned they precede every newer attempt, and no attempt that was given back; and the next return
// is never further away than the spacing, nor after the last one.
func TestReturnsProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		spacing := time.Duration(rapid.Int64Range(1, int64(10*time.Second)).Draw(t, "spacing"))
		r, now := delivery.NewReturns(spacing), noon
		var last time.Time
		highest := -1
		for range rapid.IntRange(1, 60).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "pause")))
			id := rapid.IntRange(0, 1000).Draw(t, "id")
			wait := time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "wait"))
			at := now.Add(r.Plan(numbered(id), wait, false, time.Time{}, now))
			if at.Before(now.Add(wait)) || !last.IsZero() && at.Sub(last) < spacing {
				t.Fatalf("returns at %v after a wait of %v, %v after the last one", at, wait, at.Sub(last))
			}
			last, highest = at, max(highest, id)
			if got, want := r.Precede(numbered(highest+1), now), last.After(now); got != want {
				t.Fatalf("precede a new attempt: %v, want %v", got, want)
			}
			if r.Precede(numbered(rapid.IntRange(0, highest).Draw(t, "returned")), now) {
				t.Fatal("precede an attempt that may return")
			}
			next, ok := r.Next(time.Time{}, now)
			if ok != last.After(now) || ok && (!next.After(now) || next.After(last) || next.Sub(now) > spacing) {
				t.Fatalf("the next return is at %v (%v), the last one at %v, now is %v", next, ok, last, now)
			}
			held := now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "held")))
			want := next
			if held.After(next) {
				want = held
			}
			if after, _ := r.Next(held, now); ok && !after.Equal(want) {
				t.Fatalf("the next return is at %v with a hold until %v, want %v", after, held, want)
			}
		}
	})
}
