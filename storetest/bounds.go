package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// boundsCases are about Page.MaxBytes.
var boundsCases = []testCase{
	{"OfAttempts", boundsOfAttempts},
	{"OfDeliveries", boundsOfDeliveries},
	{"OfDeliveriesOfAMessage", boundsOfMessageDeliveries},
	{"OfEventTypes", boundsOfEventTypes},
	{"OfSamples", boundsOfSamples},
	{"OfSubscriptions", boundsOfSubscriptions},
}

// A sizedList is a list whose items have large members.
type sizedList[T any] struct {
	list  func(store.Page) (store.List[T], error)
	size  func(T) int // bytes of the large members
	strip func(*T)    // takes the large members out
}

// keepsBounds demands that pages leave out exactly the large members beyond MaxBytes.
func (l sizedList[T]) keepsBounds(f *fixture) {
	f.t.Helper()
	for _, page := range []store.Page{{Take: 1000}, {Take: 1000, Descending: true}, {Take: 3, Skip: 1}} {
		want := must(l.list(page))(f.t)
		if len(want.Items) < 3 {
			f.t.Fatalf("a list of %d items shows too little", len(want.Items))
		}
		f.equal("truncated without a bound", want.Truncated, 0)
		sum := 0
		for i, item := range want.Items {
			sum += l.size(item)
			l.keepsBound(f, page, sum, i+1, want)
			l.keepsBound(f, page, sum-1, max(i, 1), want)
		}
		l.keepsBound(f, page, 1, 1, want)
	}
}

// keepsBound demands that a page has n whole items.
func (l sizedList[T]) keepsBound(f *fixture, page store.Page, maxBytes, n int, want store.List[T]) {
	f.t.Helper()
	want.Items, want.Truncated = slices.Clone(want.Items), len(want.Items)-n
	for i := n; i < len(want.Items); i++ {
		l.strip(&want.Items[i])
	}
	page.MaxBytes = maxBytes
	got := must(l.list(page))(f.t)
	what := fmt.Sprintf("page %+v", page)
	f.equal(what+", total", got.Total, want.Total)
	f.equal(what+", truncated", got.Truncated, want.Truncated)
	f.equal(what, got.Items, want.Items)
}

// deliverLarge publishes deliveries that fail first and then succeed, with responses of
// different sizes.
func (f *fixture) deliverLarge(e store.EventType, n int) []store.Job {
	f.t.Helper()
	for i := range n {
		m := f.newMessage(e)
		m.Source = bytes.Repeat([]byte("s"), 10*i)
		f.publish(m)
	}
	first := f.claim(n)
	for i, j := range first {
		o := f.failure(j.Lease, f.next())
		o.Response = bytes.Repeat([]byte("f"), 100+i)
		f.record(o)
	}
	for i, j := range f.claim(n) {
		o := f.success(j.Lease)
		o.Response = bytes.Repeat([]byte("r"), 200+i)
		f.record(o)
	}
	f.publish(f.newMessage(e)) // without an outcome
	return first
}

func attemptSize(a store.Attempt) int {
	return len(a.Body) + len(a.Source) + len(a.Response) + len(a.ResponseHeaders)
}

func stripAttempt(a *store.Attempt) {
	a.Body, a.Source, a.Response, a.ResponseHeaders = nil, nil, nil, ""
}

func boundsOfAttempts(f *fixture) {
	e, sub := f.scene()
	jobs := f.deliverLarge(e, 3)
	query := f.history(sub.ID)
	sizedList[store.Attempt]{
		list: func(p store.Page) (store.List[store.Attempt], error) {
			query.Page = p
			return f.s.Attempts(f.ctx, query)
		},
		size: attemptSize, strip: stripAttempt,
	}.keepsBounds(f)
	f.retry(jobs[0])
	chain := f.chain(jobs[0])
	for n, maxBytes := range []int{0, 1, attemptSize(chain[0]) + attemptSize(chain[1])} {
		want := slices.Clone(chain)
		for i := max(n, 1); n > 0 && i < len(want); i++ {
			stripAttempt(&want[i])
		}
		got := must(f.s.Chain(f.ctx, f.org, sub.ID, jobs[0].DeliveryID, maxBytes))(f.t)
		f.equal("chain", got, store.List[store.Attempt]{Items: want, Total: 3, Truncated: []int{0, 2, 1}[n]})
	}
}

