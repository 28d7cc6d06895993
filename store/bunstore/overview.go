package bunstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The bounds of an [Overview].
const (
	overviewCount = 100_000 // of each count
	overviewList  = 20      // of circuits and of hosts
)

// Overview is the state of the tables as an operator wants to see it. A count that reaches 100,000 means
// 100,000 or more.
type Overview struct {
	Version int // of the tables
	Newest  int // version of the tables that this program needs

	Due       int           // attempts that can be claimed now
	OldestDue time.Duration // for how long the first of them has been due; 0 if none is due
	Sending   int           // attempts under a lease
	Scheduled int           // attempts that are due later
	Held      int           // attempts that wait for an open circuit, or because the endpoint pushed back

	RunningRecoveries int           // recoveries that are neither done nor stopped
	OpenCircuits      int           // subscriptions whose circuit is open
	Circuits          []OpenCircuit // those that have been open longest, 20 at most

	Hosts []SeenHost // the dispatchers that beat last, 20 at most; nil on SQLite, which does not record them

	FirstDay, LastDay time.Time // that have partitions, in UTC; zero on SQLite
}

// OpenCircuit is a subscription that is only probed.
type OpenCircuit struct {
	OrganizationID uuid.UUID // the owner
	SubscriptionID uuid.UUID // the subscription that fails
	Since          time.Time // when the first failure since the last success began
	Failures       int       // since then
	NextProbeAt    time.Time // when the next probe is allowed
}

// SeenHost is a dispatcher that is known to the database.
type SeenHost struct {
	Number int64         // given by the database
	Silent time.Duration // since its last beat
	Dead   bool          // another host found it dead, and ends its leases
}

// Overview returns the state of the tables. It changes nothing, and its work is bounded.
func (s *Store) Overview(ctx context.Context) (o Overview, err error) {
	o.Newest = s.newest()
	if o.Version, err = s.version(ctx, s.db); err != nil {
		return o, s.mapError(ctx, err)
	}
	err = s.retry(ctx, func() error {
		return s.session(ctx, func(c conn) error { return s.overview(ctx, c, &o) })
	})
	return o, s.mapError(ctx, err)
}

func (s *Store) overview(ctx context.Context, c conn, o *Overview) error {
	var now, oldest instant
	err := c.query(ctx, overviewCounts, func(row scanner) error {
		return row.Scan(&now, &oldest, &o.Due, &o.Sending, &o.Scheduled, &o.Held, &o.OpenCircuits, &o.RunningRecoveries)
	}, overviewCount, overviewCount, overviewCount, overviewCount)
	if err != nil {
		return err
	}
	o.OldestDue, o.Circuits, o.Hosts = 0, nil, nil
	if first := time.Time(oldest); o.Due > 0 {
		o.OldestDue = max(0, time.Time(now).Sub(first))
	}
	if err := c.query(ctx, longestOpen, func(row scanner) error {
		var one OpenCircuit
		err := row.Scan((*id)(&one.SubscriptionID), (*id)(&one.OrganizationID), (*instant)(&one.Since), &one.Failures,
			(*instant)(&one.NextProbeAt))
		o.Circuits = append(o.Circuits, one)
		return err
	}, overviewList); err != nil {
		return err
	}
	if _, ok := s.dialect.(postgres); !ok {
		return nil
	}
	return s.overviewPostgres(ctx, c, time.Time(now), o)
}

// overviewPostgres adds the facts that only PostgreSQL has.
func (s *Store) overviewPostgres(ctx context.Context, c conn, now time.Time, o *Overview) error {
	o.Hosts = []SeenHost{}
	err := c.query(ctx, lastSeen, func(row scanner) error {
		var h SeenHost
		var at instant
		err := row.Scan(&h.Number, &at, &h.Dead)
		h.Silent = max(0, now.Sub(time.Time(at)))
		o.Hosts = append(o.Hosts, h)
		return err
	}, overviewList)
	if err != nil {
		return err
	}
	there, err := s.partitions(ctx, s.db.DB, "")
	var days []time.Time
	for name := range there {
		if suffix, ok := strings.CutPrefix(name, "messages_"); ok && there["attempts_"+suffix] {
			at, _ := time.Parse(dayFormat, suffix) // partitions has parsed it
			days = append(days, at)
		}
	}
	if len(days) > 0 {
		o.FirstDay, o.LastDay = slices.MinFunc(days, time.Time.Compare), slices.MaxFunc(days, time.Time.Compare)
	}
	return err
}

const overviewCounts = `
SELECT {now}, (SELECT due_at FROM {}queue ORDER BY due_at LIMIT 1),
  (SELECT count(*) FROM (SELECT 1 FROM {}queue WHERE due_at <= {now} LIMIT CAST(? AS bigint)) AS q),
  count(CASE WHEN later.sending THEN 1 END), count(CASE WHEN NOT later.sending AND NOT later.held THEN 1 END),
  count(CASE WHEN NOT later.sending AND later.held THEN 1 END),
  (SELECT count(*) FROM (SELECT 1 FROM {}health WHERE probe_at IS NOT NULL LIMIT CAST(? AS bigint)) AS h),
  (SELECT count(*) FROM (SELECT 1 FROM {}recoveries WHERE state = 0 LIMIT CAST(? AS bigint)) AS r)
FROM (SELECT sending, held FROM {}queue WHERE due_at > {now} ORDER BY due_at LIMIT CAST(? AS bigint)) AS later`

const longestOpen = `
SELECT h.subscription_id, s.organization_id, h.since, h.failures, h.probe_at
FROM {}health AS h JOIN {}subscriptions AS s ON s.id = h.subscription_id
WHERE h.probe_at IS NOT NULL ORDER BY h.since, h.subscription_id LIMIT CAST(? AS bigint)`

const lastSeen = `SELECT number, beat_at, dead FROM {}hosts ORDER BY beat_at DESC, number LIMIT CAST(? AS bigint)`
