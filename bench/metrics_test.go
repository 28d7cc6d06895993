package bench_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/metrics"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// BenchmarkScrape measures the time of a reading of the metrics with nothing queued, and with BENCH_ROWS attempts, half of them
// due. It also measures the counting of the queue, which a dispatcher does every 10 s.
func BenchmarkScrape(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	s := newPostgres(b)
	registry := prometheus.NewRegistry()
	sink, err := metrics.New(registry)
	check(b, err)
	d := newLibrary(b, s, func(c *webhooks.Config) { c.Metrics = sink })
	event := d.catalog()
	hanging := d.subscribe(uuid.New(), receiver.url+"/hang/")
	handler := metrics.Handler(registry)
	scrape := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/metrics", http.NoBody))
		if w.Code != http.StatusOK {
			b.Fatalf("status %d", w.Code)
		}
		return w.Body.String()
	}
	series := func() (took []time.Duration) {
		for range 200 {
			began := time.Now()
			scrape()
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took
	}
	stop := d.start()
	scrape()
	empty := median(series())
	stop()
	fillQueue(b, s, event.ID, manyRows/2, 3600, hanging)
	fillQueue(b, s, event.ID, manyRows/2, -60, hanging)
	for b.Loop() {
		stop := d.start()
		for !strings.Contains(scrape(), `webhooks_queue_attempts{state="scheduled"} `) {
			time.Sleep(100 * time.Millisecond) // until the dispatcher has counted the queue
		}
		took := series()
		stop()
		b.ReportMetric(milliseconds(empty), "empty-ms")
		b.ReportMetric(milliseconds(median(took)), "median-ms")
		b.ReportMetric(milliseconds(quantile(took, .99)), "p99-ms")
		b.ReportMetric(float64(median(took))/float64(empty), "ratio-median")
		b.ReportMetric(milliseconds(countQueue(b, s)), "count-ms")
	}
	b.ReportMetric(0, "ns/op") // of all
}

// countQueue returns the time in which the store counts its queue.
func countQueue(b *testing.B, s *bunstore.Store) time.Duration {
	b.Helper()
	var took []time.Duration
	for range 11 {
		began := time.Now()
		_, err := s.Measure(b.Context(), 100_000)
		check(b, err)
		took = append(took, time.Since(began))
	}
	return median(took)
}

// BenchmarkObserved is BenchmarkREST at fan-out 1, of a host that serves metrics, exports one trace in a hundred and logs at
// info, against the same host without. Both keep the audit trail.
func BenchmarkObserved(b *testing.B) {
	testpg.DSN(b)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(collector.Close)
	receiver, database := role(b, "receiver"), postmaster(b)
	measure := func(environ ...string) func(testing.TB) figures {
		s := hostServerWith(b, receiver, 1, append(environ,
			"WEBHOOKS_JWT_SECRET="+strings.Repeat("s", 32), "WEBHOOKS_SECRET_KEYS=off",
			"WEBHOOKS_ALLOW_HTTP=true", "WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8"))
		s.atPeak(b, receiver, warmUp, 1)
		return func(b testing.TB) figures { return s.peak(b, receiver, database, 1) }
	}
	compare(b, measure(), measure("WEBHOOKS_METRICS_ADDR=127.0.0.1:0", "WEBHOOKS_LOG_LEVEL=info",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_METRICS_EXPORTER=none",
		"OTEL_TRACES_SAMPLER=parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.01"))
}
