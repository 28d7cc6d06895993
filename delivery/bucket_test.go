package delivery_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks/delivery"
)

const ms = time.Millisecond

func TestBucket(t *testing.T) {
	t.Parallel()
	take := func(n int) func(*delivery.Bucket) {
		return func(b *delivery.Bucket) {
			for range n {
				b.Take(noon)
			}
		}
	}
	for _, c := range []struct {
		name      string
		rate      float64 // attempts a second
		use       func(*delivery.Bucket)
		behind    int // attempts
		notBefore time.Time
		at        int // ms after noon
		want      time.Duration
	}{
		{name: "AFullBucketLetsAnAttemptBegin", rate: 10, use: take(0), want: 0},
		{name: "AnAttemptTakesOneInterval", rate: 10, use: take(1), want: 100 * ms},
		{name: "TheIntervalPasses", rate: 10, use: take(1), at: 60, want: 40 * ms},
		{name: "AttemptsAheadTakeTheirIntervals", rate: 10, use: take(1), behind: 3, want: 400 * ms},
		{name: "TenAttemptsOfAHundredASecondBeginAtOnce", rate: 100, use: take(9), want: 0},
		{name: "TheEleventhWaits", rate: 100, use: take(10), want: 10 * ms},
		{name: "NothingIsSavedUpBeyondTheBurst", rate: 100, use: take(10), at: 1, want: 9 * ms},
		{name: "AHoldIsWaitedFor", rate: 100, use: take(0), notBefore: millis(250), want: 250 * ms},
		{name: "TheBurstFollowsAHold", rate: 100, use: take(0), notBefore: millis(250), behind: 9, want: 250 * ms},
		{name: "TheRateHoldsAfterAHold", rate: 100, use: take(0), notBefore: millis(250), behind: 12, want: 280 * ms},
		{name: "AHoldThatIsOverDoesNotCount", rate: 10, use: take(1), notBefore: millis(-1), want: 100 * ms},
		{name: "APauseUsesUpTheBurst", rate: 100, use: func(b *delivery.Bucket) { b.Pause(250*ms, noon) }, behind: 1, want: 260 * ms},
		{name: "AHigherRateShortensTheWait", rate: 1, use: func(b *delivery.Bucket) { b.Take(noon); b.Set(10, noon) }, want: 100 * ms},
		{name: "ALowerRateKeepsTheWait", rate: 10, use: func(b *delivery.Bucket) { b.Take(noon); b.Set(1, noon) }, want: 100 * ms},
		{name: "AnAttemptAMonthIsPlannedForAMonth", rate: 1e-9, use: take(1), behind: 5, want: 30 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := delivery.NewBucket(c.rate, noon)
			c.use(b)
			if got := b.Wait(c.behind, c.notBefore, millis(c.at)); got != c.want {
				t.Errorf("waits %v, want %v", got, c.want)
			}
		})
	}
}

// Attempts that begin when the bucket allows it never exceed the rate by more than the burst, in any
// span of time, and an attempt begins as soon as it has waited.
func TestBucketProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0.01, 5000).Draw(t, "rate")
		b, now := delivery.NewBucket(rate, noon), noon
		var began []time.Time
		for range rapid.IntRange(1, 100).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			wait := b.Wait(0, time.Time{}, now)
			if behind := b.Wait(1, time.Time{}, now); behind < wait {
				t.Fatalf("the second attempt waits %v, the first one %v", behind, wait)
			}
			if now = now.Add(wait); b.Wait(0, time.Time{}, now) != 0 {
				t.Fatalf("waits again after %v", wait)
			}
			b.Take(now)
			began = append(began, now)
		}
		burst := max(1, 0.1*rate)
		for i, from := range began {
			for j, to := range began[i:] {
				if most := rate*to.Sub(from).Seconds() + burst; float64(j+1) > most+0.001 {
					t.Fatalf("%d attempts in %v, at %.2f a second", j+1, to.Sub(from), rate)
				}
			}
		}
	})
}
