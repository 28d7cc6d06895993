package bunstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type erasureRow struct {
	bun.BaseModel `bun:"table:erasures,alias:e"`

	ID             id `bun:",pk"`
	OrganizationID id
	State          store.ErasureState
	Attempts       int
	Messages       int
	Subscriptions  int
	AuditEntries   int
	CreatedAt      instant
	CreatedBy      string
	FinishedAt     instant
}

func (r *erasureRow) toStore() store.Erasure {
	return store.Erasure{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), State: r.State,
		Attempts: r.Attempts, Messages: r.Messages, Subscriptions: r.Subscriptions, AuditEntries: r.AuditEntries,
		CreatedAt: time.Time(r.CreatedAt), CreatedBy: r.CreatedBy, FinishedAt: time.Time(r.FinishedAt),
	}
}

func (s *Store) erasures(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("erasures AS e"))
}

// refuseErasing returns ErrErasing while a job erases the organization.
func (s *Store) refuseErasing(ctx context.Context, tx bun.Tx, org uuid.UUID) error {
	running, err := s.erasures(tx, (*erasureRow)(nil)).Where("e.organization_id = ?", id(org)).
		Where("e.state = ?", store.ErasureRunning).Exists(ctx)
	if err == nil && running {
		err = store.ErrErasing
	}
	return err
}

// CreateErasure implements store.Erasures.
func (s *Store) CreateErasure(ctx context.Context, e store.Erasure) (out store.Erasure, err error) {
	defer s.matchCache.drop(e.OrganizationID)
	row := erasureRow{
		ID: id(e.ID), OrganizationID: id(e.OrganizationID), CreatedAt: instant(store.WholeMilliseconds(e.CreatedAt)), CreatedBy: e.CreatedBy,
	}
	err = s.write(ctx, func(tx bun.Tx) error {
		result, err := tx.NewInsert().Model(&row).ModelTableExpr(s.table("erasures")).
			On("CONFLICT (organization_id) WHERE state = 0 DO NOTHING").Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		if n > 0 {
			out = row.toStore()
			return s.markDeleted(ctx, tx, e.OrganizationID, e.CreatedAt)
		}
		var running erasureRow
		err = s.erasures(tx, &running).Where("e.organization_id = ?", row.OrganizationID).
			Where("e.state = ?", store.ErasureRunning).Scan(ctx)
		out = running.toStore()
		return unchangedIf(true, err)
	})
	if err != nil {
		return store.Erasure{}, err
	}
	return out, nil
}

// markDeleted deletes the subscriptions of an organization but for their ids and their history.
func (s *Store) markDeleted(ctx context.Context, tx bun.Tx, org uuid.UUID, at time.Time) error {
	c := s.on(tx.Tx)
	for _, text := range []string{
		`DELETE FROM {}subscription_topics WHERE subscription_id IN (`,
		`DELETE FROM {}secrets WHERE subscription_id IN (`,
		`DELETE FROM {}health WHERE subscription_id IN (`,
	} {
		text += `SELECT id FROM {}subscriptions WHERE organization_id = ? AND deleted_at IS NULL)`
		if err := c.query(ctx, text, nil, c.id(org)); err != nil {
			return err
		}
	}
	return c.query(ctx, clearSubscriptions, nil, at, c.id(org))
}

// clearSubscriptions increases the revision, so that a dispatcher which claims one of the queued
// attempts reads the subscription again.
const clearSubscriptions = `
UPDATE {}subscriptions SET post_uri = '', version = '', selectors = NULL, headers = NULL, is_development = false, description = '',
  timeout_ns = 0, retry_schedule = NULL, rate_limit = 0, ordered = false, filter = NULL, inactive_reason = '',
  active = false, active_changed_at = NULL, archived = false, archived_changed_at = NULL,
  created_at = NULL, created_by = '', updated_at = NULL, updated_by = '', revision = revision + 1, deleted_at = ?
WHERE organization_id = ? AND deleted_at IS NULL`

