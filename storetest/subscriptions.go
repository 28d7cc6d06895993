package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var subscriptionCases = []testCase{
	{"ReadsBackWhatWasCreated", subscriptionReadsBack},
	{"KeepsWhatIsEmpty", subscriptionKeepsEmpty},
	{"UnknownIsNotFound", subscriptionNotFound},
	{"UnknownEventTypeIsBadReference", subscriptionBadReference},
	{"SelectorsShowTheEventTypeAsItIsNow", subscriptionSelectorsFollow},
	{"Filters", subscriptionFilters},
	{"SearchAndStateFilters", subscriptionSearch},
	{"UpdateWritesWhatChangeMade", subscriptionUpdate},
	{"UpdateKeepsReadOnlyFields", subscriptionUpdateReadOnly},
	{"UpdateErrorWritesNothing", subscriptionUpdateError},
	{"UpdateBadReferenceWritesNothing", subscriptionUpdateBadReference},
	{"DeleteRemovesItAndItsSecrets", subscriptionDelete},
	{"DeleteCheckSeesItFirst", subscriptionDeleteCheck},
}

func subscriptionReadsBack(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v2")
	want := f.newSubscription(like("vitals.*"), only(other), like("*"), only(e))
	want.IsDevelopment, want.InactiveReason, want.Active = true, "410 Gone", false
	want.RateLimit, want.Filter = 2.5, store.Filter{where("/ward", store.OpEqual, `"icu"`), where("/n", store.OpIn, `[1.0, 2]`)}
	given := want
	given.Revision = 0
	given.Selectors = []store.Selector{like("vitals.*"), {EventTypeID: other.ID}, like("*"), {EventTypeID: e.ID}}
	first := f.newSecret(want, f.now)
	f.check(f.s.CreateSubscription(f.ctx, given, first))
	f.equal("subscription", f.subscription(want.ID), want)
	list := must(f.s.Subscriptions(f.ctx, f.org, store.SubscriptionQuery{Page: store.Page{Take: 10}}))(f.t)
	f.equal("listed", list.Items, []store.Subscription{want})
	secrets := must(f.s.Secrets(f.ctx, f.org, want.ID, store.Page{Take: 10}))(f.t)
	f.equal("secrets", secrets, store.List[store.Secret]{Items: []store.Secret{first}, Total: 1})
}

func subscriptionKeepsEmpty(f *fixture) {
	want := store.Subscription{ID: f.id(), OrganizationID: f.org, Revision: 1}
	f.create(want)
	f.equal("all zero", f.subscription(want.ID), want)

	// No retries at all is something else than the default.
	want = f.newSubscription()
	want.RetrySchedule = []time.Duration{}
	f.create(want)
	f.equal("empty schedule", f.subscription(want.ID), want)
}

func subscriptionNotFound(f *fixture) {
	f.scene()
	id := f.id()
	_, err := f.s.Subscription(f.ctx, f.org, id)
	f.notFound("Subscription", err)
	_, err = f.s.UpdateSubscription(f.ctx, f.org, id, f.now, func(*store.Subscription) error { panic("called") })
	f.notFound("UpdateSubscription", err)
	err = f.s.DeleteSubscription(f.ctx, f.org, id, f.now, func(store.Subscription) error { panic("called") })
	f.notFound("DeleteSubscription", err)
	_, err = f.s.Secrets(f.ctx, f.org, id, store.Page{Take: 1})
	f.notFound("Secrets", err)
	_, err = f.s.SecretAt(f.ctx, f.org, id, f.now)
	f.notFound("SecretAt", err)
	err = f.s.AddSecret(f.ctx, f.org, id, func(store.Subscription, store.Secret) (store.Secret, error) { panic("called") })
	f.notFound("AddSecret", err)
}

func subscriptionBadReference(f *fixture) {
	e := f.addEvent()
	sub := f.newSubscription(only(e), store.Selector{EventTypeID: f.id()})
	f.fails("CreateSubscription", f.s.CreateSubscription(f.ctx, sub, f.newSecret(sub, f.now)), store.ErrBadReference)
	_, err := f.s.Subscription(f.ctx, f.org, sub.ID)
	f.notFound("Subscription", err)

	f.check(f.s.DeleteEventType(f.ctx, e.ID, nil))
	sub = f.newSubscription(only(e))
	f.fails("of a deleted one", f.s.CreateSubscription(f.ctx, sub, f.newSecret(sub, f.now)), store.ErrBadReference)
}

func subscriptionSelectorsFollow(f *fixture) {
	e, sub := f.scene()
	must(f.s.UpdateEventType(f.ctx, e.ID, func(e *store.EventType) error {
		e.Name, e.Code, e.Version = "New", "new.code", "v2"
		return nil
	}))(f.t)
	sub.Selectors[0].EventType = store.EventTypeRef{Name: "New", Code: "new.code", Version: "v2"}
	f.equal("subscription", f.subscription(sub.ID), sub)
}

