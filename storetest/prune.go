package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var pruneCases = []testCase{
	{"RemovesMessagesBeforeTheTimeWithTheirAttempts", pruneRemoves},
	{"OldestFirstAndAtMostMax", pruneOldest},
	{"KeepsWhatIsNotFinished", pruneKeepsPending},
	{"KeepsNothingForAnExternalAttempt", pruneExternal},
	{"KeepsWhatBeganADeliveryThatAnotherJoined", pruneKeepsFirst},
	{"RemovesOneThatJoinedAlone", pruneJoined},
	{"RemovesTheLatestOneThatJoinedAlone", pruneJoinedLatest},
	{"RemovesIdempotencyKeys", pruneKeys},
	{"OfNothing", pruneNothing},
}

func (f *fixture) prune(before time.Time, limit, want int) {
	f.t.Helper()
	f.equal("pruned", must(f.s.Prune(f.ctx, before, limit))(f.t), want)
}

// finished publishes messages of the event type, created at the given times, and
// lets all their attempts succeed.
func (f *fixture) finished(e store.EventType, created ...time.Time) []store.NewMessage {
	f.t.Helper()
	var messages []store.NewMessage
	for _, at := range created {
		messages = append(messages, f.newMessageAt(e, at))
	}
	f.publish(messages...)
	for _, j := range f.claim(1000) {
		f.record(f.success(j.Lease))
	}
	return messages
}

// gone demands that the first n messages are gone and the later ones are not.
func (f *fixture) gone(messages []store.NewMessage, n int) {
	f.t.Helper()
	for i, m := range messages {
		_, err := f.s.Message(f.ctx, f.org, m.ID)
		if i < n {
			f.notFound("message", err)
		} else {
			f.check(err)
		}
	}
}

func pruneRemoves(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	messages := f.finished(e, f.at(-3*time.Hour), f.at(-2*time.Hour), f.at(-time.Hour))
	jobs := f.attempts(sub.ID)
	f.prune(f.at(-time.Hour), 10, 2) // not messages that were created at the time itself
	f.gone(messages, 2)
	for _, s := range []store.Subscription{sub, other} {
		q := f.history(s.ID)
		f.equal("attempts", must(f.s.Attempts(f.ctx, q))(f.t).Total, 1)
		f.equal("deliveries", must(f.s.Deliveries(f.ctx, q))(f.t).Total, 1)
	}
	_, err := f.s.Attempt(f.ctx, f.org, sub.ID, jobs[0].ID)
	f.notFound("attempt", err)
	_, err = f.s.Chain(f.ctx, f.org, sub.ID, jobs[0].ID, 0)
	f.notFound("chain", err)
	f.prune(f.at(-time.Hour), 10, 0)
	f.prune(f.now, 10, 1)
}

func pruneOldest(f *fixture) {
	e, _ := f.scene()
	messages := f.finished(e, f.at(-5*time.Hour), f.at(-4*time.Hour), f.at(-3*time.Hour), f.at(-2*time.Hour))
	f.prune(f.now, 1, 1)
	f.gone(messages, 1)
	f.prune(f.now, 2, 2)
	f.gone(messages, 3)
	f.prune(f.now, 0, 0)
	f.prune(f.now, 2, 1)
	f.gone(messages, 4)
}

func pruneKeepsPending(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessageAt(e, f.at(-5*time.Hour)), f.newMessageAt(e, f.at(-4*time.Hour)), f.newMessageAt(e, f.at(-3*time.Hour)))
	jobs := f.claim(3)
	f.record(f.failure(jobs[1].Lease, f.later()))
	f.deferTo(f.at(time.Hour), jobs[2])
	done := f.finished(e, f.at(-2*time.Hour), f.at(-time.Hour))
	f.prune(f.now, 1, 1) // messages that stay do not count
	f.gone(done, 1)
	f.prune(f.now, 10, 1)
	want := []store.Status{store.Sending, store.Failed, store.Pending, store.Pending}
	f.equal("statuses", statuses(f.attempts(sub.ID)), want)
	f.record(f.success(jobs[0].Lease))
	f.prune(f.now, 10, 1)
}

func pruneExternal(f *fixture) {
	e, sub := f.scene()
	post := f.newExternal(e)
	*post.Message = f.newMessageAt(e, f.at(-2*time.Hour)).Message
	a := f.add(sub.ID, post)
	job := f.queueAt(e, f.at(-3*time.Hour))
	f.record(f.failure(job.Lease, nil))
	f.externalRetry(job)
	f.prune(f.at(-time.Hour), 10, 2)
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
	_, err := f.s.Report(f.ctx, f.org, sub.ID, a.ID, func(store.Attempt) (*store.Report, error) { panic("called") })
	f.notFound("Report", err)
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true)
	f.claimNone("after being pruned")
}

