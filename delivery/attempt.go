package delivery

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// work is a worker: it makes the attempt of a task, and then of further tasks until the backlog
// returns nil. If the watchdog gives up its call of the Sender, takeOver has its place, and it ends.
func (r *run) work(t *task) {
	for t != nil {
		e, returned := r.attempt(t)
		if !returned {
			return
		}
		t = r.backlog.done(t, e)
	}
	r.activity.End()
	r.workers.Done()
}

// attempt sends a task, unless it has to wait or has nowhere to go, and returns how the attempt
// ended. Returned is false if the Sender returned too late, and takeOver has ended the attempt.
func (r *run) attempt(t *task) (e ending, returned bool) {
	to, err := r.endpoints.get(r.sending, &t.Job)
	now := r.now()
	switch {
	case err != nil:
		r.outage.failed(err)
		r.giveBack(t, now.Add(time.Second))
	case to == nil || to.Deleted:
		r.finish(t, Decision{Status: store.Cancelled, Error: "the subscription was deleted"}, notSent, now)
		return ending{kind: endGone}, true
	case to.Archived:
		r.finish(t, Decision{Status: store.Cancelled, Error: "the subscription was archived"}, notSent, now)
		return ending{kind: endGone}, true
	case !now.Before(t.ExpiresAt):
		r.finish(t, Decision{Status: store.Failed, Error: expired(to)}, notSent, now)
	case !to.Active || to.url == nil && to.err == nil:
		r.giveBack(t, inactiveUntil(t, to, now))
	case t.leasedUntil.Sub(r.cfg.Clock.Now()) < r.timeout(to)+leaseMargin, !r.hosts.keeps(t.host, r.cfg.Clock.Now()):
		r.giveBack(t, now)
	case to.circuitOpen() && !r.probe(t, to, now):
	default:
		t.to = to
		ok, refused := r.backlog.admit(t, to, r.cfg.Clock.Now())
		r.refuse(refused)
		if ok {
			return r.post(t, now)
		}
	}
	return ending{}, true
}

// post calls the Sender for a task, under the watchdog, and concludes the attempt.
func (r *run) post(t *task, now time.Time) (e ending, returned bool) {
	began := r.cfg.Clock.Now()
	t.call = call{at: now, began: began, due: began.Add(r.timeout(t.to) + senderGrace)}
	t.call.span = r.startSpan(t)
	if !r.flights.begin(t) {
		r.endSpan(t, AttemptEnd{Status: store.Pending})
		r.giveBack(t, now)
		return ending{}, true
	}
	result := r.send(t, t.to, now)
	if !r.flights.end(t) {
		return ending{}, false
	}
	return r.conclude(t, result), true
}

// conclude decides about the result of a call, and hands the outcome to the recorders.
func (r *run) conclude(t *task, result guard.Result) ending {
	to, now, began := t.to, t.call.at, t.call.began
	took := max(r.cfg.Clock.Now().Sub(began), 1)
	r.backlog.answered(t)
	if r.sending.Err() != nil && result.Status == 0 {
		r.endSpan(t, AttemptEnd{Status: store.Pending, Reason: describe(result)})
		r.giveBack(t, now) // aborted by Stop: nobody knows whether the request arrived
		return ending{endFailure, took}
	}
	schedule := Schedule(to.RetrySchedule)
	if schedule == nil {
		schedule = r.cfg.Schedule
	}
	x := &Exchange{Job: t.Job, Result: result, Began: began, Ended: began.Add(took), Health: to.Health, Probe: to.circuitOpen()}
	d := x.decide(schedule)
	if !d.PushedBackUntil.IsZero() {
		r.refuse(r.backlog.pushedBack(t, to, began, d.PushedBackUntil.Sub(x.Ended)))
	}
	r.endSpan(t, AttemptEnd{Status: d.Status, HTTPStatus: result.Status, Class: d.failure(x), Reason: d.Error, RetryAt: d.RetryAt})
	r.finish(t, d, x, now)
	return ending{x.observed(d).kind, took}
}

// send signs and posts the body. A panic in the signer or the Sender, which the host may supply,
// fails the attempt.
func (r *run) send(t *task, to *endpoint, now time.Time) (result guard.Result) {
	defer func() {
		if p := recover(); p != nil {
			r.logCondition(slog.LevelError, "webhooks: sending panicked", nil, "panic", fmt.Sprint(p), "attemptId", t.AttemptID)
			result = guard.Result{Err: ownFaultError("internal error: the sender panicked")}
		}
	}()
	if to.err != nil {
		return guard.Result{Err: to.err}
	}
	if t.Body == nil {
		r.logCondition(slog.LevelError, damagedBody, t.MessageID, "messageId", t.MessageID, "attemptId", t.AttemptID)
		return guard.Result{Err: ownFaultError("the stored body of the message cannot be read")}
	}
	h := make(http.Header, len(to.header)+10)
	for k, v := range to.header {
		h[k] = v
	}
	if err := r.SetHeaders(h, to.signer, t.Number, signing.Message{ID: t.MessageID.String(), At: now, Body: t.Body}); err != nil {
		return guard.Result{Err: ownFaultError("the message cannot be signed")}
	}
	for k, v := range t.call.span.header {
		h[k] = v
	}
	return r.cfg.Sender.Post(t.call.span.ctx, guard.Request{
		URL: to.url, Header: h, Body: t.Body, Timeout: r.timeout(to), Group: to.group,
	})
}
