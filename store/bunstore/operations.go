package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// planned runs a statement that only reads, with the planner settings, in a transaction by itself.
func (s *Store) planned(ctx context.Context, text string, scan func(scanner) error, args ...any) error {
	return s.session(ctx, func(c conn) error { return c.queryPlanned(ctx, text, scan, args...) })
}

// SeenHosts implements store.Operations. On SQLite, which keeps no record of hosts, the list is empty.
func (s *Store) SeenHosts(ctx context.Context, most int) ([]store.SeenHost, error) {
	hosts, err := s.dialect.seenHosts(ctx, most)
	return hosts, s.mapError(ctx, err)
}

func (sqlite) seenHosts(context.Context, int) ([]store.SeenHost, error) { return nil, nil }

func (d postgres) seenHosts(ctx context.Context, most int) (hosts []store.SeenHost, err error) {
	return hosts, d.s.planned(ctx, `SELECT number, beat_at, dead, {now} FROM {}hosts ORDER BY beat_at DESC, number LIMIT CAST(? AS bigint)`,
		func(row scanner) error {
			var h store.SeenHost
			var at, now instant
			err := row.Scan(&h.Number, &at, &h.Dead, &now)
			h.Silent = max(0, time.Time(now).Sub(time.Time(at)))
			hosts = append(hosts, h)
			return err
		}, most)
}

// Traffic implements store.Operations. No index has the time of an outcome, because recording one would then be slower. So
// it reads the attempts that were created last, by their ids.
func (s *Store) Traffic(ctx context.Context, since time.Time, most int) (t store.Traffic, err error) {
	c := s.on(s.db.DB)
	err = s.planned(ctx, publishedSince, func(row scanner) error { return row.Scan(&t.Published) }, c.id(store.FirstID(since)), most)
	if err == nil {
		err = s.planned(ctx, endedSince, func(row scanner) error {
			var total bool
			var first id
			var read, succeeded, failed int
			if err := row.Scan(&total, &first, &read, &succeeded, &failed); err != nil {
				return err
			}
			if !total {
				t.MostFailures = append(t.MostFailures, store.OrganizationCount{OrganizationID: uuid.UUID(first), Count: failed})
				return nil
			}
			t.Succeeded, t.Failed = succeeded, failed
			t.Capped = read >= most && compareIDs(uuid.UUID(first), store.FirstID(since)) > 0
			return nil
		}, c.id(store.FirstID(since.Add(-store.TrafficReach))), most, since, store.MostFailures)
	}
	if err != nil {
		return store.Traffic{}, s.mapError(ctx, err)
	}
	t.Capped = t.Capped || t.Published >= most
	return t, nil
}

const publishedSince = `
SELECT count(CASE WHEN m.subscription_id IS NULL THEN 1 END)
FROM (SELECT subscription_id FROM {}messages WHERE id >= ? ORDER BY id DESC LIMIT CAST(? AS bigint)) AS m`

// endedSince returns a row of totals, with the id of the first attempt that was read, and a row for each organization with
// many failures.
var endedSince = numbered(`
WITH newest AS (
  SELECT id, organization_id, status, updated_at FROM {}attempts WHERE id >= ? ORDER BY id DESC LIMIT CAST(? AS bigint)
), ended AS (
  SELECT organization_id, status, count(*) AS n FROM newest
  WHERE updated_at >= ? AND status IN ({Succeeded}, {Failed}) GROUP BY organization_id, status
)
SELECT true, (SELECT id FROM newest ORDER BY id LIMIT 1), (SELECT count(*) FROM newest),
  CAST(coalesce(sum(CASE WHEN status = {Succeeded} THEN n END), 0) AS bigint),
  CAST(coalesce(sum(CASE WHEN status = {Failed} THEN n END), 0) AS bigint)
FROM ended
UNION ALL SELECT false, organization_id, 0, 0, n FROM (
  SELECT organization_id, n FROM ended WHERE status = {Failed} ORDER BY n DESC, organization_id LIMIT CAST(? AS bigint)
) AS failing`)

