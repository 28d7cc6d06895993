package bunstore

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// expungeBatch bounds the attempts that one transaction of ExpungeMessage changes.
const expungeBatch = 500

// ExpungeMessage implements store.Erasures.
func (s *Store) ExpungeMessage(ctx context.Context, org, message uuid.UUID, e store.Expunged) error {
	err := s.write(ctx, func(tx bun.Tx) error {
		result, err := tx.NewUpdate().TableExpr(s.table("messages")).Set("body = NULL").Set("source = NULL").
			Set("expunged_at = ?", instant(e.At)).Set("expunged_by = ?", e.By).
			Where("id = ?", id(message)).Where("organization_id = ?", id(org)).Where("expunged_at IS NULL").Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		there, err := tx.NewSelect().TableExpr(s.table("messages")).
			Where("id = ?", id(message)).Where("organization_id = ?", id(org)).Exists(ctx)
		if err == nil && !there {
			err = store.ErrNotFound
		}
		return unchangedIf(true, err)
	})
	ctx = store.WithAudit(ctx, nil) // the entry is stored with the body
	for more := true; more && err == nil; {
		err = s.write(ctx, func(tx bun.Tx) (err error) {
			more, err = s.expungeAttempts(ctx, s.on(tx.Tx), message, e)
			return err
		})
	}
	return err
}

// expungeAttempts removes the responses of a message's attempts, and cancels attempts without an
// outcome. It reports whether there may be more.
func (s *Store) expungeAttempts(ctx context.Context, c conn, message uuid.UUID, e store.Expunged) (more bool, err error) {
	var found, deliveries []uuid.UUID
	err = c.query(ctx, attemptsToExpunge, func(row scanner) error {
		var attempt, delivery id
		err := row.Scan(&attempt, &delivery)
		found, deliveries = append(found, uuid.UUID(attempt)), append(deliveries, uuid.UUID(delivery))
		return err
	}, c.id(message), expungeBatch)
	if err != nil || len(found) == 0 {
		return false, err
	}
	// In the order of Record: the rows of the queue, the attempts, the chains.
	if err := c.each(ctx, unqueueAttempts, idRows(found), nil); err != nil {
		return false, err
	}
	if err := c.each(ctx, expungeResponses, idRows(found), nil, e.At, e.By); err != nil {
		return false, err
	}
	slices.SortFunc(deliveries, compareIDs)
	deliveries = slices.Compact(deliveries)
	if err := lockChains(ctx, c, deliveries); err != nil {
		return false, err
	}
	return len(found) == expungeBatch, summarize(ctx, c, deliveries)
}

var attemptsToExpunge = numbered(`
SELECT id, delivery_id FROM {}attempts
WHERE message_id = ? AND (response IS NOT NULL OR response_headers IS NOT NULL OR status = {Pending}) ORDER BY id LIMIT ?`)

const unqueueAttempts = `WITH r(attempt) AS (?) DELETE FROM {}queue WHERE attempt_id IN (SELECT attempt FROM r)`

var expungeResponses = numbered(`
WITH r(attempt) AS (?)
UPDATE {}attempts AS a SET response = NULL, response_headers = NULL,
  updated_at = CASE WHEN a.status = {Pending} THEN ? ELSE a.updated_at END,
  updated_by = CASE WHEN a.status = {Pending} THEN ? ELSE a.updated_by END,
  status = CASE WHEN a.status = {Pending} THEN {Cancelled} ELSE a.status END
FROM r WHERE a.id = r.attempt`)

// requireContent returns ErrExpunged if the content of a message was removed, and keeps it from
// being removed until the transaction ends.
func (s *Store) requireContent(ctx context.Context, tx bun.Tx, message uuid.UUID) error {
	var rows []messageRow
	q := tx.NewSelect().Model(&rows).ModelTableExpr(s.table("messages AS m")).Column("m.expunged_at").Where("m.id = ?", id(message))
	if err := s.locked(q, "SHARE").Scan(ctx); err != nil {
		return err
	}
	if len(rows) > 0 && rows[0].expungedRow.toStore().Is() {
		return store.ErrExpunged
	}
	return nil
}
