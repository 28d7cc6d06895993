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
	events = setting("BENCH_EVENTS", 20_000) // deliveries of a run
	pairs  = setting("BENCH_PAIRS", 3)       // pairs of runs, of the limit and of ours
)

func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// figures are the results of a run, by unit.
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

// inTurn runs each function a number of times, in turn, so that other load of the machine
// affects all functions alike. It returns the medians.
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
	compareTimes(b, pairs, limit, ours)
}

// compareTimes is compare with a number of pairs, for short runs.
func compareTimes(b *testing.B, times int, limit, ours func(b testing.TB) figures) {
	b.Helper()
	m := inTurn(b, times, limit, ours)
	for unit, value := range m[1] {
		b.ReportMetric(value, unit)
		if bound, ok := m[0][unit]; ok {
			b.ReportMetric(bound, "limit-"+unit)
			b.ReportMetric(value/bound, "ratio-"+unit)
		}
	}
	b.ReportMetric(0, "ns/op") // of all runs together
}

// pace calls f at an even rate, without waiting for earlier calls. It returns the number of
// calls, once all calls have returned.
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

// patience is the time that a benchmark waits for deliveries.
const patience = 90 * time.Second

// tally is a counter for many goroutines. One goroutine can wait until it reaches a number.
type tally struct {
	n, want atomic.Int64
	reached chan struct{}
}

func newTally() *tally { return &tally{reached: make(chan struct{}, 1)} }

func (t *tally) add(n int) {
	if now, want := t.n.Add(int64(n)), t.want.Load(); want > 0 && now >= want {
		select {
		case t.reached <- struct{}{}:
		default: // a signal is pending already
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

// quantile returns a quantile of sorted durations.
func quantile(in []time.Duration, q float64) time.Duration {
	if len(in) == 0 {
		return 0
	}
	return in[int(q*float64(len(in)-1))]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func perSecond(n int, began, ended time.Time) float64 { return float64(n) / ended.Sub(began).Seconds() }
