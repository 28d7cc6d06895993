package bunstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// CreateSubscription implements store.Subscriptions.
func (s *Store) CreateSubscription(ctx context.Context, sub store.Subscription, first store.Secret) error {
	sub.Revision = 1
	defer s.matchCache.drop(sub.OrganizationID)
	return s.write(ctx, func(tx bun.Tx) error {
		if err := s.refuseErasing(ctx, tx, sub.OrganizationID); err != nil {
			return err
		}
		if err := s.referToEventTypes(ctx, tx, selected(sub)); err != nil {
			return err
		}
		row, err := subscriptionRowOf(sub)
		if err != nil {
			return err
		}
		if _, err := tx.NewInsert().Model(row).ModelTableExpr(s.table("subscriptions")).Exec(ctx); err != nil {
			return err
		}
		if err := s.indexTopics(ctx, tx, sub); err != nil {
			return err
		}
		return s.insertSecret(ctx, tx, first)
	})
}

// Subscription implements store.Subscriptions.
func (s *Store) Subscription(ctx context.Context, org, subscriptionID uuid.UUID) (store.Subscription, error) {
	sub, err := s.subscription(ctx, s.db, org, subscriptionID, "")
	if err != nil {
		return store.Subscription{}, s.mapError(ctx, err)
	}
	return sub, nil
}

func (s *Store) subscription(ctx context.Context, db bun.IDB, org, subscriptionID uuid.UUID, lock string) (store.Subscription, error) {
	var rows []subscriptionRow
	q := s.subscriptions(db, &rows).Where("s.id = ?", id(subscriptionID)).Where("s.organization_id = ?", id(org))
	if err := s.locked(q, lock).Scan(ctx); err != nil {
		return store.Subscription{}, err
	}
	subs, err := s.completeSubscriptions(ctx, db, rows)
	if err != nil {
		return store.Subscription{}, err
	}
	if len(subs) == 0 {
		return store.Subscription{}, store.ErrNotFound
	}
	return subs[0], nil
}

// requireSubscription checks that the organization has the subscription, and locks its row if lock
// is not "".
func (s *Store) requireSubscription(ctx context.Context, db bun.IDB, org, subscriptionID uuid.UUID, lock string) error {
	var found []id
	q := s.subscriptions(db, (*subscriptionRow)(nil)).Column("s.id").
		Where("s.id = ?", id(subscriptionID)).Where("s.organization_id = ?", id(org))
	if err := s.locked(q, lock).Scan(ctx, &found); err != nil {
		return err
	}
	if len(found) == 0 {
		return store.ErrNotFound
	}
	return nil
}

func (s *Store) subscriptions(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("subscriptions AS s")).Where("s.deleted_at IS NULL")
}

// completeSubscriptions makes records of the rows, with the event types of their selectors.
func (s *Store) completeSubscriptions(ctx context.Context, db bun.IDB, rows []subscriptionRow) ([]store.Subscription, error) {
	var subs []store.Subscription
	for i := range rows {
		subs = append(subs, rows[i].toStore())
	}
	return subs, s.completeSelectors(ctx, db, subs)
}

// Subscriptions implements store.Subscriptions.
func (s *Store) Subscriptions(
	ctx context.Context, org uuid.UUID, query store.SubscriptionQuery,
) (store.List[store.Subscription], error) {
	return s.listSubscriptions(ctx, query.Page, func(tx bun.Tx, q *bun.SelectQuery) {
		q.Where("s.organization_id = ?", id(org))
		whereArchived(q, "s", query.Archived)
		if query.Version != "" {
			q.Where("s.version = ?", query.Version)
		}
		if query.EventTypeID != uuid.Nil {
			q.Where("s.id IN (?)", s.listed(tx, query.EventTypeID.String()).Where("organization_id = ?", id(org)))
		}
		if search := store.FoldCase(query.Search); search != "" {
			q.Where(s.syntax.contains("s.post_uri")+" OR "+s.syntax.contains("s.description"), search, search)
		}
		s.whereState(tx, q, query.State)
	})
}

// whereState restricts a query to the subscriptions for which [store.Subscription.State] returns the state.
func (s *Store) whereState(tx bun.Tx, q *bun.SelectQuery, state store.SubscriptionState) {
	open := tx.NewSelect().TableExpr(s.table("health AS h")).ColumnExpr("1").
		Where("h.subscription_id = s.id").Where("h.probe_at IS NOT NULL")
	switch state {
	case "":
	case store.SubscriptionEnabled:
		q.Where("s.active AND NOT s.archived AND NOT EXISTS (?)", open)
	case store.SubscriptionFailing:
		q.Where("s.active AND NOT s.archived AND EXISTS (?)", open)
	case store.SubscriptionPaused:
		q.Where("NOT s.active AND NOT s.archived AND s.inactive_reason = ''")
	case store.SubscriptionDisabled:
		q.Where("s.archived OR (NOT s.active AND s.inactive_reason <> '')")
	default:
		q.Where("1 = 0")
	}
}

// listSubscriptions makes a page of the subscriptions that choose selects.
func (s *Store) listSubscriptions(
	ctx context.Context, page store.Page, choose func(tx bun.Tx, q *bun.SelectQuery),
) (list store.List[store.Subscription], err error) {
	members := []string{"selectors", "headers", "filter"}
	err = s.read(ctx, func(tx bun.Tx) error {
		total, rows, truncated, err := countBounded(ctx, tx, func(rows *[]subscriptionRow) *bun.SelectQuery {
			q := s.subscriptions(tx, rows).ExcludeColumn(members...)
			choose(tx, q)
			return q
		}, large{strings.Join(members, ", "), octets(members...)}, "s", page)
		if err != nil {
			return err
		}
		list.Total, list.Truncated = total, truncated
		list.Items, err = s.completeSubscriptions(ctx, tx, rows)
		return err
	})
	return list, err
}

