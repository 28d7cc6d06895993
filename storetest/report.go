package storetest

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var reportCases = []testCase{
	{"FinishesAnExternalAttempt", reportExternal},
	{"TakesAQueuedOneOutOfTheQueue", reportQueued},
	{"EndsTheLease", reportLease},
	{"DecideSeesTheAttemptInAnyState", reportSees},
	{"WithoutAReportChangesNothing", reportNil},
	{"ErrorFromDecideWritesNothing", reportError},
	{"OfAFinishedOneReplacesTheOutcome", reportAgain},
	{"OfARecordedOneForgetsItsDuration", reportDuration},
	{"AddsTheNextAttempt", reportNext},
	{"AddsTheNextAttemptWithItsStepIfAsked", reportNextKeepsStep},
	{"NextIsNotAddedWhileAnotherAttemptIsQueued", reportNextQueued},
	{"NextIsNotAddedWhileAnotherAttemptIsBeingSent", reportNextSending},
	{"NextIsAddedThoughAnExternalOneWaits", reportNextBesidesExternal},
	{"AdviceStandsWhereThereIsNoNext", reportAdvice},
	{"OfAnUnknownAttemptIsNotFound", reportNotFound},
	{"IsAllOrNothing", reportAtomic},
	{"KeepsBytesAndTimes", reportBytes},
	{"ManyAtOnceCountOnce", reportAtOnce},
	{"ErrorMayBeAnyBytes", reportAnyError},
}

// newReport makes an outcome that a caller reports.
func (f *fixture) newReport(status store.Status) *store.Report {
	r := &store.Report{Status: status, HTTPStatus: 201, Response: []byte("thanks"), At: f.at(20 * time.Second), By: "dora"}
	if status == store.Failed {
		r.HTTPStatus, r.Response, r.Error = 502, []byte("bad gateway"), "HTTP 502"
	}
	return r
}

// report reports an outcome, whatever the state of the attempt.
func (f *fixture) report(sub, id uuid.UUID, r *store.Report) store.Attempt {
	f.t.Helper()
	return must(f.s.Report(f.ctx, f.org, sub, id, func(store.Attempt) (*store.Report, error) { return r, nil }))(f.t)
}

// reported is an attempt after a report, with which nothing follows.
func reported(a store.Attempt, r *store.Report) store.Attempt {
	a.Status, a.HTTPStatus, a.Response, a.Error = r.Status, r.HTTPStatus, r.Response, r.Error
	a.UpdatedAt, a.UpdatedBy = r.At, r.By
	if !r.PostedAt.IsZero() {
		a.PostedAt = r.PostedAt
	}
	return a
}

func reportExternal(f *fixture) {
	e, sub := f.scene()
	for _, status := range []store.Status{store.Succeeded, store.Failed} {
		for _, postedAt := range []time.Time{{}, f.at(11 * time.Second)} {
			a := f.add(sub.ID, f.newExternal(e))
			r := f.newReport(status)
			r.PostedAt = postedAt
			want := reported(a, r)
			f.equal("returned", f.report(sub.ID, a.ID, r), want)
			f.equal("read", f.attempt(sub.ID, a.ID), want)
			f.equal("delivery", f.delivery(jobOf(a)), store.Delivery{Attempt: want, Attempts: 1})
		}
	}
	f.claimNone("after reports")
}

func reportQueued(f *fixture) {
	e, sub := f.scene()
	f.waiting(e, 1)
	f.publish(f.newMessage(e))
	for _, a := range f.attempts(sub.ID) { // one that waits, one that is due
		r := f.newReport(store.Failed)
		f.equal("returned", f.report(sub.ID, a.ID, r), reported(a, r))
		f.equal("delivery", f.delivery(jobOf(a)).Status, store.Failed)
	}
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true) // a queued attempt would be due now
	f.claimNone("what was reported")
	f.prune(f.at(time.Hour), 10, 2) // and would keep its message
}

func reportLease(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	want := f.report(sub.ID, job.AttemptID, f.newReport(store.Succeeded))
	f.equal("status", want.Status, store.Succeeded)
	lost := []uuid.UUID{job.AttemptID}
	f.sameIDs("lost by Record", must(f.s.Record(f.ctx, []store.Outcome{f.failure(job.Lease, f.next())}))(f.t), lost)
	f.sameIDs("lost by Defer", must(f.s.Defer(f.ctx, []store.Deferral{{Lease: job.Lease, DueAt: f.now}}))(f.t), lost)
	f.equal("chain", f.chain(job), []store.Attempt{want})
	f.claimNone("what was reported")
}

