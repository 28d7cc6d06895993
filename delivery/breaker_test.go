package delivery_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// millis is a time some milliseconds after noon.
func millis(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

func failure(began, ended int) delivery.Seen {
	return delivery.Seen{Kind: delivery.SeenFailure, Began: millis(began), Ended: millis(ended)}
}

func success(began, ended int) delivery.Seen {
	return delivery.Seen{Kind: delivery.SeenSuccess, Began: millis(began), Ended: millis(ended)}
}

func refusal(began, ended, until int) delivery.Seen {
	return delivery.Seen{Kind: delivery.SeenPushedBack, Began: millis(began), Ended: millis(ended), Until: millis(until)}
}

func quiet(s delivery.Seen) delivery.Seen { s.Quiet = true; return s }

func probe(s delivery.Seen) delivery.Seen { s.Probe = true; return s }

// oneByOne is n failures, each of which began when the one before had ended.
func oneByOne(n int) []delivery.Seen {
	var out []delivery.Seen
	for i := range n {
		out = append(out, failure(10*i, 10*i+10))
	}
	return out
}

func TestBreaker(t *testing.T) {
	t.Parallel()
	hour := 3_600_000
	failing := store.Health{Failures: 9, Since: millis(0), CountedUntil: millis(90), Stage: store.StageFailing}
	open := store.Health{Failures: 10, Since: millis(0), CountedUntil: millis(100), ProbeAt: millis(1100), Stage: store.StageOpen}
	probing := store.Health{
		Failures: 10, Since: millis(0), CountedUntil: millis(100), Probes: 1, ProbeAt: millis(hour + 225_000),
		ProbeUntil: millis(hour + 17_000), Stage: store.StageOpen,
	}
	pressed := store.Health{BackPressureSince: millis(0), BackPressureUntil: millis(5000)}
	with := func(h store.Health, change func(*store.Health)) store.Health { change(&h); return h }
	for _, c := range []struct {
		name string
		from store.Health
		seen []delivery.Seen
		want store.Health
	}{
		{name: "SuccessOfAHealthyEndpointSaysNothing", seen: []delivery.Seen{success(0, 5)}},
		{
			name: "FirstFailureIsCounted", seen: []delivery.Seen{failure(0, 5)},
			want: store.Health{Failures: 1, Since: millis(0), CountedUntil: millis(5)},
		},
		{
			name: "FailuresUnderWayTogetherCountAsOne",
			seen: []delivery.Seen{failure(0, 5), failure(1, 5), failure(3, 6), failure(4, 5000)},
			want: store.Health{Failures: 1, Since: millis(0), CountedUntil: millis(5)},
		},
		{
			name: "NextFailureBeginsAfterTheLastOneEnded", seen: []delivery.Seen{failure(0, 5), failure(5, 7)},
			want: store.Health{Failures: 2, Since: millis(0), CountedUntil: millis(7)},
		},
		{name: "NineFailuresLeaveItClosed", seen: oneByOne(9), want: failing},
		{name: "TenFailuresOpenItForASecond", seen: oneByOne(10), want: open},
		{
			name: "SuccessBetweenBeginsTheCountAgain", from: failing, seen: []delivery.Seen{success(80, 95), failure(95, 99)},
			want: store.Health{Failures: 1, Since: millis(95), CountedUntil: millis(99)},
		},
		{name: "FailureUnderWayMovesNoProbe", from: open, seen: []delivery.Seen{failure(50, 900)}, want: open},
		{
			name: "FailureOfAnotherHostMovesNoProbe", from: open, seen: []delivery.Seen{failure(200, 900)},
			want: with(open, func(h *store.Health) { h.Failures, h.CountedUntil = 11, millis(900) }),
		},
		{
			name: "ProbeThatFailsAtOnceIsFollowedAfterASixteenthOfTheAbsence", from: probing, seen: []delivery.Seen{probe(failure(hour, hour+160))},
			want: store.Health{
				Failures: 11, Since: millis(0), CountedUntil: millis(hour + 160), Probes: 1, ProbeAt: millis(hour + 225_010), Stage: store.StageOpen,
			},
		},
		{
			name: "ProbeThatHangsIsFollowedAtOnce", from: store.Health{
				Failures: 10, Since: millis(0), Probes: 1, ProbeAt: millis(6000),
				ProbeUntil: millis(22_000),
			},
			seen: []delivery.Seen{probe(failure(5000, 20_000))},
			want: store.Health{
				Failures: 11, Since: millis(0), CountedUntil: millis(20_000), Probes: 1, ProbeAt: millis(20_000), Stage: store.StageOpen,
			},
		},
		{
			name: "ProbesAreAtMost570SecondsApart", from: with(probing, func(h *store.Health) { h.Since = millis(-100 * hour) }),
			seen: []delivery.Seen{probe(failure(hour, hour))},
			want: store.Health{
				Failures: 11, Since: millis(-100 * hour), CountedUntil: millis(hour), Probes: 1, ProbeAt: millis(hour + 570_000),
				Stage: store.StageOpen,
			},
		},
		{
			name: "ProbeThatIsPushedBackIsFollowedWhenTheEndpointWants", from: probing,
			seen: []delivery.Seen{probe(refusal(hour, hour+5, hour+3000))},
			want: with(probing, func(h *store.Health) {
				h.ProbeAt, h.ProbeUntil, h.BackPressureSince, h.BackPressureUntil = millis(hour+3000), time.Time{}, millis(hour), millis(hour+3000)
			}),
		},
		{name: "ProbeThatSucceedsClosesIt", from: probing, seen: []delivery.Seen{probe(success(hour, hour+5))}},
		{name: "AnySuccessClosesIt", from: probing, seen: []delivery.Seen{success(0, hour)}},
		{name: "RefusalIsNoFailure", seen: []delivery.Seen{refusal(0, 5, 5000)}, want: pressed},
		{
			name: "RefusalsLeaveTheCount", from: failing, seen: []delivery.Seen{refusal(90, 95, 1095)},
			want: with(failing, func(h *store.Health) { h.BackPressureSince, h.BackPressureUntil = millis(90), millis(1095) }),
		},
		{
			name: "LongestRefusalHolds", from: pressed, seen: []delivery.Seen{refusal(3, 8, 9000), refusal(4, 9, 2000)},
			want: with(pressed, func(h *store.Health) { h.BackPressureUntil = millis(9000) }),
		},
		{name: "SuccessUnderWayLeavesBackPressure", from: pressed, seen: []delivery.Seen{success(4, 10)}, want: pressed},
		{name: "TwoFailuresAreNoStage", seen: oneByOne(2), want: store.Health{Failures: 2, Since: millis(0), CountedUntil: millis(20)}},
		{
			name: "ThreeFailuresAre", seen: oneByOne(3),
			want: store.Health{Failures: 3, Since: millis(0), CountedUntil: millis(30), Stage: store.StageFailing},
		},
		{
			name: "QuietFailuresCountAndChangeNoStage", from: failing, seen: []delivery.Seen{quiet(failure(90, 100))},
			want: with(open, func(h *store.Health) { h.Stage = store.StageFailing }),
		},
		{
			name: "NextFailureReachesTheStage", from: with(open, func(h *store.Health) { h.Stage = store.StageHealthy }),
			seen: []delivery.Seen{failure(50, 900)}, want: open,
		},
		{
			name: "QuietSuccessClosesItAndChangesNoStage", from: open, seen: []delivery.Seen{quiet(success(0, hour))},
			want: store.Health{Stage: store.StageOpen},
		},
		{name: "NextSuccessEndsTheStage", from: store.Health{Stage: store.StageOpen}, seen: []delivery.Seen{success(0, hour)}},
		{name: "SuccessAfterItEndsBackPressure", from: pressed, seen: []delivery.Seen{success(5000, 5010)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := c.from
			for _, s := range c.seen {
				got = delivery.Observe(got, s)
			}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestBreakerGivesUpAfterFiveDays(t *testing.T) {
	t.Parallel()
	days := 5 * 24 * time.Hour
	for _, h := range []store.Health{
		{Failures: 1, Since: noon},
		{BackPressureSince: noon},
		{Failures: 3, Since: noon.Add(time.Hour), BackPressureSince: noon},
	} {
		if delivery.Hopeless(h, noon.Add(days-1)) || !delivery.Hopeless(h, noon.Add(days)) {
			t.Errorf("%+v: gives up at another time than after 5 days", h)
		}
	}
	if delivery.Hopeless(store.Health{}, noon) {
		t.Error("gives up a healthy endpoint")
	}
}

// The properties of any sequence of attempts, whatever was under way together.
func TestBreakerProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var h store.Health
		now := noon
		var probing time.Time // when the probe under way began
		for range rapid.IntRange(1, 200).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "pause")))
			if next, won := delivery.BeginProbe(h, now, 17*time.Second, false); won {
				if h.ProbeAt.IsZero() || now.Before(h.ProbeAt) || now.Before(h.ProbeUntil) {
					t.Fatalf("a probe begins at %v of %+v", now, h)
				}
				if _, again := delivery.BeginProbe(next, now.Add(time.Second), 17*time.Second, false); again {
					t.Fatalf("two probes at a time of %+v", next)
				}
				h, probing = next, now
			}
			s := delivery.Seen{
				Kind: rapid.SampledFrom([]delivery.Seen{success(0, 0), failure(0, 0), failure(0, 0), failure(0, 0), refusal(0, 0, 0)}).Draw(t,
					"kind").Kind,
				Began: now.Add(-time.Duration(rapid.Int64Range(0, int64(30*time.Second)).Draw(t, "took"))), Ended: now,
			}
			s.Until = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "wait")))
			if s.Probe = !probing.IsZero() && rapid.Bool().Draw(t, "probe"); s.Probe {
				s.Began, probing = probing, time.Time{}
			}
			before := h
			h = delivery.Observe(h, s)
			checkObserved(t, before, s, h)
		}
	})
}

