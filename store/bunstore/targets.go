package bunstore

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// targetRow is a subscription with its health and one of its secrets, if it has any.
type targetRow struct {
	subscriptionRow
	Failures          int
	Since             instant
	CountedUntil      instant
	Probes            int
	ProbeAt           instant
	ProbeUntil        instant
	BackPressureSince instant
	BackPressureUntil instant
	Stage             store.HealthStage
	Secret            secretRow `bun:"embed:secret_"`
}

const targetColumns = `s.*, ` + healthColumns + `, k.id AS secret_id, k.organization_id AS secret_organization_id,
  k.subscription_id AS secret_subscription_id, k.key AS secret_key, k.valid_from AS secret_valid_from, k.valid_to AS secret_valid_to,
  k.created_at AS secret_created_at, k.created_by AS secret_created_by,
  k.updated_at AS secret_updated_at, k.updated_by AS secret_updated_by`

func (r *targetRow) health() store.Health {
	return store.Health{
		Failures: r.Failures, Since: time.Time(r.Since), CountedUntil: time.Time(r.CountedUntil),
		Probes: r.Probes, ProbeAt: time.Time(r.ProbeAt), ProbeUntil: time.Time(r.ProbeUntil),
		BackPressureSince: time.Time(r.BackPressureSince), BackPressureUntil: time.Time(r.BackPressureUntil),
		Stage: r.Stage,
	}
}

// Targets implements store.Queue. It is one statement, because an attempt waits for it.
// Where a row cannot be read at all, each half is read by itself, until that row is found.
func (s *Store) Targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	out, err := s.targets(ctx, subscriptions, secretsSince)
	n := len(subscriptions)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil || errors.Is(err, store.ErrUnavailable) || sqlState(err) != "" || sqliteCode(err) != 0:
		return nil, err
	case n == 1:
		return map[uuid.UUID]store.Target{subscriptions[0]: unreadable(subscriptions[0])}, nil
	}
	if out, err = s.Targets(ctx, subscriptions[:n/2], secretsSince); err != nil {
		return nil, err
	}
	more, err := s.Targets(ctx, subscriptions[n/2:], secretsSince)
	maps.Copy(out, more)
	return out, err
}

// unreadable stands for a subscription with a row that cannot be read. Its revision is the
// greatest, so that the engine looks for no later one.
func unreadable(subscription uuid.UUID) store.Target {
	return store.Target{Subscription: store.Subscription{
		ID: subscription, Lifecycle: store.Lifecycle{Active: true}, Revision: math.MaxInt64,
		Damaged: slices.Sorted(maps.Keys(memberColumns)),
	}}
}

func (s *Store) targets(ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time) (map[uuid.UUID]store.Target, error) {
	out := make(map[uuid.UUID]store.Target, len(subscriptions))
	if len(subscriptions) == 0 {
		return out, nil
	}
	var rows []targetRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr(s.table("subscriptions AS s")).ColumnExpr(targetColumns).
		Join("LEFT JOIN "+s.table("health AS h")+" ON h.subscription_id = s.id").
		Join("LEFT JOIN "+s.table("secrets AS k")+
			" ON k.subscription_id = s.id AND (k.valid_to IS NULL OR k.valid_to > ?)", instant(secretsSince)).
		Where("s.id IN (?)", bun.List(ids(subscriptions))).Order("k.id DESC").Scan(ctx)
	if err != nil {
		return nil, s.mapError(ctx, err)
	}
	for i := range rows {
		r := &rows[i]
		t, ok := out[uuid.UUID(r.ID)]
		if !ok {
			t.Subscription = r.subscriptionRow.toStore()
			t.Health = r.health()
			t.Deleted = !time.Time(r.DeletedAt).IsZero()
		}
		if uuid.UUID(r.Secret.ID) != uuid.Nil {
			t.Secrets = append(t.Secrets, r.Secret.toStore())
		}
		out[t.ID] = t
	}
	return out, nil
}
