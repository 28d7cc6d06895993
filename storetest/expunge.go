package storetest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var expungeCases = []testCase{
	{"RemovesTheContentOfAMessage", expungeMessage},
	{"RemovesTheResponses", expungeResponses},
	{"CancelsAttemptsWithoutOutcome", expungeCancels},
	{"LeaseIsLost", expungeLease},
	{"CanBeRepeated", expungeAgain},
	{"OfAnotherOrganizationIsNotFound", expungeNotFound},
	{"MessageIsNotSentAgain", expungeRetry},
	{"RecoverySkipsTheMessage", expungeRecovery},
	{"RetriesAtTheSameTimeAreRefusedOrCancelled", expungeConcurrent},
}

func (f *fixture) expunged() store.Expunged {
	return store.Expunged{At: f.at(30 * time.Second), By: "dora"}
}

func (f *fixture) expunge(message uuid.UUID) {
	f.t.Helper()
	f.check(f.s.ExpungeMessage(f.ctx, f.org, message, f.expunged()))
}

func expungeMessage(f *fixture) {
	e, _ := f.scene()
	m, other := f.newMessage(e), f.newMessage(e)
	f.publish(m, other)
	f.expunge(m.ID)
	m.Body, m.Source, m.Expunged = nil, nil, f.expunged()
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
	f.equal("another message", must(f.s.Message(f.ctx, f.org, other.ID))(f.t), other.Message)
	f.equal("messages", f.messages().Items[0].Expunged, f.expunged())
}

func expungeResponses(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	want := f.attempt(sub.ID, job.AttemptID)
	f.expunge(job.MessageID)
	want.Body, want.Source, want.Response, want.ResponseHeaders, want.Expunged = nil, nil, nil, "", f.expunged()
	f.equal("attempt", f.attempt(sub.ID, job.AttemptID), want)
	f.equal("attempts", f.attempts(sub.ID), []store.Attempt{want})
	f.equal("delivery", f.delivery(job), store.Delivery{Attempt: want, Attempts: 1})
}

func expungeCancels(f *fixture) {
	e, sub := f.scene()
	retried := f.queue(e)
	f.record(f.failure(retried.Lease, f.later()))
	external := f.newExternal(e)
	f.add(sub.ID, external)
	f.expunge(retried.MessageID)
	f.expunge(external.Message.ID)
	chain := f.chain(retried)
	f.equal("statuses", statuses(chain), []store.Status{store.Failed, store.Cancelled})
	f.equal("by", chain[1].UpdatedBy, "dora")
	f.equal("at", chain[1].UpdatedAt, f.expunged().At)
	f.equal("delivery", f.delivery(retried).Status, store.Cancelled)
	f.equal("external", f.attempt(sub.ID, external.ID).Status, store.Cancelled)
}

func expungeLease(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.expunge(job.MessageID)
	f.sameIDs("lost", must(f.s.Record(f.ctx, []store.Outcome{f.failure(job.Lease, f.next())}))(f.t), []uuid.UUID{job.AttemptID})
	got := f.attempts(sub.ID)
	f.equal("statuses", statuses(got), []store.Status{store.Cancelled})
	f.equal("response", len(got[0].Response), 0)
	f.claimNone("the message was expunged")
}

func expungeAgain(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.success(job.Lease))
	f.expunge(job.MessageID)
	want := f.attempts(sub.ID)
	f.check(f.s.ExpungeMessage(f.ctx, f.org, job.MessageID, store.Expunged{At: f.at(time.Hour), By: "another"}))
	f.equal("attempts", f.attempts(sub.ID), want)
}

func expungeNotFound(f *fixture) {
	e, _ := f.scene()
	m := f.newMessage(e)
	f.publish(m)
	f.notFound("another organization", f.s.ExpungeMessage(f.ctx, uuid.New(), m.ID, f.expunged()))
	f.notFound("no message", f.s.ExpungeMessage(f.ctx, f.org, f.id(), f.expunged()))
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
}

func expungeRetry(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	f.expunge(job.MessageID)
	_, err := f.s.AddAttempt(f.ctx, f.org, sub.ID, f.newRetry(job.AttemptID))
	f.fails("AddAttempt", err, store.ErrExpunged)
	f.equal("attempts", len(f.attempts(sub.ID)), 1)
	f.add(sub.ID, f.joining(job.AttemptID, e)) // with a message of its own
}

func expungeRecovery(f *fixture) {
	e, sub := f.scene()
	failed := f.failN(e, 3)
	missed := f.missN(sub, e, 2)
	f.expunge(failed[1].MessageID)
	f.expunge(missed[0].ID)
	r := f.recover(f.newRecovery(sub, store.RecoverAll), 3+1)
	f.advance(1)
	f.equal("recovery", f.recovery(r), f.recovered(r, 2+1))
}

// An attempt that is added while its message is expunged does not stay in the queue.
func expungeConcurrent(f *fixture) {
	e, sub := f.scene()
	jobs := f.failN(e, 8)
	for _, j := range jobs {
		f.together(2, func(i int) error {
			if i == 0 {
				return f.s.ExpungeMessage(f.ctx, f.org, j.MessageID, f.expunged())
			}
			_, err := f.s.AddAttempt(f.ctx, f.org, sub.ID, f.newRetry(j.AttemptID))
			if errors.Is(err, store.ErrExpunged) {
				return nil
			}
			return err
		})
	}
	f.claimNone("every message was expunged")
}
