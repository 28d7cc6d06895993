package bunstore

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// selector is store.Selector in the JSON of a column.
type selector struct {
	EventTypeID *uuid.UUID `json:"id,omitempty"`
	Pattern     string     `json:"pattern,omitempty"`
}

func selectorsOf(in []store.Selector) []selector {
	out := make([]selector, len(in))
	for i, sel := range in {
		if out[i].Pattern = sel.Pattern; sel.Pattern == "" {
			out[i].EventTypeID = &in[i].EventTypeID
		}
	}
	return out
}

func selectorsToStore(in []selector) []store.Selector {
	if in == nil {
		return nil
	}
	out := make([]store.Selector, len(in))
	for i, sel := range in {
		if out[i].Pattern = sel.Pattern; sel.EventTypeID != nil {
			out[i].EventTypeID = *sel.EventTypeID
		}
	}
	return out
}

// selected returns the event types that a subscription selects by id, each once.
func selected(subs ...store.Subscription) []uuid.UUID {
	var out []uuid.UUID
	for _, sub := range subs {
		out = append(out, sub.EventTypeIDs()...)
	}
	slices.SortFunc(out, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// referToEventTypes checks that the event types exist, and locks them against deletion until the
// transaction ends. The ids are distinct and in order.
func (s *Store) referToEventTypes(ctx context.Context, tx bun.Tx, eventTypes []uuid.UUID) error {
	if len(eventTypes) == 0 {
		return nil
	}
	var found []id
	q := tx.NewSelect().TableExpr(s.table("event_types AS e")).Column("e.id").
		Where("e.deleted_at IS NULL").Where("e.id IN (?)", bun.List(ids(eventTypes))).Order("e.id")
	if err := s.locked(q, "KEY SHARE").Scan(ctx, &found); err != nil {
		return err
	}
	if len(found) < len(eventTypes) {
		return store.ErrBadReference
	}
	return nil
}

// completeSelectors fills in the names and codes of the event types of selectors.
func (s *Store) completeSelectors(ctx context.Context, db bun.IDB, subs []store.Subscription) error {
	eventTypes := selected(subs...)
	if len(eventTypes) == 0 {
		return nil
	}
	var rows []struct {
		ID                  id
		Name, Code, Version string
	}
	err := db.NewSelect().TableExpr(s.table("event_types AS e")).Column("e.id", "e.name", "e.code", "e.version").
		Where("e.id IN (?)", bun.List(ids(eventTypes))).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	refs := make(map[uuid.UUID]store.EventTypeRef, len(rows))
	for _, r := range rows {
		refs[uuid.UUID(r.ID)] = store.EventTypeRef{Name: r.Name, Code: r.Code, Version: r.Version}
	}
	for _, sub := range subs {
		for i, sel := range sub.Selectors {
			sub.Selectors[i].EventType = store.EventTypeRef{}
			if sel.Pattern == "" {
				sub.Selectors[i].EventType = refs[sel.EventTypeID]
			}
		}
	}
	return nil
}

type topicRow struct {
	bun.BaseModel `bun:"table:subscription_topics,alias:t"`

	Topic          string
	OrganizationID id
	SubscriptionID id
}

// indexTopics replaces the topics of a subscription if they have changed.
func (s *Store) indexTopics(ctx context.Context, tx bun.Tx, sub store.Subscription) error {
	topics := sub.Topics()
	slices.Sort(topics)
	topics = slices.Compact(topics)

	var present []string
	q := tx.NewSelect().TableExpr(s.table("subscription_topics AS t")).Column("t.topic").Where("t.subscription_id = ?", id(sub.ID))
	if err := q.Scan(ctx, &present); err != nil {
		return err
	}
	slices.Sort(present)
	if slices.Equal(topics, present) {
		return nil
	}
	_, err := tx.NewDelete().TableExpr(s.table("subscription_topics")).Where("subscription_id = ?", id(sub.ID)).Exec(ctx)
	if err != nil || len(topics) == 0 {
		return err
	}
	rows := make([]topicRow, len(topics))
	for i, topic := range topics {
		rows[i] = topicRow{Topic: topic, OrganizationID: id(sub.OrganizationID), SubscriptionID: id(sub.ID)}
	}
	_, err = tx.NewInsert().Model(&rows).ModelTableExpr(s.table("subscription_topics")).Exec(ctx)
	return err
}
