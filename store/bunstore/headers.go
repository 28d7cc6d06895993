package bunstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// SubscriptionHeaders implements store.SecretKeys.
func (s *Store) SubscriptionHeaders(ctx context.Context, after uuid.UUID, max int) ([]store.SubscriptionHeaders, error) {
	var out []store.SubscriptionHeaders
	for len(out) == 0 {
		var rows []subscriptionRow
		err := s.subscriptions(s.db, &rows).Column("s.id", "s.organization_id", "s.revision", "s.headers").
			Where("s.headers IS NOT NULL").Where("s.id > ?", id(after)).Order("s.id").Limit(int64(max)).Scan(ctx)
		if err != nil {
			return nil, s.mapError(ctx, err)
		}
		for i := range rows {
			after = uuid.UUID(rows[i].ID)
			if sub := rows[i].toStore(); sub.Headers != nil {
				out = append(out, store.SubscriptionHeaders{
					OrganizationID: sub.OrganizationID, SubscriptionID: sub.ID, Revision: sub.Revision, Headers: sub.Headers,
				})
			}
		}
		if len(rows) < max {
			break
		}
	}
	return out, nil
}

const replaceHeaders = `
WITH r(subscription, revision, headers) AS (?)
UPDATE {}subscriptions AS s SET headers = r.headers FROM r
WHERE s.id = r.subscription AND s.revision = r.revision AND s.deleted_at IS NULL
RETURNING id`

// ReplaceHeaders implements store.SecretKeys.
func (s *Store) ReplaceHeaders(ctx context.Context, changes []store.SubscriptionHeaders) (n int, err error) {
	encoded := make([]*string, len(changes))
	for i, change := range changes {
		if encoded[i], err = encode(change.Headers, false); err != nil {
			return 0, err
		}
	}
	err = s.write(ctx, func(tx bun.Tx) error {
		n = 0 // it may be repeated
		err := s.on(tx.Tx).each(ctx, replaceHeaders, paramRows{len(changes), []column{
			uuids(func(i int) uuid.UUID { return changes[i].SubscriptionID }),
			bigints(func(i int) int64 { return changes[i].Revision }),
			texts(func(i int) string { return *encoded[i] }),
		}}, func(scanner) error { n++; return nil })
		return unchangedIf(n == 0, err)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
