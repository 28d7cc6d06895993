package bunstore

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type recoveryRow struct {
	bun.BaseModel `bun:"table:recoveries,alias:j"`

	ID             id `bun:",pk"`
	OrganizationID id
	SubscriptionID id
	Scope          store.RecoveryScope
	SinceAt        instant
	UntilAt        instant
	Rate           int
	State          store.RecoveryState
	Matched        int
	Queued         int
	CreatedAt      instant
	CreatedBy      string
	FinishedAt     instant
	DueAt          instant
	Missed         bool
	Position       optionalID
}

func (r *recoveryRow) record() store.Recovery {
	return store.Recovery{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), SubscriptionID: uuid.UUID(r.SubscriptionID),
		Scope: r.Scope, Since: time.Time(r.SinceAt), Until: time.Time(r.UntilAt), RatePerSecond: r.Rate,
		State: r.State, Matched: r.Matched, Queued: r.Queued,
		CreatedAt: time.Time(r.CreatedAt), CreatedBy: r.CreatedBy, FinishedAt: time.Time(r.FinishedAt),
	}
}

func (s *Store) recoveries(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("recoveries AS j"))
}

// CreateRecovery implements store.Recoveries.
func (s *Store) CreateRecovery(ctx context.Context, r store.Recovery) error {
	return s.write(ctx, func(tx bun.Tx) error {
		if err := s.hold(ctx, tx, r.OrganizationID, r.SubscriptionID, "SHARE"); err != nil {
			return err
		}
		row := &recoveryRow{
			ID: id(r.ID), OrganizationID: id(r.OrganizationID), SubscriptionID: id(r.SubscriptionID), Scope: r.Scope,
			SinceAt: instant(r.Since), UntilAt: instant(r.Until), Rate: r.RatePerSecond, Matched: r.Matched,
			CreatedAt: instant(r.CreatedAt), CreatedBy: r.CreatedBy,
		}
		if _, err := tx.NewInsert().Model(row).ModelTableExpr(s.table("recoveries")).Exec(ctx); err != nil {
			return err
		}
		return s.setDue(ctx, tx, r.ID, 0)
	})
}

// setDue lets a job go on after a wait, by the database's clock.
func (s *Store) setDue(ctx context.Context, tx bun.Tx, recovery uuid.UUID, wait time.Duration) error {
	c := s.on(tx.Tx)
	return c.query(ctx, `UPDATE {}recoveries SET due_at = {now} + CAST(? AS bigint){us} WHERE id = ?`, nil, wait.Microseconds(), c.id(recovery))
}

// Recovery implements store.Recoveries.
func (s *Store) Recovery(ctx context.Context, org, subscription, recovery uuid.UUID) (store.Recovery, error) {
	row, err := s.recovery(ctx, s.db, org, subscription, recovery, "")
	if err != nil {
		return store.Recovery{}, s.failed(ctx, err)
	}
	return row.record(), nil
}

func (s *Store) recovery(ctx context.Context, db bun.IDB, org, subscription, recovery uuid.UUID, lock string) (row recoveryRow, err error) {
	if err := s.hold(ctx, db, org, subscription, ""); err != nil {
		return row, err
	}
	q := s.recoveries(db, &row).Where("j.id = ?", id(recovery)).Where("j.subscription_id = ?", id(subscription))
	return row, s.locked(q, lock).Scan(ctx)
}

// StopRecovery implements store.Recoveries. It waits for a step that is under way.
func (s *Store) StopRecovery(ctx context.Context, org, subscription, recovery uuid.UUID, at time.Time) error {
	return s.write(ctx, func(tx bun.Tx) error {
		row, err := s.recovery(ctx, tx, org, subscription, recovery, "NO KEY UPDATE")
		if err != nil || row.State != store.RecoveryRunning {
			return err
		}
		row.State, row.FinishedAt = store.RecoveryStopped, instant(at)
		return s.updateRecovery(ctx, tx, &row)
	})
}

