package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// TestMetricsGoOutBesideThoseOfPrometheus holds that the variables of OpenTelemetry export the library's metrics, and that
// /metrics still has them.
func TestMetricsGoOutBesideThoseOfPrometheus(t *testing.T) {
	t.Parallel()
	names := make(chan string, 10_000)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the test has ended, and killed the host
		}
		var request metricspb.ExportMetricsServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil {
			t.Error(err)
		}
		for _, of := range request.ResourceMetrics {
			for _, scope := range of.ScopeMetrics {
				for _, metric := range scope.Metrics {
					select {
					case names <- metric.Name:
					default: // the test has ended
					}
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(collector.Close)
	s := serve(t, t.TempDir(), []string{
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=" + collector.URL + "/v1/metrics", "OTEL_METRIC_EXPORT_INTERVAL=50",
	})
	const name = "webhooks.dispatcher.running"
	for late := time.After(patience); ; {
		var got string
		select {
		case got = <-names:
		case <-late:
			t.Fatalf("no metric %s arrived within %v", name, patience)
		}
		if got == name {
			break
		}
	}
	status, page, err := api{url: s.url}.try(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil || status != http.StatusOK || !strings.Contains(string(page), "\nwebhooks_dispatcher_running 1\n") {
		t.Errorf("/metrics answers %d, %v, or lacks webhooks_dispatcher_running", status, err)
	}
}
