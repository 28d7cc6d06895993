package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var filterCases = []testCase{
	{"ChoosesAmongWhatMatches", filterChooses},
	{"AllConditionsMustHold", filterAll},
	{"AddsNothingToWhatMatches", filterTopics},
	{"WithoutDataMatchesNothing", filterNoData},
	{"OfATx", filterTx},
	{"FollowsTheChangesOfASubscription", filterChanges},
	{"DoesNotHideASubscriber", filterSubscribers},
	{"HandsOffOnlyWhatMatches", filterHandOff},
	{"ReadsBackAsItWas", filterReadsBack},
	{"RateLimitReadsBackAsItWas", rateReadsBack},
}

// where is a condition.
func where(pointer string, op store.Op, value string) store.Condition {
	return store.Condition{Pointer: pointer, Op: op, Value: []byte(value)}
}

// filtered adds a subscription to an event type, with a filter.
func (f *fixture) filtered(e store.EventType, filter ...store.Condition) store.Subscription {
	f.t.Helper()
	s := f.newSubscription(only(e))
	s.Filter = filter
	return f.create(s)
}

// withData makes a message of the event type with the data.
func (f *fixture) withData(e store.EventType, data string) store.NewMessage {
	m := f.newMessage(e)
	m.Body = fmt.Appendf(nil, `{"id":%q,"type":%q,"data":%s}`, m.ID, e.Code, data)
	return m
}

func filterChooses(f *fixture) {
	e := f.addEvent()
	icu := f.filtered(e, where("/ward", store.OpEqual, `"icu"`))
	high := f.filtered(e, where("/rate", store.OpGreater, `120`))
	all := f.subscribe(only(e))
	for data, want := range map[string][]store.Subscription{
		`{"ward":"icu","rate":121}`: {icu, high, all},
		`{"ward":"icu","rate":120}`: {icu, all},
		`{"ward":"er","rate":1e3}`:  {high, all},
		`{"ward":"er","rate":120}`:  {all},
		`"icu"`:                     {all},
	} {
		m := f.withData(e, data)
		f.equal("result", f.publish(m), []store.Published{{MessageID: m.ID, Deliveries: len(want)}})
		got := idsOf(f.deliveriesOf(m.ID).Items, func(d store.Delivery) uuid.UUID { return d.SubscriptionID })
		sortByID(got, func(id uuid.UUID) uuid.UUID { return id })
		f.sameIDs(data, got, idsOf(want, func(s store.Subscription) uuid.UUID { return s.ID }))
	}
}

func filterAll(f *fixture) {
	e := f.addEvent()
	f.filtered(e, where("/a", store.OpEqual, "1"), where("/b", store.OpExists, "true"))
	for data, want := range map[string]int{`{"a":1.0,"b":null}`: 1, `{"a":1}`: 0, `{"b":1}`: 0, `{}`: 0} {
		f.equal(data, f.publish(f.withData(e, data))[0].Deliveries, want)
	}
}

func filterTopics(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	f.filtered(other, where("", store.OpExists, "true"))
	off := f.filtered(e, where("", store.OpExists, "true"))
	f.setActive(off.ID, false)
	f.equal("deliveries", f.publish(f.withData(e, "{}"))[0].Deliveries, 0)
}

func filterNoData(f *fixture) {
	e := f.addEvent()
	f.filtered(e, where("/a", store.OpNotEqual, "1"))
	all := f.subscribe(only(e))
	for _, body := range []string{`{}`, `{"data":`, "\x00"} {
		m := f.newMessage(e)
		m.Body = []byte(body)
		f.equal("deliveries", f.publish(m)[0].Deliveries, 1)
	}
	f.equal("attempts of the one without a filter", len(f.attempts(all.ID)), 3)
}

func filterTx(f *fixture) {
	e := f.addEvent()
	sub := f.filtered(e, where("/a", store.OpEqual, "1"))
	tx := f.begin()
	f.equal("one that matches", f.publishTx(tx, f.withData(e, `{"a":1}`))[0].Deliveries, 1)
	f.equal("one that does not", f.publishTx(tx, f.withData(e, `{"a":2}`))[0].Deliveries, 0)
	f.check(tx.Commit())
	f.equal("attempts", len(f.attempts(sub.ID)), 1)
}

func filterChanges(f *fixture) {
	e, sub := f.scene()
	publish := func(data string) int {
		f.t.Helper()
		return f.publish(f.withData(e, data))[0].Deliveries
	}
	f.equal("without a filter", publish("1"), 1)
	f.update(sub.ID, func(s *store.Subscription) { s.Filter = store.Filter{where("", store.OpEqual, "2")} })
	f.equal("after a filter was set", publish("1"), 0)
	f.equal("that it lets through", publish("2"), 1)
	f.update(sub.ID, func(s *store.Subscription) { s.Filter[0].Value = []byte("1") })
	f.equal("after it was changed", publish("1"), 1)
	f.update(sub.ID, func(s *store.Subscription) { s.Filter = nil })
	f.equal("after it was taken away", publish("3"), 1)
}

func filterSubscribers(f *fixture) {
	e := f.addEvent()
	want := f.filtered(e, where("/a", store.OpEqual, "1"))
	f.equal("subscribers", must(f.s.Subscribers(f.ctx, []string{e.ID.String()}, nil, all))(f.t).Items, []store.Subscription{want})
}

func filterHandOff(f *fixture) {
	e := f.addEvent()
	f.filtered(e, where("", store.OpEqual, "2"))
	sub := f.filtered(e, where("", store.OpEqual, "1"))
	opts := f.options()
	opts.HandOff, opts.Lease = handOff(10), time.Hour
	got := must(f.s.Publish(f.ctx, nil, []store.NewMessage{f.withData(e, "1")}, opts))(f.t)
	f.equal("jobs", len(got[0].Jobs), 1)
	f.equal("subscription", got[0].Jobs[0].SubscriptionID, sub.ID)
	f.claimNone("what did not match")
}

func filterReadsBack(f *fixture) {
	e := f.addEvent()
	for name, value := range values() {
		sub := f.filtered(e,
			store.Condition{Pointer: "/a~1b/~0/'\"\\é", Op: store.OpIn, Value: value},
			store.Condition{Pointer: "", Op: "unheard of", Value: []byte(`1`)},
		)
		f.equal(name, f.subscription(sub.ID), sub)
		list := must(f.s.Subscriptions(f.ctx, f.org, store.SubscriptionQuery{Page: store.Page{Take: 1, Descending: true}}))(f.t)
		f.equal(name+", listed", list.Items, []store.Subscription{sub})
		f.equal(name+", target", f.target(sub.ID).Filter, sub.Filter)
	}
}

func rateReadsBack(f *fixture) {
	for _, rate := range []float64{0, 0.1, 2.5, 1e-9, 1.0 / 3, 123456789.987654321} {
		sub := f.newSubscription()
		sub.RateLimit = rate
		f.create(sub)
		f.equal("subscription", f.subscription(sub.ID), sub)
		f.equal("target", f.target(sub.ID).RateLimit, rate)
		got := f.update(sub.ID, func(s *store.Subscription) { s.RateLimit++ })
		f.equal("updated", got.RateLimit, rate+1)
		f.equal("read after the update", f.subscription(sub.ID).RateLimit, rate+1)
	}
}
