package bench_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
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
	delivery := firstDelivery(b, f, first)
	handler, err := portal.New(f.Webhooks, portal.Config{Authenticate: func(*http.Request) (httpapi.Caller, error) {
		return httpapi.Caller{Subject: "bench", Organizations: []uuid.UUID{f.org}, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
	}})
	check(b, err)
	org := "/organizations/" + f.org.String()
	endpoint := org + "/endpoints/" + first.ID.String()
	for b.Loop() {
		for name, path := range map[string]string{
			"endpoints": org + "/endpoints", "endpoint": endpoint, "form": endpoint + "/edit", "secrets": endpoint + "/secrets",
			"deliveries": endpoint + "/deliveries", "delivery": endpoint + "/deliveries/" + delivery.ID.String(),
			"events": org + "/events", "event": org + "/events/" + delivery.MessageID.String(), "catalog": org + "/catalog",
			"overview": "/operations/overview", "unhealthy": "/operations/unhealthy", "recoveries": "/operations/recoveries",
			"storage": "/operations/storage",
		} {
			took := stopwatch(slices.Repeat([]func(){func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, http.NoBody))
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "</html>") {
					b.Fatalf("%s: %d\n%s", path, w.Code, w.Body)
				}
			}}, 21)...)
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

func firstSubscription(b testing.TB, f *flat) webhooks.Subscription {
	b.Helper()
	all, err := f.Webhooks.Subscriptions.List(b.Context(), f.org, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 1}})
	check(b, err)
	return all.Items[0]
}

func firstDelivery(b *testing.B, f *flat, sub webhooks.Subscription) webhooks.Delivery {
	b.Helper()
	all, err := f.Webhooks.Subscriptions.Deliveries(b.Context(), webhooks.HistoryQuery{
		OrganizationID: f.org, SubscriptionID: sub.ID, Page: webhooks.Page{Take: 1},
	})
	check(b, err)
	return all.Items[0]
}
