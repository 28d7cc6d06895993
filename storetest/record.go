package storetest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var recordCases = []testCase{
	{"KeepsTheOutcome", recordOutcome},
	{"KeepsWholeMilliseconds", recordDuration},
	{"ManyAtOnce", recordMany},
	{"IsAllOrNothing", recordAtomic},
	{"ErrorAndHeadersMayBeAnyBytes", recordAnyText},
}

func recordOutcome(f *fixture) {
	e, sub := f.scene()
	silent := store.Outcome{Status: store.Failed, PostedAt: f.at(time.Second), Error: "timeout after 15s", At: f.at(time.Minute)}
	for name, outcome := range map[string]store.Outcome{
		"success":      f.success(store.Lease{}),
		"failure":      f.failure(store.Lease{}, nil),
		"cancellation": f.cancellation(store.Lease{}),
		"no response":  silent,
	} {
		job := f.queue(e)
		want := f.attempt(sub.ID, job.AttemptID)
		outcome.Lease = job.Lease
		f.record(outcome)
		want.Status, want.PostedAt, want.Duration = outcome.Status, outcome.PostedAt, outcome.Duration
		want.HTTPStatus, want.Response, want.Error = outcome.HTTPStatus, outcome.Response, outcome.Error
		want.ResponseHeaders, want.UpdatedAt, want.UpdatedBy = outcome.ResponseHeaders, outcome.At, ""
		f.equal(name, f.attempt(sub.ID, job.AttemptID), want)
		f.equal(name+", chain", f.chain(job), []store.Attempt{want})
		f.claimNone(name)
	}
}

func recordDuration(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	outcome := f.success(job.Lease)
	outcome.Duration = 1234*time.Millisecond + 100*time.Microsecond
	f.record(outcome)
	f.equal("duration", f.attempt(sub.ID, job.AttemptID).Duration, 1234*time.Millisecond)
}

func recordMany(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 6)
	jobs := f.claim(6)
	var outcomes []store.Outcome
	var want []store.Status
	for i, j := range jobs {
		outcome := []store.Outcome{f.success(j.Lease), f.failure(j.Lease, f.later()), f.cancellation(j.Lease)}[i%3]
		outcome.Response = []byte(j.AttemptID.String())
		outcomes, want = append(outcomes, outcome), append(want, outcome.Status)
	}
	slices.Reverse(outcomes)
	f.record(outcomes...)
	attempts := f.attempts(sub.ID)
	f.equal("statuses", statuses(attempts), append(want, store.Pending, store.Pending))
	for _, a := range attempts[:6] {
		f.equal("response", string(a.Response), a.ID.String())
	}
}

func recordAtomic(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 2)
	jobs := f.claim(2)
	want := f.attempts(sub.ID)
	taken := &store.Next{ID: jobs[0].AttemptID, DueAt: f.now} // an id that exists
	if _, err := f.s.Record(f.ctx, []store.Outcome{f.success(jobs[0].Lease), f.failure(jobs[1].Lease, taken)}); err == nil {
		f.t.Fatal("no error")
	}
	f.equal("attempts", f.attempts(sub.ID), want)
	f.record(f.success(jobs[0].Lease), f.failure(jobs[1].Lease, f.next()))
}

// An error that is not text keeps neither its own outcome nor other outcomes from being
// stored, whether or not the attempt is the only one of its chain.
func recordAnyText(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 3)
	jobs := f.claim(3)
	bad := "read a\x00b\xff\xfec: reset"
	alone, chained := f.failure(jobs[0].Lease, nil), f.failure(jobs[1].Lease, f.later())
	alone.Error, chained.Error = bad, bad
	alone.ResponseHeaders, chained.ResponseHeaders = store.HeaderLines(bad), store.HeaderLines(bad)
	f.record(alone, chained, f.success(jobs[2].Lease))
	want := "read a\uFFFDb\uFFFDc: reset"
	for i, name := range []string{"alone", "of a chain"} {
		a := f.attempt(sub.ID, jobs[i].AttemptID)
		f.equal("error "+name, a.Error, want)
		f.equal("headers "+name, a.ResponseHeaders, store.HeaderLines(want))
	}
	f.equal("outcome beside them", f.attempt(sub.ID, jobs[2].AttemptID).Status, store.Succeeded)
}

var nextCases = []testCase{
	{"IsListedAsPending", nextListed},
	{"IsClaimedWithOneMoreStep", nextClaimed},
	{"KeepsTheStepIfAsked", nextKeepsStep},
	{"IsNotAddedWhileAnotherAttemptIsPending", nextGuardPending},
	{"IsNotAddedWhileAnotherAttemptIsBeingSent", nextGuardSending},
	{"IsAddedThoughAnotherAttemptHasFinished", nextAfterFinished},
	{"OfTwoInABatchOneIsAdded", nextTwoInBatch},
	{"IsNotAddedWithALostOutcome", nextLost},
	{"IsAddedThoughAnExternalOneWaits", nextBesidesExternal},
}

