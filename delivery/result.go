package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/store"
)

// notSent stands for the exchange of an attempt that was decided without a POST.
var notSent = &Exchange{}

// finish hands an outcome to the recorders. The attempt was posted, or decided without a
// POST, at the time.
func (r *run) finish(t *task, d Decision, x *Exchange, at time.Time) {
	b := &result{task: t, gone: d.Gone}
	at = at.UTC()
	o := &b.outcome
	o.Lease, o.Status, o.Error = t.Lease, d.Status, d.Error
	b.failure = d.failure(x)
	o.HTTPStatus, o.Response, o.ResponseHeaders, o.At = x.Result.Status, x.Result.Body, responseHeaders(x.Result.Header), at
	if !x.Ended.IsZero() {
		took := x.Ended.Sub(x.Began)
		o.PostedAt, o.Duration, o.At = at, took, at.Add(took).Truncate(time.Millisecond)
		b.seen = x.observed(d)
		b.seen.quiet = r.cfg.Announces(t.Body)
		r.measureAttempt(t, x, took, d.Status)
	}
	if !d.RetryAt.IsZero() {
		// The wait begins now: the clock may have been set since the attempt began.
		due := wholeMilliseconds(r.cfg.Clock.Now().Add(d.RetryAt.Sub(x.Ended)))
		o.Next = &store.Next{ID: r.cfg.NewID(), DueAt: due, KeepStep: d.KeepStep}
	}
	r.deliver(b)
}

// refuse gives tasks back for which their lane has no room, until their deadline at most. A task past
// its deadline fails: a lane that stays full would refuse it for ever.
func (r *run) refuse(refused []refusal) {
	now := r.now()
	for _, t := range refused {
		due := now.Add(t.awayFor)
		switch {
		case t.to == nil || t.to.Deleted || !t.to.Live() || due.Before(t.ExpiresAt):
			r.deferTo(t.task, due, t.held)
		case now.Before(t.ExpiresAt):
			r.giveBack(t.task, t.ExpiresAt)
		default:
			r.finish(t.task, Decision{Status: store.Failed, Error: expired(t.to)}, notSent, now)
		}
	}
}

// giveBack returns a task to the store, to become due at the given time.
func (r *run) giveBack(t *task, due time.Time) {
	r.deferTo(t, due, false)
}

// deferTo returns a task to the store. Held says that store.Queue.Release makes it due early.
func (r *run) deferTo(t *task, due time.Time, held bool) {
	r.deliver(&result{task: t, deferral: &store.Deferral{Lease: t.Lease, DueAt: due, Held: held}})
}

// deliver hands a result to the recorders.
func (r *run) deliver(b *result) {
	r.recording.Add(1)
	r.activity.Begin() // ends when the result is recorded
	r.results <- b
}

// inactiveUntil returns until when an attempt waits for its subscription to be live again. When it is
// activated, all its attempts in the store become due (see UpdateSubscription), but not attempts that
// are given back just then. So each is tried again, after as long as the subscription has been
// inactive.
func inactiveUntil(t *task, to *endpoint, now time.Time) time.Time {
	due := now.Add(max(now.Sub(to.ActiveChangedAt), time.Second))
	if due.After(t.ExpiresAt) {
		return t.ExpiresAt
	}
	return due
}

// expired says why an attempt was not sent before its deadline.
func expired(to *endpoint) string {
	if !to.Active {
		return "not sent before its deadline: the subscription was inactive"
	}
	return "not sent before its deadline"
}