// Backlogs implements store.Operations.
func (s *Store) Backlogs(ctx context.Context, top, most int) (b store.Backlogs, err error) {
	read := 0
	err = s.planned(ctx, largestBacklogs, func(row scanner) error {
		var kind int
		var one store.Backlog
		var due, now instant
		err := row.Scan(&kind, (*id)(&one.OrganizationID), (*id)(&one.SubscriptionID), &one.Waiting, &one.Held, &due, &now)
		one.OldestDue = max(0, time.Time(now).Sub(time.Time(due)))
		switch kind {
		case 0:
			read = one.Waiting
		case 1:
			one.SubscriptionID = uuid.Nil
			b.Organizations = append(b.Organizations, one)
		default:
			b.Subscriptions = append(b.Subscriptions, one)
		}
		return err
	}, most, top, top)
	b.Capped = read >= most
	return b, s.mapError(ctx, err)
}

// largestBacklogs returns three kinds of rows: the number of attempts that were read, organizations, subscriptions.
const largestBacklogs = `
WITH first AS (
  SELECT organization_id, subscription_id, due_at, sending, held FROM {}queue ORDER BY due_at LIMIT CAST(? AS bigint)
), subs AS (
  SELECT organization_id, subscription_id, count(*) AS n, count(CASE WHEN held AND due_at > {now} THEN 1 END) AS held, min(due_at) AS due_at
  FROM first WHERE NOT sending OR due_at <= {now} GROUP BY organization_id, subscription_id
), orgs AS (
  SELECT organization_id, sum(n) AS n, sum(held) AS held, min(due_at) AS due_at FROM subs GROUP BY organization_id
)
SELECT 0, NULL, NULL, count(*), 0, {now}, {now} FROM first
UNION ALL SELECT 1, organization_id, organization_id, CAST(n AS bigint), CAST(held AS bigint), due_at, {now} FROM (
  SELECT * FROM orgs ORDER BY n DESC, organization_id LIMIT CAST(? AS bigint)) AS o
UNION ALL SELECT 2, organization_id, subscription_id, n, held, due_at, {now} FROM (
  SELECT * FROM subs ORDER BY n DESC, subscription_id LIMIT CAST(? AS bigint)) AS s`

// Unhealthy implements store.Operations. Each kind of subscriptions has an index of its own; of failing subscriptions that
// is the table of health. The statements are not prepared: a plan that was kept since the tables were small would read all
// subscriptions.
func (s *Store) Unhealthy(ctx context.Context, q store.UnhealthyQuery) (list store.List[store.Target], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		list = store.List[store.Target]{}
		for kind, wanted := range map[unhealthyKind]bool{failing: q.Failing, paused: q.Paused, disabled: q.Disabled} {
			if !wanted {
				continue
			}
			if err := s.unhealthyOf(ctx, tx, kind, q, &list); err != nil {
				return err
			}
		}
		return nil
	})
	slices.SortFunc(list.Items, func(a, b store.Target) int { return compareIDs(b.ID, a.ID) })
	list.Items = list.Items[:min(len(list.Items), max(q.Take, 0))]
	list.Total = min(list.Total, q.MaxTotal)
	return list, err
}

// unhealthyOf adds the subscriptions of a kind to the list.
func (s *Store) unhealthyOf(
	ctx context.Context, tx bun.Tx, kind unhealthyKind, q store.UnhealthyQuery, list *store.List[store.Target],
) error {
	n := 0
	if err := tx.NewRaw(s.sql(`SELECT count(*) FROM (SELECT 1 FROM `+kind.all+` LIMIT ?) AS u`), q.MaxTotal).Scan(ctx, &n); err != nil {
		return err
	}
	list.Total += n
	after := q.After
	if after == uuid.Nil {
		after = uuid.Max
	}
	rows, err := tx.QueryContext(ctx, s.sql(unhealthyColumns+kind.page), id(after), max(q.Take, 0))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		t, err := scanUnhealthy(rows)
		if err != nil {
			return err
		}
		list.Items = append(list.Items, t)
	}
	return rows.Err()
}

