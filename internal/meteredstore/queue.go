package meteredstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The methods of store.Queue.

func (m *metered) Claim(ctx context.Context, opts store.ClaimOptions) (_ []store.Job, _ time.Time, err error) {
	defer m.called("claim", m.now(), &err)
	return m.Store.Claim(ctx, opts)
}

func (m *metered) Record(ctx context.Context, outcomes []store.Outcome) (_ []uuid.UUID, err error) {
	defer m.called("record", m.now(), &err)
	return m.Store.Record(ctx, outcomes)
}

func (m *metered) Defer(ctx context.Context, deferrals []store.Deferral) (_ []uuid.UUID, err error) {
	defer m.called("defer", m.now(), &err)
	return m.Store.Defer(ctx, deferrals)
}

func (m *metered) Release(ctx context.Context, subscription uuid.UUID) (err error) {
	defer m.called("release", m.now(), &err)
	return m.Store.Release(ctx, subscription)
}

func (m *metered) UpdateHealth(
	ctx context.Context, subscriptions []uuid.UUID, change func(subscription uuid.UUID, h *store.Health),
) (err error) {
	defer m.called("update_health", m.now(), &err)
	return m.Store.UpdateHealth(ctx, subscriptions, change)
}

func (m *metered) Targets(
	ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time,
) (_ map[uuid.UUID]store.Target, err error) {
	defer m.called("targets", m.now(), &err)
	return m.Store.Targets(ctx, subscriptions, secretsSince)
}