func reportDuration(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.success(job.Lease))
	want := f.attempt(sub.ID, job.AttemptID)
	f.equal("measured", want.Duration > 0, true)
	r := f.newReport(store.Failed)
	want = reported(want, r)
	want.Duration, want.ResponseHeaders = 0, ""
	f.equal("returned", f.report(sub.ID, job.AttemptID, r), want)
}

// inEveryState makes an attempt in each state.
func (f *fixture) inEveryState() []store.Attempt {
	f.t.Helper()
	e, sub := f.scene()
	f.mixture(e)
	f.add(sub.ID, f.newExternal(e))
	return f.attempts(sub.ID)
}

func reportSees(f *fixture) {
	for _, a := range f.inEveryState() {
		must(f.s.Report(f.ctx, f.org, a.SubscriptionID, a.ID, func(seen store.Attempt) (*store.Report, error) {
			f.equal(a.Status.String(), seen, a)
			return nil, nil
		}))(f.t)
	}
}

func reportNil(f *fixture) {
	all := f.inEveryState()
	for _, a := range all {
		f.equal("returned", f.report(a.SubscriptionID, a.ID, nil), a)
	}
	f.equal("attempts", f.attempts(all[0].SubscriptionID), all)
}

func reportError(f *fixture) {
	all := f.inEveryState()
	for _, a := range all {
		_, err := f.s.Report(f.ctx, f.org, a.SubscriptionID, a.ID, func(store.Attempt) (*store.Report, error) {
			return f.newReport(store.Failed), errStop
		})
		if err != errStop { //nolint:errorlint // it is returned as it is
			f.t.Fatalf("got error %v, want decide's own", err)
		}
	}
	f.equal("attempts", f.attempts(all[0].SubscriptionID), all)
}

func reportAgain(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	f.setArchived(sub.ID, true) // cancels it
	for _, status := range []store.Status{store.Succeeded, store.Failed} {
		a, r := f.attempts(sub.ID)[0], f.newReport(status)
		r.PostedAt = f.at(time.Second)
		want := reported(a, r)
		f.equal("returned", f.report(sub.ID, a.ID, r), want)
		f.equal("read", f.attempt(sub.ID, a.ID), want)
		f.equal("delivery", f.delivery(jobOf(a)).Status, status)
	}
}

func reportNext(f *fixture) {
	e, sub := f.scene()
	post := f.newExternal(e)
	a := f.add(sub.ID, post)
	r := f.newReport(store.Failed)
	r.Next, r.Advice = f.next(), f.at(time.Hour)
	want := reported(a, r)
	want.NextRetryAt = r.Next.DueAt
	f.equal("returned", f.report(sub.ID, a.ID, r), want)
	second := store.Attempt{
		ID: r.Next.ID, DeliveryID: a.ID, MessageID: a.MessageID, OrganizationID: f.org, SubscriptionID: sub.ID,
		EventTypeID: e.ID, Number: 2, Step: 1, Type: store.AutomaticRetry, Status: store.Pending, RetryOf: a.ID,
		Audit: store.Audit{CreatedAt: r.At, UpdatedAt: r.At},
		Body:  a.Body, Source: a.Source,
	}
	f.equal("chain", f.chain(jobOf(a)), []store.Attempt{want, second})
	job := f.claimOne()
	f.equal("claimed", job.AttemptID, second.ID)
	f.equal("deadline", job.ExpiresAt, post.ExpiresAt)
	f.equal("step", job.Step, 1)
}

func reportNextKeepsStep(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.later())) // one step is used
	waiting := f.chain(job)[1]
	r := f.newReport(store.Failed)
	r.Next = f.next()
	r.Next.KeepStep = true
	f.report(sub.ID, waiting.ID, r)
	f.equal("step", f.claimOne().Step, 1)
}

