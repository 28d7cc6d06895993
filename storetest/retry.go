package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var retryCases = []testCase{
	{"AddsAManualRetry", retryAdds},
	{"IsClaimedWithItsOwnDeadline", retryClaimed},
	{"IsDueAtOnceWhateverTheCallersClockShows", retryDue},
	{"CancelsTheAutomaticOne", retryCancelsAutomatic},
	{"LeavesWhatIsBeingSent", retryLeavesSending},
	{"UsesUpNoStep", retryStep},
	{"UsesUpNoStepAfterAnEarlierCancellation", retryStepEarlier},
	{"UsesUpNoStepAfterOneThatKeptItsStep", retryStepKept},
	{"AfterSuccess", retryAfterSuccess},
	{"AfterCancellation", retryAfterCancellation},
	{"OfAnUnfinishedOneFails", retryNotFinished},
	{"OfALaterAttempt", retryOfLater},
}

func retryAdds(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	first := f.attempt(sub.ID, job.AttemptID)
	retry := f.newRetry(job.AttemptID)
	got := f.add(sub.ID, retry)
	want := store.Attempt{
		ID: retry.ID, DeliveryID: first.ID, MessageID: first.MessageID, OrganizationID: f.org, SubscriptionID: sub.ID,
		EventTypeID: e.ID, Number: 2, Type: store.ManualRetry, Status: store.Pending, RetryOf: first.ID,
		Audit: store.Audit{CreatedAt: retry.At, CreatedBy: "cleo", UpdatedAt: retry.At, UpdatedBy: "cleo"},
		Body:  first.Body, Source: first.Source,
	}
	f.equal("returned", got, want)
	f.equal("chain", f.chain(job), []store.Attempt{first, want})
}

func retryClaimed(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	retry := f.newRetry(job.AttemptID)
	f.add(job.SubscriptionID, retry)
	got, want := f.claimOne(), job
	want.Lease, want.DueAt = got.Lease, got.DueAt
	want.Number, want.Type, want.CreatedAt, want.ExpiresAt = 2, store.ManualRetry, retry.At, retry.ExpiresAt
	f.equal("job", got, want)
	// An automatic retry after it has the same deadline.
	f.record(f.failure(got.Lease, f.next()))
	f.equal("deadline", f.claimOne().ExpiresAt, retry.ExpiresAt)
}

func retryDue(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	retry := f.newRetry(job.AttemptID)
	retry.At = f.at(time.Hour)
	f.add(job.SubscriptionID, retry)
	f.equal("claimed", f.claimOne().AttemptID, retry.ID)
}

func retryCancelsAutomatic(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.next()))
	want := f.chain(job)
	retry := f.newRetry(job.AttemptID)
	manual := f.add(sub.ID, retry)
	f.equal("number", manual.Number, 3)
	f.equal("retry of", manual.RetryOf, job.AttemptID)
	want[1].Status, want[1].UpdatedAt, want[1].UpdatedBy = store.Cancelled, retry.At, "cleo"
	f.equal("chain", f.chain(job), append(want, manual))
	f.equal("claimed", f.claimOne().AttemptID, manual.ID)
}

func retryLeavesSending(f *fixture) {
	e, _ := f.scene()
	sending, manual := f.besides(e)
	f.equal("statuses", statuses(f.chain(sending)), []store.Status{store.Failed, store.Sending, store.Pending})
	f.record(f.success(sending.Lease))
	f.equal("claimed", f.claimOne().AttemptID, manual.ID)
}

func retryStep(f *fixture) {
	e, _ := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, f.next()))
	f.retry(first) // in favour of the automatic retry, which was step 1
	manual := f.claimOne()
	f.equal("step of the first manual retry", manual.Step, 0)
	f.record(f.failure(manual.Lease, f.next()))
	automatic := f.claimOne()
	f.equal("step of the automatic retry after it", automatic.Step, 1)
	f.record(f.failure(automatic.Lease, nil))
	f.retry(first) // with none to cancel
	manual = f.claimOne()
	f.equal("step of the second manual retry", manual.Step, 1)
	f.record(f.failure(manual.Lease, nil))
	f.retry(manual)
	f.equal("step of a retry of a retry", f.claimOne().Step, 1)
}

func retryStepEarlier(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, f.next()))
	f.setArchived(sub.ID, true) // cancels the automatic retry
	f.setArchived(sub.ID, false)
	f.retry(first)
	f.equal("step", f.claimOne().Step, 0)
}

// The automatic retry that is withdrawn here uses no step, so there is none to give back.
func retryStepKept(f *fixture) {
	e, _ := f.scene()
	first := f.queue(e)
	next := f.next()
	next.KeepStep = true
	f.record(f.failure(first.Lease, next))
	f.retry(first)
	f.equal("step", f.claimOne().Step, 0)
}

func retryAfterSuccess(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	f.record(f.success(job.Lease))
	f.retry(job)
	again := f.claimOne()
	f.equal("body", string(again.Body), string(job.Body))
	f.equal("message", again.MessageID, job.MessageID)
	f.equal("step", again.Step, 0)
}

func retryAfterCancellation(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	f.setArchived(sub.ID, true)
	f.setArchived(sub.ID, false)
	a := f.attempts(sub.ID)[0]
	f.equal("status", a.Status, store.Cancelled)
	f.retry(jobOf(a))
	f.equal("number", f.claimOne().Number, 2)
}

func retryNotFinished(f *fixture) {
	e, sub := f.scene()
	first := f.queue(e)
	try := func(what string, id uuid.UUID) {
		f.t.Helper()
		want := f.chain(first)
		_, err := f.s.AddAttempt(f.ctx, f.org, sub.ID, f.newRetry(id))
		f.fails(what, err, store.ErrNotFinished)
		f.fails(what, err, store.ErrConflict)
		f.equal(what, f.chain(first), want)
	}
	try("being sent", first.AttemptID)
	f.deferTo(f.now, first)
	try("pending", first.AttemptID)
	first = f.claimOne()
	next := f.next()
	f.record(f.failure(first.Lease, next))
	try("the automatic retry", next.ID)
}

func retryOfLater(f *fixture) {
	e, _ := f.scene()
	first := f.queue(e)
	f.record(f.failure(first.Lease, f.next()))
	second := f.claimOne()
	f.record(f.failure(second.Lease, f.later()))
	manual := f.retry(second)
	f.equal("retry of", manual.RetryOf, second.AttemptID)
	f.equal("delivery", manual.DeliveryID, first.AttemptID)
	f.equal("number", manual.Number, 4)
	f.equal("step", f.claimOne().Step, 1)
}