func subscriptionFilters(f *fixture) {
	e := f.addEvent()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	a := f.subscribe(only(other), only(e))
	b := f.newSubscription(only(e))
	b.Version = "V1"
	f.create(b)
	c := f.newSubscription(only(e), like("*"))
	c.Archived, c.Active = true, false
	f.create(c)
	d := f.subscribe(like("*"))
	for name, x := range map[string]struct {
		q    store.SubscriptionQuery
		want []uuid.UUID
	}{
		"zero":             {store.SubscriptionQuery{}, []uuid.UUID{a.ID, b.ID, d.ID}},
		"include archived": {store.SubscriptionQuery{Archived: store.IncludeArchived}, []uuid.UUID{a.ID, b.ID, c.ID, d.ID}},
		"only archived":    {store.SubscriptionQuery{Archived: store.OnlyArchived}, []uuid.UUID{c.ID}},
		"version":          {store.SubscriptionQuery{Version: "v1"}, []uuid.UUID{a.ID, d.ID}},
		"unknown version":  {store.SubscriptionQuery{Version: "v"}, nil},
		"event type":       {store.SubscriptionQuery{EventTypeID: e.ID}, []uuid.UUID{a.ID, b.ID}},
		"unknown type":     {store.SubscriptionQuery{EventTypeID: f.id()}, nil},
		"all": {
			store.SubscriptionQuery{EventTypeID: e.ID, Version: "v1", Archived: store.IncludeArchived},
			[]uuid.UUID{a.ID, c.ID},
		},
	} {
		x.q.Take = 10
		got := must(f.s.Subscriptions(f.ctx, f.org, x.q))(f.t)
		f.sameIDs(name, idsOf(got.Items, func(s store.Subscription) uuid.UUID { return s.ID }), x.want)
		f.equal(name+", total", got.Total, len(x.want))
	}
}

