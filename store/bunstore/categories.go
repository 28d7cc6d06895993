package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type categoryRow struct {
	bun.BaseModel `bun:"table:categories,alias:c"`

	ID          id `bun:",pk"`
	Name        string
	Code        string
	Description string
	lifecycleRow
	auditRow
	Revision  int64
	DeletedAt instant
}

func categoryRowOf(c store.Category) *categoryRow {
	return &categoryRow{
		ID: id(c.ID), Name: c.Name, Code: c.Code, Description: c.Description,
		lifecycleRow: lifecycleRowOf(c.Lifecycle), auditRow: auditRowOf(c.Audit), Revision: c.Revision,
	}
}

func (r *categoryRow) toStore() store.Category {
	return store.Category{
		ID: uuid.UUID(r.ID), Name: r.Name, Code: r.Code, Description: r.Description,
		Lifecycle: r.lifecycleRow.toStore(), Audit: r.auditRow.toStore(), Revision: r.Revision,
	}
}

// CreateCategory implements store.Catalog.
func (s *Store) CreateCategory(ctx context.Context, c store.Category) error {
	return s.write(ctx, func(tx bun.Tx) error { return s.insertCategory(ctx, tx, c) })
}

func (s *Store) insertCategory(ctx context.Context, tx bun.Tx, c store.Category) error {
	c.Revision = 1
	_, err := tx.NewInsert().Model(categoryRowOf(c)).ModelTableExpr(s.table("categories")).Exec(ctx)
	return duplicateAs(err, store.ErrCodeTaken)
}

// Category implements store.Catalog.
func (s *Store) Category(ctx context.Context, categoryID uuid.UUID) (store.Category, error) {
	c, err := s.category(ctx, s.db, categoryID, "")
	return c, s.mapError(ctx, err)
}

func (s *Store) category(ctx context.Context, db bun.IDB, categoryID uuid.UUID, lock string) (store.Category, error) {
	var row categoryRow
	err := s.locked(s.categories(db, &row).Where("c.id = ?", id(categoryID)), lock).Scan(ctx)
	return row.toStore(), err
}

func (s *Store) categories(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("categories AS c")).Where("c.deleted_at IS NULL")
}

// Categories implements store.Catalog.
func (s *Store) Categories(
	ctx context.Context, archived store.ArchivedFilter, page store.Page,
) (list store.List[store.Category], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		var rows []categoryRow
		q := s.categories(tx, &rows)
		whereArchived(q, "c", archived)
		total, err := scanPage(ctx, tx, q, "c", page)
		list = toList(rows, total, 0, (*categoryRow).toStore)
		return err
	})
	return list, err
}

// UpdateCategory implements store.Catalog.
func (s *Store) UpdateCategory(
	ctx context.Context, categoryID uuid.UUID, change func(*store.Category) error,
) (c store.Category, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if c, err = s.category(ctx, tx, categoryID, "NO KEY UPDATE"); err != nil {
			return err
		}
		if c, err = store.UpdatedCategory(c, change); err != nil {
			return fromCaller(err)
		}
		return s.updateCategory(ctx, tx, c)
	})
	if err != nil {
		return store.Category{}, err
	}
	return c, nil
}

func (s *Store) updateCategory(ctx context.Context, tx bun.Tx, c store.Category) error {
	_, err := tx.NewUpdate().Model(categoryRowOf(c)).ModelTableExpr(s.table("categories AS c")).WherePK().Exec(ctx)
	return duplicateAs(err, store.ErrCodeTaken)
}

// DeleteCategory implements store.Catalog. The row stays, because deleted event types refer to it.
func (s *Store) DeleteCategory(ctx context.Context, categoryID uuid.UUID, check func(store.Category) error) error {
	return s.write(ctx, func(tx bun.Tx) error {
		c, err := s.category(ctx, tx, categoryID, "UPDATE")
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(c); err != nil {
				return fromCaller(err)
			}
		}
		used, err := s.eventTypes(tx, (*eventTypeRow)(nil)).Where("e.category_id = ?", id(categoryID)).Exists(ctx)
		if err != nil {
			return err
		}
		if used {
			return store.ErrInUse
		}
		_, err = tx.NewUpdate().Model((*categoryRow)(nil)).ModelTableExpr(s.table("categories AS c")).
			Set("deleted_at = ?", instant(time.Now())).Where("id = ?", id(categoryID)).Exec(ctx)
		return err
	})
}
