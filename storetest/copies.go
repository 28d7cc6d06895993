package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var copyCases = []testCase{
	{"OfTheCatalogIn", copyCatalogIn},
	{"OfTheCatalogOut", copyCatalogOut},
	{"OfSubscriptionsIn", copySubscriptionsIn},
	{"OfSubscriptionsOut", copySubscriptionsOut},
	{"OfWhatChangeIsGiven", copyChange},
	{"OfSecrets", copySecrets},
	{"OfMessagesIn", copyMessagesIn},
	{"OfAddedAttempts", copyAddedAttempts},
	{"OfReports", copyReports},
	{"OfHistory", copyHistory},
}

// spoil overwrites bytes that belong to the test.
func spoil(all ...[]byte) {
	for _, b := range all {
		for i := range b {
			b[i] = '!'
		}
	}
}

func spoilSubscription(s store.Subscription) {
	for i := range s.Selectors {
		s.Selectors[i] = like("spoilt")
	}
	for i := range s.RetrySchedule {
		s.RetrySchedule[i] = 0
	}
	for i, c := range s.Filter {
		spoil(c.Value)
		s.Filter[i].Op = "spoilt"
	}
	for k := range s.Headers {
		s.Headers[k] = "spoilt"
	}
	if s.Headers != nil {
		s.Headers["X-Spoilt"] = ""
	}
}

// ofOne is a condition that the fixture's messages meet.
func ofOne() store.Condition { return where("/n", store.OpEqual, "1") }

// unspoilt is the subscription to the event type, with that condition, as it was
// made.
func (f *fixture) unspoilt(s store.Subscription, e store.EventType) store.Subscription {
	s = f.restored(s, e)
	s.Filter = store.Filter{ofOne()}
	return s
}

func copyCatalogIn(f *fixture) {
	c := f.addCategory("vitals")
	e := f.newEventType(c, "a", "v1")
	f.check(f.s.CreateEventType(f.ctx, e))
	s := f.newSample(e, "v1")
	f.check(f.s.CreateSample(f.ctx, s))
	seed := f.newSeed("1")
	f.apply(seed, true)
	spoil(e.Schema, s.Payload, seed.EventTypes[0].Schema, seed.Samples[0].Payload)
	f.equal("schema", string(f.eventType(e.ID).Schema), `{"type": "object"}`)
	f.equal("payload", string(f.sample(e, "v1").Payload), `{"z":1.0,"a":2}`)
	seeded := seed.EventTypes[0]
	f.equal("seeded schema", string(f.eventType(seeded.ID).Schema), `{"type": "object"}`)
	f.equal("seeded payload", string(f.sample(seeded, "v1").Payload), `{"z":1.0,"a":2}`)
}

func copyCatalogOut(f *fixture) {
	e := f.addEvent()
	f.addSample(e, "v1")
	list := must(f.s.EventTypes(f.ctx, uuid.Nil, store.IncludeArchived, store.Page{Take: 1}))(f.t)
	historic := must(f.s.HistoricEventTypes(f.ctx, []uuid.UUID{e.ID}))(f.t)
	byCode := must(f.s.EventTypeByCode(f.ctx, nil, e.Code, e.Version))(f.t)
	spoil(f.eventType(e.ID).Schema, list.Items[0].Schema, historic[e.ID].Schema, byCode.Schema)
	f.equal("schema", string(f.eventType(e.ID).Schema), `{"type": "object"}`)
	spoil(f.sample(e, "v1").Payload, must(f.s.Samples(f.ctx, e.ID, all))(f.t).Items[0].Payload)
	f.equal("payload", string(f.sample(e, "v1").Payload), `{"z":1.0,"a":2}`)
}

func copySubscriptionsIn(f *fixture) {
	e := f.addEvent()
	sub := f.newSubscription(only(e))
	sub.Filter = store.Filter{ofOne()}
	secret := f.newSecret(sub, f.now)
	key := string(secret.Key)
	f.check(f.s.CreateSubscription(f.ctx, sub, secret))
	want := f.subscription(sub.ID)
	spoilSubscription(sub)
	spoil(secret.Key)
	f.equal("subscription", f.subscription(sub.ID), f.unspoilt(want, e))
	f.equal("key", string(must(f.s.SecretAt(f.ctx, f.org, sub.ID, f.now))(f.t).Key), key)
	f.sameIDs("matched", f.matched(e), []uuid.UUID{sub.ID})
}

func copySubscriptionsOut(f *fixture) {
	e := f.addEvent()
	sub := f.filtered(e, ofOne())
	want := f.unspoilt(sub, e)
	q := store.SubscriptionQuery{Page: store.Page{Take: 1}}
	spoilSubscription(f.subscription(sub.ID))
	spoilSubscription(must(f.s.Subscriptions(f.ctx, f.org, q))(f.t).Items[0])
	spoilSubscription(must(f.s.Subscribers(f.ctx, []string{e.ID.String()}, nil, all))(f.t).Items[0])
	target := f.target(sub.ID)
	spoilSubscription(target.Subscription)
	spoil(target.Secrets[0].Key)
	f.check(f.s.DeleteSubscription(f.ctx, f.org, f.subscribe(only(e)).ID, f.now, func(s store.Subscription) error {
		spoilSubscription(s)
		return nil
	}))
	f.equal("subscription", f.subscription(sub.ID), want)
	f.equal("subscribers", must(f.s.Subscribers(f.ctx, []string{e.ID.String()}, nil, all))(f.t).Items, []store.Subscription{want})
}

