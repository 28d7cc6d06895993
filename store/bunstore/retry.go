package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Retry implements store.History.
func (s *Store) Retry(
	ctx context.Context, org, subscription, attempt uuid.UUID, retry newRetry,
) (added store.Attempt, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		// SHARE waits for who archives or deletes the subscription, and they for us.
		if err := s.hold(ctx, tx, org, subscription, "SHARE"); err != nil {
			return err
		}
		var row attemptRow
		q := s.attempts(tx, &row, subscription).Where("a.id = ?", id(attempt))
		if err := s.locked(q, "KEY SHARE OF m").Scan(ctx); err != nil { // m, so that it is not pruned
			return err
		}
		c := s.on(tx.Tx)
		delivery := []uuid.UUID{uuid.UUID(row.DeliveryID)}
		if err := lockChains(ctx, c, delivery); err != nil {
			return err
		}
		// Its state may have changed before the chain was locked.
		if err := s.attempts(tx, &row, subscription).Where("a.id = ?", id(attempt)).Scan(ctx); err != nil {
			return err
		}
		if !row.Status.Finished() {
			return store.ErrNotFinished
		}
		if err := s.addRetry(ctx, c, row, retry); err != nil {
			return err
		}
		if err := summarize(ctx, c, delivery); err != nil {
			return err
		}
		if err := s.attempts(tx, &row, subscription).Where("a.id = ?", id(retry.ID)).Scan(ctx); err != nil {
			return err
		}
		added = row.record()
		return s.notify(ctx, tx)
	})
	if err != nil {
		return store.Attempt{}, err
	}
	if !s.pg {
		s.wake.all()
	}
	return added, nil
}

// addRetry withdraws the automatic retry that is pending in the chain, if any,
// and adds a manual one.
func (s *Store) addRetry(ctx context.Context, c conn, of attemptRow, retry newRetry) error {
	if err := c.query(ctx, withdrawRetry, nil, retry.At, retry.By, c.id(uuid.UUID(of.DeliveryID))); err != nil {
		return err
	}
	return c.each(ctx, insertRetry, rows{1, []column{
		uuids(func(int) uuid.UUID { return retry.ID }),
		uuids(func(int) uuid.UUID { return uuid.UUID(of.ID) }),
		times(func(int) time.Time { return retry.At }),
		times(func(int) time.Time { return retry.ExpiresAt }),
		texts(func(int) string { return retry.By }),
	}}, nil)
}

const withdrawRetry = `
UPDATE {}attempts SET status = 4, due_at = NULL, updated_at = ?, updated_by = ?
WHERE delivery_id = ? AND number > 1 AND type = 1 AND status = 0`

// The new attempt follows the latest one of the chain. A cancelled automatic
// retry has used nothing of the schedule.
const insertRetry = `
WITH r(attempt, former, due, expires, creator) AS (?)
INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id,
  number, step, type, status, retry_of, token, due_at, expires_at, created_at, created_by, updated_at, updated_by)
SELECT r.attempt, a.delivery_id, a.message_id, a.organization_id, a.subscription_id, a.event_type_id,
  l.number + 1, CASE WHEN l.type = 1 AND l.status = 4 THEN l.step - 1 ELSE l.step END,
  2, 0, a.id, 0, r.due, r.expires, r.due, r.creator, r.due, r.creator
FROM r JOIN {}attempts AS a ON a.id = r.former JOIN {}attempts AS l ON l.id = coalesce(
  (SELECT o.id FROM {}attempts AS o WHERE o.delivery_id = a.delivery_id AND o.number > 1 ORDER BY o.number DESC LIMIT 1),
  a.delivery_id)`
