package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

type usedRow struct {
	bun.BaseModel `bun:"table:one_time,alias:u"`

	ID        id `bun:",pk"`
	KeptUntil instant
}

// UseOnce implements store.OneTime.
func (s *Store) UseOnce(ctx context.Context, used uuid.UUID, until time.Time) (first bool, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		row := usedRow{ID: id(used), KeptUntil: instant(until)}
		result, err := tx.NewInsert().Model(&row).ModelTableExpr(s.table("one_time")).On("CONFLICT (id) DO NOTHING").Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		first = n > 0
		return unchangedIf(!first, err)
	})
	return first && err == nil, err
}

// Used implements store.OneTime.
func (s *Store) Used(ctx context.Context, used uuid.UUID) (bool, error) {
	found, err := s.db.NewSelect().TableExpr(s.table("one_time AS u")).Where("u.id = ?", id(used)).Exists(ctx)
	return found, s.mapError(ctx, err)
}

// PruneUsed implements store.OneTime.
func (s *Store) PruneUsed(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		var old []id
		q := tx.NewSelect().TableExpr(s.table("one_time AS u")).Column("u.id").Where("u.kept_until < ?", instant(before)).
			Order("u.kept_until").Limit(int64(limit))
		if err := s.locked(q, "UPDATE SKIP LOCKED").Scan(ctx, &old); err != nil {
			return err
		}
		removed = len(old)
		if removed == 0 {
			return errUnchanged
		}
		_, err := tx.NewDelete().TableExpr(s.table("one_time")).Where("id IN (?)", bun.List(old)).Exec(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}