func (s *Store) updateRecovery(ctx context.Context, tx bun.Tx, row *recoveryRow) error {
	_, err := tx.NewUpdate().Model(row).ModelTableExpr(s.table("recoveries AS j")).WherePK().Exec(ctx)
	return err
}

// CountRecoverable implements store.Recoveries.
func (s *Store) CountRecoverable(ctx context.Context, r store.Recovery) (n int, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		n = 0
		sub, err := s.subscription(ctx, tx, r.OrganizationID, r.SubscriptionID, "")
		if err != nil {
			return err
		}
		f := finder{conn: s.on(tx.Tx), recovery: r, sub: sub}
		if r.Scope != store.RecoverMissed {
			if n, err = f.countFailed(ctx); err != nil {
				return err
			}
		}
		if r.Scope == store.RecoverFailed {
			return nil
		}
		return f.missed(ctx, uuid.Nil, 0, func(_ store.Message, matches bool) {
			if matches {
				n++
			}
		})
	})
	return n, err
}

// finder finds what a recovery is about.
type finder struct {
	conn
	recovery store.Recovery
	sub      store.Subscription
}

const failedDeliveries = `
FROM {}attempts AS a
WHERE a.subscription_id = ? AND a.number = 1 AND a.type <> 3 AND NOT a.external AND coalesce(a.chain_status, a.status) = 3
  AND a.created_at >= ? AND a.created_at < ?`

func (f finder) countFailed(ctx context.Context) (n int, err error) {
	err = f.query(ctx, `SELECT count(*) `+failedDeliveries, func(row *sql.Rows) error { return row.Scan(&n) },
		f.id(f.sub.ID), f.recovery.Since, f.recovery.Until)
	return n, err
}

// failed returns the next deliveries behind the id, in the order of their ids.
func (f finder) failed(ctx context.Context, after uuid.UUID, most int) (found []uuid.UUID, err error) {
	err = f.query(ctx, `SELECT a.id `+failedDeliveries+` AND a.id > ? ORDER BY a.id LIMIT ?`, func(row *sql.Rows) error {
		var delivery id
		err := row.Scan(&delivery)
		found = append(found, uuid.UUID(delivery))
		return err
	}, f.id(f.sub.ID), f.recovery.Since, f.recovery.Until, f.id(after), most)
	return found, err
}

// missed calls see with the messages behind the id that the subscription's
// selectors match, in the order of their ids, and whether its filter does too; with
// at most so many, or all for 0.
func (f finder) missed(ctx context.Context, after uuid.UUID, most int, see func(m store.Message, matches bool)) error {
	matches, args := f.selected()
	if matches == "" {
		return nil
	}
	since := f.recovery.Since
	if f.sub.CreatedAt.After(since) {
		since = f.sub.CreatedAt
	}
	body := "NULL"
	if len(f.sub.Filter) > 0 {
		body = "m.body"
	}
	text := `
SELECT m.id, m.event_type_id, ` + body + ` FROM {}messages AS m
WHERE m.organization_id = ? AND m.subscription_id IS NULL AND m.id > ? AND m.created_at >= ? AND m.created_at < ?
  AND (` + matches + `)
  AND NOT EXISTS (SELECT 1 FROM {}attempts AS a WHERE a.message_id = m.id AND a.subscription_id = ? AND a.number = 1)
ORDER BY m.id`
	args = append([]any{f.id(f.sub.OrganizationID), f.id(after), since, f.recovery.Until}, args...)
	args = append(args, f.id(f.sub.ID))
	if most > 0 {
		text += ` LIMIT ?`
		args = append(args, most)
	}
	return f.query(ctx, text, func(row *sql.Rows) error {
		var m store.Message
		if err := row.Scan((*id)(&m.ID), (*id)(&m.EventTypeID), &m.Body); err != nil {
			return err
		}
		see(m, f.sub.Filter.Matches(store.NewDocument(m.Data())))
		return nil
	}, args...)
}

