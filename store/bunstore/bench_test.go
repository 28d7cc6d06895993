package bunstore_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// onBoth runs a benchmark on each database.
func onBoth(b *testing.B, run func(b *testing.B, s *bunstore.Store)) {
	b.Run("sqlite", func(b *testing.B) { run(b, newSQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		testpg.DSN(b)
		run(b, newPostgres(b))
	})
}

func messages(sc *scene, n int) []store.NewMessage {
	out := make([]store.NewMessage, n)
	m := sc.message(bytes.Repeat([]byte("x"), 1024))
	for i := range out {
		out[i] = m
		out[i].ID, out[i].CreatedAt = newID(), time.Now()
	}
	return out
}

func rate(b *testing.B, perIteration int) {
	b.ReportMetric(float64(perIteration)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPublish stores messages of 1 KiB with one delivery each.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1, 100, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			onBoth(b, func(b *testing.B, s *bunstore.Store) {
				sc := newScene(b, s)
				for b.Loop() {
					_, err := s.Publish(b.Context(), nil, messages(sc, size), sc.options(0))
					check(b, err)
				}
				rate(b, size)
			})
		})
	}
}

// BenchmarkClaimRecord claims and records waiting attempts.
func BenchmarkClaimRecord(b *testing.B) {
	for _, size := range []int{100, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			onBoth(b, func(b *testing.B, s *bunstore.Store) {
				sc := newScene(b, s)
				for b.Loop() {
					b.StopTimer()
					_, err := s.Publish(b.Context(), nil, messages(sc, size), sc.options(0))
					check(b, err)
					b.StartTimer()
					jobs, _, err := s.Claim(b.Context(), store.ClaimOptions{Max: size, Lease: time.Minute})
					check(b, err)
					finish(b, s, jobs, size)
				}
				rate(b, size)
			})
		})
	}
}

// BenchmarkHandOff publishes and records handed-off attempts.
func BenchmarkHandOff(b *testing.B) {
	for _, size := range []int{100, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			onBoth(b, func(b *testing.B, s *bunstore.Store) {
				sc := newScene(b, s)
				for b.Loop() {
					published, err := s.Publish(b.Context(), nil, messages(sc, size), sc.options(size))
					check(b, err)
					var jobs []store.Job
					for _, p := range published {
						jobs = append(jobs, p.Jobs...)
					}
					finish(b, s, jobs, size)
				}
				rate(b, size)
			})
		})
	}
}

func finish(b *testing.B, s *bunstore.Store, jobs []store.Job, want int) {
	b.Helper()
	outcomes := make([]store.Outcome, len(jobs))
	for i, j := range jobs {
		outcomes[i] = store.Outcome{
			Lease: j.Lease, Status: store.Succeeded, PostedAt: time.Now(), Duration: time.Millisecond,
			HTTPStatus: 200, Response: []byte("ok"), At: time.Now(),
		}
	}
	lost, err := s.Record(b.Context(), outcomes)
	check(b, err)
	if len(jobs) != want || len(lost) > 0 {
		b.Fatalf("%d jobs of %d, %d lost", len(jobs), want, len(lost))
	}
}
