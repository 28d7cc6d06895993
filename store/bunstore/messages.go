package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type messageRow struct {
	bun.BaseModel `bun:"table:messages,alias:m"`

	ID             id `bun:",pk"`
	OrganizationID id
	EventTypeID    id
	Type           string
	Version        string
	Body           []byte
	Source         []byte
	OrderingKey    string
	CreatedAt      instant
	CreatedBy      string
}

// Message implements store.Messages.
func (s *Store) Message(ctx context.Context, org, message uuid.UUID) (store.Message, error) {
	var row messageRow
	err := s.db.NewSelect().Model(&row).ModelTableExpr(s.table("messages AS m")).
		Where("m.id = ?", id(message)).Where("m.organization_id = ?", id(org)).Scan(ctx)
	if err != nil {
		return store.Message{}, s.failed(ctx, err)
	}
	return store.Message{
		ID: uuid.UUID(row.ID), OrganizationID: uuid.UUID(row.OrganizationID), EventTypeID: uuid.UUID(row.EventTypeID),
		Type: row.Type, Version: row.Version, Body: row.Body, Source: row.Source, OrderingKey: row.OrderingKey,
		CreatedAt: time.Time(row.CreatedAt), CreatedBy: row.CreatedBy,
	}, nil
}

// Prune implements store.Messages. Each call is a transaction for the messages,
// and short ones for the keys.
func (s *Store) Prune(ctx context.Context, before time.Time, most int) (removed int, err error) {
	if most > 0 {
		err = s.write(ctx, func(tx bun.Tx) error {
			removed, err = s.pruneMessages(ctx, tx, before, most)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	for {
		n, err := s.pruneKeys(ctx, before)
		if err != nil || n < keysPerStatement {
			return removed, err
		}
	}
}

func (s *Store) pruneMessages(ctx context.Context, tx bun.Tx, before time.Time, most int) (int, error) {
	var old []id
	q := tx.NewSelect().TableExpr(s.table("messages AS m")).Column("m.id").
		Where("m.created_at < ?", instant(before)).
		Where("NOT EXISTS (?)", tx.NewSelect().TableExpr(s.table("attempts AS a")).ColumnExpr("1").
			Where("a.message_id = m.id").Where("a.status IN (?, ?)", store.Pending, store.Sending)).
		Order("m.created_at", "m.id").Limit(int64(most))
	// Who retries an attempt holds its message, so that it stays; who prunes
	// beside us takes others.
	if err := s.locked(q, "UPDATE SKIP LOCKED").Scan(ctx, &old); err != nil || len(old) == 0 {
		return 0, err
	}
	for _, table := range []struct{ name, key string }{{"attempts", "message_id"}, {"messages", "id"}} {
		_, err := tx.NewDelete().TableExpr(s.table(table.name)).Where("? IN (?)", bun.Ident(table.key), bun.List(old)).Exec(ctx)
		if err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

const keysPerStatement = 1000

func (s *Store) pruneKeys(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := s.write(ctx, func(tx bun.Tx) error {
		old := tx.NewSelect().TableExpr(s.table("idempotency_keys")).Column("organization_id", "key").
			Where("created_at < ?", instant(before)).Limit(keysPerStatement)
		result, err := tx.NewDelete().TableExpr(s.table("idempotency_keys")).
			Where("(organization_id, key) IN (?)", s.locked(old, "UPDATE SKIP LOCKED")).Exec(ctx)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}
