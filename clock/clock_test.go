package clock_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// Durations are differences of these times: with a monotonic reading, a jump of the wall clock does not change them.
func TestSystemTimesHaveAMonotonicReading(t *testing.T) {
	t.Parallel()
	if now := clock.System.Now(); !strings.Contains(now.String(), " m=") {
		t.Errorf("%v has no monotonic reading", now)
	}
}

// other is a clock that is not System.
type other struct{ clock.Clock }

func TestWithTimeoutEndsAsContextWithTimeoutDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]clock.Clock{"System": clock.System, "Other": other{clock.System}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				late, cancel := clock.WithTimeout(t.Context(), c, time.Minute)
				defer cancel()
				cancelled, cancelNow := clock.WithTimeout(t.Context(), c, time.Minute)
				cancelNow()
				if err := cancelled.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: got %v", err)
				}
				time.Sleep(time.Minute - 1)
				synctest.Wait()
				if err := late.Err(); err != nil {
					t.Errorf("before the end of its time: got %v", err)
				}
				<-late.Done()
				if err := late.Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after the end of its time: got %v", err)
				}
				if err := cancelled.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled, then: got %v", err)
				}
			})
		})
	}
}

func TestAClockOtherThanSystemHidesItsDeadlines(t *testing.T) {
	t.Parallel()
	ctx, cancel := clock.WithTimeout(t.Context(), other{clock.System}, time.Minute)
	defer cancel()
	outer, hasOuter := t.Context().Deadline()
	if at, ok := ctx.Deadline(); ok != hasOuter || !at.Equal(outer) {
		t.Errorf("the deadline is %v", at)
	}
}
