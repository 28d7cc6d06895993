package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Targets implements store.Queue.
func (s *Store) Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	out := make(map[uuid.UUID]store.Target, len(subscriptions))
	if len(subscriptions) == 0 {
		return out, nil
	}
	err := s.read(ctx, func(tx bun.Tx) error {
		var rows []subscriptionRow
		err := tx.NewSelect().Model(&rows).ModelTableExpr(s.table("subscriptions AS s")).
			Where("s.id IN (?)", bun.List(ids(subscriptions))).Scan(ctx)
		if err != nil {
			return err
		}
		subs, err := s.completeSubscriptions(ctx, tx, rows)
		if err != nil {
			return err
		}
		health, err := s.health(ctx, tx, subscriptions)
		if err != nil {
			return err
		}
		secrets, err := s.secretsSince(ctx, tx, subscriptions, secretsSince)
		for i, sub := range subs {
			deleted := !time.Time(rows[i].DeletedAt).IsZero()
			out[sub.ID] = store.Target{Subscription: sub, Health: health[sub.ID], Deleted: deleted, Secrets: secrets[sub.ID]}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// secretsSince returns the secrets that are in use or ended after the time, by
// subscription, newest first.
func (s *Store) secretsSince(
	ctx context.Context, tx bun.Tx, subscriptions []uuid.UUID, since time.Time,
) (map[uuid.UUID][]store.Secret, error) {
	var rows []secretRow
	err := s.secrets(tx, &rows).Where("k.subscription_id IN (?)", bun.List(ids(subscriptions))).
		Where("k.valid_to IS NULL OR k.valid_to > ?", instant(since)).Order("k.id DESC").Scan(ctx)
	out := map[uuid.UUID][]store.Secret{}
	for i := range rows {
		owner := uuid.UUID(rows[i].SubscriptionID)
		out[owner] = append(out[owner], rows[i].record())
	}
	return out, err
}
