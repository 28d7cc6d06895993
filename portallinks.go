package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// UseOnce uses an id, and reports whether this call is its first use, in all processes that share
// the store. Package portal makes its links good once with it, carries out a form once, and ends
// sessions. The store keeps the id until the time, and for an hour more, because the clocks of hosts
// differ.
func (w *Webhooks) UseOnce(ctx context.Context, id uuid.UUID, until time.Time) (first bool, err error) {
	err = w.core.withinStoreTimeout(ctx, func(ctx context.Context) error {
		first, err = w.core.store.UseOnce(ctx, id, until)
		return err
	})
	return first && err == nil, err
}

// Used reports whether an id was used with [Webhooks.UseOnce], and is still kept.
func (w *Webhooks) Used(ctx context.Context, id uuid.UUID) (used bool, err error) {
	err = w.core.withinStoreTimeout(ctx, func(ctx context.Context) error {
		used, err = w.core.store.Used(ctx, id)
		return err
	})
	return used, err
}

// RecordPortalLink adds an entry to the audit trail: the actor of ctx makes a link to the portal
// for an organization. Org is the nil UUID for a link to all organizations.
func (w *Webhooks) RecordPortalLink(ctx context.Context, id, org uuid.UUID) error {
	return w.core.withinStoreTimeout(ctx, func(ctx context.Context) error {
		return w.core.store.recordPortalLink(ctx, id, org)
	})
}

// Now returns the present time by Config.Clock.
func (w *Webhooks) Now() time.Time { return w.core.cfg.Clock.Now() }

func (s auditedStore) recordPortalLink(ctx context.Context, id, org uuid.UUID) error {
	entry := s.newChange(ctx, store.ActionPortalLinkCreated, store.AuditPortalLink, id.String(), org)
	return s.write(ctx, entry, s.Store.AddAuditEntry)
}
