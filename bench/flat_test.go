package bench_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/limits"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

var (
	fewRows  = 10_000
	manyRows = setting("BENCH_ROWS", 1_000_000)
)

// flat is a library on a PostgreSQL with a given number of rows. Its dispatcher does not run.
type flat struct {
	*library
	s     *bunstore.Store
	org   uuid.UUID
	event webhooks.EventType
}

func newFlat(b testing.TB, subscriptions int) *flat {
	b.Helper()
	s := newPostgres(b)
	f := &flat{newLibrary(b, s), s, uuid.New(), webhooks.EventType{}}
	f.event = f.catalog()
	for range subscriptions {
		f.subscribe(f.org, "https://example.com/hook")
	}
	return f
}

// growth measures steps with few rows and with many, and reports the medians and the ratio
// of many to few.
func growth(b *testing.B, names []string, few, many func() []time.Duration) {
	b.Helper()
	took := [2][][]time.Duration{make([][]time.Duration, len(names)), make([][]time.Duration, len(names))}
	for b.Loop() {
		for i, run := range []func() []time.Duration{few, many} {
			for step, d := range run() {
				took[i][step] = append(took[i][step], d)
			}
		}
	}
	for step, name := range names {
		a, z := milliseconds(median(took[0][step])), milliseconds(median(took[1][step]))
		b.ReportMetric(a, name+"-ms/few")
		b.ReportMetric(z, name+"-ms/many")
		b.ReportMetric(z/a, name+"-ratio")
	}
	b.ReportMetric(0, "ns/op") // of both
}

// BenchmarkSubscriptions publishes an event to ten subscriptions, among 10,000 and
// among BENCH_ROWS.
func BenchmarkSubscriptions(b *testing.B) {
	testpg.DSN(b)
	publish := func(rows int) func() []time.Duration {
		f := newFlat(b, 10)
		fillSubscriptions(b, f.s, f.event.ID, rows)
		return func() []time.Duration { return stopwatch(func() { f.publish(f.org, 1) }) }
	}
	growth(b, []string{"publish"}, publish(fewRows), publish(manyRows))
}

// BenchmarkHistory publishes, claims and records a hundred attempts, in a history of
// 10,000 and of BENCH_ROWS.
func BenchmarkHistory(b *testing.B) {
	testpg.DSN(b)
	steps := func(rows int) func() []time.Duration {
		f := newFlat(b, 1)
		fillHistory(b, f.s, f.event.ID, rows)
		return func() []time.Duration { return f.cycle(100) }
	}
	growth(b, []string{"publish", "claim", "record"}, steps(fewRows), steps(manyRows))
}

// cycle takes attempts through the store.
func (f *flat) cycle(n int) []time.Duration {
	var jobs []store.Job
	var err error
	took := stopwatch(func() { f.publish(f.org, n) }, func() {
		jobs, _, err = f.s.Claim(f.b.Context(), store.ClaimOptions{Max: n, Lease: time.Minute})
		check(f.b, err)
	}, func() {
		outcomes := make([]store.Outcome, len(jobs))
		for i, j := range jobs {
			outcomes[i] = store.Outcome{
				Lease: j.Lease, Status: store.Succeeded, PostedAt: time.Now(), Duration: time.Millisecond,
				HTTPStatus: 200, Response: []byte("ok"), At: time.Now(),
			}
		}
		_, err = f.s.Record(f.b.Context(), outcomes)
		check(f.b, err)
	})
	if len(jobs) != n {
		f.b.Fatalf("%d jobs of %d", len(jobs), n)
	}
	return took
}

func stopwatch(steps ...func()) []time.Duration {
	took := make([]time.Duration, len(steps))
	for i, step := range steps {
		began := time.Now()
		step()
		took[i] = time.Since(began)
	}
	return took
}

// BenchmarkWideFanOut measures the time until the publish of one event to 10,000
// subscriptions is acknowledged.
func BenchmarkWideFanOut(b *testing.B) {
	const wide = 10_000
	testpg.DSN(b)
	f := newFlat(b, 1)
	of, err := f.Subscriptions.List(b.Context(), f.org, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 1}})
	check(b, err)
	fillTargets(b, f.s, of.Items[0], wide-1)
	limit := limits.OpenPostgres(testpg.DSN(b), newSchema(b))
	b.Cleanup(limit.Close)
	publish := func(do func()) func(testing.TB) figures {
		return func(testing.TB) figures { return figures{"publish-ms": milliseconds(stopwatch(do)[0])} }
	}
	compare(b, publish(func() {
		e := limits.Event{ID: uuid.Must(uuid.NewV7()), Body: payload(bodySize)}
		deliveries := make([]*limits.Delivery, wide)
		for i := range deliveries {
			deliveries[i] = &limits.Delivery{ID: uuid.Must(uuid.NewV7()), Event: e.ID, Endpoint: i}
		}
		limit.Insert([]limits.Event{e}, deliveries, false)
	}), publish(func() { f.publish(f.org, 1) }))
}

// BenchmarkDisk measures the bytes on disk of a message of 1 KiB and its delivery, with
// indexes, and their bytes of WAL.
func BenchmarkDisk(b *testing.B) {
	testpg.DSN(b)
	receiver := role(b, "receiver")
	s := newPostgres(b)
	var before, after float64
	wal := func(n *float64) {
		check(b, s.DB().DB.QueryRowContext(b.Context(), `SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn`).Scan(n))
	}
	for b.Loop() {
		wal(&before)
		way{load{8, 100}, false, 1, 1}.ours(b, s, s, receiver)
		wal(&after)
	}
	message, attempt := bytesPerDelivery(b, s, events+warmUp)
	b.ReportMetric(message, "B/message")
	b.ReportMetric(attempt, "B/attempt")
	b.ReportMetric((after-before)/float64(events+warmUp), "B/wal") // of a message with its delivery
	b.ReportMetric(0, "ns/op")                                     // of all
}
