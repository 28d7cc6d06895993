package bunstore_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// sizeVariable says how many messages the day of BenchmarkRetention has.
const sizeVariable = "WEBHOOKS_BENCH_DAY"

// BenchmarkRetention ends a day of a million messages of 1 KiB, with an attempt each,
// of which each thousandth is retried on the day and each ten-thousandth on the next
// one. It reports how long that takes, and the longest time that a publication, and
// the record of its outcome, took meanwhile, and before.
func BenchmarkRetention(b *testing.B) {
	size := 1_000_000
	if text := os.Getenv(sizeVariable); text != "" {
		var err error
		size, err = strconv.Atoi(text)
		check(b, err)
	}
	for b.Loop() {
		b.StopTimer()
		w := newWeek(b)
		w.fillDay(size)
		var quiet time.Duration
		for range 1000 {
			quiet = max(quiet, w.deliverOne())
		}
		var took time.Duration
		b.StartTimer()
		busy := w.beside(func() {
			began := time.Now()
			for removed := 0; removed < size; {
				n, err := w.s.Prune(b.Context(), w.end(1), 200)
				check(b, err)
				removed += n
			}
			took = time.Since(began)
		})
		if w.has(w.noon(1)) {
			b.Error("the day is still there")
		}
		b.ReportMetric(milliseconds(took), "ms/day")
		b.ReportMetric(milliseconds(busy), "ms/longest-wait")
		b.ReportMetric(milliseconds(quiet), "ms/longest-wait-before")
		b.ReportMetric(0, "ns/op")
	}
}

// BenchmarkRetentionWithinADay removes the first half of a day of 100,000 messages, one by one, as with a retention of less than two
// days. It reports the messages a second, and their ratio to one DELETE of the other half from each of the two tables.
func BenchmarkRetentionWithinADay(b *testing.B) {
	const size = 100_000
	for b.Loop() {
		b.StopTimer()
		w := newWeek(b)
		w.fillDay(size)
		b.StartTimer()
		began, removed := time.Now(), 0
		for {
			n, err := w.s.Prune(b.Context(), w.noon(1), 200)
			check(b, err)
			if removed += n; n < 200 {
				break
			}
		}
		rate := float64(removed) / time.Since(began).Seconds()
		b.StopTimer()
		began = time.Now()
		w.exec(`DELETE FROM {}attempts`)
		w.exec(`DELETE FROM {}messages`)
		limit := float64(size-removed) / time.Since(began).Seconds()
		b.ReportMetric(rate, "messages/s")
		b.ReportMetric(rate/limit, "ratio")
		b.ReportMetric(0, "ns/op")
		b.StartTimer()
	}
}

// fillDay fills the second day of the week.
func (w week) fillDay(size int) {
	w.tb.Helper()
	id := func(day int, kind string) string {
		return fmt.Sprintf("(lpad(to_hex(%d + i * 80000000 / %d), 12, '0') || '7000800%s' || lpad(to_hex(i), 12, '0'))::uuid",
			w.end(day-1).UnixMilli(), size, kind)
	}
	fill := func(text string) {
		w.tb.Helper()
		text = strings.NewReplacer(
			"{all}", fmt.Sprintf("generate_series(0::bigint, %d) AS i", size-1), "{message}", id(1, "1"), "{attempt}", id(1, "2"),
			"{retry}", "CASE WHEN i % 10000 = 0 THEN "+id(2, "3")+" ELSE "+id(1, "3")+" END",
			"{org}", "'"+w.org.String()+"'::uuid", "{subscription}", "'"+w.sub.ID.String()+"'::uuid", "{event}", "'"+w.event.ID.String()+"'::uuid",
			"{time}", fmt.Sprintf("to_timestamp((%d + i * 80000000 / %d) / 1000.0)", w.end(0).UnixMilli(), size),
		).Replace(text)
		_, err := w.s.DB().DB.ExecContext(w.tb.Context(), w.sql(text))
		check(w.tb, err)
	}
	fill(`INSERT INTO {}messages (id, organization_id, event_type_id, type, version, body, ordering_key, created_at, created_by)
SELECT {message}, {org}, {event}, 'vitals.observations.created', 'v1', convert_to(repeat(md5(i::text), 32), 'UTF8'), '', {time}, '' FROM {all}`)
	fill(`INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id,
  created_at, updated_at, posted_at, number, step, http_status, type, status, chain_attempts, created_by, updated_by, response)
SELECT {attempt}, {attempt}, {message}, {org}, {subscription}, {event}, {time}, {time}, {time}, 1, 0, 200, 0, 2,
  CASE WHEN i % 1000 = 0 THEN 2 ELSE 1 END, '', '', 'ok' FROM {all}`)
	fill(`INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id,
  created_at, updated_at, posted_at, number, step, http_status, type, status, created_by, updated_by, response)
SELECT {retry}, {attempt}, {message}, {org}, {subscription}, {event}, {time}, {time}, {time}, 2, 1, 200, 1, 2, '', '', 'ok' FROM {all} WHERE i % 1000 = 0`)
	fill(`VACUUM ANALYZE {}messages`)
	fill(`VACUUM ANALYZE {}attempts`)
}

// deliverOne publishes a message and records its outcome. It returns the longer of the two
// times that this took.
func (w week) deliverOne() time.Duration {
	w.tb.Helper()
	began := time.Now()
	out, err := w.s.Publish(context.Background(), nil, []store.NewMessage{w.message([]byte("x"))}, w.options(1))
	if err != nil {
		w.tb.Error(err)
		return 0
	}
	published := time.Now()
	_, err = w.s.Record(context.Background(), []store.Outcome{{
		Lease: out[0].Jobs[0].Lease, Status: store.Succeeded, PostedAt: w.now, HTTPStatus: 200, At: w.now,
	}})
	if err != nil {
		w.tb.Error(err)
	}
	return max(published.Sub(began), time.Since(published))
}

// beside delivers messages one by one while do runs. It returns the longest time that a
// publication or a record took.
func (w week) beside(do func()) (longest time.Duration) {
	w.tb.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for !w.tb.Failed() {
			select {
			case <-done:
				return
			default:
				longest = max(longest, w.deliverOne())
			}
		}
	})
	do()
	close(done)
	wg.Wait()
	return longest
}
