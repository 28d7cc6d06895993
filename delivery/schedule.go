package delivery

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Jitter is how far a wait is spread to both sides, as a fraction of it, so that
// attempts that failed together do not come back together.
const Jitter = 0.2

// Schedule is the waits between the attempts of a delivery: the first one before
// the first retry, and so on. When it is used up the delivery has failed.
type Schedule []time.Duration

// DefaultSchedule returns the schedule that Standard Webhooks advises: ten attempts over about 75
// hours.
func DefaultSchedule() Schedule {
	return Schedule{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute,
		2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// Wait returns the wait before the next retry when step retries were made
// already, spread by [Jitter]. It reports false when the schedule is used up.
func (s Schedule) Wait(step int) (time.Duration, bool) {
	if step < 0 || step >= len(s) {
		return 0, false
	}
	// A fresh value each time: an ExponentialBackOff is stateful, and here the
	// step is the state.
	b := backoff.ExponentialBackOff{
		InitialInterval:     s[step],
		RandomizationFactor: Jitter,
		Multiplier:          1,
		MaxInterval:         s[step],
		Clock:               backoff.SystemClock,
	}
	b.Reset()
	return b.NextBackOff(), true
}
