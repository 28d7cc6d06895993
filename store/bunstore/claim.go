package bunstore

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Claim implements store.Queue.
func (s *Store) Claim(ctx context.Context, opts store.ClaimOptions) (jobs []store.Job, at time.Time, err error) {
	opts.Max = max(opts.Max, 0)
	if jobs, at, err = s.dialect.claim(ctx, opts); err != nil {
		return nil, at, s.mapError(ctx, err)
	}
	return jobs, at, nil
}

func (d postgres) claim(ctx context.Context, opts store.ClaimOptions) (jobs []store.Job, at time.Time, err error) {
	err = d.s.retry(ctx, func() error {
		return d.s.session(ctx, func(c conn) (err error) {
			jobs, at, err = scanJobs(func(scan func(scanner) error) error {
				return c.queryPlanned(ctx, claim, scan, since(opts), until(opts), c.array(opts.SkipSubscriptions), c.array(opts.SkipOrganizations),
					opts.Max, tokenOf(opts.Host, 1), opts.Lease.Microseconds())
			})
			return err
		})
	})
	return jobs, at, err
}

// since is opts.Since, or a time before every due time.
func since(opts store.ClaimOptions) time.Time {
	if opts.Since.IsZero() {
		return time.Unix(0, 0)
	}
	return opts.Since
}

// until is opts.Until, or a time after every due time.
func until(opts store.ClaimOptions) time.Time {
	if opts.Until.IsZero() {
		return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return opts.Until
}

// A claim moves due_at to the end of the lease, so one index serves attempts that are due for
// the first time, that were deferred, and whose host died. It takes no attempt of a sequence (column line) behind
// the first one, even while the first is being sent. The first job of each message carries its
// body and trace context. Due attempts go through an array, as in attemptsOfR: the planner would also expect a
// tenth of the table of a LIMIT. The last row has no attempt, and the database's clock as due_at.
const claim = `
WITH picked AS (
  SELECT attempt_id, due_at FROM {}queue AS q
  WHERE due_at <= {now} AND due_at >= ? AND due_at < ?
    AND q.subscription_id <> ALL(?::uuid[]) AND q.organization_id <> ALL(?::uuid[]) AND ` + first + `
  ORDER BY ` + queueOrder + ` LIMIT CAST(? AS bigint) FOR UPDATE SKIP LOCKED
), due(ids) AS (
  SELECT array_agg(attempt_id) FROM picked
), q AS (
  UPDATE {}queue AS q SET sending = true, held = false, token = ` + nextToken + `, due_at = {now} + CAST(? AS bigint){us}
  FROM due WHERE q.attempt_id = ANY(due.ids)
  RETURNING q.attempt_id, q.token
)
SELECT a.id, a.token, a.delivery_id, a.message_id, a.organization_id, a.subscription_id,
  coalesce((SELECT s.revision FROM {}subscriptions AS s WHERE s.id = a.subscription_id), 0),
  a.number, a.step, a.type, a.created_at, a.due_at, a.expires_at, m.body, coalesce(m.trace_context, '')
FROM (
  SELECT a.*, q.token, picked.due_at, CASE WHEN row_number() OVER (PARTITION BY a.message_id) = 1 THEN a.message_id END AS content_of
  FROM q JOIN picked ON picked.attempt_id = q.attempt_id JOIN {}attempts AS a ON a.id = q.attempt_id
) AS a LEFT JOIN LATERAL (SELECT m.body, m.trace_context FROM {}messages AS m WHERE m.id = a.content_of` + fenced + `) AS m ON true
UNION ALL SELECT NULL, 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, {now}, NULL, NULL, ''`

// first is true for the first attempt of a sequence, and for an attempt without a sequence.
const first = `(q.line IS NULL OR NOT EXISTS (SELECT 1 FROM {}queue AS p WHERE p.line = q.line AND p.position < q.position))`

// claim needs no locks on rows, because SQLite has one writer at a time. It writes nothing while
// nothing is due.
func (d sqlite) claim(ctx context.Context, opts store.ClaimOptions) (jobs []store.Job, at time.Time, err error) {
	s := d.s
	present := func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) } // as {now}
	at = present()
	var due bool
	c := s.on(s.db.DB)
	err = c.query(ctx, `SELECT EXISTS (SELECT 1 FROM {}queue WHERE due_at <= {now})`,
		func(row scanner) error { return row.Scan(&due) })
	if err != nil || !due {
		return nil, at, err
	}
	err = s.write(ctx, func(tx bun.Tx) error {
		c := s.on(tx.Tx)
		token := tokenOf(opts.Host, 1)
		at = present() // the lock may have taken a while
		text, args := selectDue, []any{token, at, since(opts), until(opts)}
		for _, skip := range [][]uuid.UUID{opts.SkipSubscriptions, opts.SkipOrganizations} {
			text = strings.Replace(text, "{skip}", "?"+strings.Repeat(", ?", len(skip)), 1)
			args = append(args, []byte{}) // NOT IN needs a list that is not empty
			for _, v := range skip {
				args = append(args, c.id(v))
			}
		}
		jobs, _, err = scanJobs(func(scan func(scanner) error) error {
			return c.query(ctx, text, scan, append(args, opts.Max)...)
		})
		if err != nil {
			return err
		}
		return c.each(ctx, leaseAttempts, paramRows{len(jobs), []column{
			uuids(func(i int) uuid.UUID { return jobs[i].AttemptID }),
		}}, nil, token, opts.Lease.Microseconds())
	})
	return slices.DeleteFunc(jobs, func(j store.Job) bool { return j.DeliveryID == uuid.Nil }), at, err
}

