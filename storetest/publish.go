package storetest

import (
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var publishCases = []testCase{
	{"StoresTheMessage", publishStoresMessage},
	{"AddsAPendingAttemptForEachSubscription", publishFansOut},
	{"WithoutSubscriptionsKeepsTheMessage", publishNoSubscriptions},
	{"ResultsAreInTheOrderOfTheMessages", publishOrder},
	{"OfNothingDoesNothing", publishNothing},
	{"IsAllOrNothing", publishAtomic},
	{"LaterSubscriptionsGetNothing", publishLaterSubscription},
	{"UnknownMessageIsNotFound", publishMessageNotFound},
}

func publishStoresMessage(f *fixture) {
	e := f.addEvent()
	m := f.newMessage(e)
	f.publish(m)
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)

	m = f.newMessage(e)
	m.Source, m.OrderingKey, m.CreatedBy = nil, "", ""
	f.publish(m)
	f.equal("message without extras", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
}

func publishFansOut(f *fixture) {
	e := f.addEvent()
	subs := []store.Subscription{f.subscribe(only(e)), f.subscribe(like("*"))}
	m := f.newMessage(e)
	got := f.publish(m)
	f.equal("result", got, []store.Published{{MessageID: m.ID, Deliveries: 2}})
	for _, sub := range subs {
		attempts := f.attempts(sub.ID)
		f.equal("number of attempts", len(attempts), 1)
		id := attempts[0].ID
		f.equal("attempt", attempts[0], store.Attempt{
			ID: id, DeliveryID: id, MessageID: m.ID, OrganizationID: f.org, SubscriptionID: sub.ID, EventTypeID: e.ID,
			Number: 1, Type: store.FirstPost, Status: store.Pending,
			Audit: store.Audit{CreatedAt: m.CreatedAt, CreatedBy: "bob", UpdatedAt: m.CreatedAt, UpdatedBy: "bob"},
			Body:  m.Body, Source: m.Source,
		})
	}
}

func publishNoSubscriptions(f *fixture) {
	m := f.newMessage(f.addEvent())
	f.equal("result", f.publish(m), []store.Published{{MessageID: m.ID}})
	f.equal("message", must(f.s.Message(f.ctx, f.org, m.ID))(f.t), m.Message)
	f.claimNone("without subscriptions")
}

func publishOrder(f *fixture) {
	e, _ := f.scene()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	var messages []store.NewMessage
	var want []store.Published
	for i := range 6 {
		m, deliveries := f.newMessage(e), 1
		if i%2 == 0 {
			m, deliveries = f.newMessage(other), 0
		}
		messages = append(messages, m)
		want = append(want, store.Published{MessageID: m.ID, Deliveries: deliveries})
	}
	f.equal("results", f.publish(messages...), want)
}

func publishNothing(f *fixture) {
	f.scene()
	f.publish()
	f.claimNone("after nothing was published")
}

func publishAtomic(f *fixture) {
	e, sub := f.scene()
	existing := f.newMessage(e)
	f.publish(existing)
	for name, second := range map[string]func(*store.NewMessage, *store.PublishOptions){
		"message id used before": func(m *store.NewMessage, _ *store.PublishOptions) { m.ID = existing.ID },
		"attempt id used twice": func(_ *store.NewMessage, o *store.PublishOptions) {
			id := f.id()
			o.NewID = func() uuid.UUID { return id }
		},
	} {
		a, b, opts := f.newMessage(e), f.keyed(e, "key", "content"), f.options()
		second(&b, &opts)
		if _, err := f.s.Publish(f.ctx, nil, []store.NewMessage{a, b}, opts); err == nil {
			f.t.Fatalf("%s: no error", name)
		}
		_, err := f.s.Message(f.ctx, f.org, a.ID)
		f.notFound(name, err)
		f.equal(name+", attempts", len(f.attempts(sub.ID)), 1)
	}
	f.equal("duplicate", f.publish(f.keyed(e, "key", "other"))[0].Duplicate, false)
}

func publishLaterSubscription(f *fixture) {
	e := f.addEvent()
	f.publish(f.newMessage(e))
	sub := f.subscribe(only(e))
	f.equal("attempts", len(f.attempts(sub.ID)), 0)
}

func publishMessageNotFound(f *fixture) {
	_, err := f.s.Message(f.ctx, f.org, f.id())
	f.notFound("Message", err)
}
