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
	{"RemovesIdempotencyKeys", pruneKeys},
	{"OfNothing", pruneNothing},
}

func (f *fixture) prune(before time.Time, limit, want int) {
	f.t.Helper()
	f.equal("pruned", must(f.s.Prune(f.ctx, before, limit))(f.t), want)
}

// finished publishes messages of the event type, created at those times, and
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

// gone demands that of some messages the first n are gone and the others not.
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
	f.prune(f.at(-time.Hour), 10, 2) // not what was created at the time itself
	f.gone(messages, 2)
	for _, s := range []store.Subscription{sub, other} {
		q := f.history(s.ID)
		f.equal("attempts", must(f.s.Attempts(f.ctx, q))(f.t).Total, 1)
		f.equal("deliveries", must(f.s.Deliveries(f.ctx, q))(f.t).Total, 1)
	}
	_, err := f.s.Attempt(f.ctx, f.org, sub.ID, jobs[0].ID)
	f.notFound("attempt", err)
	_, err = f.s.Chain(f.ctx, f.org, sub.ID, jobs[0].ID)
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
	f.prune(f.now, 1, 1) // those that stay do not count
	f.gone(done, 1)
	f.prune(f.now, 10, 1)
	want := []store.Status{store.Sending, store.Failed, store.Pending, store.Pending}
	f.equal("statuses", statuses(f.attempts(sub.ID)), want)
	f.record(f.success(jobs[0].Lease))
	f.prune(f.now, 10, 1)
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
