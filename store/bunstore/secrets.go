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

func (r *secretRow) toStore() store.Secret {
	return store.Secret{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), SubscriptionID: uuid.UUID(r.SubscriptionID),
		Key: r.Key, ValidFrom: time.Time(r.ValidFrom), ValidTo: time.Time(r.ValidTo), Audit: r.auditRow.toStore(),
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
		if err := s.requireSubscription(ctx, tx, org, subscription, ""); err != nil {
			return err
		}
		var rows []secretRow
		total, err := scanPage(ctx, tx, s.secrets(tx, &rows).Where("k.subscription_id = ?", id(subscription)), "k", page)
		list = toList(rows, total, 0, (*secretRow).toStore)
		return err
	})
	return list, err
}

// SecretAt implements store.Subscriptions.
func (s *Store) SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (store.Secret, error) {
	if err := s.requireSubscription(ctx, s.db, org, subscription, ""); err != nil {
		return store.Secret{}, s.mapError(ctx, err)
	}
	var row secretRow
	err := s.secrets(s.db, &row).Where("k.subscription_id = ?", id(subscription)).
		Where("k.valid_from <= ?", instant(at)).
		Where("k.valid_to IS NULL OR k.valid_to > ?", instant(at)).
		Order("k.valid_from DESC", "k.id DESC").Limit(1).Scan(ctx)
	if err != nil {
		return store.Secret{}, s.mapError(ctx, err)
	}
	return row.toStore(), nil
}

// AddSecret implements store.Subscriptions.
func (s *Store) AddSecret(
	ctx context.Context, org, subscription uuid.UUID, next func(sub store.Subscription, current store.Secret) (store.Secret, error),
) error {
	defer s.matchCache.drop(org)
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
		secret, err := next(sub, row.toStore())
		if err != nil {
			return fromCaller(err)
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

// SecretsExcept implements store.SecretKeys.
func (s *Store) SecretsExcept(ctx context.Context, prefixes [][]byte, after uuid.UUID, max int) ([]store.Secret, error) {
	var rows []secretRow
	q := s.secrets(s.db, &rows).Where("k.id > ?", id(after)).Order("k.id").Limit(int64(max))
	for _, prefix := range prefixes {
		q.Where("k.key IS NULL OR substr(k.key, 1, ?) <> ?", len(prefix), prefix)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, s.mapError(ctx, err)
	}
	out := make([]store.Secret, len(rows))
	for i := range rows {
		out[i] = rows[i].toStore()
	}
	return out, nil
}

const replaceKeys = `
WITH r(secret, old, new) AS (?)
UPDATE {}secrets AS k SET key = r.new FROM r WHERE k.id = r.secret AND k.key = r.old
RETURNING id`

// ReplaceKeys implements store.SecretKeys.
func (s *Store) ReplaceKeys(ctx context.Context, changes []store.KeyChange) (n int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		n = 0 // it may be repeated
		err := s.on(tx.Tx).each(ctx, replaceKeys, paramRows{len(changes), []column{
			uuids(func(i int) uuid.UUID { return changes[i].SecretID }),
			blobs(func(i int) []byte { return changes[i].From }),
			blobs(func(i int) []byte { return changes[i].To }),
		}}, func(scanner) error { n++; return nil })
		return unchangedIf(n == 0, err)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
