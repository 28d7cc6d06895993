package bunstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type sampleRow struct {
	bun.BaseModel `bun:"table:samples,alias:sa"`

	ID          id `bun:",pk"`
	EventTypeID id
	Version     string
	Payload     []byte
	auditRow
	Revision int64
	sizedRow
}

func sampleRowOf(r store.Sample) *sampleRow {
	return &sampleRow{
		ID: id(r.ID), EventTypeID: id(r.EventTypeID), Version: r.Version, Payload: r.Payload,
		auditRow: auditRowOf(r.Audit), Revision: r.Revision,
	}
}

func (r *sampleRow) toStore() store.Sample {
	return store.Sample{
		ID: uuid.UUID(r.ID), EventTypeID: uuid.UUID(r.EventTypeID), Version: r.Version, Payload: r.Payload,
		Audit: r.auditRow.toStore(), Revision: r.Revision,
	}
}

// CreateSample implements store.Catalog.
func (s *Store) CreateSample(ctx context.Context, sample store.Sample) error {
	return s.write(ctx, func(tx bun.Tx) error {
		if err := s.referToEventTypes(ctx, tx, []uuid.UUID{sample.EventTypeID}); err != nil {
			return err
		}
		return s.insertSample(ctx, tx, sample)
	})
}

func (s *Store) insertSample(ctx context.Context, tx bun.Tx, sample store.Sample) error {
	sample.Revision = 1
	_, err := tx.NewInsert().Model(sampleRowOf(sample)).ModelTableExpr(s.table("samples")).Exec(ctx)
	return duplicateAs(err, store.ErrSampleExists)
}

// Sample implements store.Catalog.
func (s *Store) Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (store.Sample, error) {
	sample, err := s.sample(ctx, s.db, eventTypeID, version, "")
	return sample, s.mapError(ctx, err)
}

func (s *Store) sample(ctx context.Context, db bun.IDB, eventTypeID uuid.UUID, version, lock string) (store.Sample, error) {
	var row sampleRow
	q := s.samples(db, &row).Where("sa.event_type_id = ?", id(eventTypeID)).Where("sa.version = ?", version)
	err := s.locked(q, lock).Scan(ctx)
	return row.toStore(), err
}

func (s *Store) samples(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("samples AS sa"))
}

// Samples implements store.Catalog.
func (s *Store) Samples(
	ctx context.Context, eventTypeID uuid.UUID, page store.Page,
) (list store.List[store.Sample], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		total, rows, truncated, err := countBounded(ctx, tx, func(rows *[]sampleRow) *bun.SelectQuery {
			q := s.samples(tx, rows).ExcludeColumn("payload")
			if eventTypeID != uuid.Nil {
				q.Where("sa.event_type_id = ?", id(eventTypeID))
			}
			return q
		}, large{"sa.payload", octets("sa.payload")}, "sa", page)
		list = toList(rows, total, truncated, (*sampleRow).toStore)
		return err
	})
	return list, err
}

// UpdateSample implements store.Catalog.
func (s *Store) UpdateSample(
	ctx context.Context, eventTypeID uuid.UUID, version string, change func(*store.Sample) error,
) (sample store.Sample, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		if sample, err = s.sample(ctx, tx, eventTypeID, version, "NO KEY UPDATE"); err != nil {
			return err
		}
		if sample, err = store.UpdatedSample(sample, change); err != nil {
			return fromCaller(err)
		}
		return s.updateSample(ctx, tx, sample)
	})
	if err != nil {
		return store.Sample{}, err
	}
	return sample, nil
}

func (s *Store) updateSample(ctx context.Context, tx bun.Tx, sample store.Sample) error {
	_, err := tx.NewUpdate().Model(sampleRowOf(sample)).ModelTableExpr(s.table("samples AS sa")).WherePK().Exec(ctx)
	return duplicateAs(err, store.ErrSampleExists)
}

// DeleteSample implements store.Catalog.
func (s *Store) DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(store.Sample) error) error {
	return s.write(ctx, func(tx bun.Tx) error {
		sample, err := s.sample(ctx, tx, eventTypeID, version, "UPDATE")
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(sample); err != nil {
				return fromCaller(err)
			}
		}
		_, err = tx.NewDelete().Model(sampleRowOf(sample)).ModelTableExpr(s.table("samples AS sa")).WherePK().Exec(ctx)
		return err
	})
}
