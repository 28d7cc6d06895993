package storetest

import (
	"slices"
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
	{"AttemptOfAPublisherWhoseClockIsWrongIsDueAtOnce", claimSkewed},
	{"SinceSkipsAttemptsThatWereDueBefore", claimSince},
	{"UntilSkipsAttemptsThatWereDueThenOrLater", claimUntil},
	{"SkipsSubscriptionsAndOrganizations", claimSkip},
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
		SubscriptionRevision: 1, Step: 0, Type: store.FirstPost, CreatedAt: m.CreatedAt, DueAt: job.DueAt, ExpiresAt: m.ExpiresAt, Body: m.Body,
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
	f.publishN(e, 5)
	// They are due again in another order than that of their ids.
	jobs, now, want := f.claim(5), time.Now(), make([]uuid.UUID, 5)
	var deferrals []store.Deferral // in one call: each counts from the store's clock at the call
	for i, place := range []int{2, 0, 3, 1, 4} {
		deferrals = append(deferrals, store.Deferral{Lease: jobs[i].Lease, DueAt: now.Add(time.Duration(20*(place+1)) * time.Millisecond)})
		want[place] = jobs[i].MessageID
	}
	f.sameIDs("lost", must(f.s.Defer(f.ctx, deferrals))(f.t), nil)
	var again []store.Job
	f.eventually("they are due", func() bool {
		again = append(again, f.claim(1)...)
		return len(again) == 5
	})
	f.sameIDs("claimed", messagesOf(again), want)
	f.equal("sorted by when they became due", slices.IsSortedFunc(again, func(a, b store.Job) int { return a.DueAt.Compare(b.DueAt) }), true)
}

// The time at which a message was created, by the clock of the process that published it,
// says nothing about when its attempts are due.
func claimSkewed(f *fixture) {
	e, _ := f.scene()
	for _, skew := range []time.Duration{20 * time.Second, time.Hour, -20 * time.Second, -time.Hour} {
		before := f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour})
		f.equal("before", len(before), 0)
		_, from, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 1, Lease: time.Hour})
		f.check(err)
		m := f.newMessageAt(e, time.Now().Add(skew))
		m.ExpiresAt = m.CreatedAt.Add(time.Hour)
		f.publish(m)
		job := f.claimOne()
		if job.DueAt.Before(from) {
			f.t.Errorf("created %v from now: it became due at %v, before it was published, after %v", skew, job.DueAt, from)
		}
		f.record(f.success(job.Lease))
	}
}

func claimSince(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessage(e))
	job := f.claimOne()
	f.deferTo(f.now, job)
	_, at, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 0, Lease: time.Hour})
	f.check(err)
	f.equal("due before", len(f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour, Since: at.Add(time.Millisecond)})), 0)
	again := f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour, Since: job.DueAt})
	f.equal("due since", len(again), 1)
	f.deferTo(f.now, again...)
	third := f.claimOne()
	f.deferTo(f.now, third)
	f.equal("due since then", len(f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour, Since: third.DueAt})), 1)
}

func claimUntil(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessage(e))
	job := f.claimOne()
	f.deferTo(f.now, job)
	f.equal("due before it was put back", len(f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour, Until: job.DueAt})), 0)
	_, at, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 0, Lease: time.Hour})
	f.check(err)
	f.equal("due until now", len(f.claimWith(store.ClaimOptions{Max: 10, Lease: time.Hour, Until: at.Add(time.Millisecond)})), 1)
}

func claimSkip(f *fixture) {
	e, a := f.scene()
	b := f.subscribe(only(e))
	c := f.newSubscription(only(e))
	c.OrganizationID = uuid.New()
	f.create(c)
	theirs := f.newMessage(e)
	theirs.OrganizationID = c.OrganizationID
	f.publish(f.newMessage(e), theirs)
	claim := func(subscriptions, organizations []uuid.UUID) (found []uuid.UUID) {
		opts := store.ClaimOptions{Max: 10, Lease: time.Hour, SkipSubscriptions: subscriptions, SkipOrganizations: organizations}
		for _, j := range f.claimWith(opts) {
			found = append(found, j.SubscriptionID)
		}
		return found
	}
	found := claim([]uuid.UUID{a.ID, f.id()}, []uuid.UUID{f.id(), c.OrganizationID})
	f.sameIDs("a subscription and an organization skipped", found, []uuid.UUID{b.ID})
	f.sameIDs("an organization skipped", claim(nil, []uuid.UUID{f.org}), []uuid.UUID{c.ID})
	f.sameIDs("ids of the other kind skipped", claim([]uuid.UUID{f.org}, []uuid.UUID{a.ID}), []uuid.UUID{a.ID})
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
	f.publish(f.newMessage(e))
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
	f.deferTo(f.now, jobs...) // attempts that were being sent are not cancelled, so they come back
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
			jobs, _, err := f.s.Claim(f.ctx, store.ClaimOptions{Max: 7, Lease: time.Hour})
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
	for _, j := range f.claim(n) { // a claim may skip attempts that another claim is about to take
		claimed[j.AttemptID]++
	}
	for _, a := range f.attempts(sub.ID) {
		f.equal("times claimed", claimed[a.ID], 1)
	}
	f.equal("claimed attempts", len(claimed), n)
}
