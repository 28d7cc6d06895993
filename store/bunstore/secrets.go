package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type secretRow struct {
	bun.BaseModel `bun:"table:secrets,alias:k"`

	ID             id `bun:",pk"`
	OrganizationID id
	SubscriptionID id
	Key            []byte
	ValidFrom      instant
	ValidTo        instant
	auditRow
}

func secretRowOf(secret store.Secret) *secretRow {
	return &secretRow{
		ID: id(secret.ID), OrganizationID: id(secret.OrganizationID), SubscriptionID: id(secret.SubscriptionID),
		Key: secret.Key, ValidFrom: instant(secret.ValidFrom), ValidTo: instant(secret.ValidTo),
		auditRow: auditRowOf(secret.Audit),
	}
}

func (r *secretRow) record() store.Secret {
	return store.Secret{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), SubscriptionID: uuid.UUID(r.SubscriptionID),
		Key: r.Key, ValidFrom: time.Time(r.ValidFrom), ValidTo: time.Time(r.ValidTo), Audit: r.auditRow.record(),
	}
}

func (s *Store) secrets(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr(s.table("secrets AS k"))
}

func (s *Store) insertSecret(ctx context.Context, tx bun.Tx, secret store.Secret) error {
	_, err := tx.NewInsert().Model(secretRowOf(secret)).ModelTableExpr(s.table("secrets")).Exec(ctx)
	return err
}

// Secrets implements store.Subscriptions.
func (s *Store) Secrets(
	ctx context.Context, org, subscription uuid.UUID, page store.Page,
) (list store.List[store.Secret], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		if err := s.hold(ctx, tx, org, subscription, ""); err != nil {
			return err
		}
		var rows []secretRow
		total, err := scanPage(ctx, s.secrets(tx, &rows).Where("k.subscription_id = ?", id(subscription)), "k", page)
		list = listOfRecords(rows, total, (*secretRow).record)
		return err
	})
	return list, err
}

// SecretAt implements store.Subscriptions.
func (s *Store) SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (store.Secret, error) {
	if err := s.hold(ctx, s.db, org, subscription, ""); err != nil {
		return store.Secret{}, s.failed(ctx, err)
	}
	var row secretRow
	err := s.secrets(s.db, &row).Where("k.subscription_id = ?", id(subscription)).
		Where("k.valid_from <= ?", instant(at)).
		Where("k.valid_to IS NULL OR k.valid_to > ?", instant(at)).
		Order("k.valid_from DESC", "k.id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return store.Secret{}, s.failed(ctx, err)
	}
	return row.record(), nil
}

// AddSecret implements store.Subscriptions.
func (s *Store) AddSecret(
	ctx context.Context, org, subscription uuid.UUID, next func(sub store.Subscription, current store.Secret) (store.Secret, error),
) error {
	return s.write(ctx, func(tx bun.Tx) error {
		sub, err := s.subscription(ctx, tx, org, subscription, "NO KEY UPDATE")
		if err != nil {
			return err
		}
		var row secretRow
		err = s.secrets(tx, &row).Where("k.subscription_id = ?", id(subscription)).Where("k.valid_to IS NULL").
			Order("k.id DESC").Limit(1).Scan(ctx)
		if err != nil {
			return err
		}
		secret, err := next(sub, row.record())
		if err != nil {
			return changed(err)
		}
		_, err = tx.NewUpdate().Model((*secretRow)(nil)).ModelTableExpr(s.table("secrets AS k")).
			Set("valid_to = ?", instant(secret.ValidFrom)).
			Set("updated_at = ?", instant(secret.CreatedAt)).Set("updated_by = ?", secret.CreatedBy).
			Where("k.id = ?", row.ID).Exec(ctx)
		if err != nil {
			return err
		}
		if err := s.insertSecret(ctx, tx, secret); err != nil {
			return err
		}
		_, err = tx.NewUpdate().TableExpr(s.table("subscriptions AS s")).Set("revision = s.revision + 1").
			Where("s.id = ?", id(subscription)).Exec(ctx)
		return err
	})
}
