// Package clock is the time by which the library waits. [System] is the time of the machine. A test has a clock of
// its own, which it moves: see package webhookstest.
package clock

import (
	"context"
	"time"
)

// A Clock tells the time and calls functions later. It is safe for concurrent use.
type Clock interface {
	// Now returns the current time. The library measures durations as differences of two such times. The times
	// of System carry a monotonic reading, so that a jump of the wall clock changes no duration.
	Now() time.Time

	// AfterFunc calls f once d has passed; at once, in another goroutine, if d is not positive. Until then Stop
	// of the returned Timer prevents the call, and Reset puts it off. F does not wait for the clock.
	AfterFunc(d time.Duration, f func()) Timer
}

// A Timer is a call of a function that a [Clock] makes later. A *[time.Timer] is a Timer.
type Timer interface {
	// Stop prevents the call. It reports false if the call was made, or stopped, before.
	Stop() bool
	// Reset has the call made, perhaps again, once d has passed from now. Its result is that of Stop.
	Reset(d time.Duration) bool
}

// System is the time of package time. In a bubble of testing/synctest that is the time of the bubble.
var System Clock = system{}

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }

// WithTimeout is [context.WithTimeout] by a clock. The returned context has no Deadline of its own unless the clock is
// System, because code outside of this module reads deadlines by the time of the machine.
func WithTimeout(ctx context.Context, c Clock, d time.Duration) (context.Context, context.CancelFunc) {
	if c == System {
		return context.WithTimeout(ctx, d)
	}
	inner, cancel := context.WithCancelCause(ctx)
	timer := c.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return timeoutContext{inner}, func() {
		timer.Stop()
		cancel(context.Canceled)
	}
}

// timeoutContext is a context that ended with DeadlineExceeded if that is the cause.
type timeoutContext struct{ context.Context }

func (c timeoutContext) Err() error {
	err := c.Context.Err()
	if err != nil && context.Cause(c.Context) == context.DeadlineExceeded { //nolint:errorlint // WithTimeout sets this value
		return context.DeadlineExceeded
	}
	return err
}

// Activity is an optional ability of a Clock, for tests: the clock counts the goroutines of the library that do not
// wait. Once their number is 0, nothing more happens before the clock moves.
type Activity interface {
	Begin() // a goroutine starts, or no longer waits
	End()   // a goroutine ends, or begins to wait
}

// ActivityOf returns the Activity of a clock; one that does nothing if the clock has none.
func ActivityOf(c Clock) Activity {
	if a, ok := c.(Activity); ok {
		return a
	}
	return uncounted{}
}

type uncounted struct{}

func (uncounted) Begin() {}
func (uncounted) End()   {}
