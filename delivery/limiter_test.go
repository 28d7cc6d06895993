package delivery_test

import (
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery"
)

// The limiter under test has limits from 1 to 64 and begins with 4. A window at such low limits is 8
// attempts.
func TestLimiter(t *testing.T) {
	t.Parallel()
	type attempts struct {
		n       int
		took    time.Duration
		fails   bool
		beside  bool // free room: the limit is not used up
		earlier bool // they began under the limit before
		want    int  // the limit afterwards
	}
	for name, c := range map[string]struct {
		lane  bool // the limiter of a lane, to which 20 ms are harmless
		steps []attempts
	}{
		"AWindowIsNeededForATrial": {steps: []attempts{{n: 7, took: 100 * ms, want: 4}, {n: 1, took: 100 * ms, want: 8}}},
		"DoublesWhileEachWindowPays": {steps: []attempts{
			{n: 8, took: 100 * ms, want: 8},
			{n: 8, took: 100 * ms, want: 16},
			{n: 16, took: 100 * ms, want: 32},
			{n: 32, took: 100 * ms, want: 64},
		}},
		"StaysAtTheHighestLimit":               {steps: []attempts{{n: 64, took: 100 * ms, want: 64}, {n: 2000, took: 100 * ms, want: 64}}},
		"ReturnsWhereDoublingTakesTwiceAsLong": {steps: []attempts{{n: 8, took: 100 * ms, want: 8}, {n: 16, took: 200 * ms, want: 4}}},
		"LearnsNothingBesideFreeRoom":          {steps: []attempts{{n: 100, took: 100 * ms, beside: true, want: 4}}},
		"FreeRoomBeginsTheWindowAnew": {steps: []attempts{
			{n: 7, took: 100 * ms, want: 4},
			{n: 1, took: 100 * ms, beside: true, want: 4},
			{n: 7, took: 100 * ms, want: 4},
			{n: 1, took: 100 * ms, want: 8},
		}},
		"AttemptsOfTheLimitBeforeDoNotCount": {steps: []attempts{
			{n: 8, took: 100 * ms, want: 8},
			{n: 100, took: 900 * ms, earlier: true, want: 8},
			{n: 8, took: 100 * ms, want: 16},
		}},
		"StartsOverWhenNothingSucceeds": {steps: []attempts{
			{n: 64, took: 100 * ms, want: 64},
			{n: 400, took: 100 * ms, fails: true, want: 4},
		}},
		"AHarmlessLatencyIsNotHalved": {lane: true, steps: []attempts{
			{n: 64, took: 19 * ms, want: 64},
			{n: 64 * 200, took: 19 * ms, want: 64},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := delivery.NewLimiter(1, 4, 64)
			if c.lane {
				l = delivery.NewLaneLimiter(64)
			}
			now := noon
			for i, s := range c.steps {
				for range s.n {
					now = now.Add(s.took / time.Duration(l.Limit()))
					epoch := l.Epoch()
					if s.earlier {
						epoch--
					}
					l.End(epoch, s.took, !s.fails, !s.beside, now)
				}
				if got := l.Limit(); got != s.want {
					t.Errorf("step %d: the limit is %d, want %d", i, got, s.want)
				}
			}
		})
	}
}
