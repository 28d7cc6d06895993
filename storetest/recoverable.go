package storetest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var recoverableCases = []testCase{
	{"FailedOnesAreRetriedByHand", recoverFailed},
	{"FailedOnesAreThoseThatFailedAsAWhole", recoverFailedWhole},
	{"FailedOnesAreNoTestsAndNotExternal", recoverFailedTypes},
	{"FailedOnesAreOfTheirFirstAttemptsTime", recoverFailedTime},
	{"FailedOneThatIsSentAgainIsPassedOver", recoverFailedNoMore},
	{"FailedOneThatFailsAgainStaysSo", recoverFailedAgain},
	{"FailedOneIsRetriedWithItsLatestMessage", recoverFailedJoined},
	{"MissedOnesGetAFirstPost", recoverMissed},
	{"MissedOnesMatch", recoverMissedMatch},
	{"MissedOnesPassTheFilter", recoverMissedFilter},
	{"MissedOnesAreOfTheirMessagesTime", recoverMissedTime},
	{"MissedOnesAreNotOlderThanTheSubscription", recoverMissedSince},
	{"MissedOnesWereNotMadeForOneSubscription", recoverMissedAlone},
	{"MissedOnesHaveNoDelivery", recoverMissedNone},
	{"MissedOneThatFailsStaysSo", recoverMissedAgain},
	{"FailedOnesFirstAndInTheOrderOfTheirIDs", recoverOrder},
}

func recoverFailed(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	f.failN(e, 1)
	job := jobOf(f.attempts(sub.ID)[0])
	f.record(f.failure(f.retried(job).Lease, nil))
	want := f.chain(job)
	r := f.recover(f.newRecovery(sub, store.RecoverFailed), 1)
	f.advance(10)
	chain := f.chain(job)
	f.equal("length of the chain", len(chain), 3)
	f.equal("chain", chain, append(want, store.Attempt{
		ID: chain[2].ID, DeliveryID: job.DeliveryID, MessageID: job.MessageID, OrganizationID: f.org, SubscriptionID: sub.ID,
		EventTypeID: e.ID, Number: 3, Type: store.ManualRetry, Status: store.Pending, RetryOf: want[1].ID,
		Audit: store.Audit{CreatedAt: f.at(advancing), CreatedBy: "dora", UpdatedAt: f.at(advancing), UpdatedBy: "dora"},
		Body:  want[0].Body, Source: want[0].Source,
	}))
	f.equal("deadline", f.claimOne().ExpiresAt, f.at(72*time.Hour))
	f.equal("recovery", f.recovery(r), f.recovered(r, 1))
	f.equal("attempts of the other", len(f.attempts(other.ID)), 1)
}

// retried retries an attempt by hand, and claims that.
func (f *fixture) retried(j store.Job) store.Job {
	f.t.Helper()
	f.retry(j)
	return f.claimOne()
}

func recoverFailedWhole(f *fixture) {
	e, sub := f.scene()
	jobs := f.mixture(e) // of which the second one failed
	again := f.queue(e)
	f.record(f.failure(again.Lease, f.next()))
	last := f.claimOne()
	f.record(f.failure(last.Lease, nil))
	waiting := f.queue(e)
	f.record(f.failure(waiting.Lease, nil))
	f.externalRetry(waiting)
	f.record(f.failure(f.retried(waiting).Lease, nil)) // but the external one may succeed
	better := f.queue(e)
	f.record(f.failure(better.Lease, nil))
	f.record(f.success(f.retried(better).Lease))
	f.recover(f.newRecovery(sub, store.RecoverFailed), 2)
	f.advance(10)
	f.sameIDs("claimed", idsOf(f.claim(10), func(j store.Job) uuid.UUID { return j.DeliveryID }),
		[]uuid.UUID{jobs[1].DeliveryID, again.DeliveryID})
	chain := f.chain(again)
	f.equal("retry of", chain[2].RetryOf, last.AttemptID)
	f.equal("step", chain[2].Step, 1)
}

func recoverFailedTypes(f *fixture) {
	e, sub := f.scene()
	test, post := f.newPost(e), f.newPost(e)
	test.Type = store.TestPost
	for _, a := range []store.NewAttempt{test, post, f.newExternal(e)} {
		f.report(sub.ID, f.add(sub.ID, a).ID, f.newReport(store.Failed))
	}
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	f.report(sub.ID, f.externalRetry(job).ID, f.newReport(store.Failed)) // it did not begin with that
	f.recover(f.newRecovery(sub, store.RecoverFailed), 2)
	f.advance(10)
	got := idsOf(f.claim(10), func(j store.Job) uuid.UUID { return j.DeliveryID })
	sortByID(got, func(id uuid.UUID) uuid.UUID { return id })
	want := []uuid.UUID{post.ID, job.DeliveryID}
	sortByID(want, func(id uuid.UUID) uuid.UUID { return id })
	f.sameIDs("claimed", got, want)
}

