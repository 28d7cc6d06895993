package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/metrics"
)

func newSink(t *testing.T) (*metrics.Sink, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	sink, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	return sink, registry
}

// measureAll records each instrument once.
func measureAll(sink measure.Sink) {
	labels := measure.Labels{"a", "b", "c"}
	for _, i := range measure.Instruments() {
		if i.Kind.Recorded() {
			sink.Measure(i, 1, labels)
		} else {
			sink.Observe(func(r measure.Reading) { r(i, 1, labels) })
		}
	}
}

func TestEachInstrumentIsExposedAndNothingElse(t *testing.T) {
	t.Parallel()
	sink, registry := newSink(t)
	measureAll(sink)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	exposed := map[string]*dto.MetricFamily{}
	for _, f := range families {
		exposed[f.GetName()] = f
	}
	for _, i := range measure.Instruments() {
		name := metrics.Name(i)
		f := exposed[name]
		if f == nil {
			t.Errorf("%s is not exposed as %s", i.Name, name)
			continue
		}
		delete(exposed, name)
		if kind := strings.ToLower(f.GetType().String()); kind != i.Kind.String() || f.GetHelp() != i.Help {
			t.Errorf("%s is a %s: %s", name, kind, f.GetHelp())
		}
		m := f.GetMetric()[len(f.GetMetric())-1]
		if len(m.GetLabel()) != len(i.Labels) || len(m.GetHistogram().GetBucket()) != len(i.Buckets) {
			t.Errorf("%s has the labels %v and %d buckets", name, m.GetLabel(), len(m.GetHistogram().GetBucket()))
		}
	}
	for name := range exposed {
		t.Errorf("%s is not defined", name)
	}
}

// promlint has the rules of https://prometheus.io/docs/practices/naming.
func TestNamesFollowTheConventionsOfPrometheus(t *testing.T) {
	t.Parallel()
	sink, registry := newSink(t)
	measureAll(sink)
	problems, err := promlint.New(strings.NewReader(scrape(t, registry))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNamesHaveUnits(t *testing.T) {
	t.Parallel()
	for i, want := range map[*measure.Instrument]string{
		measure.AttemptLag.Instrument:   "webhooks_attempt_lag_seconds",
		measure.PoolWaitTime.Instrument: "webhooks_pool_wait_time_seconds_total",
		measure.WaitingBytes.Instrument: "webhooks_dispatcher_waiting_memory_bytes",
		measure.Attempts.Instrument:     "webhooks_attempts_total",
		measure.InFlight.Instrument:     "webhooks_dispatcher_in_flight",
	} {
		if got := metrics.Name(i); got != want {
			t.Errorf("%s is %s, want %s", i.Name, got, want)
		}
	}
}

func TestCountersOfListedLabelsBeginWithZero(t *testing.T) {
	t.Parallel()
	sink, registry := newSink(t)
	measure.Attempts.Add(sink, 1, "succeeded")
	text := scrape(t, registry)
	for _, want := range []string{
		`webhooks_attempts_total{outcome="succeeded"} 1`,
		`webhooks_attempts_total{outcome="failed"} 0`,
		`webhooks_attempt_failures_total{class="http_5xx"} 0`,
		`webhooks_notices_total{kind="lease_lost"} 0`,
		`webhooks_recovery_batches_total 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// Two parts of the library, or two Webhooks, may report the same gauge.
func TestGaugesOfSeveralReadingsAddUp(t *testing.T) {
	t.Parallel()
	sink, registry := newSink(t)
	for range 2 {
		sink.Observe(func(r measure.Reading) { measure.InFlight.Set(r, 3) })
	}
	if text := scrape(t, registry); !strings.Contains(text, "webhooks_dispatcher_in_flight 6\n") {
		t.Error(text)
	}
}

func TestAPanicOfAReadingHidesItsOwnGaugesAlone(t *testing.T) {
	t.Parallel()
	sink, registry := newSink(t)
	sink.Observe(func(measure.Reading) { panic("the host's") })
	sink.Observe(func(r measure.Reading) { measure.InFlight.Set(r, 3) })
	if text := scrape(t, registry); !strings.Contains(text, "webhooks_dispatcher_in_flight 3\n") {
		t.Error(text)
	}
}

func TestMeasuringIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	sink, registry := newSink(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				measure.Attempts.Add(sink, 1, "succeeded")
				measure.StoreDuration.Record(sink, .1, "claim")
			}
		})
		all.Go(func() { scrape(t, registry) })
	}
	all.Wait()
	if text := scrape(t, registry); !strings.Contains(text, `webhooks_attempts_total{outcome="succeeded"} 400`) {
		t.Error(text)
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	sink, _ := newSink(t)
	once := func() {
		measure.Attempts.Add(sink, 1, "failed")
		measure.AttemptFailures.Add(sink, 1, "http_5xx")
		measure.AttemptDuration.Record(sink, .1, "failed")
		measure.StoreErrors.Add(sink, 1, "claim", "timeout")
		measure.RequestDuration.Record(sink, .1, "GET", "/api/x", "2xx")
	}
	once()
	if n := testing.AllocsPerRun(100, once); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAttempt(b *testing.B) {
	sink, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			measure.Attempts.Add(sink, 1, "succeeded")
			measure.AttemptDuration.Record(sink, .1, "succeeded")
			measure.AttemptLag.Record(sink, .01)
		}
	})
}

func TestNewRefusesARegistryThatHasThem(t *testing.T) {
	t.Parallel()
	_, registry := newSink(t)
	if _, err := metrics.New(registry); err == nil {
		t.Error("registered twice")
	}
}

func scrape(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(g).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}
