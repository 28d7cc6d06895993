package delivery

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// MaxRetryAfter bounds what a receiver can ask for with Retry-After.
const MaxRetryAfter = 24 * time.Hour

// Decision is what follows from an attempt.
type Decision struct {
	Status  store.Status // Succeeded or Failed
	Error   string       // one line for a person; "" on success
	RetryAt time.Time    // when the automatic retry is due; zero for none
	Gone    bool         // the receiver wants nothing any more: 410
}

// Decide says what follows from the result of an attempt that ended at now. It is
// pure but for the schedule's jitter.
//
// A 2xx is a success whatever its body, even one that broke off: the receiver has
// said that it took the event. 410 fails for good. 429 and 503 wait at
// least as long as their Retry-After says, up to [MaxRetryAfter]. Everything else
// is retried as the schedule says, until the delivery's deadline.
func Decide(job store.Job, result guard.Result, schedule Schedule, now time.Time) Decision {
	switch {
	case result.Status/100 == 2:
		return Decision{Status: store.Succeeded}
	case result.Status == http.StatusGone:
		return Decision{Status: store.Failed, Error: describe(result), Gone: true}
	}
	d := Decision{Status: store.Failed, Error: describe(result)}
	wait, ok := schedule.Wait(job.Step)
	if !ok {
		return d
	}
	if result.Status == http.StatusTooManyRequests || result.Status == http.StatusServiceUnavailable {
		wait = max(wait, retryAfter(result.RetryAfter, now))
	}
	if at := now.Add(wait).Truncate(time.Millisecond); at.Before(job.ExpiresAt) {
		d.RetryAt = at
	}
	return d
}

func describe(r guard.Result) string {
	if f, ok := errors.AsType[fault](r.Err); ok {
		return f.Error()
	}
	if r.Status == 0 {
		return guard.Describe(r.Err)
	}
	return "HTTP " + strconv.Itoa(r.Status)
}

// fault is why an attempt failed before anything was sent.
type fault string

func (f fault) Error() string { return string(f) }

// retryAfter reads the header (RFC 9110, section 10.2.3): a number of seconds or
// a date. What cannot be read, or lies in the past, is no wait.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	// A number too large for the type is read as the largest.
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(MaxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), MaxRetryAfter)
	}
	return 0
}