func recoverFailedTime(f *fixture) {
	e, sub := f.scene()
	var want []uuid.UUID
	for _, ms := range []int{-1, 0, 1, 2, 3} {
		f.publish(f.newMessageAt(e, f.at(time.Duration(ms)*time.Millisecond)))
		job := f.claimOne()
		f.record(f.failure(job.Lease, nil))
		f.record(f.failure(f.retried(job).Lease, nil)) // which is later than that
		if ms >= 0 && ms < 2 {
			want = append(want, job.DeliveryID)
		}
	}
	r := f.newRecovery(sub, store.RecoverAll)
	r.Since, r.Until = f.now, f.at(2*time.Millisecond)
	f.recover(r, 2)
	f.advance(10)
	f.sameIDs("claimed", idsOf(f.claim(10), func(j store.Job) uuid.UUID { return j.DeliveryID }), want)
}

func recoverFailedNoMore(f *fixture) {
	e, sub := f.scene()
	jobs := f.failN(e, 3)
	f.missN(sub, e, 2) // which is another scope
	r := f.recover(f.newRecovery(sub, store.RecoverFailed), 3)
	f.retry(jobs[1])
	f.advance(10)
	f.equal("recovery", f.recovery(r), f.recovered(r, 2))
	f.equal("length of the chain", len(f.chain(jobs[1])), 2)
	f.equal("claimed", len(f.claim(10)), 3)
}

func recoverFailedAgain(f *fixture) {
	e, sub := f.scene()
	f.failN(e, 4)
	r := f.recover(f.newRecovery(sub, store.RecoverFailed), 4)
	f.advanceAndFail()
	f.equal("recovery", f.recovery(r), f.recovered(r, 4))
	f.equal("recoverable again", must(f.s.CountRecoverable(f.ctx, r))(f.t), 4)
}

// advanceAndFail takes a job's steps, and lets the attempts of each step fail.
func (f *fixture) advanceAndFail() {
	f.t.Helper()
	for range 100 {
		more := must(f.s.AdvanceRecovery(f.ctx, f.steps(1)))(f.t)
		for _, j := range f.claim(10) {
			f.record(f.failure(j.Lease, nil))
		}
		if !more {
			return
		}
	}
	f.t.Fatal("the job does not end")
}

func recoverFailedJoined(f *fixture) {
	e, sub := f.scene()
	job := f.failN(e, 1)[0]
	joined := f.add(sub.ID, f.joining(job.AttemptID, e))
	f.record(f.failure(f.claimOne().Lease, nil))
	f.recover(f.newRecovery(sub, store.RecoverFailed), 1)
	f.advance(10)
	got := f.claimOne()
	f.equal("delivery", got.DeliveryID, job.DeliveryID)
	f.equal("message", got.MessageID, joined.MessageID)
}

func recoverMissed(f *fixture) {
	e, sub := f.scene()
	m := f.missN(sub, e, 1)[0]
	r := f.recover(f.newRecovery(sub, store.RecoverMissed), 1)
	f.advance(10)
	got := f.attempts(sub.ID)
	f.equal("number of attempts", len(got), 1)
	f.equal("attempt", got[0], store.Attempt{
		ID: got[0].ID, DeliveryID: got[0].ID, MessageID: m.ID, OrganizationID: f.org, SubscriptionID: sub.ID, EventTypeID: e.ID,
		Number: 1, Type: store.FirstPost, Status: store.Pending,
		Audit: store.Audit{CreatedAt: f.at(advancing), CreatedBy: "dora", UpdatedAt: f.at(advancing), UpdatedBy: "dora"},
		Body:  m.Body, Source: m.Source,
	})
	f.equal("recovery", f.recovery(r), f.recovered(r, 1))
	f.equal("tally", f.messages().Items[0].Deliveries, store.Tally{Total: 1, Pending: 1})
	f.equal("deadline", f.claimOne().ExpiresAt, f.at(72*time.Hour))
}

// missing recovers the messages that a subscription missed, and demands the given ones.
func (f *fixture) missing(r store.Recovery, want ...store.NewMessage) {
	f.t.Helper()
	f.recover(r, len(want))
	f.advance(2)
	got := messagesOf(f.claim(100))
	sortByID(got, func(id uuid.UUID) uuid.UUID { return id })
	f.sameIDs("missed messages", got, idsOf(want, func(m store.NewMessage) uuid.UUID { return m.ID }))
}

