package bunstore

import (
	"context"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// Measure implements store.Measurer. On PostgreSQL the queue is counted in the index queue_due alone.
func (s *Store) Measure(ctx context.Context, most int) (store.Measures, error) {
	var m store.Measures
	var now, oldest instant
	err := s.retry(ctx, func() error {
		return s.session(ctx, func(c conn) error {
			return c.queryPlanned(ctx, counts, func(row scanner) error {
				return row.Scan(&now, &oldest, &m.Due, &m.Sending, &m.Scheduled, &m.Held, &m.OpenCircuits, &m.RunningRecoveries)
			}, most, most, most, most)
		})
	})
	if err == nil {
		m.DaysAhead, err = s.dialect.daysAhead(ctx, time.Time(now))
	}
	if err != nil {
		return store.Measures{}, s.mapError(ctx, err)
	}
	if first := time.Time(oldest); !first.IsZero() {
		m.OldestDue = max(0, time.Time(now).Sub(first))
	}
	return m, nil
}

// counts reads what is due once: while a transaction stays open, the index has entries of all attempts that were delivered since.
const counts = `
SELECT {now}, due.oldest, due.n,
  count(CASE WHEN later.sending THEN 1 END), count(CASE WHEN NOT later.sending AND NOT later.held THEN 1 END),
  count(CASE WHEN NOT later.sending AND later.held THEN 1 END),
  (SELECT count(*) FROM (SELECT 1 FROM {}health WHERE probe_at IS NOT NULL LIMIT CAST(? AS bigint)) AS h),
  (SELECT count(*) FROM (SELECT 1 FROM {}recoveries WHERE state = 0 LIMIT CAST(? AS bigint)) AS r)
FROM (SELECT min(due_at) AS oldest, count(*) AS n FROM (
    SELECT due_at FROM {}queue WHERE due_at <= {now} ORDER BY due_at LIMIT CAST(? AS bigint)) AS q) AS due
  LEFT JOIN (SELECT sending, held FROM {}queue WHERE due_at > {now} ORDER BY due_at LIMIT CAST(? AS bigint)) AS later ON true
GROUP BY due.oldest, due.n`

// Pool implements store.Measurer.
func (s *Store) Pool() store.Pool {
	p := s.db.Stats()
	return store.Pool{InUse: p.InUse, Idle: p.Idle, Limit: p.MaxOpenConnections, Waits: p.WaitCount, Waited: p.WaitDuration}
}

// daysAhead counts the days that follow the present one without a gap and have partitions.
func (d postgres) daysAhead(ctx context.Context, now time.Time) (n int, err error) {
	there, err := d.s.partitions(ctx, d.s.db.DB, "")
	at := now.UTC().Truncate(day).Add(day)
	for there[partition("messages", at)] && there[partition("attempts", at)] {
		n++
		at = at.Add(day)
	}
	return n, err
}

func (sqlite) daysAhead(context.Context, time.Time) (int, error) { return -1, nil }
