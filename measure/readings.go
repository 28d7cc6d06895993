package measure

import (
	"slices"
	"sync"
)

// Series is an instrument with the values of its labels.
type Series struct {
	Instrument *Instrument // the metric
	Labels     Labels      // "" beyond the instrument's labels
}

// Readings keep the functions that are given to [Sink.Observe], for the authors of sinks. The zero value is ready to use.
type Readings struct {
	mu  sync.Mutex
	all []func(Reading)
}

// Observe implements [Sink].
func (r *Readings) Observe(read func(Reading)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, read)
}

// Values reads all gauges and totals. Values of the same series add up, because monitoring systems refuse a series that
// occurs twice. A panic in a function hides its remaining series alone: monitoring systems read in goroutines of their
// own, in which a panic would end the process.
func (r *Readings) Values() map[Series]float64 {
	r.mu.Lock()
	all := slices.Clone(r.all)
	r.mu.Unlock()
	values := map[Series]float64{}
	for _, read := range all {
		safely(read, func(i *Instrument, v float64, l Labels) { values[Series{i, l}] += v })
	}
	return values
}

func safely(read func(Reading), r Reading) {
	defer func() { _ = recover() }()
	read(r)
}
