package meteredstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The methods of store.Catalog.

func (m *metered) CreateCategory(ctx context.Context, c store.Category) (err error) {
	defer m.called("create_category", m.now(), &err)
	return m.Store.CreateCategory(ctx, c)
}

func (m *metered) Category(ctx context.Context, id uuid.UUID) (_ store.Category, err error) {
	defer m.called("category", m.now(), &err)
	return m.Store.Category(ctx, id)
}

func (m *metered) Categories(
	ctx context.Context, archived store.ArchivedFilter, page store.Page,
) (_ store.List[store.Category], err error) {
	defer m.called("categories", m.now(), &err)
	return m.Store.Categories(ctx, archived, page)
}

func (m *metered) UpdateCategory(ctx context.Context, id uuid.UUID, change func(*store.Category) error) (_ store.Category, err error) {
	defer m.called("update_category", m.now(), &err)
	return m.Store.UpdateCategory(ctx, id, change)
}

func (m *metered) DeleteCategory(ctx context.Context, id uuid.UUID, check func(store.Category) error) (err error) {
	defer m.called("delete_category", m.now(), &err)
	return m.Store.DeleteCategory(ctx, id, check)
}

func (m *metered) CreateEventType(ctx context.Context, e store.EventType) (err error) {
	defer m.called("create_event_type", m.now(), &err)
	return m.Store.CreateEventType(ctx, e)
}

func (m *metered) EventType(ctx context.Context, id uuid.UUID) (_ store.EventType, err error) {
	defer m.called("event_type", m.now(), &err)
	return m.Store.EventType(ctx, id)
}

func (m *metered) EventTypeByCode(ctx context.Context, tx store.Tx, code, version string) (_ store.EventType, err error) {
	defer m.called("event_type_by_code", m.now(), &err)
	return m.Store.EventTypeByCode(ctx, tx, code, version)
}

func (m *metered) EventTypes(
	ctx context.Context, categoryID uuid.UUID, archived store.ArchivedFilter, page store.Page,
) (_ store.List[store.EventType], err error) {
	defer m.called("event_types", m.now(), &err)
	return m.Store.EventTypes(ctx, categoryID, archived, page)
}

func (m *metered) HistoricEventTypes(ctx context.Context, ids []uuid.UUID) (_ map[uuid.UUID]store.EventType, err error) {
	defer m.called("historic_event_types", m.now(), &err)
	return m.Store.HistoricEventTypes(ctx, ids)
}

func (m *metered) UpdateEventType(ctx context.Context, id uuid.UUID, change func(*store.EventType) error) (_ store.EventType, err error) {
	defer m.called("update_event_type", m.now(), &err)
	return m.Store.UpdateEventType(ctx, id, change)
}

func (m *metered) DeleteEventType(ctx context.Context, id uuid.UUID, check func(store.EventType) error) (err error) {
	defer m.called("delete_event_type", m.now(), &err)
	return m.Store.DeleteEventType(ctx, id, check)
}

func (m *metered) CreateSample(ctx context.Context, s store.Sample) (err error) {
	defer m.called("create_sample", m.now(), &err)
	return m.Store.CreateSample(ctx, s)
}

func (m *metered) Sample(ctx context.Context, eventTypeID uuid.UUID, version string) (_ store.Sample, err error) {
	defer m.called("sample", m.now(), &err)
	return m.Store.Sample(ctx, eventTypeID, version)
}

func (m *metered) Samples(ctx context.Context, eventTypeID uuid.UUID, page store.Page) (_ store.List[store.Sample], err error) {
	defer m.called("samples", m.now(), &err)
	return m.Store.Samples(ctx, eventTypeID, page)
}

func (m *metered) UpdateSample(
	ctx context.Context, eventTypeID uuid.UUID, version string, change func(*store.Sample) error,
) (_ store.Sample, err error) {
	defer m.called("update_sample", m.now(), &err)
	return m.Store.UpdateSample(ctx, eventTypeID, version, change)
}

func (m *metered) DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(store.Sample) error) (err error) {
	defer m.called("delete_sample", m.now(), &err)
	return m.Store.DeleteSample(ctx, eventTypeID, version, check)
}

func (m *metered) ApplySeed(ctx context.Context, s store.Seed) (_ bool, err error) {
	defer m.called("apply_seed", m.now(), &err)
	return m.Store.ApplySeed(ctx, s)
}

func (m *metered) SeedVersions(ctx context.Context) (_ []store.SeedVersion, err error) {
	defer m.called("seed_versions", m.now(), &err)
	return m.Store.SeedVersions(ctx)
}
