package bench_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/portal"
)

// The most time that a page of the portal takes at the median.
const (
	pageLimit     = 50 * time.Millisecond
	overviewLimit = 100 * time.Millisecond
)

// BenchmarkPortal serves each page of an organization with 10,000 endpoints and BENCH_ROWS attempts, one endpoint of which has a
// tenth of the attempts. It reports the medians, and their ratio to the limit.
func BenchmarkPortal(b *testing.B) {
	testpg.DSN(b)
	const endpoints = 10_000
	f := newFlat(b, 1)
	first := firstSubscription(b, f)
	fillTargets(b, f.s, first, endpoints-1)
	sub := "CASE WHEN i % 10 = 0 THEN '" + first.ID.String() + "'::uuid ELSE " + numbered(2, "1 + i % 9999") + " END"
	fillHistoryOf(b, f.s, f.org, sub, f.event.ID, manyRows)
	v := newVisitor(b, f, first)
	for b.Loop() {
		for name, path := range v.pages {
			took := stopwatch(slices.Repeat([]func(){func() { v.visit(b, path) }}, 21)...)
			limit := pageLimit
			if name == "overview" {
				limit = overviewLimit
			}
			b.ReportMetric(milliseconds(median(took)), name+"-ms")
			b.ReportMetric(float64(median(took))/float64(limit), name+"-ratio")
		}
	}
	b.ReportMetric(0, "ns/op") // of all
}

// visitor opens pages of the portal.
type visitor struct {
	handler http.Handler
	pages   map[string]string // addresses by name: of the organization with the history, and of its first endpoint
}

func newVisitor(b testing.TB, f *flat, first webhooks.Subscription) visitor {
	b.Helper()
	handler, err := portal.New(f.Webhooks, portal.Config{Authenticate: func(*http.Request) (httpapi.Caller, error) {
		return httpapi.Caller{Subject: "bench", Organizations: []uuid.UUID{f.org}, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
	}})
	check(b, err)
	delivery := firstDelivery(b, f, first)
	org := "/organizations/" + f.org.String()
	endpoint := org + "/endpoints/" + first.ID.String()
	return visitor{handler, map[string]string{
		"endpoints": org + "/endpoints", "endpoint": endpoint, "form": endpoint + "/edit", "secrets": endpoint + "/secrets",
		"deliveries": endpoint + "/deliveries", "delivery": endpoint + "/deliveries/" + delivery.ID.String(),
		"events": org + "/events", "event": org + "/events/" + delivery.MessageID.String(), "catalog": org + "/catalog",
		"overview": "/operations/overview", "unhealthy": "/operations/unhealthy", "recoveries": "/operations/recoveries",
		"storage": "/operations/storage",
	}}
}

func (v visitor) visit(b testing.TB, path string) {
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, http.NoBody))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "</html>") {
		b.Errorf("%s: %d\n%s", path, w.Code, w.Body)
	}
}

// BenchmarkVisitor measures the time from publish to receipt of 99 good endpoints at 400 events a second: alone, and while somebody
// opens 20 pages a second of an organization with BENCH_ROWS attempts, in the same process.
func BenchmarkVisitor(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	m := inTurn(b, pairs,
		func(b testing.TB) figures { return besideVisitor(b, receiver, 0) },
		func(b testing.TB) figures { return besideVisitor(b, receiver, 20) })
	for i, name := range []string{"alone", "visited"} {
		b.ReportMetric(m[i]["p50"], "p50-ms/"+name)
		b.ReportMetric(m[i]["p99"], "p99-ms/"+name)
		b.ReportMetric(m[i]["p99"]/m[0]["p99"], "ratio-p99/"+name)
	}
	b.ReportMetric(0, "ns/op") // of all
}

func besideVisitor(b testing.TB, receiver child, pagesPerSecond float64) figures {
	b.Helper()
	f := newFlat(b, 1)
	first := firstSubscription(b, f)
	fillHistoryOf(b, f.s, f.org, "'"+first.ID.String()+"'::uuid", f.event.ID, manyRows)
	v := newVisitor(b, f, first)
	orgs := make([]uuid.UUID, crowdSize-1)
	for i := range orgs {
		orgs[i] = uuid.New()
		f.subscribe(orgs[i], fmt.Sprintf("%s/good/%d", receiver.url, i))
	}
	publish := func(i int) { f.publish(orgs[i%len(orgs)], 1) }
	receiver.ask(b, "", "forget")
	defer f.start()()
	receiver.await(b, "good", pace(crowdRate, crowdWarm, publish))
	receiver.ask(b, "", "forget")
	var visits sync.WaitGroup
	paths := slices.Sorted(maps.Values(v.pages))
	visits.Go(func() { pace(pagesPerSecond, 4*crowdTime, func(i int) { v.visit(b, paths[i%len(paths)]) }) })
	got := receiver.await(b, "good", pace(crowdRate, 4*crowdTime, publish))
	visits.Wait()
	return figures{"p50": milliseconds(quantile(got.Took, .5)), "p99": milliseconds(quantile(got.Took, .99))}
}

func firstSubscription(b testing.TB, f *flat) webhooks.Subscription {
	b.Helper()
	all, err := f.Webhooks.Subscriptions.List(b.Context(), f.org, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 1}})
	check(b, err)
	return all.Items[0]
}

func firstDelivery(b testing.TB, f *flat, sub webhooks.Subscription) webhooks.Delivery {
	b.Helper()
	all, err := f.Webhooks.Subscriptions.Deliveries(b.Context(), webhooks.HistoryQuery{
		OrganizationID: f.org, SubscriptionID: sub.ID, Page: webhooks.Page{Take: 1},
	})
	check(b, err)
	return all.Items[0]
}
