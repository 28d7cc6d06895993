package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var lifecycleCases = []testCase{
	{"ArchivingCancelsWhatIsPending", lifecycleArchive},
	{"ArchivingSparesWhatIsBeingSent", lifecycleArchiveSending},
	{"DeletingCancelsWhatIsPending", lifecycleDelete},
	{"DeletingSparesWhatIsBeingSent", lifecycleDeleteSending},
	{"DeactivatingLeavesWhatIsPending", lifecycleDeactivate},
	{"BecomingActiveMakesPendingDue", lifecycleActivate},
	{"RestoringMakesPendingDue", lifecycleRestore},
	{"StayingLiveLeavesDueTimes", lifecycleStaysLive},
	{"OthersAreNotTouched", lifecycleOthers},
	{"HistoryOfTheDeletedIsNotFound", lifecycleDeletedHistory},
}

// waiting publishes n messages and leaves their attempts pending, due in an hour.
func (f *fixture) waiting(e store.EventType, n int) []store.Job {
	f.t.Helper()
	f.publishN(e, n)
	jobs := f.claim(n)
	f.deferTo(f.at(time.Hour), jobs...)
	return jobs
}

// deferTo gives claimed attempts back.
func (f *fixture) deferTo(due time.Time, jobs ...store.Job) {
	f.t.Helper()
	deferrals := make([]store.Deferral, len(jobs))
	for i, j := range jobs {
		deferrals[i] = store.Deferral{Lease: j.Lease, DueAt: due}
	}
	f.sameIDs("lost", must(f.s.Defer(f.ctx, deferrals))(f.t), nil)
}

// archive archives a subscription at a time.
func (f *fixture) archive(id uuid.UUID, now time.Time) {
	f.t.Helper()
	must(f.s.UpdateSubscription(f.ctx, f.org, id, now, func(s *store.Subscription) error {
		s.Archived = true
		return nil
	}))(f.t)
}

func lifecycleArchive(f *fixture) {
	e, sub := f.scene()
	f.waiting(e, 2)
	f.publish(f.newMessage(e))
	want := f.attempts(sub.ID)
	f.archive(sub.ID, f.at(time.Minute))
	for i := range want {
		want[i].Status, want[i].UpdatedAt, want[i].UpdatedBy = store.Cancelled, f.at(time.Minute), ""
	}
	f.equal("attempts", f.attempts(sub.ID), want)
	f.setArchived(sub.ID, false)
	f.claimNone("after being cancelled")
}

func lifecycleArchiveSending(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.archive(sub.ID, f.at(time.Minute))
	f.equal("status", f.attempt(sub.ID, job.AttemptID).Status, store.Sending)
	f.record(f.success(job.Lease))
	f.equal("status", f.attempt(sub.ID, job.AttemptID).Status, store.Succeeded)
}

func lifecycleDelete(f *fixture) {
	e, sub := f.scene()
	f.waiting(e, 2)
	f.publish(f.newMessage(e))
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	f.claimNone("after the deletion")
	f.equal("pruned, as nothing is pending", must(f.s.Prune(f.ctx, f.at(time.Hour), 10))(f.t), 3)
}

func lifecycleDeleteSending(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	f.equal("pruned while being sent", must(f.s.Prune(f.ctx, f.at(time.Hour), 10))(f.t), 0)
	f.record(f.success(job.Lease))
	f.equal("pruned", must(f.s.Prune(f.ctx, f.at(time.Hour), 10))(f.t), 1)
}

func lifecycleDeactivate(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 2)
	f.setActive(sub.ID, false)
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Pending, store.Pending})
	// The dispatcher that claims them does not send them.
	f.equal("claimed", len(f.claim(10)), 2)
}

func lifecycleActivate(f *fixture) {
	e, sub := f.scene()
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true)
	f.waiting(e, 3)
	f.setActive(sub.ID, false)
	f.claimNone("before")
	f.setActive(sub.ID, true)
	f.equal("claimed", len(f.claim(10)), 3)
}

func lifecycleRestore(f *fixture) {
	e, sub := f.scene()
	f.publishN(e, 2)
	jobs := f.claim(2)
	f.setArchived(sub.ID, true)
	f.deferTo(f.at(time.Hour), jobs...) // pending again, though it is archived
	f.claimNone("before")
	f.setArchived(sub.ID, false)
	f.equal("claimed", len(f.claim(10)), 2)
}

func lifecycleStaysLive(f *fixture) {
	e, sub := f.scene()
	f.waiting(e, 2)
	f.update(sub.ID, func(s *store.Subscription) { s.PostURI = "https://example.com/new" })
	f.claimNone("after a change of the URL")
	f.setActive(sub.ID, false)
	f.update(sub.ID, func(s *store.Subscription) { s.Archived, s.Active = false, false })
	f.claimNone("while inactive")
}

func lifecycleOthers(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	f.publishN(e, 2)
	f.deferTo(f.at(time.Hour), f.claim(10)...)
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true)
	jobs := f.claim(10)
	f.equal("claimed", len(jobs), 2)
	for _, j := range jobs {
		f.equal("subscription", j.SubscriptionID, sub.ID)
	}
	f.archive(sub.ID, f.now)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	f.equal("statuses", statuses(f.attempts(other.ID)), []store.Status{store.Pending, store.Pending})
}

func lifecycleDeletedHistory(f *fixture) {
	e, sub := f.scene()
	m := f.newMessage(e)
	f.publish(m)
	job := f.claimOne()
	f.record(f.failure(job.Lease, nil))
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	f.historyNotFound(f.org, job)
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
}

// historyNotFound demands that an organization cannot reach an attempt that has
// an outcome.
func (f *fixture) historyNotFound(org uuid.UUID, j store.Job) {
	f.t.Helper()
	q := store.HistoryQuery{OrganizationID: org, SubscriptionID: j.SubscriptionID, Page: store.Page{Take: 1}}
	_, err := f.s.Attempts(f.ctx, q)
	f.notFound("Attempts", err)
	_, err = f.s.Deliveries(f.ctx, q)
	f.notFound("Deliveries", err)
	_, err = f.s.Attempt(f.ctx, org, j.SubscriptionID, j.AttemptID)
	f.notFound("Attempt", err)
	_, err = f.s.Chain(f.ctx, org, j.SubscriptionID, j.DeliveryID, 0)
	f.notFound("Chain", err)
	_, err = f.s.Delivery(f.ctx, org, j.SubscriptionID, j.DeliveryID)
	f.notFound("Delivery", err)
	_, err = f.s.AddAttempt(f.ctx, org, j.SubscriptionID, f.newRetry(j.AttemptID))
	f.notFound("AddAttempt", err)
	_, err = f.s.Report(f.ctx, org, j.SubscriptionID, j.AttemptID, func(store.Attempt) (*store.Report, error) { panic("called") })
	f.notFound("Report", err)
	_, err = f.s.Durations(f.ctx, store.DurationQuery{
		OrganizationID: org, SubscriptionID: j.SubscriptionID, From: f.at(-time.Hour), To: f.at(time.Hour), Bucket: time.Minute,
	})
	f.notFound("Durations", err)
}
