package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Durations implements store.History.
func (s *Store) Durations(ctx context.Context, q store.DurationQuery) (counts []store.DurationCount, err error) {
	seconds := int64(q.Bucket / time.Second)
	err = s.read(ctx, func(tx bun.Tx) error {
		if err := s.requireSubscription(ctx, tx, q.OrganizationID, q.SubscriptionID, ""); err != nil {
			return err
		}
		c := s.on(tx.Tx)
		return c.query(ctx, numbered(`
SELECT `+s.syntax.durationBucket+`, a.status, a.duration_ms, count(*) FROM {}attempts AS a
WHERE a.subscription_id = ? AND a.status IN ({Succeeded}, {Failed}) AND a.posted_at >= ? AND a.posted_at < ?
GROUP BY 1, 2, 3`), func(row scanner) error {
			var n, ms int64
			var status store.Status
			var count store.DurationCount
			err := row.Scan(&n, &status, &ms, &count.Count)
			count.From = time.Unix(n*seconds, 0).UTC()
			count.Succeeded = status == store.Succeeded
			count.Duration = time.Duration(ms) * time.Millisecond
			counts = append(counts, count)
			return err
		}, seconds, c.id(q.SubscriptionID), q.From, q.To)
	})
	return counts, err
}