// queueAt publishes a message as of a time and claims its one attempt.
func (f *fixture) queueAt(e store.EventType, created time.Time) store.Job {
	f.t.Helper()
	f.publish(f.newMessageAt(e, created))
	return f.claimOne()
}

// joined adds a retry with a message of its own, as of a time, which fails.
func (f *fixture) joined(j store.Job, e store.EventType, created time.Time) store.Attempt {
	f.t.Helper()
	a := f.joining(j.AttemptID, e)
	*a.Message = f.newMessageAt(e, created).Message
	added := f.add(j.SubscriptionID, a)
	f.record(f.failure(f.claimOne().Lease, nil))
	return f.attempt(j.SubscriptionID, added.ID)
}

func pruneKeepsFirst(f *fixture) {
	e, sub := f.scene()
	job := f.queueAt(e, f.at(-3*time.Hour))
	f.record(f.failure(job.Lease, nil))
	f.joined(job, e, f.now)
	want := f.chain(job)
	done := f.finished(e, f.at(-2*time.Hour))
	f.prune(f.at(-time.Hour), 1, 1) // messages that stay do not count
	f.gone(done, 1)
	f.equal("chain", f.chain(job), want)
	f.prune(f.at(-time.Hour), 10, 0)
	for removed := 0; removed < 2; {
		n := must(f.s.Prune(f.ctx, f.at(time.Hour), 10))(f.t)
		if removed += n; n == 0 {
			f.t.Fatalf("pruned %d, want 2", removed)
		}
		if removed < 2 {
			f.equal("what is left", f.chain(job), want[:1])
			f.equal("delivery", f.delivery(job), latest(want[:1]))
		}
	}
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
}

func pruneJoined(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	joined := f.joined(job, e, f.at(-2*time.Hour))
	manual := f.retry(job)
	want := f.chain(job)
	f.prune(f.at(-time.Hour), 10, 1)
	_, err := f.s.Attempt(f.ctx, f.org, sub.ID, joined.ID)
	f.notFound("the one that joined", err)
	want = []store.Attempt{want[0], want[2]}
	f.equal("chain", f.chain(job), want)
	f.equal("delivery", f.delivery(job), latest(want))
	f.equal("claimed", f.claimOne().AttemptID, manual.ID)
	f.equal("number of the next", f.retry(job).Number, 4)
}

func pruneJoinedLatest(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.success(job.Lease))
	f.joined(job, e, f.at(-2*time.Hour))
	f.equal("status", f.delivery(job).Status, store.Failed)
	f.prune(f.at(-time.Hour), 10, 1)
	want := f.attempts(sub.ID)
	f.equal("chain", f.chain(job), want)
	f.equal("delivery", f.delivery(job), latest(want))
	f.equal("status", f.delivery(job).Status, store.Succeeded)
	for filter, n := range map[store.StatusFilter]int{store.OnlySucceeded: 1, store.OnlyFailed: 0} {
		q := f.history(sub.ID)
		q.Status = filter
		f.equal("deliveries", must(f.s.Deliveries(f.ctx, q))(f.t).Total, n)
	}
	f.equal("number of the next", f.retry(job).Number, 2)
}

func pruneKeys(f *fixture) {
	e := f.addEvent()
	old := f.newMessageAt(e, f.at(-time.Hour))
	old.IdempotencyKey, old.Fingerprint = "old", []byte("content")
	edge := f.newMessageAt(e, f.at(-time.Minute))
	edge.IdempotencyKey, edge.Fingerprint = "edge", []byte("content")
	f.publish(old, edge)
	f.prune(f.at(-time.Minute), 10, 1)
	f.equal("a pruned key", f.publish(f.keyed(e, "old", "other"))[0].Duplicate, false)
	got := f.publish(f.keyed(e, "edge", "content"))[0]
	f.equal("a key that stays", got, store.Published{MessageID: edge.ID, Duplicate: true})
}

func pruneNothing(f *fixture) {
	f.prune(f.now, 10, 0)
	_, sub := f.scene()
	f.prune(f.at(time.Hour), 10, 0)
	f.sameIDs("attempts", idsOf(f.attempts(sub.ID), func(a store.Attempt) uuid.UUID { return a.ID }), nil)
}
