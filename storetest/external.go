package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var externalCases = []testCase{
	{"IsPendingAndNeverClaimed", externalPending},
	{"KeepsWhenItWasPosted", externalPostedAt},
	{"MakesItsDeliveryPending", externalDelivery},
	{"IsNotCancelledWithItsSubscription", externalLifecycle},
	{"IsNotMadeDueByActivation", externalActivation},
	{"GoesOnWaitingBesidesAManualRetry", externalNotWithdrawn},
	{"WithdrawsTheAutomaticRetry", externalWithdraws},
	{"CannotBeRetriedWhileItWaits", externalNotFinished},
}

func externalPending(f *fixture) {
	e, sub := f.scene()
	post := f.newExternal(e)
	got := f.add(sub.ID, post)
	f.equal("attempt", got, store.Attempt{
		ID: post.ID, DeliveryID: post.ID, MessageID: post.Message.ID, OrganizationID: f.org, SubscriptionID: sub.ID,
		EventTypeID: e.ID, Number: 1, External: true, Status: store.Pending, PostedAt: post.PostedAt,
		Audit: store.Audit{CreatedAt: post.At, CreatedBy: "cleo", UpdatedAt: post.At, UpdatedBy: "cleo"},
		Body:  post.Message.Body, Source: post.Message.Source,
	})
	f.equal("read", f.attempts(sub.ID), []store.Attempt{got})
	f.claimNone("an external attempt")
}

func externalPostedAt(f *fixture) {
	e, sub := f.scene()
	post := f.newExternal(e)
	post.PostedAt = time.Time{}
	f.equal("not posted yet", f.add(sub.ID, post).PostedAt, time.Time{})
	post = f.newExternal(e)
	post.External = false
	f.equal("not external", f.add(sub.ID, post).PostedAt, time.Time{})
	f.equal("not external, read", f.attempt(sub.ID, post.ID).PostedAt, time.Time{})
}

func externalDelivery(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newExternal(e))
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	f.externalRetry(job)
	f.record(f.failure(f.retried(job).Lease, nil)) // a later one has failed
	for _, j := range []store.Job{jobOf(a), job} {
		got := f.delivery(j)
		f.equal("status", got.Status, store.Pending)
		f.equal("delivery", got, latest(f.chain(j)))
	}
	for filter, want := range map[store.StatusFilter]int{store.OnlyPending: 2, store.OnlyFailed: 0} {
		q := f.history(sub.ID)
		q.Status = filter
		f.equal("deliveries", must(f.s.Deliveries(f.ctx, q))(f.t).Total, want)
	}
}

func externalLifecycle(f *fixture) {
	e, sub := f.scene()
	external := f.add(sub.ID, f.newExternal(e))
	queued := f.add(sub.ID, f.newPost(e))
	f.archive(sub.ID, f.at(time.Minute))
	queued.Status, queued.UpdatedAt, queued.UpdatedBy = store.Cancelled, f.at(time.Minute), ""
	f.equal("attempts", f.attempts(sub.ID), []store.Attempt{external, queued})
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	got := must(f.s.MessageDeliveries(f.ctx, f.org, external.MessageID, nil, store.Page{Take: 10}))(f.t)
	f.equal("status after the deletion", got.Items[0].Status, store.Pending)
}

func externalActivation(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newExternal(e))
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true)
	f.claimNone("an external attempt")
	f.equal("attempts", f.attempts(sub.ID), []store.Attempt{a})
}

// externalRetry adds an external automatic retry to a delivery that failed.
func (f *fixture) externalRetry(j store.Job) store.Attempt {
	f.t.Helper()
	a := f.newRetry(j.AttemptID)
	a.Type, a.External = store.AutomaticRetry, true
	return f.add(j.SubscriptionID, a)
}

func externalNotWithdrawn(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	external := f.externalRetry(job)
	manual := f.retry(job)
	chain := f.chain(job)
	f.equal("statuses", statuses(chain), []store.Status{store.Failed, store.Pending, store.Pending})
	f.equal("external attempt", chain[1], external)
	f.equal("step of the manual retry", manual.Step, 1)
	f.equal("claimed", f.claimOne().AttemptID, manual.ID)
}

func externalWithdraws(f *fixture) {
	e, _ := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.next()))
	f.equal("step", f.externalRetry(job).Step, 1)
	f.equal("statuses", statuses(f.chain(job)), []store.Status{store.Failed, store.Cancelled, store.Pending})
	f.claimNone("the automatic retry")
}

func externalNotFinished(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newExternal(e))
	_, err := f.s.AddAttempt(f.ctx, f.org, sub.ID, f.newRetry(a.ID))
	f.fails("AddAttempt", err, store.ErrNotFinished)
	f.sameIDs("attempts", idsOf(f.attempts(sub.ID), func(a store.Attempt) uuid.UUID { return a.ID }), []uuid.UUID{a.ID})
}