func boundsOfDeliveries(f *fixture) {
	e, sub := f.scene()
	f.deliverLarge(e, 3)
	query := f.history(sub.ID)
	sizedList[store.Delivery]{
		list: func(p store.Page) (store.List[store.Delivery], error) {
			query.Page = p
			return f.s.Deliveries(f.ctx, query)
		},
		size:  func(d store.Delivery) int { return attemptSize(d.Attempt) },
		strip: func(d *store.Delivery) { stripAttempt(&d.Attempt) },
	}.keepsBounds(f)
}

func boundsOfMessageDeliveries(f *fixture) {
	e := f.addEvent()
	for range 4 {
		f.subscribe(only(e))
	}
	m := f.newMessage(e)
	f.publish(m)
	for i, j := range f.claim(4) {
		o := f.failure(j.Lease, nil)
		o.Response = bytes.Repeat([]byte("f"), 100+i)
		f.record(o)
	}
	sizedList[store.Delivery]{
		list: func(p store.Page) (store.List[store.Delivery], error) {
			return f.s.MessageDeliveries(f.ctx, f.org, m.ID, nil, p)
		},
		size:  func(d store.Delivery) int { return len(d.Response) + len(d.ResponseHeaders) },
		strip: func(d *store.Delivery) { d.Response, d.ResponseHeaders = nil, "" },
	}.keepsBounds(f)
}

func boundsOfEventTypes(f *fixture) {
	c := f.addCategory("vitals")
	for i := range 4 {
		e := f.newEventType(c, fmt.Sprint("e", i), "v1")
		e.Schema = fmt.Appendf(nil, `{"description":"%s"}`, strings.Repeat("x", 100*i))
		f.check(f.s.CreateEventType(f.ctx, e))
	}
	f.addEventType(f.addCategory("labs"), "of another category", "v1")
	sizedList[store.EventType]{
		list: func(p store.Page) (store.List[store.EventType], error) {
			return f.s.EventTypes(f.ctx, c.ID, store.ExcludeArchived, p)
		},
		size:  func(e store.EventType) int { return len(e.Schema) },
		strip: func(e *store.EventType) { e.Schema = nil },
	}.keepsBounds(f)
}

func boundsOfSamples(f *fixture) {
	e := f.addEvent()
	for i := range 4 {
		s := f.newSample(e, fmt.Sprint("v", i))
		s.Payload = fmt.Appendf(nil, `{"x":"%s"}`, strings.Repeat("x", 100*i))
		f.check(f.s.CreateSample(f.ctx, s))
	}
	for _, of := range []uuid.UUID{e.ID, uuid.Nil} {
		sizedList[store.Sample]{
			list:  func(p store.Page) (store.List[store.Sample], error) { return f.s.Samples(f.ctx, of, p) },
			size:  func(s store.Sample) int { return len(s.Payload) },
			strip: func(s *store.Sample) { s.Payload = nil },
		}.keepsBounds(f)
	}
}

// Which of its members makes a subscription large does not matter.
func boundsOfSubscriptions(f *fixture) {
	const size = 4000
	e := f.addEvent()
	large := strings.Repeat("x", size)
	s := f.newSubscription(only(e))
	s.Headers = map[string]string{"X-Large": large}
	f.create(s)
	s = f.newSubscription(only(e))
	s.Filter = store.Filter{where("/n", store.OpEqual, `"`+large+`"`)}
	f.create(s)
	s = f.newSubscription(only(e), like(large))
	f.create(s)
	for name, list := range map[string]func(p store.Page) (store.List[store.Subscription], error){
		"Subscriptions": func(p store.Page) (store.List[store.Subscription], error) {
			return f.s.Subscriptions(f.ctx, f.org, store.SubscriptionQuery{Page: p})
		},
		"Subscribers": func(p store.Page) (store.List[store.Subscription], error) {
			return f.s.Subscribers(f.ctx, []string{e.ID.String()}, nil, p)
		},
	} {
		f.t.Log(name)
		for _, descending := range []bool{false, true} {
			want := must(list(store.Page{Take: 10, Descending: descending}))(f.t)
			f.equal("subscriptions", len(want.Items), 3)
			l := sizedList[store.Subscription]{list: list, strip: func(s *store.Subscription) { s.Selectors, s.Headers, s.Filter = nil, nil, nil }}
			for n := 1; n <= 3; n++ {
				l.keepsBound(f, store.Page{Take: 10, Descending: descending}, n*size+size/2, n, want)
			}
		}
	}
}
