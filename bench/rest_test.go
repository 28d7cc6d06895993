package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// BenchmarkREST lets 64 clients publish single events to the sample host. It reports the
// deliveries a second, the CPU of the host and PostgreSQL for 1,000 deliveries, and the
// peak memory of the host.
func BenchmarkREST(b *testing.B) {
	testpg.DSN(b)
	for _, fanOut := range []int{1, 10} {
		b.Run(fmt.Sprintf("fan-out=%d", fanOut), func(b *testing.B) {
			receiver, database := role(b, "receiver"), postmaster(b)
			measure := func(s *server) func(testing.TB) figures {
				s.atPeak(b, receiver, warmUp, fanOut)
				return func(b testing.TB) figures { return s.peak(b, receiver, database, fanOut) }
			}
			compare(b, measure(limitServer(b, receiver, fanOut)), measure(hostServer(b, receiver, fanOut)))
			if database == 0 {
				b.Log("CPU and memory are left out: they are read from /proc, which is Linux's")
			}
		})
	}
}

func (s *server) peak(b testing.TB, receiver child, database, fanOut int) figures {
	b.Helper()
	n := events / fanOut
	before := cpuSeconds(s.pid, database)
	began, got := s.atPeak(b, receiver, n, fanOut)
	f := figures{"deliveries/s": perSecond(n*fanOut, began, got.Last)}
	if database != 0 { // in both, the time to record the last outcomes is left out
		f["cpu-s/1k"] = (cpuSeconds(s.pid, database) - before) / float64(n*fanOut) * 1000
		f["MiB"] = memory(s.pid)
	}
	return f
}

// BenchmarkLatency measures the time from publish to receipt over REST, at 50 events a
// second and at half of the host's peak rate.
func BenchmarkLatency(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	limit, ours := limitServer(b, receiver, 1), hostServer(b, receiver, 1)
	limit.atPeak(b, receiver, warmUp, 1)
	ours.atPeak(b, receiver, warmUp, 1)
	const n = 10_000
	began, got := ours.atPeak(b, receiver, n, 1)
	half := perSecond(n, began, got.Last) / 2
	for _, r := range []struct {
		name string
		rate float64
	}{{"50-per-second", 50}, {"half-of-peak", half}} {
		b.Run(r.name, func(b *testing.B) {
			measure := func(s *server) func(testing.TB) figures {
				return func(b testing.TB) figures {
					took := s.atRate(b, receiver, r.rate, 4*time.Second).Took
					return figures{"p50-ms": milliseconds(quantile(took, .5)), "p99-ms": milliseconds(quantile(took, .99))}
				}
			}
			compare(b, measure(limit), measure(ours))
			b.ReportMetric(r.rate, "events/s")
		})
	}
}
