package telemetry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/ecg-api/webhooks/measure"
)

// scope is the name of the library as OpenTelemetry has it.
const scope = "github.com/ecg-api/webhooks"

// Meter is a [measure.Sink] that counts in instruments of OpenTelemetry. Make one with [NewMeter].
type Meter struct {
	counters   map[*measure.Instrument]metric.Float64Counter
	histograms map[*measure.Instrument]metric.Float64Histogram
	read       map[*measure.Instrument]metric.Float64Observable

	measure.Readings

	mu      sync.RWMutex
	options map[measure.Series]*options
}

var _ measure.Sink = (*Meter)(nil)

// options carry the labels of a series. They are made once, because each of them costs several allocations.
type options struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

// NewMeter returns a Meter that makes its instruments with a provider. Package measure defines the instruments;
// docs/metrics.md lists them. An error is the provider's.
func NewMeter(p metric.MeterProvider) (*Meter, error) {
	m := &Meter{
		counters:   map[*measure.Instrument]metric.Float64Counter{},
		histograms: map[*measure.Instrument]metric.Float64Histogram{},
		read:       map[*measure.Instrument]metric.Float64Observable{},
		options:    map[measure.Series]*options{},
	}
	meter := p.Meter(scope)
	var errs []error
	var observables []metric.Observable
	for _, i := range measure.Instruments() {
		errs = append(errs, m.create(meter, i))
		if o := m.read[i]; o != nil {
			observables = append(observables, o)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if _, err := meter.RegisterCallback(m.collect, observables...); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return m, nil
}

// create makes an instrument.
func (m *Meter) create(meter metric.Meter, i *measure.Instrument) (err error) {
	help, unit := metric.WithDescription(i.Help), metric.WithUnit(i.Unit)
	switch i.Kind {
	case measure.KindCounter:
		m.counters[i], err = meter.Float64Counter(i.Name, help, unit)
		for _, l := range i.Initial() {
			if err == nil {
				m.Measure(i, 0, l)
			}
		}
	case measure.KindHistogram:
		m.histograms[i], err = meter.Float64Histogram(i.Name, help, unit, metric.WithExplicitBucketBoundaries(i.Buckets...))
	case measure.KindGauge:
		m.read[i], err = meter.Float64ObservableGauge(i.Name, help, unit)
	case measure.KindTotal:
		m.read[i], err = meter.Float64ObservableCounter(i.Name, help, unit)
	}
	return err
}

// Measure implements [measure.Sink].
func (m *Meter) Measure(i *measure.Instrument, value float64, l measure.Labels) {
	o := m.optionsOf(measure.Series{Instrument: i, Labels: l})
	if c := m.counters[i]; c != nil {
		c.Add(context.Background(), value, o.add...)
	} else {
		m.histograms[i].Record(context.Background(), value, o.record...)
	}
}

func (m *Meter) optionsOf(s measure.Series) *options {
	m.mu.RLock()
	o := m.options[s]
	m.mu.RUnlock()
	if o != nil {
		return o
	}
	with := attributes(s)
	o = &options{[]metric.AddOption{with}, []metric.RecordOption{with}}
	m.mu.Lock()
	m.options[s] = o
	m.mu.Unlock()
	return o
}

func attributes(s measure.Series) metric.MeasurementOption {
	pairs := make([]attribute.KeyValue, len(s.Instrument.Labels))
	for n, l := range s.Instrument.Labels {
		pairs[n] = attribute.String(l.Name, s.Labels[n])
	}
	return metric.WithAttributeSet(attribute.NewSet(pairs...))
}

// collect reads the gauges and totals.
func (m *Meter) collect(_ context.Context, o metric.Observer) error {
	for series, value := range m.Values() {
		o.ObserveFloat64(m.read[series.Instrument], value, attributes(series))
	}
	return nil
}