func nextListed(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	first := f.attempt(sub.ID, job.AttemptID)
	outcome := f.failure(job.Lease, f.later())
	f.record(outcome)
	first.Status, first.PostedAt, first.Duration = store.Failed, outcome.PostedAt, outcome.Duration
	first.HTTPStatus, first.Response, first.Error = 503, outcome.Response, outcome.Error
	first.ResponseHeaders = outcome.ResponseHeaders
	first.NextRetryAt, first.UpdatedAt, first.UpdatedBy = outcome.Next.DueAt, outcome.At, ""
	second := store.Attempt{
		ID: outcome.Next.ID, DeliveryID: first.ID, MessageID: job.MessageID, OrganizationID: f.org, SubscriptionID: sub.ID,
		EventTypeID: e.ID, Number: 2, Step: 1, Type: store.AutomaticRetry, Status: store.Pending, RetryOf: first.ID,
		Audit: store.Audit{CreatedAt: outcome.At, UpdatedAt: outcome.At},
		Body:  first.Body, Source: first.Source,
	}
	f.equal("chain", f.chain(job), []store.Attempt{first, second})
	f.equal("attempts", f.attempts(sub.ID), []store.Attempt{first, second})
	f.claimNone("before it is due")
}

func nextClaimed(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	for n := range 3 {
		next := f.next()
		o := f.failure(job.Lease, next)
		f.record(o)
		want := job
		want.CreatedAt = o.At
		want.AttemptID, want.Number, want.Step, want.Type = next.ID, n+2, n+1, store.AutomaticRetry
		job = f.claimOne()
		want.Token, want.DueAt = job.Token, job.DueAt
		f.equal("job", job, want)
	}
	f.record(f.success(job.Lease))
	chain := f.chain(job)
	f.equal("length of the chain", len(chain), 4)
	for i, a := range chain[1:] {
		f.equal("retry of", a.RetryOf, chain[i].ID)
	}
}

func nextKeepsStep(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	for i, keep := range []bool{true, false, true, true, false} {
		next := f.next()
		next.KeepStep = keep
		f.record(f.failure(job.Lease, next))
		want := job.Step
		if !keep {
			want++
		}
		f.equal("step that is read", f.attempt(sub.ID, next.ID).Step, want)
		job = f.claimOne()
		f.equal("step", job.Step, want)
		f.equal("number", job.Number, i+2)
	}
	both := []store.Job{f.queue(e), f.queue(e)} // in one call
	kept := f.next()
	kept.KeepStep = true
	f.record(f.failure(both[0].Lease, kept), f.failure(both[1].Lease, f.next()))
	for _, j := range f.claim(10) {
		want := 1
		if j.AttemptID == kept.ID {
			want = 0
		}
		f.equal("step of one of two", j.Step, want)
	}
}

// besides makes a chain of three: the second attempt is being sent while the third, a manual
// retry, is pending.
func (f *fixture) besides(e store.EventType) (sending store.Job, manual store.Attempt) {
	f.t.Helper()
	first := f.queue(e)
	f.record(f.failure(first.Lease, f.next()))
	sending = f.claimOne()
	return sending, f.retry(first)
}

func nextGuardPending(f *fixture) {
	e, sub := f.scene()
	sending, manual := f.besides(e)
	next := f.next()
	f.record(f.failure(sending.Lease, next))
	f.equal("statuses", statuses(f.chain(sending)), []store.Status{store.Failed, store.Failed, store.Pending})
	f.equal("next retry", f.attempt(sub.ID, sending.AttemptID).NextRetryAt, time.Time{})
	_, err := f.s.Attempt(f.ctx, f.org, sub.ID, next.ID)
	f.notFound("the automatic retry", err)
	f.equal("claimed", f.claimOne().AttemptID, manual.ID)
}

func nextGuardSending(f *fixture) {
	e, _ := f.scene()
	sending, _ := f.besides(e)
	f.claimOne()
	f.record(f.failure(sending.Lease, f.next()))
	f.equal("statuses", statuses(f.chain(sending)), []store.Status{store.Failed, store.Failed, store.Sending})
}

func nextAfterFinished(f *fixture) {
	e, _ := f.scene()
	sending, manual := f.besides(e)
	other := f.claimOne()
	f.record(f.success(other.Lease))
	next := f.next()
	f.record(f.failure(sending.Lease, next))
	chain := f.chain(sending)
	f.equal("statuses", statuses(chain), []store.Status{store.Failed, store.Failed, store.Succeeded, store.Pending})
	f.equal("retry of", chain[3].RetryOf, sending.AttemptID)
	f.equal("third", chain[2].ID, manual.ID)
	f.equal("step", f.claimOne().Step, sending.Step+1)
}

func nextTwoInBatch(f *fixture) {
	e, _ := f.scene()
	sending, _ := f.besides(e)
	manual := f.claimOne()
	f.record(f.failure(sending.Lease, f.next()), f.failure(manual.Lease, f.next()))
	chain := f.chain(sending)
	f.equal("statuses", statuses(chain), []store.Status{store.Failed, store.Failed, store.Failed, store.Pending})
	followed := slices.DeleteFunc(slices.Clone(chain[1:3]), func(a store.Attempt) bool { return a.NextRetryAt.IsZero() })
	f.equal("attempts that say when the next one is due", len(followed), 1)
	f.equal("retry of", chain[3].RetryOf, followed[0].ID)
}

func nextBesidesExternal(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, f.next()))
	sending := f.claimOne()
	external := f.newRetry(first.AttemptID)
	external.External = true
	f.add(sub.ID, external)
	next := f.next()
	f.record(f.failure(sending.Lease, next))
	f.equal("statuses", statuses(f.chain(first)), []store.Status{store.Failed, store.Failed, store.Pending, store.Pending})
	f.equal("claimed", f.claimOne().AttemptID, next.ID)
}

func nextLost(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	stale := job.Lease
	stale.Token += 1000
	lost := must(f.s.Record(f.ctx, []store.Outcome{f.failure(stale, f.next())}))(f.t)
	f.sameIDs("lost", lost, []uuid.UUID{job.AttemptID})
	f.equal("attempts", len(f.attempts(sub.ID)), 1)
}
