package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

const (
	// deletedBatch bounds the deleted subscriptions that one transaction reads.
	deletedBatch = 200
	// maxDeletedBatches bounds one call of Prune. The next call continues behind the last batch.
	maxDeletedBatches = 50
	// maxOldMessages bounds the old messages that Prune reads to find event types in use. If
	// there are more messages, it removes no event type.
	maxOldMessages = 10_000
)

// pruneDeleted removes deleted subscriptions, event types and categories without history.
func (s *Store) pruneDeleted(ctx context.Context, before time.Time) error {
	if err := s.pruneSubscriptions(ctx); err != nil {
		return err
	}
	return s.write(ctx, func(tx bun.Tx) error { return s.pruneCatalog(ctx, tx, before) })
}

func (s *Store) pruneSubscriptions(ctx context.Context) error {
	after := uuid.Nil
	if position := s.deletedAfter.Swap(nil); position != nil {
		after = *position
	}
	for range maxDeletedBatches {
		seen, last := 0, after
		err := s.write(ctx, func(tx bun.Tx) (err error) {
			seen, last, err = s.pruneSubscriptionsAfter(ctx, tx, after)
			return err
		})
		if err != nil || seen < deletedBatch {
			return err
		}
		after = last
	}
	s.deletedAfter.Store(&after)
	return nil
}

// PostgreSQL runs a subquery with LIMIT once for each subscription. For EXISTS it may hash all
// attempts, in a plan that it made while the table was small.
const deletedSubscriptions = `
SELECT s.id, (SELECT 1 FROM {}attempts AS a WHERE a.subscription_id = s.id LIMIT 1) IS NULL
FROM (SELECT id FROM {}subscriptions WHERE deleted_at IS NOT NULL AND id > ? ORDER BY id LIMIT ?) AS s
ORDER BY s.id`

// subscriptionTables are the tables from which Prune removes the rows of a subscription.
var subscriptionTables = []string{"subscription_topics", "secrets", "health", "recoveries"}

// pruneSubscriptionsAfter reads a batch of deleted subscriptions behind an id, and removes each
// one without attempts. It returns the size and the last id of the batch.
func (s *Store) pruneSubscriptionsAfter(ctx context.Context, tx bun.Tx, after uuid.UUID) (seen int, last uuid.UUID, err error) {
	if err := s.dialect.setPlanner(ctx, tx, planLocally); err != nil {
		return 0, after, err
	}
	var ended []id
	c := s.on(tx.Tx)
	err = c.query(ctx, deletedSubscriptions, func(row scanner) error {
		var without bool
		err := row.Scan((*id)(&last), &without)
		if seen++; without {
			ended = append(ended, id(last))
		}
		return err
	}, c.id(after), deletedBatch)
	if err != nil || len(ended) == 0 {
		return seen, last, err
	}
	// A subscription that UpdateHealth has locked is left to a later call. The only row that may
	// still be added to a deleted subscription is an attempt of a publish that began before the
	// deletion. It is cancelled when it is sent.
	var held []id
	q := tx.NewSelect().TableExpr(s.table("subscriptions AS s")).Column("s.id").Where("s.id IN (?)", bun.List(ended))
	if err := s.locked(q, "UPDATE SKIP LOCKED").Scan(ctx, &held); err != nil || len(held) == 0 {
		return seen, last, err
	}
	for _, table := range subscriptionTables {
		_, err := tx.NewDelete().TableExpr(s.table(table)).Where("subscription_id IN (?)", bun.List(held)).Exec(ctx)
		if err != nil {
			return seen, last, err
		}
	}
	_, err = tx.NewDelete().TableExpr(s.table("subscriptions")).Where("id IN (?)", bun.List(held)).Exec(ctx)
	return seen, last, err
}

// oldMessages finds the event types of the messages before an id.
const oldMessages = `
SELECT event_type_id, count(*) FROM (SELECT event_type_id FROM {}messages WHERE id < ? LIMIT ?) AS m GROUP BY event_type_id`

// pruneCatalog removes event types and categories by the rules of store.Messages. It takes the
// time of a message from its id, because no index on PostgreSQL finds single rows by created_at.
func (s *Store) pruneCatalog(ctx context.Context, tx bun.Tx, before time.Time) error {
	var ended []id
	err := tx.NewSelect().TableExpr(s.table("event_types AS e")).Column("e.id").Where("e.deleted_at < ?", instant(before)).Scan(ctx, &ended)
	if err != nil {
		return err
	}
	if len(ended) > 0 {
		if ended, err = s.withoutOldMessages(ctx, tx, ended, before); err != nil {
			return err
		}
	}
	if len(ended) > 0 {
		_, err := tx.NewDelete().TableExpr(s.table("event_types")).Where("id IN (?)", bun.List(ended)).Exec(ctx)
		if err != nil {
			return err
		}
	}
	_, err = tx.NewDelete().TableExpr(s.table("categories AS c")).Where("c.deleted_at IS NOT NULL").
		Where("NOT EXISTS (?)", tx.NewSelect().TableExpr(s.table("event_types AS e")).ColumnExpr("1").Where("e.category_id = c.id")).Exec(ctx)
	return err
}

// withoutOldMessages returns the event types without a message older than the time, or none if
// there are more than maxOldMessages.
func (s *Store) withoutOldMessages(ctx context.Context, tx bun.Tx, eventTypes []id, before time.Time) ([]id, error) {
	if err := s.dialect.setPlanner(ctx, tx, planLocally); err != nil {
		return nil, err
	}
	used, messages := map[id]bool{}, 0
	c := s.on(tx.Tx)
	err := c.query(ctx, oldMessages, func(row scanner) error {
		var eventType id
		var n int
		err := row.Scan(&eventType, &n)
		used[eventType] = true
		messages += n
		return err
	}, c.id(store.FirstID(before)), maxOldMessages+1)
	if err != nil || messages > maxOldMessages {
		return nil, err
	}
	return slices.DeleteFunc(eventTypes, func(e id) bool { return used[e] }), nil
}
