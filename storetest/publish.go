package storetest

import (
	"context"
	"time"

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
	{"NeedsNoSecondConnection", publishOneConnection},
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

// The transaction holds the only connection. A method that asks for a second one does
// not return before its context ends.
func publishOneConnection(f *fixture) {
	if f.oneConnection == nil {
		f.t.Skip("the suite was given no store with one connection: see OneConnection")
	}
	f.s = f.oneConnection(f.t)
	ctx, cancel := context.WithTimeout(f.ctx, 20*time.Second)
	defer cancel()
	f.ctx = ctx
	e, sub := f.scene()
	ordered := f.newSubscription(like("*"))
	ordered.Ordered = true
	f.create(ordered)
	f.publish(f.keyed(e, "used", "content"))
	for _, commit := range []bool{false, true} {
		tx := f.begin()
		f.equal("event type", must(f.s.EventTypeByCode(f.ctx, tx, e.Code, e.Version))(f.t), e)
		_, err := f.s.EventTypeByCode(f.ctx, tx, e.Code, "v2")
		f.notFound("EventTypeByCode", err)
		many := make([]store.NewMessage, 300)
		for i := range many {
			many[i] = f.newMessage(e)
		}
		f.publishTx(tx, many...)
		f.publishTx(tx, f.keyed(e, "fresh", "content"), f.keyed(e, "used", "content"))
		_, err = f.s.Publish(f.ctx, tx, []store.NewMessage{f.keyed(e, "new", "1"), f.keyed(e, "used", "other")}, f.options())
		f.mismatch(err, 1)
		if !commit {
			f.check(tx.Rollback())
			continue
		}
		f.check(tx.Commit())
		f.equal("messages", must(f.s.Messages(f.ctx, f.org, store.Page{Take: 1}))(f.t).Total, 302)
		f.equal("attempts", len(f.attempts(sub.ID)), 302)
	}
}