func subscriptionSearch(f *fixture) {
	add := func(uri, description string, change func(*store.Subscription)) uuid.UUID {
		s := f.newSubscription()
		s.PostURI, s.Description = uri, description
		if change != nil {
			change(&s)
		}
		return f.create(s).ID
	}
	off := func(reason string, archived bool) func(*store.Subscription) {
		return func(s *store.Subscription) { s.Active, s.InactiveReason, s.Archived = false, reason, archived }
	}
	enabled := add("https://a.example/Orders_50%", "Größe ÄB", nil)
	failing := add("https://b.example/", "orders of Acme", nil)
	paused := add("https://c.example/", "it's \\ äb", off("", false))
	gone := add("", "410", off("410 Gone", false))
	archived := add("https://d.example/orders", "", off("", true))
	f.setHealth(failing, store.Health{Failures: 12, Since: f.now, ProbeAt: f.at(time.Minute)})
	f.setHealth(enabled, store.Health{Failures: 1, Since: f.now})
	f.setHealth(paused, store.Health{Failures: 12, Since: f.now, ProbeAt: f.at(time.Minute)})
	for name, x := range map[string]struct {
		q    store.SubscriptionQuery
		want []uuid.UUID
	}{
		"address or description":  {store.SubscriptionQuery{Search: "orders"}, []uuid.UUID{enabled, failing}},
		"any case of A–Z":         {store.SubscriptionQuery{Search: "oRDERS OF aCME"}, []uuid.UUID{failing}},
		"the case of other":       {store.SubscriptionQuery{Search: "äb"}, []uuid.UUID{paused}},
		"letters counts":          {store.SubscriptionQuery{Search: "GRÖßE Ä"}, nil},
		"no wildcard %":           {store.SubscriptionQuery{Search: "s_50%"}, []uuid.UUID{enabled}},
		"no wildcard _":           {store.SubscriptionQuery{Search: "a_example"}, nil},
		"a quote and a backslash": {store.SubscriptionQuery{Search: `it's \`}, []uuid.UUID{paused}},
		"enabled":                 {store.SubscriptionQuery{State: store.SubscriptionEnabled}, []uuid.UUID{enabled}},
		"failing":                 {store.SubscriptionQuery{State: store.SubscriptionFailing}, []uuid.UUID{failing}},
		"paused":                  {store.SubscriptionQuery{State: store.SubscriptionPaused}, []uuid.UUID{paused}},
		"disabled":                {store.SubscriptionQuery{State: store.SubscriptionDisabled}, []uuid.UUID{gone}},
		"an unknown state":        {store.SubscriptionQuery{State: "x"}, nil},
		"archived": {
			store.SubscriptionQuery{State: store.SubscriptionDisabled, Archived: store.IncludeArchived}, []uuid.UUID{gone, archived},
		},
		"state and text": {store.SubscriptionQuery{State: store.SubscriptionEnabled, Search: "ORDERS"}, []uuid.UUID{enabled}},
	} {
		x.q.Take = 10
		got := must(f.s.Subscriptions(f.ctx, f.org, x.q))(f.t)
		f.sameIDs(name, idsOf(got.Items, func(s store.Subscription) uuid.UUID { return s.ID }), x.want)
		f.equal(name+", total", got.Total, len(x.want))
	}
}

func subscriptionUpdate(f *fixture) {
	e, want := f.scene()
	other := f.addEventType(f.categoryOf(e), "other", "v1")
	got := must(f.s.UpdateSubscription(f.ctx, f.org, want.ID, f.now, func(s *store.Subscription) error {
		f.equal("what change sees", *s, want)
		s.PostURI, s.Version, s.IsDevelopment, s.Description = "", "v2", true, ""
		s.Selectors = []store.Selector{like("other.*"), only(other)}
		s.Headers, s.Timeout, s.RetrySchedule = map[string]string{"X-New": "ü"}, 0, nil
		s.InactiveReason = "410 Gone"
		s.Active, s.ActiveChangedAt = false, f.at(time.Second)
		s.Archived, s.ArchivedChangedAt = true, f.at(2*time.Second)
		s.UpdatedAt, s.UpdatedBy = f.at(3*time.Second), "bob"
		want = *s
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.subscription(want.ID), want)

	got = must(f.s.UpdateSubscription(f.ctx, f.org, want.ID, f.now, func(s *store.Subscription) error {
		s.Selectors, s.Headers = []store.Selector{{EventTypeID: e.ID}}, nil
		return nil
	}))(f.t)
	want.Selectors, want.Headers, want.Revision = []store.Selector{only(e)}, nil, 3
	f.equal("returned the second time", got, want)
	f.equal("read the second time", f.subscription(want.ID), want)
}

func subscriptionUpdateReadOnly(f *fixture) {
	_, want := f.scene()
	got := must(f.s.UpdateSubscription(f.ctx, f.org, want.ID, f.now, func(s *store.Subscription) error {
		s.ID, s.OrganizationID, s.Revision, s.Selectors[0].EventType = f.id(), uuid.New(), 77, store.EventTypeRef{}
		return nil
	}))(f.t)
	want.Revision = 2
	f.equal("returned", got, want)
	f.equal("read", f.subscription(want.ID), want)
}

func subscriptionUpdateError(f *fixture) {
	e, want := f.scene()
	_, err := f.s.UpdateSubscription(f.ctx, f.org, want.ID, f.now, func(s *store.Subscription) error {
		s.PostURI, s.Archived = "changed", true
		s.Headers["X-Ward"], s.Selectors[0].EventTypeID, s.RetrySchedule[0] = "8", f.id(), 0
		return errStop
	})
	if err != errStop { //nolint:errorlint // it is returned as it is
		f.t.Fatalf("got error %v, want change's own", err)
	}
	f.equal("read", f.subscription(want.ID), f.restored(want, e))
	f.publish(f.newMessage(e))
	f.claimOne()
}

// restored is the subscription as the fixture makes it.
func (f *fixture) restored(s store.Subscription, e store.EventType) store.Subscription {
	fresh := f.newSubscription(only(e))
	fresh.ID = s.ID
	return fresh
}

func subscriptionUpdateBadReference(f *fixture) {
	e, want := f.scene()
	f.publish(f.newMessage(e))
	_, err := f.s.UpdateSubscription(f.ctx, f.org, want.ID, f.now, func(s *store.Subscription) error {
		s.Description, s.Archived = "changed", true
		s.Selectors = append(s.Selectors, store.Selector{EventTypeID: f.id()})
		return nil
	})
	f.fails("UpdateSubscription", err, store.ErrBadReference)
	f.equal("read", f.subscription(want.ID), want)
	f.claimOne()
}

func subscriptionDelete(f *fixture) {
	e, sub := f.scene()
	f.check(f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	_, err := f.s.Subscription(f.ctx, f.org, sub.ID)
	f.notFound("Subscription", err)
	_, err = f.s.UpdateSubscription(f.ctx, f.org, sub.ID, f.now, func(*store.Subscription) error { panic("called") })
	f.notFound("UpdateSubscription", err)
	f.notFound("second DeleteSubscription", f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, nil))
	_, err = f.s.Secrets(f.ctx, f.org, sub.ID, store.Page{Take: 1})
	f.notFound("Secrets", err)
	_, err = f.s.SecretAt(f.ctx, f.org, sub.ID, f.now)
	f.notFound("SecretAt", err)
	err = f.s.AddSecret(f.ctx, f.org, sub.ID, func(store.Subscription, store.Secret) (store.Secret, error) { panic("called") })
	f.notFound("AddSecret", err)
	q := store.SubscriptionQuery{Archived: store.IncludeArchived}
	f.equal("total", must(f.s.Subscriptions(f.ctx, f.org, q))(f.t).Total, 0)
	f.equal("subscribers", len(must(f.s.Subscribers(f.ctx, sub.Topics(), nil, all))(f.t).Items), 0)
	f.equal("deliveries", f.publish(f.newMessage(e))[0].Deliveries, 0)
}

func subscriptionDeleteCheck(f *fixture) {
	e, sub := f.scene()
	f.publish(f.newMessage(e))
	var seen store.Subscription
	f.fails("DeleteSubscription", f.s.DeleteSubscription(f.ctx, f.org, sub.ID, f.now, func(s store.Subscription) error {
		seen = s
		return errStop
	}), errStop)
	f.equal("what check sees", seen, sub)
	f.equal("read", f.subscription(sub.ID), sub)
	f.claimOne()
}
