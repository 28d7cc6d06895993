package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// targetRow is a subscription with its health and one of its secrets, if it has any.
type targetRow struct {
	subscriptionRow
	Failures int
	Since    instant
	Probes   int
	ProbeAt  instant
	Secret   secretRow `bun:"embed:secret_"`
}

const targetColumns = `s.*, h.failures, h.since, h.probes, h.probe_at, k.id AS secret_id, k.organization_id AS secret_organization_id,
  k.subscription_id AS secret_subscription_id, k.key AS secret_key, k.valid_from AS secret_valid_from, k.valid_to AS secret_valid_to,
  k.created_at AS secret_created_at, k.created_by AS secret_created_by, k.updated_at AS secret_updated_at, k.updated_by AS secret_updated_by`

// Targets implements store.Queue. It is one statement, because an attempt waits for it.
func (s *Store) Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	out := make(map[uuid.UUID]store.Target, len(subscriptions))
	if len(subscriptions) == 0 {
		return out, nil
	}
	var rows []targetRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr(s.table("subscriptions AS s")).ColumnExpr(targetColumns).
		Join("LEFT JOIN "+s.table("health AS h")+" ON h.subscription_id = s.id").
		Join("LEFT JOIN "+s.table("secrets AS k")+" ON k.subscription_id = s.id AND (k.valid_to IS NULL OR k.valid_to > ?)", instant(secretsSince)).
		Where("s.id IN (?)", bun.List(ids(subscriptions))).Order("k.id DESC").Scan(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	for i := range rows {
		r := &rows[i]
		t, ok := out[uuid.UUID(r.ID)]
		if !ok {
			if t.Subscription, err = r.subscriptionRow.record(); err != nil {
				return nil, err
			}
			t.Health = store.Health{Failures: r.Failures, Since: time.Time(r.Since), Probes: r.Probes, ProbeAt: time.Time(r.ProbeAt)}
			t.Deleted = !time.Time(r.DeletedAt).IsZero()
		}
		if uuid.UUID(r.Secret.ID) != uuid.Nil {
			t.Secrets = append(t.Secrets, r.Secret.record())
		}
		out[t.ID] = t
	}
	return out, nil
}
