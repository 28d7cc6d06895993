package storetest

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var sequenceCases = []testCase{
	{"GoOneByOneInTheOrderOfPublishing", sequenceOrder},
	{"AreOneForEachKeyAndSubscription", sequenceKeys},
	{"AreHeldBackByARetry", sequenceRetry},
	{"LetAttemptsOfOneDeliveryGoTogether", sequenceDelivery},
	{"GoOnWhenTheLeaseOfTheFirstEnds", sequenceLease},
	{"GoOnWhenTheFirstIsCancelledOrReported", sequenceReport},
	{"AreNotHandedOff", sequenceHandOff},
	{"AreOfDeliveriesThatBeganWhileTheSubscriptionWasOrdered", sequenceSwitched},
	{"DoNotHoldBackTests", sequenceTest},
	{"HoldAttemptsOfARecovery", sequenceRecovery},
	{"GoOneByOneUnderConcurrency", sequenceConcurrency},
}

// ordered adds an event type and a subscription to it that is ordered.
func (f *fixture) ordered() (store.EventType, store.Subscription) {
	f.t.Helper()
	e := f.addEvent()
	s := f.newSubscription(only(e))
	s.Ordered = true
	f.create(s)
	return e, s
}

// inSequence publishes n messages with the ordering key, in order.
func (f *fixture) inSequence(e store.EventType, key string, n int) []store.NewMessage {
	f.t.Helper()
	messages := make([]store.NewMessage, n)
	for i := range messages {
		messages[i] = f.newMessage(e)
		messages[i].OrderingKey = key
	}
	f.publish(messages...)
	return messages
}

func sequenceOrder(f *fixture) {
	e, _ := f.ordered()
	for _, m := range f.inSequence(e, "a", 4) {
		job := f.claimOne()
		f.equal("message", job.MessageID, m.ID)
		f.claimNone("while the first is being sent")
		f.record(f.success(job.Lease))
	}
	f.claimNone("when all were sent")
}

func sequenceKeys(f *fixture) {
	e, _ := f.ordered()
	other := f.newSubscription(only(e))
	other.Ordered = true
	f.create(other)
	plain := f.subscribe(only(e))
	a, b := f.inSequence(e, "a", 2), f.inSequence(e, "", 2)
	first, all := map[uuid.UUID]int{}, 0
	for _, j := range f.claim(20) {
		all++
		if j.SubscriptionID != plain.ID {
			first[j.MessageID]++
		}
	}
	f.equal("claimed", all, 8) // two sequences of two subscriptions each, and all four attempts of the third subscription
	f.equal("first of each sequence", first, map[uuid.UUID]int{a[0].ID: 2, b[0].ID: 2})
}

func sequenceRetry(f *fixture) {
	e, sub := f.ordered()
	messages := f.inSequence(e, "a", 2)
	job := f.claimOne()
	f.record(f.failure(job.Lease, f.later()))
	f.claimNone("while a retry is waited for")
	f.equal("statuses", statuses(f.attempts(sub.ID)), []store.Status{store.Failed, store.Pending, store.Pending})
	f.setActive(sub.ID, false)
	f.setActive(sub.ID, true) // all is due
	job = f.claimOne()
	f.equal("message", job.MessageID, messages[0].ID)
	f.record(f.failure(job.Lease, nil))
	f.equal("message", f.claimOne().MessageID, messages[1].ID)
}

func sequenceDelivery(f *fixture) {
	e, sub := f.ordered()
	f.inSequence(e, "a", 2)
	job := f.claimOne()
	f.record(f.failure(job.Lease, nil))
	want := []uuid.UUID{f.retry(job).ID, f.retry(job).ID}
	got := idsOf(f.claim(10), func(j store.Job) uuid.UUID { return j.AttemptID })
	slices.SortFunc(got, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	f.sameIDs("attempts of the first delivery", got, want)
	f.equal("pending", f.attempts(sub.ID)[1].Status, store.Pending)
}

func sequenceLease(f *fixture) {
	e, _ := f.ordered()
	messages := f.inSequence(e, "a", 2)
	stale := f.claimWith(store.ClaimOptions{Max: 5, Lease: time.Millisecond})
	f.equal("claimed", len(stale), 1)
	again := f.claimAgain(stale[0])
	f.equal("message", again.MessageID, messages[0].ID)
	f.record(f.success(again.Lease))
	f.equal("message", f.claimOne().MessageID, messages[1].ID)
}

func sequenceReport(f *fixture) {
	e, sub := f.ordered()
	messages := f.inSequence(e, "a", 3)
	first := f.attempts(sub.ID)[0]
	must(f.s.Report(f.ctx, f.org, sub.ID, first.ID, func(store.Attempt) (*store.Report, error) {
		return &store.Report{Status: store.Succeeded, HTTPStatus: 200, At: f.at(time.Second)}, nil
	}))(f.t)
	job := f.claimOne()
	f.equal("message", job.MessageID, messages[1].ID)
	f.record(f.cancellation(job.Lease))
	f.equal("message", f.claimOne().MessageID, messages[2].ID)
}

func sequenceHandOff(f *fixture) {
	e, _ := f.ordered()
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(5), time.Hour
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.newMessage(e)}, opts))(f.t)
	f.equal("jobs", len(got[0].Jobs), 0)
	f.claimOne()
}

