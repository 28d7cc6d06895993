package storetest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var deliveryCases = []testCase{
	{"IsTheFirstAttemptWithTheLatestOutcome", deliveryLatest},
	{"StatusFilterLooksAtTheChain", deliveryStatusFilter},
	{"EventTypeFilter", deliveryEventTypeFilter},
	{"ReadAsTheyAreListed", deliveryReadAsListed},
	{"RecentOnesAreSummarized", deliveryRecent},
}

// latest is a delivery as its contract describes it.
func latest(chain []store.Attempt) store.Delivery {
	d := store.Delivery{Attempt: chain[0], Attempts: len(chain)}
	d.Duration, d.HTTPStatus, d.Response, d.Error = 0, 0, nil, ""
	d.ResponseHeaders = ""
	d.NextRetryAt = time.Time{}
	pending := false
	for _, a := range chain {
		if !a.Status.Finished() {
			pending = true
			continue
		}
		d.Status, d.Duration, d.HTTPStatus = a.Status, a.Duration, a.HTTPStatus
		d.Response, d.ResponseHeaders, d.Error, d.NextRetryAt = a.Response, a.ResponseHeaders, a.Error, a.NextRetryAt
	}
	if pending {
		d.Status = store.Pending
	}
	return d
}

func deliveryLatest(f *fixture) {
	e, _ := f.scene()
	f.publish(f.newMessage(e))
	job := f.claimOne()
	look := func(when string, status store.Status, attempts int) {
		f.t.Helper()
		got := f.delivery(job)
		f.equal(when, got, latest(f.chain(job)))
		f.equal(when+", status", got.Status, status)
		f.equal(when+", attempts", got.Attempts, attempts)
	}
	look("being sent", store.Pending, 1)
	f.deferTo(f.now, job)
	look("given back", store.Pending, 1)
	job = f.claimOne()
	f.record(f.failure(job.Lease, f.next()))
	look("failed, to be retried", store.Pending, 2)
	second := f.claimOne()
	look("retry being sent", store.Pending, 2)
	failure := f.failure(second.Lease, nil)
	failure.HTTPStatus, failure.Response, failure.Error = 500, nil, "HTTP 500"
	f.record(failure)
	look("failed for good", store.Failed, 2)
	f.equal("outcome", f.delivery(job).HTTPStatus, 500)
	f.retry(job)
	look("to be retried by hand", store.Pending, 3)
	third := f.claimOne()
	f.record(f.success(third.Lease))
	look("succeeded", store.Succeeded, 3)
	f.retry(third)
	f.record(f.cancellation(f.claimOne().Lease))
	look("cancelled", store.Cancelled, 4)
}

func deliveryStatusFilter(f *fixture) {
	e, sub := f.scene()
	jobs := f.mixture(e)
	for filter, want := range map[store.StatusFilter][]int{
		store.AnyStatus:     {0, 1, 2, 3, 4, 5},
		store.OnlySucceeded: {0},
		store.OnlyFailed:    {1},
		store.OnlyPending:   {3, 4, 5},
	} {
		ids := idsOf(want, func(i int) uuid.UUID { return jobs[i].DeliveryID })
		q := f.history(sub.ID)
		q.Status = filter
		got := must(f.s.Deliveries(f.ctx, q))(f.t)
		f.sameIDs("deliveries", idsOf(got.Items, func(d store.Delivery) uuid.UUID { return d.ID }), ids)
		f.equal("total", got.Total, len(want))
		q.Take, q.Descending = 1, true
		got = must(f.s.Deliveries(f.ctx, q))(f.t)
		f.equal("newest", got.Items[0].ID, ids[len(ids)-1])
		f.equal("total of a page", got.Total, len(want))
		q.After = ids[len(ids)-1]
		got = must(f.s.Deliveries(f.ctx, q))(f.t)
		slices.Reverse(ids)
		f.sameIDs("after the newest", idsOf(got.Items, func(d store.Delivery) uuid.UUID { return d.ID }), part(ids, 1, 1))
	}
}

func deliveryEventTypeFilter(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	sub := f.subscribe(like("*"))
	f.publish(f.newMessage(e), f.newMessage(other), f.newMessage(e))
	for id, want := range map[uuid.UUID]int{e.ID: 2, other.ID: 1, uuid.Nil: 3, f.id(): 0} {
		q := f.history(sub.ID)
		q.EventTypeID = id
		got := must(f.s.Deliveries(f.ctx, q))(f.t)
		f.equal("deliveries", len(got.Items), want)
		f.equal("total", got.Total, want)
	}
}

func deliveryReadAsListed(f *fixture) {
	e, sub := f.scene()
	other := f.subscribe(like("*"))
	f.mixtureOfTwo(e)
	for _, s := range []store.Subscription{sub, other} {
		list := must(f.s.Deliveries(f.ctx, f.history(s.ID)))(f.t)
		f.equal("total", list.Total, 3)
		for _, d := range list.Items {
			job := store.Job{DeliveryID: d.ID, OrganizationID: f.org, SubscriptionID: s.ID}
			f.equal("listed", d, f.delivery(job))
			f.equal("by its chain", d, latest(f.chain(job)))
		}
	}
}

func deliveryRecent(f *fixture) {
	e, sub := f.scene()
	silent := f.subscribe()
	recent := func(newest int, want store.Recent) {
		f.t.Helper()
		asked := []uuid.UUID{silent.ID, sub.ID, f.id()}
		got := must(f.s.RecentDeliveries(f.ctx, f.org, asked, newest))(f.t)
		f.equal("recent", got, map[uuid.UUID]store.Recent{sub.ID: want})
		f.equal("of another organization", len(must(f.s.RecentDeliveries(f.ctx, uuid.New(), asked, newest))(f.t)), 0)
	}
	f.equal("before the first", len(must(f.s.RecentDeliveries(f.ctx, f.org, []uuid.UUID{sub.ID}, 9))(f.t)), 0)
	f.publishN(e, 3)
	jobs := f.claim(3)
	recent(9, store.Recent{Deliveries: 3, Pending: 3})
	first := f.success(jobs[0].Lease)
	f.record(first, f.failure(jobs[2].Lease, f.next()))
	recent(9, store.Recent{Deliveries: 3, Pending: 2, LastSuccess: first.PostedAt})
	recent(2, store.Recent{Deliveries: 2, Pending: 2})
	retry := f.success(f.claimOne().Lease) // the outcome of the chain, not the first attempt, is the success
	retry.PostedAt = first.PostedAt.Add(time.Minute)
	f.record(retry, f.failure(jobs[1].Lease, nil))
	recent(9, store.Recent{Deliveries: 3, LastSuccess: retry.PostedAt})
}

// mixtureOfTwo publishes three messages to two subscriptions. Some succeed, some
// fail and are retried, some are left.
func (f *fixture) mixtureOfTwo(e store.EventType) {
	f.t.Helper()
	f.publishN(e, 3)
	for i, j := range f.claim(4) {
		if i%3 == 0 {
			f.record(f.success(j.Lease))
		} else {
			f.record(f.failure(j.Lease, f.later()))
		}
	}
}