func checkObserved(t *rapid.T, before store.Health, s delivery.Seen, after store.Health) {
	isOpen := !after.ProbeAt.IsZero()
	switch {
	case isOpen != (after.Failures >= 10):
		t.Fatalf("open: %v, after %d failures", isOpen, after.Failures)
	case s.Kind == delivery.SeenSuccess && (isOpen || after.Failures != 0):
		t.Fatalf("%+v after a success", after)
	case s.Kind == delivery.SeenPushedBack && (after.Failures != before.Failures || isOpen != !before.ProbeAt.IsZero()):
		t.Fatalf("back-pressure counts: %+v, then %+v", before, after)
	case after.Failures > before.Failures+1:
		t.Fatalf("one failure counts as %d", after.Failures-before.Failures)
	case after.Failures > before.Failures && s.Began.Before(before.CountedUntil):
		t.Fatalf("%+v counts beside %+v", s, before)
	case s.Kind == delivery.SeenFailure && s.Probe && isOpen:
		wait, away := after.ProbeAt.Sub(s.Began), s.Ended.Sub(after.Since)
		if after.ProbeAt.Before(s.Ended) || wait > max(time.Second, away/10, s.Ended.Sub(s.Began)) || wait > 10*time.Minute {
			t.Fatalf("the next probe comes %v after one to an endpoint that is away for %v", wait, away)
		}
	}
}
