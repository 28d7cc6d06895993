package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var attemptCases = []testCase{
	{"StatusFilter", attemptStatusFilter},
	{"ClassAndTimeFilter", historyFilter},
	{"EventTypeFilter", attemptEventTypeFilter},
	{"UnknownIsNotFound", attemptNotFound},
	{"OfAnotherSubscriptionIsNotFound", attemptOtherSubscription},
	{"ChainIsInTheOrderOfNumbers", attemptChain},
	{"OutliveTheirEventType", attemptDeletedEventType},
}

// mixture publishes deliveries that end in every possible way. It returns them:
// succeeded, failed, cancelled, being sent, pending again after a failure, pending.
func (f *fixture) mixture(e store.EventType) []store.Job {
	f.t.Helper()
	f.publishN(e, 6)
	jobs := f.claim(6)
	f.record(
		f.success(jobs[0].Lease), f.failure(jobs[1].Lease, nil), f.cancellation(jobs[2].Lease),
		f.failure(jobs[4].Lease, f.later()),
	)
	f.deferTo(f.at(time.Hour), jobs[5])
	return jobs
}

func attemptStatusFilter(f *fixture) {
	e, sub := f.scene()
	jobs := f.mixture(e)
	retry := f.chain(jobs[4])[1].ID
	var ids []uuid.UUID
	for _, j := range jobs {
		ids = append(ids, j.AttemptID)
	}
	for filter, want := range map[store.StatusFilter][]uuid.UUID{
		store.AnyStatus:     append(ids[:6:6], retry),
		store.OnlySucceeded: {ids[0]},
		store.OnlyFailed:    {ids[1], ids[4]},
		store.OnlyPending:   {ids[3], ids[5], retry},
	} {
		q := f.history(sub.ID)
		q.Status = filter
		got := must(f.s.Attempts(f.ctx, q))(f.t)
		f.sameIDs("attempts", idsOf(got.Items, func(a store.Attempt) uuid.UUID { return a.ID }), want)
		f.equal("total", got.Total, len(want))
		q.Take, q.Skip, q.Descending = 1, 0, true
		got = must(f.s.Attempts(f.ctx, q))(f.t)
		f.equal("newest", got.Items[0].ID, want[len(want)-1])
		f.equal("total of a page", got.Total, len(want))
	}
}

// historyFilter has a delivery that failed without an answer and then with a 404, and one that succeeded
// at once. The second delivery was created an hour earlier.
func historyFilter(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	unanswered := f.failure(job.Lease, f.next())
	unanswered.HTTPStatus, unanswered.Response = 0, nil
	f.record(unanswered)
	notFound := f.failure(f.claimOne().Lease, nil)
	notFound.HTTPStatus = 404
	f.record(notFound)
	f.now = f.now.Add(-time.Hour)
	f.publish(f.newMessage(e))
	f.now = f.now.Add(time.Hour)
	f.record(f.success(f.claimOne().Lease))
	for name, c := range map[string]struct {
		choose               func(q *store.HistoryQuery)
		attempts, deliveries int
	}{
		"NoResponse": {func(q *store.HistoryQuery) { q.Class = store.NoResponse }, 1, 0},
		"2xx":        {func(q *store.HistoryQuery) { q.Class = store.Class2xx }, 1, 1},
		"4xx":        {func(q *store.HistoryQuery) { q.Class = store.Class4xx }, 1, 1},
		"5xx":        {func(q *store.HistoryQuery) { q.Class = store.Class5xx }, 0, 0},
		"Since":      {func(q *store.HistoryQuery) { q.Since = f.at(0) }, 2, 1},
		"Until":      {func(q *store.HistoryQuery) { q.Until = f.at(0) }, 1, 1},
		"All": {func(q *store.HistoryQuery) {
			q.Class, q.Status, q.EventTypeID, q.Since, q.Until = store.Class4xx, store.OnlyFailed, e.ID, f.at(-time.Hour), f.at(time.Hour)
		}, 1, 1},
	} {
		q := f.history(sub.ID)
		c.choose(&q)
		for _, q.Take = range []int{1, 100} {
			attempts, deliveries := must(f.s.Attempts(f.ctx, q))(f.t), must(f.s.Deliveries(f.ctx, q))(f.t)
			f.equal(name+": attempts", len(attempts.Items), min(c.attempts, q.Take))
			f.equal(name+": deliveries", len(deliveries.Items), min(c.deliveries, q.Take))
			f.equal(name+": totals", [2]int{attempts.Total, deliveries.Total}, [2]int{c.attempts, c.deliveries})
		}
	}
}

