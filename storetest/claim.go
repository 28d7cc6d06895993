package storetest

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var claimCases = []testCase{
	{"JobsCarryWhatIsNeeded", claimJob},
	{"MarksAttemptsAsBeingSent", claimSending},
	{"ThoseDueLongestFirst", claimOrder},
	{"AtMostMax", claimMax},
	{"NotBeforeTheyAreDue", claimNotDue},
	{"ShowsTheSubscriptionsPresentRevision", claimRevision},
	{"WhateverBecameOfTheSubscription", claimAnySubscription},
	{"ThoughTheyHaveExpired", claimExpired},
	{"OfAllOrganizations", claimOrganizations},
	{"EachOnceUnderConcurrency", claimExclusive},
}

func claimJob(f *fixture) {
	e, sub := f.scene()
	m := f.newMessage(e)
	f.publish(m)
	job := f.claimOne()
	f.equal("job", job, store.Job{
		Lease: job.Lease, DeliveryID: job.AttemptID, MessageID: m.ID, OrganizationID: f.org, SubscriptionID: sub.ID,
		SubscriptionRevision: 1, Step: 0, Type: store.FirstPost, CreatedAt: m.CreatedAt, ExpiresAt: m.ExpiresAt, Body: m.Body,
	})
	f.claimNone("what is leased")
}

func claimSending(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	want := f.attempts(sub.ID)[0]
	f.claimOne()
	want.Status = store.Sending
	f.equal("attempt", f.attempts(sub.ID)[0], want)
}

func claimOrder(f *fixture) {
	e, _ := f.scene()
	// The order in which they were published is not that in which they are due.
	var messages []store.NewMessage
	for _, minutes := range []int{3, 1, 4, 2, 5} {
		messages = append(messages, f.newMessageAt(e, f.at(-time.Duration(minutes)*time.Minute)))
	}
	f.publish(messages...)
	want := []uuid.UUID{messages[4].ID, messages[2].ID, messages[0].ID, messages[3].ID, messages[1].ID}
	first := f.claim(3)
	f.sameIDs("first three", messagesOf(first), want[:3])
	// One that is given back is due when it says, not when it was published.
	f.deferTo(f.at(-90*time.Second), first[0])
	f.sameIDs("the rest", messagesOf(f.claim(10)), []uuid.UUID{messages[3].ID, messages[4].ID, messages[1].ID})
}

func messagesOf(jobs []store.Job) []uuid.UUID {
	return idsOf(jobs, func(j store.Job) uuid.UUID { return j.MessageID })
}

func claimMax(f *fixture) {
	e, _ := f.scene()
	f.publishN(e, 5)
	f.equal("of none", len(f.claim(0)), 0)
	f.equal("of two", len(f.claim(2)), 2)
	f.equal("of the rest", len(f.claim(100)), 3)
	f.claimNone("nothing is left")
}

func claimNotDue(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessageAt(e, f.at(time.Hour)), f.newMessage(e))
	job := f.claimOne()
	f.deferTo(f.at(time.Hour), job)
	f.claimNone("deferred")
}

func claimRevision(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	f.update(sub.ID, func(s *store.Subscription) { s.PostURI = "https://example.com/new" })
	f.equal("revision", f.claimOne().SubscriptionRevision, int64(2))
}

func claimAnySubscription(f *fixture) {
	e, sub := f.scene()
	deleted := f.subscribe(only(e))
	f.publish(f.newMessage(e))
	jobs := f.claim(2)
	f.setArchived(sub.ID, true)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, deleted.ID, f.now, nil))
	f.deferTo(f.now, jobs...) // what was being sent is not cancelled, so it comes back
	f.equal("claimed", len(f.claim(10)), 2)
}

func claimExpired(f *fixture) {
	e, _ := f.scene()
	m := f.newMessage(e)
	m.ExpiresAt = f.at(-time.Hour)
	f.publish(m)
	f.equal("expires at", f.claimOne().ExpiresAt, m.ExpiresAt)
}

func claimOrganizations(f *fixture) {
	e, _ := f.scene()
	other := f.newSubscription(only(e))
	other.OrganizationID = uuid.New()
	f.create(other)
	m := f.newMessage(e)
	m.OrganizationID = other.OrganizationID
	f.publish(m, f.newMessage(e))
	f.equal("claimed", len(f.claim(10)), 2)
}

func claimExclusive(f *fixture) {
	const n = 120
	e, sub := f.scene()
	f.publishN(e, n)
	var mu sync.Mutex
	claimed := map[uuid.UUID]int{}
	f.together(8, func(int) error {
		for range n { // a round each would do
			jobs, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 7, Lease: time.Hour})
			if len(jobs) == 0 {
				return err
			}
			mu.Lock()
			for _, j := range jobs {
				claimed[j.AttemptID]++
			}
			mu.Unlock()
		}
		return nil
	})
	for _, j := range f.claim(n) { // a claim may pass over what another one is about to take
		claimed[j.AttemptID]++
	}
	for _, a := range f.attempts(sub.ID) {
		f.equal("times claimed", claimed[a.ID], 1)
	}
	f.equal("claimed attempts", len(claimed), n)
}