// Erasure implements store.Erasures.
func (s *Store) Erasure(ctx context.Context, erasure uuid.UUID) (store.Erasure, error) {
	var row erasureRow
	err := s.erasures(s.db, &row).Where("e.id = ?", id(erasure)).Scan(ctx)
	if err != nil {
		return store.Erasure{}, s.mapError(ctx, err)
	}
	return row.toStore(), nil
}

// AdvanceErasure implements store.Erasures. It writes nothing if no job is running.
func (s *Store) AdvanceErasure(ctx context.Context, at time.Time, limit int) (advanced bool, err error) {
	running, err := s.erasures(s.db, (*erasureRow)(nil)).Where("e.state = ?", store.ErasureRunning).Exists(ctx)
	if err != nil || !running {
		return false, s.mapError(ctx, err)
	}
	err = s.write(ctx, func(tx bun.Tx) error {
		advanced = false
		var rows []erasureRow
		q := s.erasures(tx, &rows).Where("e.state = ?", store.ErasureRunning).Order("e.id").Limit(1)
		if err := s.locked(q, "NO KEY UPDATE SKIP LOCKED").Scan(ctx); err != nil || len(rows) == 0 {
			return err
		}
		advanced = true
		st := erasing{Store: s, tx: tx, conn: s.on(tx.Tx), row: &rows[0], at: at, room: limit}
		if err := st.run(ctx); err != nil {
			return err
		}
		_, err := tx.NewUpdate().Model(st.row).ModelTableExpr(s.table("erasures AS e")).WherePK().Exec(ctx)
		return err
	})
	return advanced && err == nil, err
}

// erasing is the part of a job that one transaction does.
type erasing struct {
	*Store
	tx   bun.Tx
	conn conn
	row  *erasureRow
	at   time.Time
	room int // records that it may still remove
}

func (st *erasing) run(ctx context.Context) error {
	// A subscription may have been created in a transaction that began before the job.
	if err := st.markDeleted(ctx, st.tx, uuid.UUID(st.row.OrganizationID), st.at); err != nil {
		return err
	}
	whole := st.room
	for _, step := range []func(context.Context) error{st.subscriptions, st.messages, st.keys, st.trail} {
		if err := step(ctx); err != nil || st.room <= 0 {
			return err
		}
	}
	if st.room == whole {
		st.row.State, st.row.FinishedAt = store.ErasureDone, instant(st.at)
	}
	return nil
}

// Each of these is an index scan: condition and order are those of an index.
const (
	subscriptionsToErase = `SELECT id FROM {}subscriptions WHERE organization_id = ? AND deleted_at IS NOT NULL ORDER BY id LIMIT ?`
	attemptsToErase      = `SELECT id FROM {}attempts WHERE subscription_id = ? ORDER BY id LIMIT ?`
	messagesToErase      = `SELECT id FROM {}messages WHERE organization_id = ? AND subscription_id IS NULL ORDER BY id LIMIT ?`
)

// subscriptions removes the attempts of each subscription, then the subscription.
func (st *erasing) subscriptions(ctx context.Context) error {
	found, err := st.find(ctx, subscriptionsToErase+st.conn.forUpdate(" FOR UPDATE"), st.organization(), st.room)
	if err != nil {
		return err
	}
	for _, subscription := range found {
		attempts, err := st.find(ctx, attemptsToErase, st.conn.id(subscription), st.room)
		if err != nil {
			return err
		}
		if err := st.removeAttempts(ctx, attempts); err != nil {
			return err
		}
		if st.room -= len(attempts); st.room <= 0 {
			return nil
		}
		for _, table := range subscriptionTables {
			_, err := st.tx.NewDelete().TableExpr(st.table(table)).Where("subscription_id = ?", id(subscription)).Exec(ctx)
			if err != nil {
				return err
			}
		}
		result, err := st.tx.NewDelete().TableExpr(st.table("subscriptions")).Where("id = ?", id(subscription)).Exec(ctx)
		if err := st.removed(&st.row.Subscriptions, result, err); err != nil || st.room <= 0 {
			return err
		}
	}
	return nil
}