// listed finds the ids of the subscriptions that have one of the topics.
func (s *Store) listed(db bun.IDB, topics ...string) *bun.SelectQuery {
	return db.NewSelect().TableExpr(s.table("subscription_topics")).Column("subscription_id").
		Where("topic IN (?)", bun.List(topics))
}

// Subscribers implements store.Subscriptions.
func (s *Store) Subscribers(
	ctx context.Context, topics []string, orgs []uuid.UUID, page store.Page,
) (store.List[store.Subscription], error) {
	if len(topics) == 0 || (orgs != nil && len(orgs) == 0) {
		return store.List[store.Subscription]{}, nil
	}
	return s.listSubscriptions(ctx, page, func(tx bun.Tx, q *bun.SelectQuery) {
		listed := s.listed(tx, topics...)
		if orgs != nil {
			listed.Where("organization_id IN (?)", bun.List(ids(orgs)))
		}
		q.Where("s.id IN (?)", listed).Where("s.active AND NOT s.archived")
	})
}

// UpdateSubscription implements store.Subscriptions.
func (s *Store) UpdateSubscription(
	ctx context.Context, org, subscriptionID uuid.UUID, now time.Time, change func(*store.Subscription) error,
) (sub store.Subscription, err error) {
	defer s.matchCache.drop(org)
	err = s.change(ctx, func(tx bun.Tx) (due bool, err error) {
		before, err := s.subscription(ctx, tx, org, subscriptionID, "NO KEY UPDATE")
		if err != nil {
			return false, err
		}
		if sub, err = store.UpdatedSubscription(before, change); err != nil {
			return false, fromCaller(err)
		}
		if err := s.storeSubscription(ctx, tx, sub); err != nil {
			return false, err
		}
		if due, err = s.followChange(ctx, tx, sub, before, now); err != nil {
			return false, err
		}
		one := []store.Subscription{sub}
		if err := s.completeSelectors(ctx, tx, one); err != nil {
			return false, err
		}
		told, err := s.tell(ctx, tx, store.Change{})
		return due || told, err
	})
	if err != nil {
		return store.Subscription{}, err
	}
	return sub, nil
}

func (s *Store) storeSubscription(ctx context.Context, tx bun.Tx, sub store.Subscription) error {
	if err := s.referToEventTypes(ctx, tx, selected(sub)); err != nil {
		return err
	}
	return s.updateSubscription(ctx, tx, sub)
}

// updateSubscription writes the record and its topics, except for the damaged members.
func (s *Store) updateSubscription(ctx context.Context, tx bun.Tx, sub store.Subscription) error {
	row, err := subscriptionRowOf(sub)
	if err != nil {
		return err
	}
	q := tx.NewUpdate().Model(row).ModelTableExpr(s.table("subscriptions AS s")).WherePK()
	for _, member := range sub.Damaged {
		if column, ok := memberColumns[member]; ok {
			q.ExcludeColumn(column)
		}
	}
	if _, err = q.Exec(ctx); err != nil || slices.Contains(sub.Damaged, store.MemberSelectors) {
		return err // damaged selectors keep their topics
	}
	return s.indexTopics(ctx, tx, sub)
}

// followChange updates the queue after a change of the subscription, and reports whether attempts
// became due: all attempts of an activated subscription, and the held attempts if there is a new
// PostURI.
func (s *Store) followChange(ctx context.Context, tx bun.Tx, sub, before store.Subscription, now time.Time) (due bool, err error) {
	change := store.QueueChangeOf(before, sub)
	if change.ForgetHealth {
		_, err = tx.NewDelete().TableExpr(s.table("health")).Where("subscription_id = ?", id(sub.ID)).Exec(ctx)
		if err != nil {
			return false, err
		}
	}
	queued := "NOT sending"
	switch {
	case change.Cancel:
		return false, s.cancelPending(ctx, tx, sub.ID, now)
	case change.ReleaseHeld:
		queued += " AND held"
	case !change.Release:
		return false, nil
	}
	_, err = tx.NewUpdate().TableExpr(s.table("queue")).Set("due_at = "+s.on(tx.Tx).now()).Set("held = false").
		Where("subscription_id = ?", id(sub.ID)).Where(queued).Exec(ctx)
	return true, err
}

// DeleteSubscription implements store.Subscriptions. The row stays with the ids alone,
// until pruneDeleted removes it.
func (s *Store) DeleteSubscription(
	ctx context.Context, org, subscriptionID uuid.UUID, now time.Time, check func(store.Subscription) error,
) error {
	defer s.matchCache.drop(org)
	return s.write(ctx, func(tx bun.Tx) error {
		sub, err := s.subscription(ctx, tx, org, subscriptionID, "UPDATE")
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(sub); err != nil {
				return fromCaller(err)
			}
		}
		for _, table := range []string{"subscription_topics", "secrets", "health"} {
			_, err := tx.NewDelete().TableExpr(s.table(table)).Where("subscription_id = ?", id(subscriptionID)).Exec(ctx)
			if err != nil {
				return err
			}
		}
		row, err := subscriptionRowOf(store.Subscription{ID: sub.ID, OrganizationID: sub.OrganizationID, Revision: sub.Revision})
		if err != nil {
			return err
		}
		row.DeletedAt = instant(now)
		if _, err := tx.NewUpdate().Model(row).ModelTableExpr(s.table("subscriptions AS s")).WherePK().Exec(ctx); err != nil {
			return err
		}
		return s.cancelPending(ctx, tx, subscriptionID, now)
	})
}
