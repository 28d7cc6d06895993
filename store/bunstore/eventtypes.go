package bunstore

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type eventTypeRow struct {
	bun.BaseModel `bun:"table:event_types,alias:e"`

	ID          id `bun:",pk"`
	CategoryID  id
	Name        string
	Code        string
	Version     string
	Description string
	Schema      []byte
	lifecycleRow
	auditRow
	Revision  int64
	DeletedAt instant

	CategoryName     string `bun:",scanonly"`
	CategoryCode     string `bun:",scanonly"`
	CategoryActive   bool   `bun:",scanonly"`
	CategoryArchived bool   `bun:",scanonly"`
	sizedRow
}

func eventTypeRowOf(e store.EventType) *eventTypeRow {
	return &eventTypeRow{
		ID: id(e.ID), CategoryID: id(e.CategoryID), Name: e.Name, Code: e.Code, Version: e.Version,
		Description: e.Description, Schema: e.Schema,
		lifecycleRow: lifecycleRowOf(e.Lifecycle), auditRow: auditRowOf(e.Audit), Revision: e.Revision,
	}
}

func (r *eventTypeRow) toStore() store.EventType {
	return store.EventType{
		ID: uuid.UUID(r.ID), CategoryID: uuid.UUID(r.CategoryID), Name: r.Name, Code: r.Code, Version: r.Version,
		Description: r.Description, Schema: r.Schema,
		Lifecycle: r.lifecycleRow.toStore(), Audit: r.auditRow.toStore(), Revision: r.Revision,
		Category: store.CategoryRef{
			Name: r.CategoryName, Code: r.CategoryCode, Active: r.CategoryActive, Archived: r.CategoryArchived,
		},
	}
}

// CreateEventType implements store.Catalog.
func (s *Store) CreateEventType(ctx context.Context, e store.EventType) error {
	return s.write(ctx, func(tx bun.Tx) error { return s.insertEventType(ctx, tx, e) })
}

func (s *Store) insertEventType(ctx context.Context, tx bun.Tx, e store.EventType) error {
	if err := s.referToCategory(ctx, tx, e.CategoryID); err != nil {
		return err
	}
	e.Revision = 1
	_, err := tx.NewInsert().Model(eventTypeRowOf(e)).ModelTableExpr(s.table("event_types")).Exec(ctx)
	return duplicateAs(err, store.ErrCodeTaken)
}

// referToCategory checks that the category exists, and keeps it from being
// deleted until the transaction ends.
func (s *Store) referToCategory(ctx context.Context, tx bun.Tx, categoryID uuid.UUID) error {
	var found []id
	q := s.categories(tx, (*categoryRow)(nil)).Column("c.id").Where("c.id = ?", id(categoryID))
	if err := s.locked(q, "KEY SHARE").Scan(ctx, &found); err != nil {
		return err
	}
	if len(found) == 0 {
		return store.ErrBadReference
	}
	return nil
}

// EventType implements store.Catalog.
func (s *Store) EventType(ctx context.Context, eventTypeID uuid.UUID) (store.EventType, error) {
	e, err := s.eventType(ctx, s.db, eventTypeID, "")
	return e, s.mapError(ctx, err)
}

func (s *Store) eventType(ctx context.Context, db bun.IDB, eventTypeID uuid.UUID, lock string) (store.EventType, error) {
	var row eventTypeRow
	err := s.locked(s.eventTypes(db, &row).Where("e.id = ?", id(eventTypeID)), lock).Scan(ctx)
	return row.toStore(), err
}

// EventTypeByCode implements store.Catalog.
func (s *Store) EventTypeByCode(ctx context.Context, tx store.Tx, code, version string) (store.EventType, error) {
	var row eventTypeRow
	if tx == nil {
		err := s.eventTypes(s.db, &row).Where("e.code = ?", code).Where("e.version = ?", version).Scan(ctx)
		return row.toStore(), s.mapError(ctx, err)
	}
	t, err := s.own(tx)
	if err == nil {
		err = s.mapErrorInTx(ctx, t, row.read(ctx, s.in(ctx, t), code, version))
	}
	return row.toStore(), err
}

// read reads the event type, in a transaction with any driver: bun reads rows of database/sql only.
func (r *eventTypeRow) read(ctx context.Context, c conn, code, version string) error {
	found, identity := false, id{}
	err := c.query(ctx, selectEventType, func(row scanner) error {
		found = true
		return row.Scan(&identity, &r.ID, &r.CategoryID, &r.Name, &r.Code, &r.Version, &r.Description, &r.Schema,
			&r.Active, &r.ActiveChangedAt, &r.Archived, &r.ArchivedChangedAt,
			&r.CreatedAt, &r.CreatedBy, &r.UpdatedAt, &r.UpdatedBy, &r.Revision,
			&r.CategoryName, &r.CategoryCode, &r.CategoryActive, &r.CategoryArchived)
	}, code, version)
	switch {
	case err != nil:
		return err
	case !found:
		return cmp.Or(c.checkTx(ctx), store.ErrNotFound)
	case c.checkIdentity != nil:
		return c.checkIdentity(uuid.UUID(identity))
	}
	return nil
}

