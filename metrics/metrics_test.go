package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/metrics"
)

func TestObserverCountsNotices(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	o, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []webhooks.Notice{
		{Kind: webhooks.AttemptEnded, Status: webhooks.Succeeded, HTTPStatus: 204, Duration: 20 * time.Millisecond},
		{Kind: webhooks.AttemptEnded, Status: webhooks.Failed, HTTPStatus: 503, Duration: 40 * time.Millisecond},
		{Kind: webhooks.AttemptEnded, Status: webhooks.Failed, Duration: 15 * time.Second},
		{Kind: webhooks.AttemptEnded, Status: webhooks.Cancelled},
		{Kind: webhooks.Exhausted},
		{Kind: webhooks.SenderStuck},
		{Kind: webhooks.StoreDown},
	} {
		o.Observe(n)
	}
	text := scrape(t, registry)
	for _, want := range []string{
		`webhooks_attempts_total{http="2xx",outcome="succeeded"} 1`,
		`webhooks_attempts_total{http="5xx",outcome="failed"} 1`,
		`webhooks_attempts_total{http="none",outcome="failed"} 1`,
		`webhooks_attempts_total{http="none",outcome="cancelled"} 1`,
		`webhooks_attempt_duration_seconds_count 3`,
		`webhooks_attempt_duration_seconds_bucket{le="0.025"} 1`,
		`webhooks_notices_total{kind="exhausted"} 1`,
		`webhooks_notices_total{kind="lease_lost"} 0`,
		`webhooks_notices_total{kind="sender_stuck"} 1`,
		`webhooks_store_up 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	o.Observe(webhooks.Notice{Kind: webhooks.StoreUp})
	if text := scrape(t, registry); !strings.Contains(text, "webhooks_store_up 1\n") {
		t.Error("the store is not up again")
	}
}

func TestNewRefusesARegistryThatHasThem(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	if _, err := metrics.New(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := metrics.New(registry); err == nil {
		t.Error("registered twice")
	}
}

func scrape(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(g).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	return w.Body.String()
}