// unhealthyKind is the text of the statements about a kind of subscriptions: all of them, and the page behind an id.
type unhealthyKind struct{ all, page string }

// failing looks each subscription up. A join of a table of health that was always empty would read all subscriptions.
var (
	failing = unhealthyKind{failingHealth, `(SELECT h.* FROM ` + failingHealth + ` AND h.subscription_id < ?
ORDER BY h.subscription_id DESC LIMIT ?)
AS h JOIN {}subscriptions AS s ON s.id = h.subscription_id`}
	paused   = inactive(`s.inactive_reason = ''`)
	disabled = inactive(`s.inactive_reason <> ''`)
)

const failingHealth = `{}health AS h WHERE h.probe_at IS NOT NULL AND
(SELECT s.active AND NOT s.archived AND s.deleted_at IS NULL FROM {}subscriptions AS s WHERE s.id = h.subscription_id)`

// inactive is the kind of inactive subscriptions that meet the condition, which has an index.
func inactive(condition string) unhealthyKind {
	where := ` WHERE NOT s.active AND NOT s.archived AND s.deleted_at IS NULL AND ` + condition
	return unhealthyKind{`{}subscriptions AS s` + where, `{}subscriptions AS s LEFT JOIN {}health AS h ON h.subscription_id = s.id` + where +
		` AND s.id < ? ORDER BY s.id DESC LIMIT ?`}
}

const unhealthyColumns = `
SELECT s.id, s.organization_id, s.post_uri, s.inactive_reason, s.active, s.active_changed_at, s.archived_changed_at,
  coalesce(h.failures, 0), h.since, h.counted_until, coalesce(h.probes, 0), h.probe_at, h.probe_until,
  h.back_pressure_since, h.back_pressure_until FROM `

func scanUnhealthy(row scanner) (t store.Target, err error) {
	h := &t.Health
	err = row.Scan((*id)(&t.ID), (*id)(&t.OrganizationID), &t.PostURI, &t.InactiveReason, &t.Active, (*instant)(&t.ActiveChangedAt),
		(*instant)(&t.ArchivedChangedAt), &h.Failures, (*instant)(&h.Since), (*instant)(&h.CountedUntil), &h.Probes, (*instant)(&h.ProbeAt),
		(*instant)(&h.ProbeUntil), (*instant)(&h.BackPressureSince), (*instant)(&h.BackPressureUntil))
	return t, err
}

// RecoveryJobs implements store.Operations.
func (s *Store) RecoveryJobs(ctx context.Context, query store.RecoveryQuery) (list store.List[store.Recovery], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		counted := tx.NewSelect().TableExpr(s.table("recoveries AS j")).ColumnExpr("1")
		var rows []recoveryRow
		q := s.recoveries(tx, &rows).Order("j.id DESC").Limit(int64(query.Take))
		if state, ok := query.State.State(); ok {
			counted.Where("j.state = ?", state)
			q.Where("j.state = ?", state)
		}
		total, err := countTo(ctx, tx, counted, query.MaxTotal)
		if err != nil {
			return err
		}
		if query.After != uuid.Nil {
			q.Where("j.id < ?", id(query.After))
		}
		if query.Take > 0 {
			if err := q.Scan(ctx); err != nil {
				return err
			}
		}
		list = toList(rows, total, 0, (*recoveryRow).toStore)
		return nil
	})
	return list, err
}

// NextSecretKey implements store.Operations.
func (s *Store) NextSecretKey(ctx context.Context, from []byte) (key []byte, err error) {
	err = s.planned(ctx, `SELECT key FROM {}secrets WHERE substr(key, 1, 9) >= ? ORDER BY substr(key, 1, 9) LIMIT 1`,
		func(row scanner) error { return row.Scan(&key) }, from)
	return key, s.mapError(ctx, err)
}
