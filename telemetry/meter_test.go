package telemetry_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/telemetry"
)

func newMeter(t *testing.T) (*telemetry.Meter, *sdk.ManualReader) {
	t.Helper()
	reader := sdk.NewManualReader()
	meter, err := telemetry.NewMeter(sdk.NewMeterProvider(sdk.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	return meter, reader
}

// collected returns the metrics by name.
func collected(t *testing.T, reader *sdk.ManualReader) map[string]metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// point returns the kind of a metric, the attributes of its last point, and the bounds of its buckets.
func point(t *testing.T, m metricdata.Metrics) (kind string, attributes attribute.Set, bounds []float64) {
	t.Helper()
	switch data := m.Data.(type) {
	case metricdata.Sum[float64]:
		if data.IsMonotonic {
			kind = "counter"
		}
		return kind, data.DataPoints[len(data.DataPoints)-1].Attributes, nil
	case metricdata.Histogram[float64]:
		p := data.DataPoints[len(data.DataPoints)-1]
		return "histogram", p.Attributes, p.Bounds
	case metricdata.Gauge[float64]:
		return "gauge", data.DataPoints[len(data.DataPoints)-1].Attributes, nil
	}
	t.Fatalf("%s is a %T", m.Name, m.Data)
	return "", attribute.Set{}, nil
}

func TestEachInstrumentIsExposedAndNothingElse(t *testing.T) {
	t.Parallel()
	meter, reader := newMeter(t)
	for _, i := range measure.Instruments() {
		if i.Kind.Recorded() {
			meter.Measure(i, 1, measure.Labels{"a", "b", "c"})
		} else {
			meter.Observe(func(r measure.Reading) { r(i, 1, measure.Labels{"a", "b", "c"}) })
		}
	}
	exposed := collected(t, reader)
	for _, i := range measure.Instruments() {
		m, ok := exposed[i.Name]
		if !ok {
			t.Errorf("%s is not exposed", i.Name)
			continue
		}
		delete(exposed, i.Name)
		kind, attributes, bounds := point(t, m)
		if kind != i.Kind.String() || m.Unit != i.Unit || m.Description != i.Help || len(bounds) != len(i.Buckets) {
			t.Errorf("%s is a %s with the unit %q and %d buckets: %s", i.Name, kind, m.Unit, len(bounds), m.Description)
		}
		if attributes.Len() != len(i.Labels) {
			t.Errorf("%s has the attributes %v", i.Name, attributes.ToSlice())
		}
		for _, l := range i.Labels {
			if !attributes.HasValue(attribute.Key(l.Name)) {
				t.Errorf("%s has no attribute %s", i.Name, l.Name)
			}
		}
	}
	for name := range exposed {
		t.Errorf("%s is not defined", name)
	}
}

// https://opentelemetry.io/docs/specs/semconv/general/naming and /metrics: dots between the parts of a name, neither unit
// nor total, no name that is the namespace of another one.
func TestNamesFollowTheConventionsOfOpenTelemetry(t *testing.T) {
	t.Parallel()
	for _, i := range measure.Instruments() {
		for _, part := range strings.FieldsFunc(i.Name, func(r rune) bool { return r == '.' || r == '_' }) {
			if part == "total" || part == "seconds" || part == "bytes" || part == "count" {
				t.Errorf("%s has %q in its name", i.Name, part)
			}
		}
		for _, other := range measure.Instruments() {
			if strings.HasPrefix(other.Name, i.Name+".") {
				t.Errorf("%s is the namespace of %s", i.Name, other.Name)
			}
		}
	}
}

func TestCountersOfListedLabelsBeginWithZero(t *testing.T) {
	t.Parallel()
	_, reader := newMeter(t)
	sum, ok := collected(t, reader)[measure.AttemptFailures.Name].Data.(metricdata.Sum[float64])
	if !ok || len(sum.DataPoints) != len(measure.AttemptFailures.Labels[0].Values) {
		t.Errorf("%d series", len(sum.DataPoints))
	}
}

func TestMeasurementsAddUp(t *testing.T) {
	t.Parallel()
	meter, reader := newMeter(t)
	for range 3 {
		measure.RecoveryBatches.Add(meter, 2)
		meter.Observe(func(r measure.Reading) { measure.InFlight.Set(r, 5) })
	}
	got := collected(t, reader)
	sum, _ := got[measure.RecoveryBatches.Name].Data.(metricdata.Sum[float64])
	gauge, _ := got[measure.InFlight.Name].Data.(metricdata.Gauge[float64])
	if len(sum.DataPoints) != 1 || sum.DataPoints[0].Value != 6 || len(gauge.DataPoints) != 1 || gauge.DataPoints[0].Value != 15 {
		t.Errorf("%v, %v", sum.DataPoints, gauge.DataPoints)
	}
}

func TestMeasuringAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	meter, _ := newMeter(t)
	once := func() {
		measure.Attempts.Add(meter, 1, "failed")
		measure.AttemptDuration.Record(meter, .1, "failed")
		measure.StoreErrors.Add(meter, 1, "claim", "timeout")
	}
	once()
	if n := testing.AllocsPerRun(100, once); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