func copyChange(f *fixture) {
	e := f.addEvent()
	sub := f.filtered(e, ofOne())
	var held *store.Subscription
	var heldEvent *store.EventType
	returned := must(f.s.UpdateSubscription(f.ctx, f.org, sub.ID, f.now, func(s *store.Subscription) error {
		s.Headers = map[string]string{"X-New": "1"}
		held = s
		return nil
	}))(f.t)
	must(f.s.UpdateEventType(f.ctx, e.ID, func(e *store.EventType) error {
		e.Schema = []byte("true")
		heldEvent = e
		return nil
	}))(f.t)
	spoilSubscription(*held)
	spoilSubscription(returned)
	spoil(heldEvent.Schema)
	want := f.unspoilt(sub, e)
	want.Headers, want.Revision = map[string]string{"X-New": "1"}, 2
	f.equal("subscription", f.subscription(sub.ID), want)
	f.equal("schema", string(f.eventType(e.ID).Schema), "true")
}

func copySecrets(f *fixture) {
	e := f.addEvent()
	sub := f.filtered(e, ofOne())
	secret := f.newSecret(sub, f.at(time.Second))
	want := string(secret.Key)
	f.check(f.s.AddSecret(f.ctx, f.org, sub.ID, func(s store.Subscription, current store.Secret) (store.Secret, error) {
		spoilSubscription(s)
		spoil(current.Key)
		return secret, nil
	}))
	read := func() []store.Secret {
		f.t.Helper()
		return must(f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{Take: 10}))(f.t).Items
	}
	spoil(secret.Key, read()[1].Key, must(f.s.SecretAt(f.ctx, f.org, sub.ID, f.at(time.Second)))(f.t).Key)
	f.equal("key", string(read()[1].Key), want)
	if string(read()[0].Key[:3]) == "!!!" {
		f.t.Fatal("next changed the former secret")
	}
	owner := f.unspoilt(sub, e)
	owner.Revision = 2
	f.equal("subscription", f.subscription(sub.ID), owner)
}

func copyMessagesIn(f *fixture) {
	e, sub := f.scene()
	m := f.keyed(e, "key", "content")
	body, source := string(m.Body), string(m.Source)
	f.publish(m)
	spoil(m.Body, m.Source, m.Fingerprint)
	got := must(f.s.Message(f.ctx, f.org, m.ID))(f.t)
	f.equal("body", string(got.Body), body)
	f.equal("source", string(got.Source), source)
	f.equal("duplicate", f.publish(f.keyed(e, "key", "content"))[0].Duplicate, true)
	job := f.claimOne()
	f.equal("job", string(job.Body), body)
	outcome := f.failure(job.Lease, f.later())
	f.record(outcome)
	spoil(outcome.Response)
	f.equal("response", string(f.attempt(sub.ID, job.AttemptID).Response), "busy")
}

func copyAddedAttempts(f *fixture) {
	e, sub := f.scene()
	post := f.newPost(e)
	body, source := string(post.Message.Body), string(post.Message.Source)
	a := f.add(sub.ID, post)
	spoil(post.Message.Body, post.Message.Source, a.Body, a.Source)
	post.Message.Type = "spoilt"
	got := must(f.s.Message(f.ctx, f.org, a.MessageID))(f.t)
	f.equal("type", got.Type, e.Code)
	f.equal("body", string(got.Body), body)
	f.equal("source", string(f.attempt(sub.ID, a.ID).Source), source)
	f.equal("job", string(f.claimOne().Body), body)
}

func copyReports(f *fixture) {
	e, sub := f.scene()
	a := f.add(sub.ID, f.newPost(e))
	body := string(a.Body)
	r := f.newReport(store.Failed)
	reported := must(f.s.Report(f.ctx, f.org, sub.ID, a.ID, func(seen store.Attempt) (*store.Report, error) {
		spoil(seen.Body, seen.Source)
		return r, nil
	}))(f.t)
	spoil(r.Response, reported.Response, reported.Body)
	spoil(f.deliveriesOf(a.MessageID).Items[0].Response)
	again := must(f.s.Report(f.ctx, f.org, sub.ID, a.ID, func(seen store.Attempt) (*store.Report, error) {
		spoil(seen.Response)
		return nil, nil
	}))(f.t)
	spoil(again.Response)
	got := f.attempt(sub.ID, a.ID)
	f.equal("response", string(got.Response), "bad gateway")
	f.equal("body", string(got.Body), body)
}

func copyHistory(f *fixture) {
	e, sub := f.scene()
	m := f.newMessage(e)
	body := string(m.Body)
	f.publish(m)
	job := f.claimOne()
	f.record(f.failure(job.Lease, nil))
	message := must(f.s.Message(f.ctx, f.org, m.ID))(f.t)
	spoil(message.Body, message.Source)
	list := must(f.s.Deliveries(f.ctx, f.history(sub.ID)))(f.t).Items
	for _, a := range []store.Attempt{
		f.attempt(sub.ID, job.AttemptID), f.attempts(sub.ID)[0], f.chain(job)[0], f.delivery(job).Attempt, list[0].Attempt, f.retry(job),
	} {
		spoil(a.Body, a.Source, a.Response)
	}
	got := f.attempt(sub.ID, job.AttemptID)
	f.equal("body", string(got.Body), body)
	f.equal("source", string(got.Source), `{"raw":true}`)
	f.equal("response", string(got.Response), "busy")
	f.equal("message body", string(must(f.s.Message(f.ctx, f.org, m.ID))(f.t).Body), body)
	f.equal("job", string(f.claimOne().Body), body)
}