// removeAttempts also removes messages that were made for one subscription: no index finds them
// by the organization. A Record that waits for a row of the queue then finds its lease lost.
func (st *erasing) removeAttempts(ctx context.Context, attempts []uuid.UUID) error {
	if len(attempts) == 0 {
		return nil
	}
	rows := idRows(attempts)
	if err := st.conn.each(ctx, unqueueAttempts, rows, nil); err != nil {
		return err
	}
	own, err := st.count(ctx, `WITH r(attempt) AS (?)
DELETE FROM {}messages WHERE id IN (SELECT a.message_id FROM r JOIN {}attempts AS a ON a.id = r.attempt) AND subscription_id IS NOT NULL
RETURNING id`, rows)
	if err != nil {
		return err
	}
	n, err := st.count(ctx, `WITH r(attempt) AS (?) DELETE FROM {}attempts WHERE id IN (SELECT attempt FROM r) RETURNING id`, rows)
	st.row.Messages += own
	st.row.Attempts += n
	return err
}

// messages removes published messages, and attempts that a publish added after its subscription
// was removed.
func (st *erasing) messages(ctx context.Context) error {
	found, err := st.find(ctx, messagesToErase, st.organization(), st.room)
	if err != nil || len(found) == 0 {
		return err
	}
	var late []uuid.UUID
	err = st.conn.each(ctx, `WITH r(message) AS (?) SELECT a.id FROM r JOIN {}attempts AS a ON a.message_id = r.message`, idRows(found),
		func(row scanner) error {
			var attempt id
			err := row.Scan(&attempt)
			late = append(late, uuid.UUID(attempt))
			return err
		})
	if err != nil {
		return err
	}
	if err := st.removeAttempts(ctx, late); err != nil {
		return err
	}
	n, err := st.count(ctx, `WITH r(message) AS (?) DELETE FROM {}messages WHERE id IN (SELECT message FROM r) RETURNING id`, idRows(found))
	st.row.Messages += n
	st.room -= len(found)
	return err
}

func (st *erasing) keys(ctx context.Context) error {
	some := st.tx.NewSelect().TableExpr(st.table("idempotency_keys")).Column("organization_id", "key").
		Where("organization_id = ?", st.row.OrganizationID).Limit(int64(st.room))
	result, err := st.tx.NewDelete().TableExpr(st.table("idempotency_keys")).Where("(organization_id, key) IN (?)", some).Exec(ctx)
	return st.removed(new(int), result, err)
}

func (st *erasing) trail(ctx context.Context) error {
	some := st.tx.NewSelect().TableExpr(st.table("audit")).Column("id").Where("organization_id = ?", st.row.OrganizationID).
		Where("action <> ?", store.ActionOrganizationErased).Limit(int64(st.room))
	result, err := st.tx.NewDelete().TableExpr(st.table("audit")).Where("id IN (?)", some).Exec(ctx)
	return st.removed(&st.row.AuditEntries, result, err)
}

// organization returns the organization as a parameter.
func (st *erasing) organization() any { return st.conn.id(uuid.UUID(st.row.OrganizationID)) }

// removed takes the rows that a statement removed from the room, and adds them to a count.
func (st *erasing) removed(count *int, result sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	*count += int(n)
	st.room -= int(n)
	return err
}

// find returns the ids that a statement selects.
func (st *erasing) find(ctx context.Context, text string, args ...any) (found []uuid.UUID, err error) {
	err = st.conn.query(ctx, text, func(row scanner) error {
		var one id
		err := row.Scan(&one)
		found = append(found, uuid.UUID(one))
		return err
	}, args...)
	return found, err
}

// count runs a statement with rows as its argument, and counts the rows of its result.
func (st *erasing) count(ctx context.Context, text string, rows paramRows) (n int, err error) {
	err = st.conn.each(ctx, text, rows, func(scanner) error { n++; return nil })
	return n, err
}
