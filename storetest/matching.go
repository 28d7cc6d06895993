package storetest

import (
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var matchingCases = []testCase{
	{"ByIDAndByPattern", matchSelectors},
	{"PatternsMeanTheVersionOfTheSubscription", matchVersion},
	{"IsCaseSensitive", matchCase},
	{"OnceThoughSeveralSelectorsMatch", matchOnce},
	{"OnlyLiveSubscriptions", matchLive},
	{"OnlyTheOrganization", matchOrganization},
	{"FollowsTheChangesOfASubscription", matchChanges},
	{"RenamingAnEventTypeKeepsItsSubscriptions", matchRenamed},
	{"SubscribersAreReadInFull", matchSubscribers},
}

// matched returns the subscriptions that a message of the event type reaches,
// in the order of their ids, and checks that Subscribers agrees.
func (f *fixture) matched(e store.EventType) []uuid.UUID {
	f.t.Helper()
	p := f.publish(f.newMessage(e))[0]
	var sent []uuid.UUID
	for _, s := range must(f.s.Subscribers(f.ctx, store.Topics(e.ID, e.Code, e.Version), []uuid.UUID{f.org}, all))(f.t).Items {
		for _, a := range f.attempts(s.ID) {
			if a.MessageID == p.MessageID {
				sent = append(sent, s.ID)
			}
		}
	}
	f.equal("deliveries, and subscribers that got one", p.Deliveries, len(sent))
	return sent
}

func matchSelectors(f *fixture) {
	c := f.addCategory("vitals")
	e, other := f.addEventType(c, "a.b.c", "v1"), f.addEventType(c, "a.bx.c", "v1")
	var want []uuid.UUID
	for _, s := range []store.Selector{only(e), like("*"), like("a.*"), like("a.b.*")} {
		want = append(want, f.subscribe(s).ID)
	}
	for _, s := range []store.Selector{only(other), like("b.*"), like("a.b.c.*"), like("a.b"), like("c.*"), like("a.bx.*"), like("%")} {
		f.subscribe(s)
	}
	f.subscribe()
	f.sameIDs("matched", f.matched(e), want)
}

func matchVersion(f *fixture) {
	c := f.addCategory("vitals")
	v1, v2 := f.addEventType(c, "a.b", "v1"), f.addEventType(c, "a.b", "v2")
	pattern := f.subscribe(like("a.*"))
	second := f.newSubscription(like("*"))
	second.Version = "v2"
	f.create(second)
	byID := f.subscribe(only(v2)) // its own version is for codes and patterns only
	f.sameIDs("v1", f.matched(v1), []uuid.UUID{pattern.ID})
	f.sameIDs("v2", f.matched(v2), []uuid.UUID{second.ID, byID.ID})
}

func matchCase(f *fixture) {
	c := f.addCategory("vitals")
	upper, lower := f.addEventType(c, "A.x", "v1"), f.addEventType(c, "a.x", "v1")
	toUpper, toLower := f.subscribe(like("A.*")), f.subscribe(like("a.*"))
	f.sameIDs("upper", f.matched(upper), []uuid.UUID{toUpper.ID})
	f.sameIDs("lower", f.matched(lower), []uuid.UUID{toLower.ID})
}

func matchOnce(f *fixture) {
	e := f.addEventType(f.addCategory("vitals"), "a.b", "v1")
	sub := f.subscribe(only(e), like("*"), like("a.*"), like("a.*"))
	f.sameIDs("matched", f.matched(e), []uuid.UUID{sub.ID})
	f.equal("subscribers", len(must(f.s.Subscribers(f.ctx, store.Topics(e.ID, e.Code, e.Version), nil, all))(f.t).Items), 1)
	f.claimOne()
}

func matchLive(f *fixture) {
	e := f.addEvent()
	live := f.subscribe(only(e))
	for _, edit := range []func(*store.Subscription){
		func(s *store.Subscription) { s.Active = false },
		func(s *store.Subscription) { s.Archived = true },
		func(s *store.Subscription) { s.Active, s.Archived = false, true },
	} {
		s := f.newSubscription(only(e))
		edit(&s)
		f.create(s)
	}
	f.sameIDs("matched", f.matched(e), []uuid.UUID{live.ID})
	f.equal("subscribers", len(must(f.s.Subscribers(f.ctx, []string{e.ID.String()}, nil, all))(f.t).Items), 1)
}

func matchOrganization(f *fixture) {
	e, mine := f.scene()
	other := f.newSubscription(only(e), like("*"))
	other.OrganizationID = uuid.New()
	f.create(other)
	f.sameIDs("matched", f.matched(e), []uuid.UUID{mine.ID})
	topics := []string{e.ID.String()}
	for name, x := range map[string]struct {
		orgs []uuid.UUID
		want []store.Subscription
	}{
		"all":     {nil, []store.Subscription{mine, other}},
		"both":    {[]uuid.UUID{other.OrganizationID, f.org, uuid.New()}, []store.Subscription{mine, other}},
		"one":     {[]uuid.UUID{other.OrganizationID}, []store.Subscription{other}},
		"unknown": {[]uuid.UUID{uuid.New()}, []store.Subscription{}},
		"none":    {[]uuid.UUID{}, []store.Subscription{}},
	} {
		got := must(f.s.Subscribers(f.ctx, topics, x.orgs, all))(f.t).Items
		f.equal(name+", number", len(got), len(x.want))
		f.equal(name, append([]store.Subscription{}, got...), x.want)
	}
	f.equal("of no topic", len(must(f.s.Subscribers(f.ctx, nil, nil, all))(f.t).Items), 0)
}

func matchChanges(f *fixture) {
	c := f.addCategory("vitals")
	a, b := f.addEventType(c, "a", "v1"), f.addEventType(c, "b", "v1")
	sub := f.subscribe(only(a))
	f.update(sub.ID, func(s *store.Subscription) { s.Selectors = []store.Selector{only(b)} })
	f.sameIDs("a, no longer selected", f.matched(a), nil)
	f.sameIDs("b, now selected", f.matched(b), []uuid.UUID{sub.ID})
	f.update(sub.ID, func(s *store.Subscription) { s.Selectors = []store.Selector{like("*")} })
	f.sameIDs("a, by pattern", f.matched(a), []uuid.UUID{sub.ID})
	f.update(sub.ID, func(s *store.Subscription) { s.Version = "v2" })
	f.sameIDs("a, after a change of version", f.matched(a), nil)
	f.update(sub.ID, func(s *store.Subscription) { s.Version, s.Active = "v1", false })
	f.sameIDs("a, while inactive", f.matched(a), nil)
	f.setActive(sub.ID, true)
	f.sameIDs("a, active again", f.matched(a), []uuid.UUID{sub.ID})
}

func matchRenamed(f *fixture) {
	e, sub := f.scene()
	renamed := must(f.s.UpdateEventType(f.ctx, e.ID, func(e *store.EventType) error {
		e.Code, e.Version = "labs.results", "v3"
		return nil
	}))(f.t)
	f.sameIDs("renamed", f.matched(renamed), []uuid.UUID{sub.ID})
	// A new event type with the code is another event type.
	f.sameIDs("namesake", f.matched(f.addEventType(f.categoryOf(e), e.Code, e.Version)), nil)
}

func matchSubscribers(f *fixture) {
	e := f.addEvent()
	var want []store.Subscription
	for _, s := range [][]store.Selector{{like("*"), only(e)}, {only(e)}, {like("labs.*"), like("vitals.*")}} {
		want = append(want, f.subscribe(s...))
	}
	f.equal("subscribers", must(f.s.Subscribers(f.ctx, store.Topics(e.ID, e.Code, e.Version), nil, all))(f.t).Items, want)
}
