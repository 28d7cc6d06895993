package storetest

import (
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var messageCases = []testCase{
	{"ListsWhatWasPublished", messageList},
	{"LeavesOutWhatWasMadeForOneSubscription", messageOfSubscription},
	{"TallyCountsDeliveriesByStatus", messageTally},
	{"TallyCountsAChainOnce", messageTallyChains},
	{"DeliveriesAreThoseOfAllSubscriptions", messageDeliveries},
	{"DeliveriesBeginWithTheMessage", messageDeliveriesBegin},
	{"DeliveriesOfAnUnknownMessageAreNotFound", messageDeliveriesNotFound},
}

func (f *fixture) messages() store.List[store.MessageSummary] {
	f.t.Helper()
	return must(f.s.Messages(f.ctx, f.org, store.Page{Take: 1000}))(f.t)
}

// deliveriesOf lists the deliveries of a message.
func (f *fixture) deliveriesOf(message uuid.UUID) store.List[store.Delivery] {
	f.t.Helper()
	return must(f.s.MessageDeliveries(f.ctx, f.org, message, nil, store.Page{Take: 1000}))(f.t)
}

// bare is a delivery as it is listed with its message.
func bare(d store.Delivery) store.Delivery {
	d.Body, d.Source = nil, nil
	return d
}

func messageList(f *fixture) {
	e, sub := f.scene()
	messages := []store.NewMessage{f.keyed(e, "key", "content"), f.newMessage(e), f.newMessage(e)}
	f.publish(messages[2], messages[0])
	f.publish(messages[1], f.keyed(e, "key", "content")) // the last one is a duplicate
	f.update(sub.ID, func(s *store.Subscription) { s.Selectors = nil })
	alone := f.newMessage(e)
	f.publish(alone)
	theirs := f.newMessage(e)
	theirs.OrganizationID = uuid.New()
	f.publish(theirs)
	var want []store.MessageSummary
	for _, m := range append(messages, alone) {
		m.Body, m.Source = nil, nil
		want = append(want, store.MessageSummary{Message: m.Message, Deliveries: store.Tally{Total: 1, Pending: 1}})
	}
	want[3].Deliveries = store.Tally{}
	f.equal("messages", f.messages(), store.List[store.MessageSummary]{Items: want, Total: 4})
}

func messageOfSubscription(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newPost(e))
	f.equal("messages", f.messages().Total, 0)
	got := f.deliveriesOf(a.MessageID)
	f.equal("deliveries", got.Items, []store.Delivery{bare(f.delivery(jobOf(a)))})
}

func messageTally(f *fixture) {
	e := f.addEvent()
	for range 7 {
		f.subscribe(only(e))
	}
	f.publish(f.newMessage(e))
	jobs := f.claim(10)
	f.record(
		f.success(jobs[0].Lease), f.success(jobs[1].Lease), f.failure(jobs[2].Lease, nil), f.cancellation(jobs[3].Lease),
		f.failure(jobs[4].Lease, f.later()),
	)
	f.deferTo(f.now, jobs[5])
	want := store.Tally{Total: 7, Pending: 3, Succeeded: 2, Failed: 1, Cancelled: 1}
	message := f.messages().Items[0]
	f.equal("tally", message.Deliveries, want)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, jobs[0].SubscriptionID, f.now, nil))
	f.equal("tally after a deletion", f.messages().Items[0].Deliveries, want)
	f.equal("tally of the message alone", must(f.s.MessageTally(f.ctx, f.org, message.ID))(f.t), want)
}

func messageTallyChains(f *fixture) {
	e, sub := f.scene()
	other := f.newMessage(e)
	job := f.queue(e)
	f.record(f.failure(job.Lease, f.next()))
	f.record(f.failure(f.claimOne().Lease, nil))
	f.add(sub.ID, f.joining(job.AttemptID, e))
	f.record(f.success(f.claimOne().Lease))
	f.publish(other)
	got := f.messages()
	tallies := map[uuid.UUID]store.Tally{}
	for _, m := range got.Items {
		tallies[m.ID] = m.Deliveries
	}
	f.equal("number of messages", len(tallies), 2)
	f.equal("tally", tallies[job.MessageID], store.Tally{Total: 1, Succeeded: 1})
	f.equal("tally of the other", tallies[other.ID], store.Tally{Total: 1, Pending: 1})
}

func messageDeliveries(f *fixture) {
	e := f.addEvent()
	subs := []store.Subscription{f.subscribe(only(e)), f.subscribe(like("*")), f.subscribe(only(e)), f.subscribe(only(e))}
	m, opts := f.newMessage(e), f.options()
	ids := []uuid.UUID{f.id(), f.id(), f.id(), f.id()}
	opts.NewID = func() uuid.UUID { // the newest first
		last := len(ids) - 1
		id := ids[last]
		ids = ids[:last]
		return id
	}
	must(f.s.Publish(f.ctx, nil, []store.NewMessage{m}, opts))(f.t)
	jobs := f.claim(10)
	f.record(f.success(jobs[0].Lease), f.failure(jobs[1].Lease, f.later()), f.failure(jobs[2].Lease, nil))
	f.publish(f.newMessage(e)) // its deliveries must not be in the list
	var want []store.Delivery
	for _, s := range subs {
		q := f.history(s.ID)
		q.Take = 1
		want = append(want, bare(must(f.s.Deliveries(f.ctx, q))(f.t).Items[0]))
	}
	f.setArchived(subs[0].ID, true)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, jobs[2].SubscriptionID, f.now, nil))
	sortByID(want, func(d store.Delivery) uuid.UUID { return d.ID })
	f.equal("deliveries", f.deliveriesOf(m.ID), store.List[store.Delivery]{Items: want, Total: 4})
	some := []uuid.UUID{want[1].SubscriptionID, want[3].SubscriptionID, f.id()}
	got := must(f.s.MessageDeliveries(f.ctx, f.org, m.ID, some, store.Page{Take: 9}))(f.t)
	f.equal("deliveries to some", got, store.List[store.Delivery]{Items: []store.Delivery{want[1], want[3]}, Total: 2})
	got = must(f.s.MessageDeliveries(f.ctx, f.org, m.ID, []uuid.UUID{}, store.Page{Take: 9}))(f.t)
	f.equal("deliveries to none", got.Total, 0)
}

func messageDeliveriesBegin(f *fixture) {
	e, sub := f.scene()
	job := f.queue(e)
	f.record(f.failure(job.Lease, nil))
	joined := f.add(sub.ID, f.joining(job.AttemptID, e))
	f.equal("deliveries of the first", f.deliveriesOf(job.MessageID).Items, []store.Delivery{bare(f.delivery(job))})
	got := f.deliveriesOf(joined.MessageID)
	f.equal("deliveries of one that joined", len(got.Items), 0)
	f.equal("total", got.Total, 0)
	unseen := f.newMessage(f.addEventType(f.categoryOf(e), "other", "v1"))
	f.publish(unseen)
	f.equal("deliveries of one that nobody got", f.deliveriesOf(unseen.ID).Total, 0)
	f.equal("their tally", must(f.s.MessageTally(f.ctx, f.org, unseen.ID))(f.t), store.Tally{})
}

func messageDeliveriesNotFound(f *fixture) {
	_, err := f.s.MessageDeliveries(f.ctx, f.org, f.id(), nil, store.Page{Take: 1})
	f.notFound("MessageDeliveries", err)
	_, err = f.s.MessageTally(f.ctx, f.org, f.id())
	f.notFound("MessageTally", err)
}
