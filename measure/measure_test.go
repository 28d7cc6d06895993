package measure_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/ecg-api/webhooks/measure"
)

// sink counts what it gets.
type sink map[string]float64

func (s sink) Measure(i *measure.Instrument, v float64, l measure.Labels) { s[i.Name+" "+l[0]] += v }
func (s sink) Observe(func(measure.Reading))                              {}

func TestDefinition(t *testing.T) {
	t.Parallel()
	name, unit := regexp.MustCompile(`^webhooks(\.[a-z]+(_[a-z]+)*)+$`), regexp.MustCompile(`^(s|By|\{[a-z]+\}|)$`)
	sentence, label := regexp.MustCompile(`^[A-Z0-9].*[^.]\.$`), regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]bool{}
	for _, i := range measure.Instruments() {
		if seen[i.Name] {
			t.Errorf("%s is defined twice", i.Name)
		}
		seen[i.Name] = true
		if !name.MatchString(i.Name) || !unit.MatchString(i.Unit) || !sentence.MatchString(i.Help) {
			t.Errorf("%s: unit %q, help %q", i.Name, i.Unit, i.Help)
		}
		if len(i.Labels) > measure.MaxLabels {
			t.Errorf("%s has %d labels", i.Name, len(i.Labels))
		}
		for _, l := range i.Labels {
			if !label.MatchString(l.Name) || l.Values == nil && l.Help == "" {
				t.Errorf("%s: label %q without values needs help", i.Name, l.Name)
			}
		}
		if (i.Kind == measure.KindHistogram) != (len(i.Buckets) > 1) || !slices.IsSorted(i.Buckets) {
			t.Errorf("%s, a %v, has the buckets %v", i.Name, i.Kind, i.Buckets)
		}
	}
	if len(seen) < 30 {
		t.Errorf("%d instruments", len(seen))
	}
}

func TestMeasurementsReachTheSink(t *testing.T) {
	t.Parallel()
	s := sink{}
	measure.Attempts.Add(s, 2, "failed")
	measure.AttemptLag.Record(s, .5)
	measure.StoreUp.Is(s.Measure, true)
	measure.InFlight.Set(s.Measure, 7)
	all := sink{"webhooks.attempts failed": 2, "webhooks.attempt.lag ": .5, "webhooks.store.up ": 1, "webhooks.dispatcher.in_flight ": 7}
	for series, want := range all {
		if s[series] != want {
			t.Errorf("%s is %v, want %v", series, s[series], want)
		}
	}
}

func TestWithoutASinkNothingIsRecordedNorAllocated(t *testing.T) { //nolint:paralleltest // it counts allocations
	if n := testing.AllocsPerRun(100, func() {
		measure.Attempts.Add(nil, 1, "succeeded")
		measure.StoreErrors.Add(nil, 1, "claim", "timeout")
		measure.AttemptDuration.Record(nil, 1, "succeeded")
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