func recoverMissedMatch(f *fixture) {
	c := f.addCategory("vitals")
	a, b := f.addEventType(c, "a.b", "v1"), f.addEventType(c, "b", "v1")
	second, other := f.addEventType(c, "a.b", "v2"), f.addEventType(c, "ab", "v1")
	sub := f.subscribe(like("a.*"), only(b))
	theirs := f.newMessage(a)
	theirs.OrganizationID = uuid.New()
	f.setActive(sub.ID, false)
	want := []store.NewMessage{f.newMessage(a), f.newMessage(b)}
	f.publish(want[1], f.newMessage(second), f.newMessage(other), want[0], theirs)
	// The present selectors count.
	f.update(sub.ID, func(s *store.Subscription) { s.Selectors = append(s.Selectors, only(second)) })
	f.update(sub.ID, func(s *store.Subscription) { s.Selectors = s.Selectors[:2] })
	f.missing(f.newRecovery(sub, store.RecoverMissed), want...)
}

func recoverMissedFilter(f *fixture) {
	e := f.addEvent()
	sub := f.filtered(e, where("/n", store.OpGreater, "2"))
	messages := make([]store.NewMessage, 20)
	var want []store.NewMessage
	for i := range messages {
		messages[i] = f.withData(e, `{"n":1}`)
		if i%7 == 6 {
			messages[i] = f.withData(e, `{"n":2}`)
			want = append(want, messages[i])
		}
	}
	f.publish(messages...)
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
	f.update(sub.ID, func(s *store.Subscription) { s.Filter = store.Filter{where("/n", store.OpEqual, "2")} })
	f.missing(f.newRecovery(sub, store.RecoverMissed), want...)
}

func recoverMissedTime(f *fixture) {
	e, sub := f.scene()
	messages := f.missN(sub, e, 6) // a millisecond apart
	r := f.newRecovery(sub, store.RecoverAll)
	r.Since, r.Until = f.at(2*time.Millisecond), f.at(4*time.Millisecond)
	f.missing(r, messages[2:4]...)
}

func recoverMissedSince(f *fixture) {
	e := f.addEvent()
	messages := f.publishN(e, 4)
	sub := f.newSubscription(only(e))
	sub.CreatedAt = f.at(2 * time.Millisecond)
	f.create(sub)
	f.missing(f.newRecovery(sub, store.RecoverMissed), messages[2:]...)
}

func recoverMissedAlone(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(only(e))
	f.add(other.ID, f.newExternal(e))
	job := f.queue2(e)[0]
	f.record(f.failure(job.Lease, nil))
	joining := f.joining(job.AttemptID, e)
	joining.External = true
	f.add(job.SubscriptionID, joining) // a message without a delivery of its own
	f.missing(f.newRecovery(sub, store.RecoverMissed))
	f.missing(f.newRecovery(other, store.RecoverMissed))
}

// queue2 publishes a message and claims its two attempts.
func (f *fixture) queue2(e store.EventType) []store.Job {
	f.t.Helper()
	f.publish(f.newMessage(e))
	jobs := f.claim(10)
	f.equal("claimed", len(jobs), 2)
	return jobs
}

func recoverMissedNone(f *fixture) {
	e, sub := f.scene()
	f.mixture(e)
	f.subscribe(only(e))
	missed := f.missN(sub, e, 2)
	f.claim(10)
	r := f.newRecovery(sub, store.RecoverMissed)
	f.missing(r, missed...)
	r.ID = f.id()
	f.missing(r)
}

func recoverMissedAgain(f *fixture) {
	e, sub := f.scene()
	f.missN(sub, e, 4)
	r := f.newRecovery(sub, store.RecoverAll)
	r.Until = f.at(time.Minute) // its own attempts are created before that time
	f.recover(r, 4)
	f.advanceAndFail()
	f.equal("queued", f.recovery(r).Queued, 4)
	f.equal("failed", must(f.s.CountRecoverable(f.ctx, r))(f.t), 4)
}

func recoverOrder(f *fixture) {
	e, sub := f.scene()
	missed := f.missN(sub, e, 3)
	failed := f.failN(e, 3)
	f.recover(f.newRecovery(sub, store.RecoverAll), 6)
	f.advance(2)
	added := slices.DeleteFunc(f.attempts(sub.ID), func(a store.Attempt) bool { return a.Status.Finished() })
	var want []uuid.UUID
	for _, j := range failed {
		want = append(want, j.MessageID)
	}
	for _, m := range missed {
		want = append(want, m.ID)
	}
	f.sameIDs("messages", idsOf(added, func(a store.Attempt) uuid.UUID { return a.MessageID }), want)
}