// notFollowed reports a failure with a next attempt, which must not be added.
func (f *fixture) notFollowed(j store.Job) {
	f.t.Helper()
	before := len(f.chain(j))
	r := f.newReport(store.Failed)
	r.Next, r.Advice = f.next(), f.at(time.Hour)
	f.equal("next retry", f.report(j.SubscriptionID, j.AttemptID, r).NextRetryAt, time.Time{})
	f.equal("length of the chain", len(f.chain(j)), before)
}

func reportNextQueued(f *fixture) {
	e, _ := f.scene()
	sending, manual := f.besides(e)
	f.notFollowed(sending)
	f.equal("claimed", f.claimOne().AttemptID, manual.ID)
}

func reportNextSending(f *fixture) {
	e, _ := f.scene()
	sending, _ := f.besides(e)
	f.claimOne()
	f.notFollowed(sending)
}

func reportNextBesidesExternal(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, nil))
	f.externalRetry(first)
	r := f.newReport(store.Failed)
	r.Next = f.next()
	f.equal("next retry", f.report(sub.ID, f.retry(first).ID, r).NextRetryAt, r.Next.DueAt)
	f.equal("claimed", f.claimOne().AttemptID, r.Next.ID)
}

func reportAdvice(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newExternal(e))
	r := f.newReport(store.Failed)
	r.Advice = f.at(time.Hour)
	want := reported(a, r)
	want.NextRetryAt = r.Advice
	f.equal("returned", f.report(sub.ID, a.ID, r), want)
	f.equal("chain", f.chain(jobOf(a)), []store.Attempt{want})
	f.equal("delivery", f.delivery(jobOf(a)).NextRetryAt, r.Advice)
}

func reportNotFound(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe()
	a := f.add(sub.ID, f.newExternal(e))
	for what, of := range map[string]struct{ sub, attempt uuid.UUID }{
		"no attempt": {sub.ID, f.id()}, "another subscription's": {other.ID, a.ID}, "no subscription": {f.id(), a.ID},
	} {
		_, err := f.s.Report(f.ctx, f.org, of.sub, of.attempt, func(store.Attempt) (*store.Report, error) { panic("called") })
		f.notFound(what, err)
	}
}

func reportAtomic(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	want := f.attempts(sub.ID)
	_, err := f.s.Report(f.ctx, f.org, sub.ID, job.AttemptID, func(store.Attempt) (*store.Report, error) {
		r := f.newReport(store.Failed)
		r.Next = &store.Next{ID: job.AttemptID, DueAt: f.now} // an id that exists
		return r, nil
	})
	if err == nil {
		f.t.Fatal("no error")
	}
	f.equal("attempts", f.attempts(sub.ID), want)
	f.record(f.success(job.Lease)) // the lease still holds
}

func reportBytes(f *fixture) {
	zone := time.FixedZone("UTC+5:45", 5*3600+45*60)
	e, sub := f.scene()
	for name, response := range nilToo(values()) {
		a, want := f.add(sub.ID, f.newExternal(e)), f.newReport(store.Failed)
		want.Response, want.PostedAt, want.Advice = response, f.at(time.Second), f.at(time.Hour)
		given := *want
		given.PostedAt, given.At, given.Advice = want.PostedAt.In(zone), want.At.In(zone), want.Advice.In(zone)
		got := f.report(sub.ID, a.ID, &given)
		expected := reported(a, want)
		expected.NextRetryAt = want.Advice
		f.equal(name, got, expected)
		f.equal(name+", read", f.attempt(sub.ID, a.ID), expected)
	}
}

func reportAtOnce(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	var stored atomic.Int32
	f.together(8, func(int) error {
		first := false
		_, err := f.s.Report(f.ctx, f.org, sub.ID, job.AttemptID, func(a store.Attempt) (*store.Report, error) {
			first = !a.Status.Finished()
			if !first {
				return nil, nil
			}
			r := f.newReport(store.Failed)
			r.Next = f.next()
			return r, nil
		})
		if first {
			stored.Add(1)
		}
		return err
	})
	f.equal("reports stored", stored.Load(), int32(1))
	f.equal("statuses", statuses(f.chain(job)), []store.Status{store.Failed, store.Pending})
}

func reportAnyError(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newExternal(e))
	r := f.newReport(store.Failed)
	r.Error = "a\x00b\xff\xfec"
	f.report(sub.ID, a.ID, r)
	f.equal("error", f.attempt(sub.ID, a.ID).Error, "a\uFFFDb\uFFFDc")
}