func attemptEventTypeFilter(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	sub := f.subscribe(like("*"))
	f.publish(f.newMessage(e), f.newMessage(other), f.newMessage(e))
	for id, want := range map[uuid.UUID]int{e.ID: 2, other.ID: 1, uuid.Nil: 3, f.id(): 0} {
		q := f.history(sub.ID)
		q.EventTypeID = id
		got := must(f.s.Attempts(f.ctx, q))(f.t)
		f.equal("attempts", len(got.Items), want)
		f.equal("total", got.Total, want)
		for _, a := range got.Items {
			if id != uuid.Nil {
				f.equal("event type", a.EventTypeID, id)
			}
		}
	}
}

func attemptNotFound(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	id := f.id()
	f.historyNotFound(f.org, store.Job{Lease: store.Lease{AttemptID: id}, DeliveryID: id, SubscriptionID: f.id()})
	_, err := f.s.Attempt(f.ctx, f.org, sub.ID, id)
	f.notFound("Attempt", err)
	_, err = f.s.Chain(f.ctx, f.org, sub.ID, id, 0)
	f.notFound("Chain", err)
	_, err = f.s.Delivery(f.ctx, f.org, sub.ID, id)
	f.notFound("Delivery", err)
	_, err = f.s.Attempts(f.ctx, store.HistoryQuery{OrganizationID: f.org})
	f.notFound("Attempts without a subscription", err)
	_, err = f.s.Deliveries(f.ctx, store.HistoryQuery{SubscriptionID: sub.ID})
	f.notFound("Deliveries without an organization", err)
}

func attemptOtherSubscription(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	other := f.subscribe(only(e))
	f.equal("attempts of the other", len(f.attempts(other.ID)), 0)
	_, err := f.s.Attempt(f.ctx, f.org, other.ID, job.AttemptID)
	f.notFound("Attempt", err)
	_, err = f.s.Chain(f.ctx, f.org, other.ID, job.DeliveryID, 0)
	f.notFound("Chain", err)
	_, err = f.s.Delivery(f.ctx, f.org, other.ID, job.DeliveryID)
	f.notFound("Delivery", err)
	f.equal("attempts", len(f.attempts(sub.ID)), 1)
}

func attemptChain(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.publish(f.newMessage(e)) // another chain, which is not to be seen
	f.record(f.failure(job.Lease, f.later()))
	for range 3 {
		f.retry(job)
	}
	chain := f.chain(job)
	f.equal("length", len(chain), 5)
	for i, a := range chain {
		f.equal("number", a.Number, i+1)
		f.equal("delivery", a.DeliveryID, job.DeliveryID)
		f.equal("attempt", a, f.attempt(sub.ID, a.ID))
	}
	// A chain is named by its first attempt only.
	_, err := f.s.Chain(f.ctx, f.org, sub.ID, chain[1].ID, 0)
	f.notFound("Chain of a later attempt", err)
	_, err = f.s.Delivery(f.ctx, f.org, sub.ID, chain[1].ID)
	f.notFound("Delivery of a later attempt", err)
}

func attemptDeletedEventType(f *fixture) {
	e := f.addEvent()
	sub := f.subscribe(like("*"))
	job := f.queue(e)
	want := f.attempts(sub.ID)
	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	f.equal("attempts", f.attempts(sub.ID), want)
	q := f.history(sub.ID)
	q.EventTypeID = e.ID
	f.equal("by event type", must(f.s.Attempts(f.ctx, q))(f.t).Items, want)
	f.record(f.failure(job.Lease, f.next())) // queued attempts are still sent
	f.record(f.success(f.claimOne().Lease))
}
