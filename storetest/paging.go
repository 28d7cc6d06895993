package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var pagingCases = []testCase{
	{"SkipAndTakeInBothDirections", pagingSkipTake},
	{"AfterStartsBehindAnID", pagingAfter},
	{"AfterNeedNotExist", pagingAfterUnknown},
	{"EachItemOnceUnderInserts", pagingUnderInserts},
	{"MaxTotalBoundsTheTotal", pagingMaxTotal},
}

// all is the page that holds everything.
var all = store.Page{Take: 1000}

// A pagedList is one of the store's lists.
type pagedList struct {
	name string
	ids  []uuid.UUID // of the items, in order
	add  func() uuid.UUID
	list func(store.Page) ([]uuid.UUID, int)
}

func (l *pagedList) grow(n int) {
	for range n {
		l.ids = append(l.ids, l.add())
	}
}

// lists returns all lists that have pages.
func (f *fixture) lists() []*pagedList {
	category := f.addCategory("vitals")
	e := f.addEventType(category, "vitals", "v1")
	sub := f.subscribe(only(e))
	other := f.newSubscription()
	secret := f.newSecret(other, f.now)
	f.check(f.s.CreateSubscription(f.ctx, other, secret))
	from := f.now
	second := f.addEventType(f.addCategory("labs"), "labs", "v1")
	announced := f.addEventType(f.category(second.CategoryID), "announced", "v1")
	third := f.newSubscription(only(second))
	third.OrganizationID = uuid.New()
	f.create(third)
	publish := func(e store.EventType, org uuid.UUID) uuid.UUID {
		opts, id := f.options(), f.id()
		opts.NewID = func() uuid.UUID { return id }
		m := f.newMessage(e)
		m.OrganizationID = org
		must(f.s.Publish(f.ctx, nil, []store.NewMessage{m}, opts))(f.t)
		return id
	}
	reader := uuid.New()
	return []*pagedList{
		f.messageDeliveriesList(second), {
			name: "Messages", add: func() uuid.UUID {
				m := f.newMessage(e)
				m.OrganizationID = reader
				f.publish(m)
				return m.ID
			},
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Messages(f.ctx, reader, p))(f.t)
				return idsOf(l.Items, func(m store.MessageSummary) uuid.UUID { return m.ID }), l.Total
			},
		}, {
			name: "Categories", ids: []uuid.UUID{category.ID, second.CategoryID},
			add: func() uuid.UUID { return f.addCategory(f.id().String()).ID },
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Categories(f.ctx, store.ExcludeArchived, p))(f.t)
				return idsOf(l.Items, func(c store.Category) uuid.UUID { return c.ID }), l.Total
			},
		}, {
			name: "EventTypes", ids: []uuid.UUID{e.ID},
			add: func() uuid.UUID { return f.addEventType(category, f.id().String(), "v1").ID },
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.EventTypes(f.ctx, category.ID, store.ExcludeArchived, p))(f.t)
				return idsOf(l.Items, func(e store.EventType) uuid.UUID { return e.ID }), l.Total
			},
		}, {
			name: "Samples", add: func() uuid.UUID { return f.addSample(second, f.id().String()).ID },
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Samples(f.ctx, second.ID, p))(f.t)
				return idsOf(l.Items, func(s store.Sample) uuid.UUID { return s.ID }), l.Total
			},
		}, {
			name: "Subscribers", add: func() uuid.UUID {
				sub := f.newSubscription(only(announced))
				sub.OrganizationID = uuid.New()
				return f.create(sub).ID
			},
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Subscribers(f.ctx, []string{announced.ID.String()}, nil, p))(f.t)
				return idsOf(l.Items, func(s store.Subscription) uuid.UUID { return s.ID }), l.Total
			},
		}, {
			name: "Subscriptions", ids: []uuid.UUID{sub.ID, other.ID},
			add: func() uuid.UUID { return f.subscribe().ID },
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Subscriptions(f.ctx, f.org, store.SubscriptionQuery{Page: p}))(f.t)
				return idsOf(l.Items, func(s store.Subscription) uuid.UUID { return s.ID }), l.Total
			},
		}, {
			name: "Secrets", ids: []uuid.UUID{secret.ID},
			add: func() uuid.UUID {
				from = from.Add(time.Second)
				return f.rotate(other, from).ID
			},
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Secrets(f.ctx, f.org, other.ID, p))(f.t)
				return idsOf(l.Items, func(s store.Secret) uuid.UUID { return s.ID }), l.Total
			},
		}, {
			name: "Attempts", add: func() uuid.UUID { return publish(e, f.org) },
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Attempts(f.ctx, store.HistoryQuery{OrganizationID: f.org, SubscriptionID: sub.ID, Page: p}))(f.t)
				return idsOf(l.Items, func(a store.Attempt) uuid.UUID { return a.ID }), l.Total
			},
		}, {
			name: "Deliveries", add: func() uuid.UUID { return publish(second, third.OrganizationID) },
			list: func(p store.Page) ([]uuid.UUID, int) {
				l := must(f.s.Deliveries(f.ctx, store.HistoryQuery{OrganizationID: third.OrganizationID, SubscriptionID: third.ID, Page: p}))(f.t)
				return idsOf(l.Items, func(d store.Delivery) uuid.UUID { return d.ID }), l.Total
			},
		},
	}
}