func sequenceSwitched(f *fixture) {
	e, sub := f.ordered()
	f.inSequence(e, "a", 2)
	f.update(sub.ID, func(s *store.Subscription) { s.Ordered = false })
	f.inSequence(e, "a", 2)
	f.equal("claimed", len(f.claim(10)), 3) // one of the sequence, and two outside of it
}

func sequenceTest(f *fixture) {
	e, sub := f.ordered()
	f.inSequence(e, "ward-7", 2)
	first := f.claimOne()
	m := f.newMessage(e).Message
	a := f.add(sub.ID, store.NewAttempt{ID: f.id(), Type: store.TestPost, Message: &m, At: f.now, ExpiresAt: f.at(time.Hour)})
	f.equal("attempt", f.claimOne().AttemptID, a.ID)
	m = f.newMessage(e).Message
	b := f.add(sub.ID, store.NewAttempt{ID: f.id(), Type: store.FirstPost, Message: &m, At: f.now, ExpiresAt: f.at(time.Hour)})
	f.claimNone("a post for the subscription waits, too")
	f.record(f.success(first.Lease))
	f.record(f.success(f.claimOne().Lease))
	f.equal("attempt", f.claimOne().AttemptID, b.ID)
}

func sequenceRecovery(f *fixture) {
	e, sub := f.ordered()
	f.setActive(sub.ID, false)
	missed := f.inSequence(e, "a", 2)
	f.setActive(sub.ID, true)
	f.check(f.s.CreateRecovery(f.ctx, store.Recovery{
		ID: f.id(), OrganizationID: f.org, SubscriptionID: sub.ID, Scope: store.RecoverMissed, Since: f.at(-time.Hour), Until: f.at(time.Hour),
		CreatedAt: f.now,
	}))
	must(f.s.AdvanceRecovery(f.ctx, store.AdvanceOptions{Max: 10, NewID: f.id, At: f.now, ExpiresAt: f.at(time.Hour)}))(f.t)
	f.equal("attempts", len(f.attempts(sub.ID)), 2)
	job := f.claimOne()
	f.equal("message", job.MessageID, missed[0].ID)
	f.record(f.success(job.Lease))
	f.equal("message", f.claimOne().MessageID, missed[1].ID)
}

func sequenceConcurrency(f *fixture) {
	e, sub := f.ordered()
	const keys, each = 3, 8
	for i := range keys * each {
		f.inSequence(e, string(rune('a'+i%keys)), 1)
	}
	sent := make(chan store.Job, keys*each)
	f.together(4, func(int) error {
		for len(sent) < keys*each {
			jobs, _, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 2, Lease: time.Hour})
			if err != nil {
				return err
			}
			for _, j := range jobs {
				sent <- j
				if _, err := f.s.Record(f.ctx, []store.Outcome{f.success(j.Lease)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	close(sent)
	last := map[string]uuid.UUID{}
	for j := range sent {
		m := must(f.s.Message(f.ctx, f.org, j.MessageID))(f.t)
		if former := last[m.OrderingKey]; former.String() >= j.AttemptID.String() {
			f.t.Errorf("%s: %s was sent after %s", m.OrderingKey, j.AttemptID, former)
		}
		last[m.OrderingKey] = j.AttemptID
	}
	f.equal("sequences", len(last), keys)
	f.equal("attempts", len(f.attempts(sub.ID)), keys*each)
}
