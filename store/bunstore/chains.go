package bunstore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// The first row of a chain is the lock of the chain: a transaction that adds an attempt to a chain,
// or summarizes a chain of several attempts, locks that row first.

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// lockChains locks the first rows of the deliveries, which are in the order of their ids.
func lockChains(ctx context.Context, c conn, deliveries []uuid.UUID) error {
	return c.lock(ctx, `
WITH r(delivery) AS (?)
SELECT 1 FROM {}attempts AS a JOIN r ON a.id = r.delivery ORDER BY a.id FOR NO KEY UPDATE OF a`, idRows(deliveries))
}

// lockChainsAndMessages also keeps Prune from removing the messages, and so new attempts of the
// chains. Prune locks in the same order.
func lockChainsAndMessages(ctx context.Context, c conn, deliveries []uuid.UUID) error {
	if err := lockMessagesOf(ctx, c, deliveries); err != nil {
		return err
	}
	return lockChains(ctx, c, deliveries)
}

// lockMessagesOf keeps Prune from removing the messages of the deliveries.
func lockMessagesOf(ctx context.Context, c conn, deliveries []uuid.UUID) error {
	return c.lock(ctx, `
WITH r(delivery) AS (?)
SELECT 1 FROM {}messages AS m WHERE m.id IN (
  SELECT a.message_id FROM r JOIN {}attempts AS a ON a.id = r.delivery
  UNION SELECT a.message_id FROM r JOIN {}attempts AS a ON a.delivery_id = r.delivery AND a.number > 1)
ORDER BY m.id FOR KEY SHARE OF m`, idRows(deliveries))
}

// lockMessages keeps Prune from removing messages, and returns the messages that still exist.
func lockMessages(ctx context.Context, c conn, messages []store.Message) (map[uuid.UUID]bool, error) {
	lock := c.forUpdate(" ORDER BY m.id FOR KEY SHARE OF m")
	there := make(map[uuid.UUID]bool, len(messages))
	ids := paramRows{len(messages), []column{uuids(func(i int) uuid.UUID { return messages[i].ID })}}
	return there, c.each(ctx, `WITH r(message) AS (?) SELECT m.id FROM r JOIN {}messages AS m ON m.id = r.message`+lock, ids,
		func(row scanner) error {
			var message id
			err := row.Scan(&message)
			there[uuid.UUID(message)] = true
			return err
		})
}

// summarize writes the number and the outcome of the attempts of each chain to its first row.
func summarize(ctx context.Context, c conn, deliveries []uuid.UUID) error {
	return c.each(ctx, summarizeChains, idRows(deliveries), nil)
}

var summarizeChains = numbered(`
WITH r(delivery) AS (?)
UPDATE {}attempts AS f SET
  chain_attempts = 1 + (SELECT count(*) FROM {}attempts AS o WHERE o.delivery_id = f.id AND o.number > 1),
  outcome_id = (SELECT o.id FROM {}attempts AS o
    WHERE o.delivery_id = f.id AND o.number > 1 AND o.status >= {Succeeded} ORDER BY o.number DESC LIMIT 1),
  chain_status = CASE
    WHEN EXISTS (SELECT 1 FROM {}attempts AS o WHERE o.delivery_id = f.id AND o.number > 1 AND o.status = {Pending}) THEN {Pending}
    ELSE (SELECT o.status FROM {}attempts AS o
      WHERE o.delivery_id = f.id AND o.number > 1 AND o.status >= {Succeeded} ORDER BY o.number DESC LIMIT 1) END
WHERE f.id IN (SELECT delivery FROM r)`)

// cancelPending cancels the queued attempts of a subscription, except for attempts that are being sent.
func (s *Store) cancelPending(ctx context.Context, tx bun.Tx, subscription uuid.UUID, now time.Time) error {
	return cancel(ctx, s.on(tx.Tx), now, "", `subscription_id = ? AND NOT sending`, s.on(tx.Tx).id(subscription))
}

// cancel removes rows of the queue by a condition, cancels their attempts and summarizes their
// chains.
func cancel(ctx context.Context, c conn, now time.Time, by, condition string, args ...any) error {
	var cancelled []uuid.UUID
	err := c.query(ctx, `DELETE FROM {}queue WHERE `+condition+` RETURNING attempt_id`, func(row scanner) error {
		var attempt id
		err := row.Scan(&attempt)
		cancelled = append(cancelled, uuid.UUID(attempt))
		return err
	}, args...)
	if err != nil {
		return err
	}
	slices.SortFunc(cancelled, compareIDs)
	var deliveries []uuid.UUID
	err = c.each(ctx, cancelAttempts, idRows(cancelled), func(row scanner) error {
		var delivery id
		var number int
		err := row.Scan(&delivery, &number)
		if number > 1 {
			deliveries = append(deliveries, uuid.UUID(delivery))
		}
		return err
	}, now, by)
	if err != nil {
		return err
	}
	slices.SortFunc(deliveries, compareIDs)
	deliveries = slices.Compact(deliveries)
	if err := lockChains(ctx, c, deliveries); err != nil {
		return err
	}
	return summarize(ctx, c, deliveries)
}

var cancelAttempts = numbered(`
WITH r(attempt) AS (?)
UPDATE {}attempts AS a SET status = {Cancelled}, updated_at = ?, updated_by = ? FROM r WHERE a.id = r.attempt
RETURNING delivery_id, number`)
