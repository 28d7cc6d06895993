package bench_test

import (
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The sizes of the benchmarks; docs/performance.md lists the variables.
var (
	events = setting("BENCH_EVENTS", 20_000) // of a run
	pairs  = setting("BENCH_PAIRS", 3)       // of runs, of the limit and of ours
)

func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// figures are what a run came to, by their units.
type figures map[string]float64

// scope is a part of a benchmark that cleans up after itself.
type scope struct {
	*testing.B
	cleanups []func()
}

// Cleanup is called by helpers, which take the scope for the benchmark.
func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func scoped(b *testing.B, run func(b testing.TB) figures) figures {
	b.Helper()
	s := &scope{B: b}
	defer func() {
		for _, f := range slices.Backward(s.cleanups) {
			f()
		}
	}()
	return run(s)
}

// inTurn runs each of the functions so many times, in turn, so that whatever else
// the machine does meets them alike, and returns the medians.
func inTurn(b *testing.B, times int, runs ...func(b testing.TB) figures) []figures {
	b.Helper()
	all := make([]map[string][]float64, len(runs))
	for b.Loop() { // once: it takes longer than the benchmark wants to
		for range times {
			for i, run := range runs {
				if all[i] == nil {
					all[i] = map[string][]float64{}
				}
				for unit, value := range scoped(b, run) {
					all[i][unit] = append(all[i][unit], value)
				}
			}
		}
	}
	medians := make([]figures, len(runs))
	for i := range all {
		medians[i] = figures{}
		for unit, values := range all[i] {
			medians[i][unit] = median(values)
		}
	}
	return medians
}

// compare measures ours and the limit, and reports both with their ratio.
func compare(b *testing.B, limit, ours func(b testing.TB) figures) {
	b.Helper()
	m := inTurn(b, pairs, limit, ours)
	for unit, value := range m[1] {
		b.ReportMetric(value, unit)
		if bound, ok := m[0][unit]; ok {
			b.ReportMetric(bound, "limit-"+unit)
			b.ReportMetric(value/bound, "ratio-"+unit)
		}
	}
	b.ReportMetric(0, "ns/op") // of all runs together
}

// pace calls f evenly, so often in a second, whether or not earlier calls are back. It
// returns how often it did, once all are.
func pace(perSecond float64, during time.Duration, f func(i int)) int {
	n, began := int(perSecond*during.Seconds()), time.Now()
	var all sync.WaitGroup
	for i := range n {
		time.Sleep(time.Until(began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))))
		all.Go(func() { f(i) })
	}
	all.Wait()
	return n
}

// patience is how long a benchmark waits for what it has set going.
const patience = 90 * time.Second

// tally counts what many do, and tells one who waits when it has come to a number.
type tally struct {
	n, want atomic.Int64
	reached chan struct{}
}

func newTally() *tally { return &tally{reached: make(chan struct{}, 1)} }

func (t *tally) add(n int) {
	if now, want := t.n.Add(int64(n)), t.want.Load(); want > 0 && now >= want {
		select {
		case t.reached <- struct{}{}:
		default: // it is told already
		}
	}
}

// reaches waits for the number, and reports whether it is reached in time.
func (t *tally) reaches(n int) bool {
	t.want.Store(int64(n))
	late := time.After(patience)
	for t.n.Load() < int64(n) {
		select {
		case <-t.reached:
		case <-late:
			return false
		}
	}
	return true
}

func (t *tally) await(b testing.TB, n int) {
	b.Helper()
	if !t.reaches(n) {
		b.Fatalf("%d of %d within %v", t.n.Load(), n, patience)
	}
}

func median[T int | float64 | time.Duration](in []T) T {
	slices.Sort(in)
	return in[len(in)/2]
}

// quantile of what is in order.
func quantile(in []time.Duration, q float64) time.Duration {
	if len(in) == 0 {
		return 0
	}
	return in[int(q*float64(len(in)-1))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func perSecond(n int, began, ended time.Time) float64 { return float64(n) / ended.Sub(began).Seconds() }
