package delivery_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/delivery"
)

const mostInFlight = 64

// From 5 s after an endpoint changed for the last time the limiter has at least 90 % of
// the throughput that the best fixed limit has, in the mean over 20 runs, and 80 % in each.
func TestLimiterFindsTheThroughputOfAnEndpoint(t *testing.T) {
	t.Parallel()
	for _, s := range simulatedEndpoints {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			from := s.changed + 5*time.Second
			to := from + 30*time.Second
			var best float64
			for _, fixed := range []int{1, 2, 4, 6, 8, 10, 12, 16, 24, 32, 48, mostInFlight} {
				rate, _ := s.throughput(nil, fixed, 0, from, to)
				best = max(best, rate)
			}
			const seeds = 20
			var sum float64
			for seed := range uint64(seeds) {
				rate, limit := s.throughput(delivery.NewLaneLimiter(mostInFlight), 0, seed, from, to)
				if rate < 0.8*best {
					t.Errorf("seed %d: %.0f a second, the best fixed limit has %.0f; mean limit %.0f", seed, rate, best, limit)
				}
				sum += rate
			}
			if mean := sum / seeds; mean < 0.9*best {
				t.Errorf("%.0f a second in the mean of %d runs, the best fixed limit has %.0f", mean, seeds, best)
			}
		})
	}
}

// Of limits with the same throughput the lower ones are preferred: beyond eight in flight
// requests only wait at the endpoint.
func TestLimiterLeavesNoQueueAtTheEndpoint(t *testing.T) {
	t.Parallel()
	s := simulated{answer: constant(0)}
	s.answer = loaded(func(n float64) float64 { return 0.01 * max(1, n/8) })
	if _, limit := s.throughput(delivery.NewLaneLimiter(mostInFlight), 0, 1, 10*time.Second, 60*time.Second); limit > 24 {
		t.Errorf("the mean limit is %.0f, want at most three times the 8 that the endpoint works on", limit)
	}
}

// An endpoint that is quicker than this host has all attempts in flight. Where two processors
// are the bottleneck, a lower limit seems to give the same, but leaves them idle at times.
func TestLimiterDoesNotHoldBackAQuickEndpoint(t *testing.T) {
	t.Parallel()
	s := simulated{answer: loaded(func(n float64) float64 { return 0.0001 * max(1, n/2) })}
	if _, limit := s.throughput(delivery.NewLaneLimiter(mostInFlight), 0, 1, time.Second, 10*time.Second); limit < mostInFlight {
		t.Errorf("the mean limit is %.0f, want %d", limit, mostInFlight)
	}
}

// An endpoint that never answers keeps the limit that it had, and one that only fails
// loses it.
func TestLimiterAsksLittleOfAnEndpointThatOnlyFails(t *testing.T) {
	t.Parallel()
	s := simulated{answer: between(10*time.Second, time.Hour, instant, false, 100*time.Millisecond)}
	if _, limit := s.throughput(delivery.NewLaneLimiter(mostInFlight), 0, 1, 15*time.Second, 30*time.Second); limit > 4 {
		t.Errorf("the mean limit is %.0f, want at most 4", limit)
	}
}

// Failures of one moment are one observation, however many they are.
func TestLimiterCountsOneEventOnce(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := delivery.NewLimiter(1, mostInFlight, mostInFlight)
	for range 2 * mostInFlight { // a baseline at the first limit, and a trial of half of it that does not pay
		now = now.Add(time.Second / mostInFlight)
		l.End(l.Epoch(), 200*time.Millisecond, true, true, now)
	}
	before := l.Limit()
	for range 1000 {
		l.End(l.Epoch(), time.Microsecond, false, true, now)
	}
	if after := l.Limit(); after < before/4 {
		t.Errorf("the limit fell from %d to %d within a moment", before, after)
	}
}

// An attempt beside free room says nothing about the limit.
func TestLimiterLearnsNothingWhileThereIsRoom(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := delivery.NewLaneLimiter(mostInFlight)
	for range 10_000 {
		now = now.Add(10 * time.Millisecond)
		l.End(l.Epoch(), 200*time.Millisecond, true, false, now)
	}
	if got := l.Limit(); got != delivery.FirstLimit {
		t.Errorf("the limit is %d, want %d as in the beginning", got, delivery.FirstLimit)
	}
}

func TestLimiterStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.IntRange(1, 20).Draw(t, "least")
		most := rapid.IntRange(least, 100).Draw(t, "most")
		l := delivery.NewLimiter(least, rapid.IntRange(1, 200).Draw(t, "first"), most)
		now := time.Unix(0, 0)
		for range rapid.IntRange(0, 2000).Draw(t, "attempts") {
			took := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "took"))
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			epoch := l.Epoch() - rapid.IntRange(0, 1).Draw(t, "late")
			l.End(epoch, took, rapid.Bool().Draw(t, "success"), rapid.IntRange(0, 9).Draw(t, "room") > 0, now)
			if got := l.Limit(); got < least || got > most {
				t.Fatalf("the limit is %d, outside of %d–%d", got, least, most)
			}
		}
	})
}

func TestWorkersFollowTheLimitOnMemory(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		memory int64
		want   int
	}{
		{1 << 62, 1536}, // no limit
		{1 << 30, 1536},
		{256 << 20, 1024},
		{1 << 20, 64},
	} {
		if got := delivery.DefaultWorkers(test.memory); got != test.want {
			t.Errorf("with %d bytes: %d workers, want %d", test.memory, got, test.want)
		}
	}
}

// However long nothing succeeded, and in whatever window that fell, the limiter climbs
// again within 5 s.
func TestLimiterClimbsAgainAfterAnyOutage(t *testing.T) {
	t.Parallel()
	const usual = 200 * time.Millisecond
	want := 0.9 * mostInFlight / usual.Seconds()
	for outage := 300 * time.Millisecond; outage < 6*time.Second; outage += 300 * time.Millisecond {
		end := 10*time.Second + outage
		s := simulated{answer: between(10*time.Second, end, instant, false, usual)}
		l := delivery.NewLaneLimiter(mostInFlight)
		if rate, _ := s.throughput(l, 0, 0, end+5*time.Second, end+15*time.Second); rate < want {
			t.Errorf("after %v without a success: %.0f a second, want %.0f", outage, rate, want)
		}
	}
}

// A receiver that pushes back wants a lower rate. The limit of attempts in flight stays.
func TestBackPressureLeavesTheConcurrencyLimitAlone(t *testing.T) {
	t.Parallel()
	if got := delivery.LimitAfterPushBacks(500); got != 64 {
		t.Errorf("the limit is %d, want 64 as before", got)
	}
}
