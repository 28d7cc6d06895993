// Package testmeter is a measure.Sink for tests: they read its measurements.
package testmeter

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ecg-api/webhooks/measure"
)

// Sink keeps measurements in memory. The zero value is ready to use.
type Sink struct {
	measure.Readings

	mu            sync.Mutex
	counts, total map[string]float64
}

// Measure implements [measure.Sink].
func (s *Sink) Measure(i *measure.Instrument, value float64, labels measure.Labels) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts, s.total = map[string]float64{}, map[string]float64{}
	}
	s.counts[key(i, labels)]++
	s.total[key(i, labels)] += value
}

// key names a series as name{value,value}.
func key(i *measure.Instrument, l measure.Labels) string {
	return i.Name + "{" + strings.Join(l[:len(i.Labels)], ",") + "}"
}

// Value returns the present value of a counter, gauge or total; 0 if there is none.
func (s *Sink) Value(i *measure.Instrument, labels ...string) float64 {
	v, _ := s.Lookup(i, labels...)
	return v
}

// Lookup returns the present value of a counter, gauge or total, and whether there is one.
func (s *Sink) Lookup(i *measure.Instrument, labels ...string) (float64, bool) {
	var l measure.Labels
	copy(l[:], labels)
	if !i.Kind.Recorded() {
		v, ok := s.Values()[measure.Series{Instrument: i, Labels: l}]
		return v, ok
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.total[key(i, l)]
	return v, ok
}

// Count returns the number of measurements of a histogram, and their sum.
func (s *Sink) Count(i *measure.Instrument, labels ...string) (n int, sum float64) {
	var l measure.Labels
	copy(l[:], labels)
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.counts[key(i, l)]), s.total[key(i, l)]
}

// String lists the recorded series.
func (s *Sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprint(s.total)
}
