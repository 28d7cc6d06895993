package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Retry says how often a call is repeated that may be repeated, and after which waits.
type Retry struct {
	// MaxAttempts counts the first attempt too; 1 switches retries off. Default: 4.
	MaxAttempts int
	// MinWait is the wait before the first retry. Each further wait is twice as long. A random
	// half of each wait is left out. Default: 200 ms.
	MinWait time.Duration
	// MaxWait is the longest wait. A host that asks by Retry-After for a longer one is not asked
	// again: its error is returned at once. Default: 30 s.
	MaxWait time.Duration
}

func (r Retry) withDefaults() (Retry, error) {
	r.MaxAttempts = cmp.Or(r.MaxAttempts, 4)
	r.MinWait = cmp.Or(r.MinWait, 200*time.Millisecond)
	r.MaxWait = cmp.Or(r.MaxWait, max(30*time.Second, r.MinWait))
	if r.MaxAttempts < 1 || r.MinWait < 0 || r.MaxWait < r.MinWait {
		return r, errors.New("webhooks client: Config.Retry needs MaxAttempts of 1 or more, and MinWait from 0 to MaxWait")
	}
	return r, nil
}

// wait returns the wait after a failed attempt, the first of which is 1. It reports false where
// no further attempt is to be made.
func (r Retry) wait(attempt int, failure error) (time.Duration, bool) {
	if attempt >= r.MaxAttempts || !transient(failure) {
		return 0, false
	}
	longest := r.MinWait
	for range attempt - 1 {
		if longest *= 2; longest >= r.MaxWait {
			break
		}
	}
	longest = min(longest, r.MaxWait)
	wait := longest/2 + rand.N(longest/2+1) //nolint:gosec // jitter is no secret
	if e, ok := errors.AsType[*Error](failure); ok {
		wait = max(wait, e.RetryAfter)
	}
	return wait, wait <= r.MaxWait
}

// transient reports whether a later attempt may succeed.
func transient(failure error) bool {
	e, answered := errors.AsType[*Error](failure)
	if !answered {
		_, broken := errors.AsType[*connectionError](failure)
		return broken
	}
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// connectionError is a request that got no complete answer.
type connectionError struct{ err error }

func (e *connectionError) Error() string { return e.err.Error() }
func (e *connectionError) Unwrap() error { return e.err }

// pause waits. It returns the failure of the last attempt where the context ends before, or where
// its deadline leaves no time for another attempt.
func pause(ctx context.Context, wait time.Duration, failure error) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return failure
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("%w while waiting to repeat a request that failed: %w", context.Cause(ctx), failure)
	case <-timer.C:
		return nil
	}
}

// maxRetryAfter bounds the number of seconds that is read from a Retry-After.
const maxRetryAfter = 365 * 24 * time.Hour

// retryAfter reads the header (RFC 9110, section 10.2.3): seconds or a date. It is 0 for a header
// that is absent or malformed, and for a date in the past.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(int64(seconds), int64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