const selectEventType = `
SELECT i.id, e.id, e.category_id, e.name, e.code, e.version, e.description, e.schema,
  e.active, e.active_changed_at, e.archived, e.archived_changed_at, e.created_at, e.created_by, e.updated_at, e.updated_by, e.revision,
  c.name, c.code, c.active, c.archived
FROM {}identity AS i CROSS JOIN {}event_types AS e JOIN {}categories AS c ON c.id = e.category_id
WHERE e.code = ? AND e.version = ? AND e.deleted_at IS NULL`

// eventTypes finds event types with the columns of their category.
func (s *Store) eventTypes(db bun.IDB, model any) *bun.SelectQuery {
	return s.historicEventTypes(db, model).Where("e.deleted_at IS NULL")
}

// historicEventTypes is eventTypes with the deleted ones.
func (s *Store) historicEventTypes(db bun.IDB, model any) *bun.SelectQuery {
	return s.bareEventTypes(db, model).ColumnExpr("e.schema")
}

// bareEventTypes is historicEventTypes without the schemas.
func (s *Store) bareEventTypes(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("event_types AS e")).ExcludeColumn("schema").
		ColumnExpr("c.name AS category_name, c.code AS category_code, c.active AS category_active, c.archived AS category_archived").
		Join("JOIN " + s.table("categories AS c")).JoinOn("c.id = e.category_id")
}

// EventTypes implements store.Catalog.
func (s *Store) EventTypes(
	ctx context.Context, categoryID uuid.UUID, archived store.ArchivedFilter, page store.Page,
) (list store.List[store.EventType], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		total, rows, truncated, err := countBounded(ctx, tx, func(rows *[]eventTypeRow) *bun.SelectQuery {
			q := s.bareEventTypes(tx, rows).Where("e.deleted_at IS NULL")
			if categoryID != uuid.Nil {
				q.Where("e.category_id = ?", id(categoryID))
			}
			whereArchived(q, "e", archived)
			return q
		}, large{"e.schema", octets("e.schema")}, "e", page)
		list = toList(rows, total, truncated, (*eventTypeRow).toStore)
		return err
	})
	return list, err
}

// HistoricEventTypes implements store.Catalog.
func (s *Store) HistoricEventTypes(ctx context.Context, eventTypeIDs []uuid.UUID) (map[uuid.UUID]store.EventType, error) {
	out := make(map[uuid.UUID]store.EventType, len(eventTypeIDs))
	if len(eventTypeIDs) == 0 {
		return out, nil
	}
	var rows []eventTypeRow
	err := s.historicEventTypes(s.db, &rows).Where("e.id IN (?)", bun.List(ids(eventTypeIDs))).Scan(ctx)
	if err != nil {
		return nil, s.mapError(ctx, err)
	}
	for i := range rows {
		out[uuid.UUID(rows[i].ID)] = rows[i].toStore()
	}
	return out, nil
}

// UpdateEventType implements store.Catalog.
func (s *Store) UpdateEventType(
	ctx context.Context, eventTypeID uuid.UUID, change func(*store.EventType) error,
) (e store.EventType, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if e, err = s.eventType(ctx, tx, eventTypeID, "NO KEY UPDATE OF e"); err != nil {
			return err
		}
		if e, err = store.UpdatedEventType(e, change); err != nil {
			return fromCaller(err)
		}
		return s.updateEventType(ctx, tx, e)
	})
	if err != nil {
		return store.EventType{}, err
	}
	return e, nil
}

func (s *Store) updateEventType(ctx context.Context, tx bun.Tx, e store.EventType) error {
	_, err := tx.NewUpdate().Model(eventTypeRowOf(e)).ModelTableExpr(s.table("event_types AS e")).WherePK().Exec(ctx)
	return duplicateAs(err, store.ErrCodeTaken)
}

// DeleteEventType implements store.Catalog. The row stays, because history refers to it.
func (s *Store) DeleteEventType(ctx context.Context, eventTypeID uuid.UUID, check func(store.EventType) error) error {
	return s.write(ctx, func(tx bun.Tx) error {
		e, err := s.eventType(ctx, tx, eventTypeID, "UPDATE OF e")
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(e); err != nil {
				return fromCaller(err)
			}
		}
		if err := s.forgetEventType(ctx, tx, eventTypeID); err != nil {
			return err
		}
		_, err = tx.NewDelete().Model((*sampleRow)(nil)).ModelTableExpr(s.table("samples AS sa")).
			Where("event_type_id = ?", id(eventTypeID)).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model((*eventTypeRow)(nil)).ModelTableExpr(s.table("event_types AS e")).
			Set("deleted_at = ?", instant(time.Now())).Where("id = ?", id(eventTypeID)).Exec(ctx)
		return err
	})
}

// forgetEventType removes the event type from the selectors of archived subscriptions. It fails
// if another subscription selects the event type.
func (s *Store) forgetEventType(ctx context.Context, tx bun.Tx, eventTypeID uuid.UUID) error {
	var rows []subscriptionRow
	q := s.subscriptions(tx, &rows).Where("s.id IN (?)", s.listed(tx, eventTypeID.String()))
	if err := s.locked(q.Order("s.id"), "NO KEY UPDATE").Scan(ctx); err != nil {
		return err
	}
	for i := range rows {
		if !rows[i].Archived {
			return store.ErrInUse
		}
	}
	for i := range rows {
		if err := s.updateSubscription(ctx, tx, rows[i].toStore().WithoutEventType(eventTypeID)); err != nil {
			return err
		}
	}
	return nil
}
