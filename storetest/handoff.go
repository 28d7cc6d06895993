package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var handOffCases = []testCase{
	{"ReturnsTheFirstAttemptsAsJobs", handOffJobs},
	{"IsNotClaimableWhileLeased", handOffLeased},
	{"IsTakenOverWhenTheLeaseEnds", handOffExpires},
	{"SkipsDuplicates", handOffDuplicates},
}

func handOffJobs(f *fixture) {
	e := f.addEvent()
	sub, other := f.subscribe(only(e)), f.newSubscription(only(e))
	other.OrganizationID = uuid.New()
	f.create(other)
	f.update(sub.ID, func(s *store.Subscription) { s.Description = "second revision" })
	a, b, c := f.newMessage(e), f.newMessage(e), f.newMessage(e)
	b.OrganizationID, b.ExpiresAt = other.OrganizationID, f.at(time.Hour)
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(2), time.Hour
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{a, b, c}, opts))(f.t)
	f.equal("number of jobs of a", len(got[0].Jobs), 1)
	f.equal("number of jobs of b", len(got[1].Jobs), 1)
	f.equal("number of jobs of c", len(got[2].Jobs), 0)
	f.equal("deliveries of c", got[2].Deliveries, 1)

	job := got[0].Jobs[0]
	f.equal("job of a", job, store.Job{
		Lease: job.Lease, DeliveryID: job.AttemptID, MessageID: a.ID, OrganizationID: f.org, SubscriptionID: sub.ID,
		SubscriptionRevision: 2, Type: store.FirstPost, CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt, Body: a.Body,
	})
	job = got[1].Jobs[0]
	f.equal("job of b", job, store.Job{
		Lease: job.Lease, DeliveryID: job.AttemptID, MessageID: b.ID, OrganizationID: other.OrganizationID,
		SubscriptionID: other.ID, SubscriptionRevision: 1, CreatedAt: b.CreatedAt, ExpiresAt: b.ExpiresAt, Body: b.Body,
	})
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Sending, store.Pending})
}

func handOffLeased(f *fixture) {
	e, sub := f.scene()
	a, b := f.newMessage(e), f.newMessage(e)
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(1), time.Hour
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{a, b}, opts))(f.t)
	f.equal("what is left to be claimed", f.claimOne().MessageID, b.ID)
	f.record(f.success(got[0].Jobs[0].Lease))
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Succeeded, store.Sending})
}

func handOffExpires(f *fixture) {
	e, sub := f.scene()
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(5), 30*time.Millisecond
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.newMessage(e)}, opts))(f.t)
	first := got[0].Jobs[0]
	second := f.claimAgain(first)
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(first.Lease, nil)}))(f.t), []uuid.UUID{first.AttemptID})
	f.record(f.success(second.Lease))
	f.equal("status", f.attempt(sub.ID, first.AttemptID).Status, store.Succeeded)
}

func handOffDuplicates(f *fixture) {
	e, _ := f.scene()
	f.publish(f.keyed(e, "key", "content"))
	again, fresh := f.keyed(e, "key", "content"), f.newMessage(e)
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(1), time.Hour
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{again, fresh}, opts))(f.t)
	f.equal("jobs of the duplicate", len(got[0].Jobs), 0)
	f.equal("jobs of the other", len(got[1].Jobs), 1)
}
