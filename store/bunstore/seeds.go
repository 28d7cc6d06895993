package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type seedRow struct {
	bun.BaseModel `bun:"table:seeds,alias:sd"`

	Position    int64 `bun:",pk,autoincrement"`
	Version     string
	Description string
	Checksum    string
	AppliedAt   instant
}

// SeedVersions implements store.Catalog.
func (s *Store) SeedVersions(ctx context.Context) ([]store.SeedVersion, error) {
	var rows []seedRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr(s.table("seeds AS sd")).Order("sd.applied_at", "sd.position").Scan(ctx)
	if err != nil {
		return nil, s.mapError(ctx, err)
	}
	var out []store.SeedVersion
	for _, r := range rows {
		out = append(out, store.SeedVersion{
			Version: r.Version, Description: r.Description, Checksum: r.Checksum, AppliedAt: time.Time(r.AppliedAt),
		})
	}
	return out, nil
}

// ApplySeed implements store.Catalog.
func (s *Store) ApplySeed(ctx context.Context, seed store.Seed) (applied bool, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if applied, err = s.insertSeed(ctx, tx, seed.SeedVersion); err != nil {
			return err
		}
		if !applied {
			return errUnchanged
		}
		if err := seed.Check(); err != nil {
			return err
		}
		categories, err := s.seedCategories(ctx, tx, seed.Categories)
		if err != nil {
			return err
		}
		eventTypes, err := s.seedEventTypes(ctx, tx, seed.EventTypes, categories)
		if err != nil {
			return err
		}
		return s.seedSamples(ctx, tx, seed.Samples, eventTypes)
	})
	return applied && err == nil, err
}

// insertSeed inserts the version, and waits for a process that applies the same version.
func (s *Store) insertSeed(ctx context.Context, tx bun.Tx, v store.SeedVersion) (applied bool, err error) {
	row := seedRow{Version: v.Version, Description: v.Description, Checksum: v.Checksum, AppliedAt: instant(v.AppliedAt)}
	result, err := tx.NewInsert().Model(&row).ModelTableExpr(s.table("seeds")).
		Column("version", "description", "checksum", "applied_at").
		On("CONFLICT (version) DO NOTHING").Returning("NULL").Exec(ctx)
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return n > 0, err
	}
	var before seedRow
	err = tx.NewSelect().Model(&before).ModelTableExpr(s.table("seeds AS sd")).Where("sd.version = ?", v.Version).Scan(ctx)
	if err == nil && before.Checksum != v.Checksum {
		return false, store.ErrSeedChanged
	}
	return false, err
}

// seedCategories returns the stored ids of the categories of a seed, by their ids in the seed.
func (s *Store) seedCategories(ctx context.Context, tx bun.Tx, categories []store.Category) (map[uuid.UUID]uuid.UUID, error) {
	stored := map[uuid.UUID]uuid.UUID{}
	for _, c := range categories {
		var row categoryRow
		err := s.locked(s.categories(tx, &row).Where("c.code = ?", c.Code), "NO KEY UPDATE").Scan(ctx)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			stored[c.ID] = c.ID
			err = s.insertCategory(ctx, tx, c)
		case err == nil:
			stored[c.ID] = uuid.UUID(row.ID)
			err = s.updateCategory(ctx, tx, store.SeededCategory(row.toStore(), c))
		}
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

func (s *Store) seedEventTypes(
	ctx context.Context, tx bun.Tx, eventTypes []store.EventType, categories map[uuid.UUID]uuid.UUID,
) (map[uuid.UUID]uuid.UUID, error) {
	stored := map[uuid.UUID]uuid.UUID{}
	for _, e := range eventTypes {
		var row eventTypeRow
		q := s.eventTypes(tx, &row).Where("e.code = ?", e.Code).Where("e.version = ?", e.Version)
		err := s.locked(q, "NO KEY UPDATE OF e").Scan(ctx)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			stored[e.ID] = e.ID
			e.CategoryID = categories[e.CategoryID]
			err = s.insertEventType(ctx, tx, e)
		case err == nil:
			stored[e.ID] = uuid.UUID(row.ID)
			err = s.updateEventType(ctx, tx, store.SeededEventType(row.toStore(), e, categories[e.CategoryID]))
		}
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

func (s *Store) seedSamples(ctx context.Context, tx bun.Tx, samples []store.Sample, eventTypes map[uuid.UUID]uuid.UUID) error {
	for _, sample := range samples {
		eventType := eventTypes[sample.EventTypeID]
		was, err := s.sample(ctx, tx, eventType, sample.Version, "NO KEY UPDATE")
		switch {
		case errors.Is(err, sql.ErrNoRows):
			sample.EventTypeID = eventType
			err = s.insertSample(ctx, tx, sample)
		case err == nil:
			err = s.updateSample(ctx, tx, store.SeededSample(was, sample))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