// An attempt whose message or subscription is missing, or whose columns hold no numbers, is
// claimed all the same: it fails when it is sent. A row of the queue without an attempt is
// leased, so that it does not block the rows behind it, but is no job.
const selectDue = `
SELECT due.attempt_id, ` + nextToken + `,
  a.delivery_id, a.message_id, a.organization_id, a.subscription_id, CAST(coalesce(s.revision, 0) AS integer),
  CAST(coalesce(a.number, 0) AS integer), CAST(coalesce(a.step, 0) AS integer), CAST(coalesce(a.type, 0) AS integer),
  a.created_at, due.due_at, a.expires_at, m.body, coalesce(m.trace_context, '')
FROM (SELECT attempt_id, due_at, token FROM {}queue AS q
  WHERE due_at <= ? AND due_at >= ? AND due_at < ?
    AND q.subscription_id NOT IN ({skip}) AND q.organization_id NOT IN ({skip}) AND ` + first + `
  ORDER BY due_at, attempt_id LIMIT ?) AS due
LEFT JOIN {}attempts AS a ON a.id = due.attempt_id
LEFT JOIN {}messages AS m ON m.id = a.message_id
LEFT JOIN {}subscriptions AS s ON s.id = a.subscription_id`

const leaseAttempts = `
WITH r(attempt) AS (?)
UPDATE {}queue SET sending = true, held = false, token = ` + nextToken + `, due_at = {now} + ? WHERE attempt_id IN (SELECT attempt FROM r)`

// scanJobs runs a claim and returns its jobs in the order of their due times, and the database's
// clock if a row has it. Jobs of one message share its body
// and trace context.
func scanJobs(query func(scan func(scanner) error) error) (jobs []store.Job, at time.Time, err error) {
	type content struct {
		body  []byte
		trace string
	}
	contents := map[uuid.UUID]content{}
	err = query(func(row scanner) error {
		var j store.Job
		err := row.Scan((*id)(&j.AttemptID), &j.Token, (*id)(&j.DeliveryID), (*id)(&j.MessageID),
			(*id)(&j.OrganizationID), (*id)(&j.SubscriptionID), &j.SubscriptionRevision,
			&j.Number, &j.Step, &j.Type, (*instant)(&j.CreatedAt), (*instant)(&j.DueAt), (*instant)(&j.ExpiresAt), &j.Body, &j.TraceContext)
		if j.AttemptID == uuid.Nil {
			at = j.DueAt
			return err
		}
		if j.Body != nil {
			contents[j.MessageID] = content{j.Body, j.TraceContext}
		}
		jobs = append(jobs, j)
		return err
	})
	if err != nil {
		return nil, at, err
	}
	slices.SortFunc(jobs, func(a, b store.Job) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), bytes.Compare(a.AttemptID[:], b.AttemptID[:]))
	})
	for i := range jobs {
		c := contents[jobs[i].MessageID]
		jobs[i].Body, jobs[i].TraceContext = c.body, c.trace
	}
	return jobs, at, nil
}

// Defer implements store.Queue.
func (s *Store) Defer(ctx context.Context, deferrals []store.Deferral) (lost []uuid.UUID, err error) {
	if len(deferrals) == 0 {
		return nil, nil
	}
	at := func(i int) *store.Deferral { return &deferrals[i] }
	kept := map[uuid.UUID]bool{}
	err = s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		clear(kept)
		return anyDue(deferrals), s.on(tx.Tx).each(ctx, s.syntax.deferLeases, paramRows{len(deferrals), []column{
			uuids(func(i int) uuid.UUID { return at(i).AttemptID }),
			bigints(func(i int) int64 { return at(i).Token }),
			waits(func(i int) time.Time { return at(i).DueAt }),
			bigints(func(i int) int { return btoi(at(i).Held) }),
		}}, func(row scanner) error {
			var attempt id
			err := row.Scan(&attempt)
			kept[uuid.UUID(attempt)] = true
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	for _, d := range deferrals {
		if !kept[d.AttemptID] {
			lost = append(lost, d.AttemptID)
		}
	}
	return lost, nil
}

// anyDue reports whether a deferral ends now.
func anyDue(deferrals []store.Deferral) bool {
	now := time.Now()
	for _, d := range deferrals {
		if !d.DueAt.After(now) {
			return true
		}
	}
	return false
}

// endedSubscription is the subscription of a row of the queue, q, if it was deleted or archived.
const endedSubscription = `SELECT 1 FROM {}subscriptions AS s WHERE s.id = q.subscription_id AND (s.archived OR s.deleted_at IS NOT NULL)`

// deferral is the values of due_at and held.
const deferral = `{now} + CASE WHEN r.held = 1 AND EXISTS (` + endedSubscription + `) THEN 0 ELSE r.wait END{us},
  r.held = 1 AND NOT EXISTS (` + endedSubscription + `)`

const deferByJoin = `
WITH r(attempt, claimed, wait, held) AS (?)
UPDATE {}queue AS q SET sending = false, (due_at, held) = (` + deferral + `) FROM r
WHERE q.attempt_id = r.attempt AND q.token = r.claimed AND ` + sending + `
RETURNING attempt_id`

const deferByLookup = `
WITH r(attempt, claimed, wait, held) AS (?)
UPDATE {}queue AS q SET sending = false,
  (due_at, held) = (SELECT ` + deferral + ` FROM r WHERE r.attempt = q.attempt_id AND r.claimed = q.token LIMIT 1)
WHERE ` + leased + `
RETURNING attempt_id`
