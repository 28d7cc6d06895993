package delivery

import (
	"net/http"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// Exchange is an attempt that has ended, and the circumstances in which it was made.
type Exchange struct {
	Job          store.Job    // the attempt, as it was claimed
	Result       guard.Result // the answer, or the error
	Began, Ended time.Time    // when the attempt began and ended, by the clock of this process
	Health       store.Health // of the endpoint, when the attempt began
	Probe        bool         // it was sent although the circuit was open
}

// Decision is the outcome of an attempt, and the time of the next one.
type Decision struct {
	Status   store.Status // Succeeded or Failed
	Error    string       // one line for a person; "" on success
	RetryAt  time.Time    // when the automatic retry is due; zero for none
	KeepStep bool         // the retry uses no step of the schedule
	Gone     bool         // the receiver wants nothing any more: 410

	// PushedBackUntil is the time before which the receiver takes nothing from its
	// subscription. Zero: it did not push back.
	PushedBackUntil time.Time
}

// Decide returns the outcome of an attempt, and when its automatic retry is due. It is pure but for
// the schedule's jitter.
//
// A 2xx is a success whatever its body, even one that broke off, and whatever its headers: the
// receiver has said that it took the event. 410 fails for good. 429, and 503 with a Retry-After, push
// back: they say that the receiver takes too much, not that it fails. The retry waits at
// least as long as Retry-After says, up to [MaxRetryAfter], and at least a fraction of
// the time for which the receiver has been pushing back. Neither this retry nor that of
// a probe uses a step of the schedule. Everything else is retried as the schedule says.
// The delivery's deadline ends all retries.
func Decide(x Exchange, schedule Schedule) Decision { return x.decide(schedule) }

func (x *Exchange) decide(schedule Schedule) Decision {
	switch {
	case x.Result.Status/100 == 2:
		return Decision{Status: store.Succeeded}
	case x.Result.Status == http.StatusGone:
		return Decision{Status: store.Failed, Error: describe(x.Result), Gone: true}
	}
	d := Decision{Status: store.Failed, Error: describe(x.Result), PushedBackUntil: pushedBackUntil(x)}
	var at time.Time
	switch {
	case !d.PushedBackUntil.IsZero():
		at, d.KeepStep = d.PushedBackUntil, true
	case x.Probe:
		at, d.KeepStep = nextProbe(x.Health, x.observed(d)), true
	default:
		wait, ok := schedule.Wait(x.Job.Step)
		if !ok {
			return d
		}
		at = x.Ended.Add(wait)
	}
	if at = wholeMilliseconds(at); at.Before(x.Job.ExpiresAt) {
		d.RetryAt = at
	}
	return d
}

// pushedBackUntil is when a receiver that pushed back takes attempts again, by its
// Retry-After and by how long it has been pushing back; zero if it did not push back.
func pushedBackUntil(x *Exchange) time.Time {
	wait, said := retryAfter(x.Result.RetryAfter, x.Ended)
	switch {
	case x.Result.Status == http.StatusTooManyRequests:
	case x.Result.Status == http.StatusServiceUnavailable && said:
	default:
		return time.Time{}
	}
	since := x.Health.BackPressureSince
	if since.IsZero() {
		since = x.Began
	}
	return wholeMilliseconds(x.Ended.Add(max(wait, absenceWait(x.Ended.Sub(since)))))
}

// observed is the attempt as an observation of the endpoint.
func (x *Exchange) observed(d Decision) observation {
	o := observation{kind: endFailure, began: x.Began, ended: x.Ended, until: d.PushedBackUntil, probe: x.Probe}
	switch {
	case d.Status == store.Succeeded:
		o.kind = endSuccess
	case !d.PushedBackUntil.IsZero():
		o.kind = endPushback
	case isOwnFault(x.Result.Err):
		o.kind = endOwnFault
	}
	return o
}

// wholeMilliseconds rounds up to the precision of stores, so that no attempt is due before its time. Unlike Truncate it
// keeps the monotonic reading: see [store.Deferral].
func wholeMilliseconds(t time.Time) time.Time { return floorMilliseconds(t.Add(time.Millisecond - 1)) }

// floorMilliseconds rounds down to the precision of stores, and keeps the monotonic reading.
func floorMilliseconds(t time.Time) time.Time {
	return t.Add(-time.Duration(t.Nanosecond()) % time.Millisecond)
}

// failure returns the class of the failure that was decided; "" for an outcome that is none.
func (d Decision) failure(x *Exchange) string {
	switch {
	case d.Status != store.Failed:
		return ""
	case x.Ended.IsZero():
		return failureExpired
	}
	return failureClass(x.Result)
}