// selected returns what of a message the subscription's selectors match, as SQL; ""
// if there are none.
func (f finder) selected() (text string, args []any) {
	var either []string
	for _, sel := range f.sub.Selectors {
		switch {
		case sel.Pattern == "":
			either = append(either, "m.event_type_id = ?")
			args = append(args, f.id(sel.EventTypeID))
		case sel.Pattern == "*":
			either = append(either, "m.version = ?")
			args = append(args, f.sub.Version)
		default:
			prefix := strings.TrimSuffix(sel.Pattern, "*")
			either = append(either, "(m.version = ? AND substr(m.type, 1, CAST(? AS integer)) = ?)")
			args = append(args, f.sub.Version, len(prefix), prefix)
		}
	}
	return strings.Join(either, " OR "), args
}

// AdvanceRecovery implements store.Recoveries.
func (s *Store) AdvanceRecovery(ctx context.Context, opts store.AdvanceOptions) (advanced bool, err error) {
	var due bool
	c := s.on(s.db.DB)
	err = c.query(ctx, `SELECT EXISTS (SELECT 1 FROM {}recoveries WHERE state = 0 AND due_at <= {now})`,
		func(row *sql.Rows) error { return row.Scan(&due) })
	if err != nil || !due { // mostly, and then nothing is written
		return false, s.failed(ctx, err)
	}
	queued := 0
	err = s.write(ctx, func(tx bun.Tx) error {
		advanced, queued = false, 0
		var rows []recoveryRow
		q := s.recoveries(tx, &rows).Where("j.state = 0").Where(s.on(tx.Tx).due("j.due_at")).Order("j.due_at", "j.id").Limit(1)
		if err := s.locked(q, "NO KEY UPDATE SKIP LOCKED").Scan(ctx); err != nil || len(rows) == 0 {
			return err
		}
		advanced = true
		queued, err = s.advance(ctx, tx, &rows[0], opts)
		if err != nil || queued == 0 {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return false, err
	}
	if queued > 0 && !s.pg {
		s.wake.all()
	}
	return advanced, nil
}

// due is the condition that the time in a column has come.
func (c conn) due(column string) string { return column + " <= " + c.now() }

// candidates is how many messages a step looks at, at most.
const candidates = 1000

// advance takes a job a step on.
func (s *Store) advance(ctx context.Context, tx bun.Tx, row *recoveryRow, opts store.AdvanceOptions) (queued int, err error) {
	job, c := row.record(), s.on(tx.Tx)
	// Held, so that it is not archived meanwhile, and no two jobs queue a message twice.
	sub, err := s.subscription(ctx, tx, job.OrganizationID, job.SubscriptionID, "NO KEY UPDATE")
	switch {
	case err == store.ErrNotFound || err == nil && sub.Archived: //nolint:errorlint // it comes as it is
		row.State, row.FinishedAt = store.RecoveryStopped, instant(opts.At)
		return 0, s.updateRecovery(ctx, tx, row)
	case err != nil:
		return 0, err
	}
	st := step{finder: finder{conn: c, recovery: job, sub: sub}, row: row, opts: opts, room: opts.Max}
	if job.RatePerSecond > 0 {
		st.room = min(st.room, job.RatePerSecond)
	}
	if !row.Missed && job.Scope != store.RecoverMissed {
		if err := st.queueFailed(ctx); err != nil {
			return 0, err
		}
	}
	if !st.more && job.Scope != store.RecoverFailed {
		if err := st.queueMissed(ctx); err != nil {
			return 0, err
		}
	}
	row.Queued += st.queued
	if !st.more {
		row.State, row.FinishedAt = store.RecoveryDone, instant(opts.At)
	}
	if err := s.updateRecovery(ctx, tx, row); err != nil {
		return 0, err
	}
	var wait time.Duration
	if job.RatePerSecond > 0 {
		wait = time.Duration(st.queued) * time.Second / time.Duration(job.RatePerSecond)
	}
	return st.queued, s.setDue(ctx, tx, job.ID, wait)
}

// step is a part of a recovery, in one transaction.
type step struct {
	finder
	row    *recoveryRow
	opts   store.AdvanceOptions
	room   int  // for what it may queue yet
	queued int  // so far
	more   bool // it is not through
}

// queueFailed adds manual retries to deliveries that failed. One that was retried
// meanwhile is passed over.
func (st *step) queueFailed(ctx context.Context) error {
	found, err := st.failed(ctx, uuid.UUID(st.row.Position), st.room+1)
	if err != nil {
		return err
	}
	if st.more = len(found) > st.room; st.more {
		found = found[:st.room]
	}
	if len(found) > 0 {
		st.row.Position = optionalID(found[len(found)-1])
	}
	if !st.more {
		st.row.Missed, st.row.Position = true, optionalID{}
	}
	if err := lockChains(ctx, st.conn, found); err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(found))
	for i := range ids {
		ids[i] = st.opts.NewID()
	}
	err = st.each(ctx, insertRetries, rows{len(found), []column{
		uuids(func(i int) uuid.UUID { return ids[i] }),
		uuids(func(i int) uuid.UUID { return found[i] }),
		times(func(int) time.Time { return st.opts.At }),
		times(func(int) time.Time { return st.opts.ExpiresAt }),
		texts(func(int) string { return st.recovery.CreatedBy }),
	}}, func(row *sql.Rows) error {
		st.queued++
		st.room--
		var added id
		return row.Scan(&added)
	})
	if err != nil {
		return err
	}
	return summarize(ctx, st.conn, found)
}

// A retry follows the latest attempt of its chain. An automatic retry that was
// cancelled has used nothing of the schedule.
const insertRetries = `
WITH r(attempt, delivery, due, expires, creator) AS (?)
INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id,
  number, step, type, status, retry_of, token, due_at, expires_at, created_at, created_by, updated_at, updated_by)
SELECT r.attempt, l.delivery_id, l.message_id, l.organization_id, l.subscription_id, l.event_type_id,
  l.number + 1, CASE WHEN l.type = 1 AND l.status = 4 THEN l.step - 1 ELSE l.step END,
  2, 0, l.id, 0, r.due, r.expires, r.due, r.creator, r.due, r.creator
FROM r JOIN {}attempts AS f ON f.id = r.delivery JOIN {}attempts AS l ON l.id = coalesce(
  (SELECT o.id FROM {}attempts AS o WHERE o.delivery_id = r.delivery AND o.number > 1 ORDER BY o.number DESC LIMIT 1), r.delivery)
WHERE coalesce(f.chain_status, f.status) = 3
RETURNING id`

// queueMissed adds deliveries of messages that the subscription missed.
func (st *step) queueMissed(ctx context.Context) error {
	var p publication
	seen := 0
	err := st.missed(ctx, uuid.UUID(st.row.Position), candidates, func(m store.Message, matches bool) {
		seen++
		if st.more || matches && len(p.attempts) == st.room {
			st.more = true
			return
		}
		st.row.Position = optionalID(m.ID)
		if !matches {
			return
		}
		m.OrganizationID, m.CreatedAt, m.CreatedBy = st.sub.OrganizationID, st.opts.At, st.recovery.CreatedBy
		p.attempts = append(p.attempts, firstPost{
			id: st.opts.NewID(), message: &store.NewMessage{Message: m, ExpiresAt: st.opts.ExpiresAt}, match: match{subscription: st.sub.ID},
		})
	})
	if err != nil {
		return err
	}
	st.more = st.more || seen == candidates
	st.queued += len(p.attempts)
	return st.each(ctx, insertFirstPosts, p.attemptRows(), nil, 0)
}