// messageDeliveriesList is the list of the deliveries of a message of another
// organization. It grows by subscriptions that have missed it.
func (f *fixture) messageDeliveriesList(e store.EventType) *pagedList {
	m := f.newMessage(e)
	m.OrganizationID = uuid.New()
	f.publish(m)
	return &pagedList{
		name: "MessageDeliveries", add: func() uuid.UUID {
			sub := f.newSubscription(only(e))
			sub.OrganizationID = m.OrganizationID
			f.create(sub)
			f.check(f.s.CreateRecovery(f.ctx, f.newRecovery(sub, store.RecoverMissed)))
			opts, id := f.steps(1), f.id()
			opts.NewID = func() uuid.UUID { return id }
			must(f.s.AdvanceRecovery(f.ctx, opts))(f.t)
			f.advance(1)
			return id
		},
		list: func(p store.Page) ([]uuid.UUID, int) {
			l := must(f.s.MessageDeliveries(f.ctx, m.OrganizationID, m.ID, nil, p))(f.t)
			return idsOf(l.Items, func(d store.Delivery) uuid.UUID { return d.ID }), l.Total
		},
	}
}

func idsOf[T any](items []T, id func(T) uuid.UUID) []uuid.UUID {
	out := make([]uuid.UUID, len(items))
	for i, v := range items {
		out[i] = id(v)
	}
	return out
}

// ordered returns ids in the direction of a page.
func ordered(ids []uuid.UUID, descending bool) []uuid.UUID {
	ids = slices.Clone(ids)
	if descending {
		slices.Reverse(ids)
	}
	return ids
}

// part returns the ids that a page should show.
func part(ids []uuid.UUID, skip, take int) []uuid.UUID {
	skip = min(skip, len(ids))
	return ids[skip:min(skip+take, len(ids))]
}

// eachList calls test for each list, filled with six items at least.
func (f *fixture) eachList(test func(l *pagedList)) {
	for _, l := range f.lists() {
		l.grow(6)
		test(l)
	}
}

func pagingSkipTake(f *fixture) {
	f.eachList(func(l *pagedList) {
		for _, descending := range []bool{false, true} {
			for _, skip := range []int{0, 1, 4, 20} {
				for _, take := range []int{0, 1, 3, 100} {
					got, total := l.list(store.Page{Skip: skip, Take: take, Descending: descending})
					what := fmt.Sprintf("%s, skip %d, take %d, descending %t", l.name, skip, take, descending)
					f.sameIDs(what, got, part(ordered(l.ids, descending), skip, take))
					f.equal(what+", total", total, len(l.ids))
				}
			}
		}
	})
}

func pagingAfter(f *fixture) {
	f.eachList(func(l *pagedList) {
		for _, descending := range []bool{false, true} {
			ids := ordered(l.ids, descending)
			for _, i := range []int{0, 2, len(ids) - 1} {
				for _, skip := range []int{0, 1, 20} {
					got, total := l.list(store.Page{After: ids[i], Skip: skip, Take: 3, Descending: descending})
					what := fmt.Sprintf("%s, after item %d, skip %d, descending %t", l.name, i, skip, descending)
					f.sameIDs(what, got, part(ids[i+1:], skip, 3))
					f.equal(what+", total", total, len(ids))
				}
			}
		}
	})
}

func pagingAfterUnknown(f *fixture) {
	f.eachList(func(l *pagedList) {
		n := len(l.ids)
		between := f.id()
		l.grow(1)
		got, _ := l.list(store.Page{After: between, Take: 100})
		f.sameIDs(l.name, got, l.ids[n:])
		got, _ = l.list(store.Page{After: between, Take: 100, Descending: true})
		f.sameIDs(l.name+" descending", got, ordered(l.ids[:n], true))
	})
}

func pagingMaxTotal(f *fixture) {
	f.eachList(func(l *pagedList) {
		for _, most := range []int{1, 3, len(l.ids), len(l.ids) + 1} {
			got, total := l.list(store.Page{Skip: 2, Take: 2, MaxTotal: most})
			f.sameIDs(fmt.Sprintf("%s, counted to %d", l.name, most), got, part(l.ids, 2, 2))
			f.equal(fmt.Sprintf("%s, counted to %d, total", l.name, most), total, min(most, len(l.ids)))
		}
	})
}

func pagingUnderInserts(f *fixture) {
	f.eachList(func(l *pagedList) {
		for _, descending := range []bool{false, true} {
			want := ordered(l.ids, descending)
			var got []uuid.UUID
			page := store.Page{Take: 2, Descending: descending}
			for n := range 100 { // far more than a walk takes
				ids, _ := l.list(page)
				if len(ids) == 0 {
					break
				}
				got = append(got, ids...)
				page.After = ids[len(ids)-1]
				if n >= 4 {
					continue // let the walk come to its end
				}
				l.grow(1)
				if !descending {
					want = append(want, l.ids[len(l.ids)-1])
				}
			}
			f.sameIDs(fmt.Sprintf("%s, descending %t", l.name, descending), got, want)
		}
	})
}
