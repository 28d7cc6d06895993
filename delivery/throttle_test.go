package delivery_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/delivery"
)

// near fails the test unless two rates are the same but for a hundredth.
func near(t *testing.T, name string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > want/100 {
		t.Errorf("%s: %.3f a second, want %.3f", name, got, want)
	}
}

// use has the endpoint accept as many attempts as the throttle allows for some time, and returns the end
// of that time.
func use(th *delivery.Throttle, now time.Time, d time.Duration) time.Time {
	for end := now.Add(d); now.Before(end) && th.Rate() > 0; {
		now = now.Add(time.Duration(float64(time.Second) / th.Rate()))
		th.Accepted(now, now)
	}
	return now
}

// limitedTo is a throttle after its endpoint accepted n attempts and then refused one.
func limitedTo(n int) (*delivery.Throttle, time.Time) {
	th := &delivery.Throttle{}
	for range n {
		th.Accepted(noon, noon)
	}
	th.Refused(noon, noon, float64(n))
	return th, noon
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	t.Run("LimitsNothingBeforeARefusal", func(t *testing.T) {
		t.Parallel()
		near(t, "rate", (&delivery.Throttle{}).Rate(), 0)
	})
	t.Run("BeginsWithNineTenthsOfWhatWasAccepted", func(t *testing.T) {
		t.Parallel()
		th, _ := limitedTo(10)
		near(t, "rate", th.Rate(), 9)
	})
	t.Run("CountsWhatWasUnderWayAtTheRefusal", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(8)
		th.Accepted(now.Add(-time.Millisecond), now)
		th.Accepted(now.Add(-time.Millisecond), now)
		near(t, "rate", th.Rate(), 9)
	})
	t.Run("CountsRefusalsUnderWayTogetherOnce", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		for range 20 {
			th.Refused(now.Add(-time.Millisecond), now.Add(time.Millisecond), 1)
		}
		near(t, "rate", th.Rate(), 9)
	})
	t.Run("ReachesTheLimitAgainInTwelveSecondsAndTwiceOfItInForty", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		now = use(th, now, 12*time.Second)
		near(t, "after 12 s", th.Rate(), 10)
		use(th, now, 26*time.Second)
		near(t, "after 38 s", th.Rate(), 20.1)
	})
	t.Run("StaysLongerAtALimitThatIsConfirmed", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		now = use(th, now, 13*time.Second)
		th.Refused(now, now, 10)
		near(t, "after the refusal", th.Rate(), 9)
		now = use(th, now, 12*time.Second)
		if r := th.Rate(); r > 9.9 {
			t.Errorf("%.3f a second after 12 s, want it below the limit", r)
		}
		use(th, now, 12*time.Second)
		near(t, "after 24 s", th.Rate(), 10)
	})
	t.Run("FallsByThreeTenthsAtMost", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(100)
		th.Accepted(now, now)
		th.Refused(now.Add(time.Second), now.Add(time.Second), 1)
		near(t, "rate", th.Rate(), 90*0.7*0.9)
	})
	t.Run("DoesNotRiseByARefusal", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		th.Accepted(now, now)
		th.Refused(now.Add(time.Second), now.Add(time.Second), 50)
		if r := th.Rate(); r > 9.1 {
			t.Errorf("%.3f a second", r)
		}
	})
	t.Run("GrowsQuicklyAfterAnOutage", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		th.Refused(now.Add(time.Second), now.Add(time.Second), 0) // the first one after a hold
		near(t, "at first", th.Rate(), 9)
		use(th, now.Add(time.Second), 4*time.Second)
		if r := th.Rate(); r != 0 && r < 30 {
			t.Errorf("%.3f a second after 4 s", r)
		}
	})
	t.Run("TakesOneAcceptedAttemptForNoRate", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(1)
		near(t, "after the first refusal", th.Rate(), 0)
		now = now.Add(2 * time.Second)
		th.Accepted(now, now)
		th.Refused(now, now, 1)
		near(t, "after the second refusal", th.Rate(), 0.9)
	})
	t.Run("EndsWhenItHasGrownEightfold", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		use(th, now, 2*time.Minute)
		near(t, "rate", th.Rate(), 0)
	})
	t.Run("EndsAnHourAfterTheLastRefusal", func(t *testing.T) {
		t.Parallel()
		th, now := limitedTo(10)
		th.Accepted(now.Add(59*time.Minute), now.Add(59*time.Minute))
		if th.Rate() == 0 {
			t.Error("it ended before")
		}
		th.Accepted(now.Add(61*time.Minute), now.Add(61*time.Minute))
		near(t, "rate", th.Rate(), 0)
	})
}

func TestThrottleProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		th, now, decided := &delivery.Throttle{}, noon, time.Time{}
		for range rapid.IntRange(1, 300).Draw(t, "answers") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "pause")))
			began := now.Add(-time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "took")))
			before := th.Rate()
			if rapid.Bool().Draw(t, "accepted") {
				th.Accepted(began, now)
				if after := th.Rate(); after != 0 && after < before {
					t.Fatalf("an accepted attempt takes the rate from %v to %v", before, after)
				}
				continue
			}
			th.Refused(began, now, rapid.Float64Range(0, 1000).Draw(t, "in the last second"))
			after := th.Rate()
			if began.Before(decided) && after != before {
				t.Fatalf("a refusal under way at another one takes the rate from %v to %v", before, after)
			}
			if !began.Before(decided) {
				decided = now
			}
			if before > 0 && (after > before || after < before*0.7*0.9*0.999 && after > 1.0/600) {
				t.Fatalf("a refusal takes the rate from %v to %v", before, after)
			}
			if math.IsNaN(after) || math.IsInf(after, 0) || after < 0 || after > 0 && after < 0.9/600*0.999 {
				t.Fatalf("the rate is %v", after)
			}
		}
	})
}

func TestMeterCountsTheLastSecond(t *testing.T) {
	t.Parallel()
	var m delivery.Meter
	for ms := range 3000 {
		m.Add(millis(ms))
	}
	near(t, "at a thousand a second", m.PerSecond(millis(3000)), 1000)
	near(t, "half a second later", m.PerSecond(millis(3500)), 500)
	near(t, "a second later", m.PerSecond(millis(4100)), 0)
	m.Add(millis(60_000))
	near(t, "after a pause", m.PerSecond(millis(60_000)), 1)
}
