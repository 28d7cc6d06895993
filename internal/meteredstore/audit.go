package meteredstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The methods of store.AuditTrail.

func (m *metered) AuditEntries(ctx context.Context, q store.AuditQuery) (_ store.List[store.AuditEntry], err error) {
	defer m.called("audit_entries", m.now(), &err)
	return m.Store.AuditEntries(ctx, q)
}

func (m *metered) AddAuditEntry(ctx context.Context) (err error) {
	defer m.called("add_audit_entry", m.now(), &err)
	return m.Store.AddAuditEntry(ctx)
}

func (m *metered) PruneAudit(ctx context.Context, before time.Time, max int) (_ int, err error) {
	defer m.called("prune_audit", m.now(), &err)
	return m.Store.PruneAudit(ctx, before, max)
}

// The methods of store.Erasures.

func (m *metered) CreateErasure(ctx context.Context, e store.Erasure) (_ store.Erasure, err error) {
	defer m.called("create_erasure", m.now(), &err)
	return m.Store.CreateErasure(ctx, e)
}

func (m *metered) Erasure(ctx context.Context, id uuid.UUID) (_ store.Erasure, err error) {
	defer m.called("erasure", m.now(), &err)
	return m.Store.Erasure(ctx, id)
}

func (m *metered) AdvanceErasure(ctx context.Context, at time.Time, max int) (_ bool, err error) {
	defer m.called("advance_erasure", m.now(), &err)
	return m.Store.AdvanceErasure(ctx, at, max)
}

func (m *metered) ExpungeMessage(ctx context.Context, org, message uuid.UUID, e store.Expunged) (err error) {
	defer m.called("expunge_message", m.now(), &err)
	return m.Store.ExpungeMessage(ctx, org, message, e)
}

// The methods of store.OneTime.

func (m *metered) UseOnce(ctx context.Context, id uuid.UUID, until time.Time) (_ bool, err error) {
	defer m.called("use_once", m.now(), &err)
	return m.Store.UseOnce(ctx, id, until)
}

func (m *metered) Used(ctx context.Context, id uuid.UUID) (_ bool, err error) {
	defer m.called("used", m.now(), &err)
	return m.Store.Used(ctx, id)
}

func (m *metered) PruneUsed(ctx context.Context, before time.Time, max int) (_ int, err error) {
	defer m.called("prune_used", m.now(), &err)
	return m.Store.PruneUsed(ctx, before, max)
}
