// Package measure defines the metrics of the library: the name, kind, unit, labels and buckets of each instrument, once
// for all monitoring systems. It imports nothing but the standard library.
//
// The parts of the library record their measurements in a [Sink], which is an adapter to a monitoring system: package
// metrics for Prometheus, package telemetry for OpenTelemetry. A service gives one Sink to webhooks.Config.Metrics:
//
//	sink, err := metrics.New(registry)
//	hooks, err := webhooks.New(store, webhooks.Config{Metrics: sink})
//
// No instrument has a label for an organization, a subscription or a URL. The values of a label are listed with it, or
// are a fixed part of the program, such as the routes of REST. So the number of series does not grow with traffic.
package measure

import "slices"

// Kind says how the measurements of an instrument become a value.
type Kind int

// The kinds of instrument.
const (
	KindCounter   Kind = iota // a sum that only grows; each measurement is added
	KindHistogram             // a distribution; each measurement is counted in its bucket
	KindGauge                 // a present value; it is read, and not recorded
	KindTotal                 // a sum that only grows and is kept elsewhere; it is read, and not recorded
)

// Recorded reports whether measurements go to [Sink.Measure]. Instruments of the other kinds are read by [Sink.Observe].
func (k Kind) Recorded() bool { return k == KindCounter || k == KindHistogram }

// String returns the name of the kind, as documents of metrics have it: counter, histogram or gauge.
func (k Kind) String() string {
	switch k {
	case KindHistogram:
		return "histogram"
	case KindGauge:
		return "gauge"
	default:
		return "counter"
	}
}

// MaxLabels is the largest number of labels of an instrument.
const MaxLabels = 3

// Labels are the values of an instrument's labels, in their order. Values beyond the instrument's labels are "".
type Labels [MaxLabels]string

// Label is a label of an instrument.
type Label struct {
	Name   string   // of lower-case letters and _
	Values []string // all values that occur; nil if the program lists them elsewhere, as Help says
	Help   string   // a phrase about the values, "" if they speak for themselves
}

// Instrument is a metric.
type Instrument struct {
	Name    string    // with dots, as OpenTelemetry has it: webhooks.attempt.duration
	Kind    Kind      // decides how it is used
	Unit    string    // by UCUM, as OpenTelemetry has it: s, By, a noun in braces, {attempt}, or "" for none
	Help    string    // one sentence
	Labels  []Label   // at most MaxLabels
	Buckets []float64 // of a histogram: their upper bounds
}

// Initial returns the labels of the series that exist before the first measurement, so that the first one is seen as a
// change from 0. These are the series of counters with at most one label, if the values of the label are listed.
func (i *Instrument) Initial() []Labels {
	switch {
	case i.Kind != KindCounter || len(i.Labels) > 1:
		return nil
	case len(i.Labels) == 0:
		return []Labels{{}}
	}
	var all []Labels
	for _, v := range i.Labels[0].Values {
		all = append(all, Labels{v})
	}
	return all
}

// Sink takes measurements. It serves one webhooks.Webhooks: the gauges of two would add up.
type Sink interface {
	// Measure adds a value to a counter, or counts a value in a histogram. It blocks nobody, does not fail, and is safe
	// for concurrent use. After the first measurement with some labels it allocates no memory.
	Measure(i *Instrument, value float64, labels Labels)
	// Observe has read called whenever the metrics are read, until the process ends. Read passes each value of a gauge or
	// total to its argument. It is safe for concurrent use, and returns within a second.
	Observe(read func(Reading))
}

// Sinks is a [Sink] that passes everything on to several.
type Sinks []Sink

// Measure implements [Sink].
func (all Sinks) Measure(i *Instrument, value float64, labels Labels) {
	for _, s := range all {
		s.Measure(i, value, labels)
	}
}

// Observe implements [Sink].
func (all Sinks) Observe(read func(Reading)) {
	for _, s := range all {
		s.Observe(read)
	}
}

// Reading takes the value of a gauge or total at the moment.
type Reading func(i *Instrument, value float64, labels Labels)

// Counter is an instrument that measurements are added to.
type Counter struct{ *Instrument }

// Add adds a value, which is not negative, if s is not nil.
func (c Counter) Add(s Sink, value float64, labels ...string) {
	if s != nil {
		s.Measure(c.Instrument, value, labelsOf(labels))
	}
}

// Histogram is an instrument that counts measurements by their size.
type Histogram struct{ *Instrument }

// Record counts a value if s is not nil.
func (h Histogram) Record(s Sink, value float64, labels ...string) {
	if s != nil {
		s.Measure(h.Instrument, value, labelsOf(labels))
	}
}

// Gauge is an instrument that is read: a gauge, or a total.
type Gauge struct{ *Instrument }

// Set gives a reading its value.
func (g Gauge) Set(r Reading, value float64, labels ...string) {
	r(g.Instrument, value, labelsOf(labels))
}

// Is gives a reading 1 for true, and 0 for false.
func (g Gauge) Is(r Reading, value bool, labels ...string) {
	if value {
		g.Set(r, 1, labels...)
	} else {
		g.Set(r, 0, labels...)
	}
}

// labelsOf copies labels. The slice stays on the stack of the caller.
func labelsOf(values []string) (l Labels) {
	copy(l[:], values)
	return l
}

var instruments []*Instrument

// Instruments returns all instruments, in the order of the documentation. They must not be changed.
func Instruments() []*Instrument { return slices.Clone(instruments) }

func define(kind Kind, name, unit, help string, labels []Label) *Instrument {
	i := &Instrument{Name: name, Kind: kind, Unit: unit, Help: help, Labels: labels}
	instruments = append(instruments, i)
	return i
}

func counter(name, unit, help string, labels ...Label) Counter {
	return Counter{define(KindCounter, name, unit, help, labels)}
}

func histogram(name, unit, help string, buckets []float64, labels ...Label) Histogram {
	i := define(KindHistogram, name, unit, help, labels)
	i.Buckets = buckets
	return Histogram{i}
}

func gauge(name, unit, help string, labels ...Label) Gauge {
	return Gauge{define(KindGauge, name, unit, help, labels)}
}

func total(name, unit, help string, labels ...Label) Gauge {
	return Gauge{define(KindTotal, name, unit, help, labels)}
}
