// Package metrics exposes the metrics of the library to Prometheus. It is a package of its own so that only programs that
// import it link the Prometheus client.
//
//	registry := prometheus.NewRegistry()
//	sink, err := metrics.New(registry)
//	hooks, err := webhooks.New(store, webhooks.Config{Metrics: sink})
//	mux.Handle("GET /metrics", metrics.Handler(registry))
//
// Package measure defines the metrics; docs/metrics.md lists them. No metric has a label for an organization or a
// subscription, so the number of series does not grow with traffic. The history has the attempts of each subscription.
package metrics

import (
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ecg-api/webhooks/measure"
)

// Sink is a [measure.Sink] that counts in metrics of Prometheus. Make one with [New]. It serves one webhooks.Webhooks; for
// several in a process, make each Sink with a registerer of prometheus.WrapRegistererWith.
type Sink struct {
	counters   map[*measure.Instrument]*prometheus.CounterVec
	histograms map[*measure.Instrument]*prometheus.HistogramVec
	read       map[*measure.Instrument]*prometheus.Desc

	measure.Readings
}

var (
	_ measure.Sink         = (*Sink)(nil)
	_ prometheus.Collector = (*Sink)(nil)
)

// New returns a Sink and registers its metrics with r. It returns an error if they are registered with r already.
func New(r prometheus.Registerer) (*Sink, error) {
	s := &Sink{
		counters:   map[*measure.Instrument]*prometheus.CounterVec{},
		histograms: map[*measure.Instrument]*prometheus.HistogramVec{},
		read:       map[*measure.Instrument]*prometheus.Desc{},
	}
	for _, i := range measure.Instruments() {
		switch i.Kind {
		case measure.KindCounter:
			s.counters[i] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: Name(i), Help: i.Help}, labels(i))
			for _, l := range i.Initial() {
				s.counters[i].WithLabelValues(l[:len(i.Labels)]...)
			}
		case measure.KindHistogram:
			s.histograms[i] = prometheus.NewHistogramVec(
				prometheus.HistogramOpts{Name: Name(i), Help: i.Help, Buckets: i.Buckets}, labels(i))
		case measure.KindGauge, measure.KindTotal:
			s.read[i] = prometheus.NewDesc(Name(i), i.Help, labels(i), nil)
		}
	}
	return s, r.Register(s)
}

// Name returns the name of an instrument in Prometheus: with the unit, and _total if it is a counter. It is the name that
// OpenTelemetry's exporters to Prometheus give the instrument.
func Name(i *measure.Instrument) string {
	name := strings.ReplaceAll(i.Name, ".", "_")
	switch i.Unit {
	case "s":
		name += "_seconds"
	case "By":
		name += "_bytes"
	}
	if i.Kind == measure.KindCounter || i.Kind == measure.KindTotal {
		name += "_total"
	}
	return name
}

func labels(i *measure.Instrument) []string {
	names := make([]string, len(i.Labels))
	for n, l := range i.Labels {
		names[n] = l.Name
	}
	return names
}

// Measure implements [measure.Sink].
func (s *Sink) Measure(i *measure.Instrument, value float64, l measure.Labels) {
	if c := s.counters[i]; c != nil {
		c.WithLabelValues(l[:len(i.Labels)]...).Add(value)
	} else {
		s.histograms[i].WithLabelValues(l[:len(i.Labels)]...).Observe(value)
	}
}

// Describe implements [prometheus.Collector].
func (s *Sink) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range s.counters {
		c.Describe(ch)
	}
	for _, h := range s.histograms {
		h.Describe(ch)
	}
	for _, d := range s.read {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *Sink) Collect(ch chan<- prometheus.Metric) {
	for _, c := range s.counters {
		c.Collect(ch)
	}
	for _, h := range s.histograms {
		h.Collect(ch)
	}
	for series, value := range s.Values() {
		i, kind := series.Instrument, prometheus.GaugeValue
		if i.Kind == measure.KindTotal {
			kind = prometheus.CounterValue
		}
		ch <- prometheus.MustNewConstMetric(s.read[i], kind, value, series.Labels[:len(i.Labels)]...)
	}
}

// Handler serves the metrics that g gathers, to at most 4 callers at a time.
func Handler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
