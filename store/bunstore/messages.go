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
	SubscriptionID optionalID
	CreatedAt      instant
	CreatedBy      string
	TraceContext   string
	expungedRow
}

// expungedRow is store.Expunged in columns.
type expungedRow struct {
	ExpungedAt instant
	ExpungedBy string
}

func (r expungedRow) toStore() store.Expunged {
	return store.Expunged{At: time.Time(r.ExpungedAt), By: r.ExpungedBy}
}

// Message implements store.Messages.
func (s *Store) Message(ctx context.Context, org, message uuid.UUID) (store.Message, error) {
	var row messageRow
	err := s.db.NewSelect().Model(&row).ModelTableExpr(s.table("messages AS m")).
		Where("m.id = ?", id(message)).Where("m.organization_id = ?", id(org)).Scan(ctx)
	if err != nil {
		return store.Message{}, s.mapError(ctx, err)
	}
	return row.toStore(), nil
}

func (r *messageRow) toStore() store.Message {
	return store.Message{
		ID: uuid.UUID(r.ID), OrganizationID: uuid.UUID(r.OrganizationID), EventTypeID: uuid.UUID(r.EventTypeID),
		Type: r.Type, Version: r.Version, Body: r.Body, Source: r.Source, OrderingKey: r.OrderingKey,
		SubscriptionID: uuid.UUID(r.SubscriptionID), CreatedAt: time.Time(r.CreatedAt), CreatedBy: r.CreatedBy,
		Expunged:     r.expungedRow.toStore(),
		TraceContext: r.TraceContext,
	}
}

// Messages implements store.Messages.
func (s *Store) Messages(ctx context.Context, org uuid.UUID, page store.Page) (list store.List[store.MessageSummary], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		var rows []messageRow
		q := tx.NewSelect().Model(&rows).ModelTableExpr(s.table("messages AS m")).ExcludeColumn("body", "source").
			Where("m.organization_id = ?", id(org)).Where("m.subscription_id IS NULL")
		total, err := scanPage(ctx, tx, q, "m", page)
		if err != nil || len(rows) == 0 {
			list = store.List[store.MessageSummary]{Total: total}
			return err
		}
		of := make([]id, len(rows))
		for i := range rows {
			of[i] = rows[i].ID
		}
		tallies, err := s.tallies(ctx, tx, of...)
		list = toList(rows, total, 0, func(r *messageRow) store.MessageSummary {
			return store.MessageSummary{Message: r.toStore(), Deliveries: tallies[r.ID]}
		})
		return err
	})
	return list, err
}

// tallies counts the deliveries of messages.
func (s *Store) tallies(ctx context.Context, tx bun.Tx, messages ...id) (map[id]store.Tally, error) {
	var counts []struct {
		MessageID id
		Status    store.Status
		Count     int
	}
	err := tx.NewSelect().TableExpr(s.table("attempts AS a")).
		ColumnExpr("a.message_id, coalesce(a.chain_status, a.status) AS status, count(*) AS count").
		Where("a.message_id IN (?)", bun.List(messages)).Where("a.number = 1").GroupExpr("1, 2").Scan(ctx, &counts)
	out := map[id]store.Tally{}
	for _, c := range counts {
		t := out[c.MessageID]
		t.Add(c.Status, c.Count)
		out[c.MessageID] = t
	}
	return out, err
}

// MessageDeliveries implements store.Messages.
func (s *Store) MessageDeliveries(
	ctx context.Context, org, message uuid.UUID, to []uuid.UUID, page store.Page,
) (list store.List[store.Delivery], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		if err := s.requireMessage(ctx, tx, org, message); err != nil {
			return err
		}
		total, rows, truncated, err := countBounded(ctx, tx, func(rows *[]deliveryRow) *bun.SelectQuery {
			q := s.withOutcome(s.bareAttempts(tx, rows)).Where("a.message_id = ?", id(message)).Where("a.number = 1")
			if to != nil {
				q.Where("a.subscription_id IN (?)", bun.List(ids(to)))
			}
			return q
		}, largeOutcome, "a", page)
		list = toList(rows, total, truncated, (*deliveryRow).toStore)
		return err
	})
	return list, err
}

// MessageTally implements store.Messages.
func (s *Store) MessageTally(ctx context.Context, org, message uuid.UUID) (tally store.Tally, err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		if err := s.requireMessage(ctx, tx, org, message); err != nil {
			return err
		}
		tallies, err := s.tallies(ctx, tx, id(message))
		tally = tallies[id(message)]
		return err
	})
	return tally, err
}

// requireMessage fails with store.ErrNotFound unless the organization has the message.
func (s *Store) requireMessage(ctx context.Context, tx bun.Tx, org, message uuid.UUID) error {
	known, err := tx.NewSelect().TableExpr(s.table("messages AS m")).
		Where("m.id = ?", id(message)).Where("m.organization_id = ?", id(org)).Exists(ctx)
	if err == nil && !known {
		err = store.ErrNotFound
	}
	return err
}

// Prune implements store.Messages. On PostgreSQL it drops the partitions of whole days. It
// removes single messages in one transaction, keys and deleted records in short ones.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	if limit > 0 {
		if removed, err = s.dialect.pruneMessages(ctx, before, limit); err != nil {
			return removed, err
		}
	}
	for {
		n, err := s.pruneKeys(ctx, before)
		if err != nil {
			return removed, err
		}
		if n < keysPerStatement {
			break
		}
	}
	if removed < limit {
		err = s.pruneDeleted(ctx, before)
	}
	return removed, err
}

func (d postgres) pruneMessages(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	return d.s.pruneDays(ctx, before, limit)
}

func (d sqlite) pruneMessages(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	old, err := d.s.pruneSome(ctx, before, limit, nil)
	return len(old), err
}

// pruneSome removes messages one by one, and returns them. A nil filter chooses all messages.
func (s *Store) pruneSome(ctx context.Context, before time.Time, limit int, of messageFilter) (removed []id, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		removed, err = s.pruneMessages(ctx, tx, before, limit, of)
		return err
	})
	if err != nil {
		return nil, err
	}
	return removed, nil
}

func (s *Store) pruneMessages(ctx context.Context, tx bun.Tx, before time.Time, limit int, of messageFilter) (removed []id, err error) {
	var held, old []id
	if err := s.dialect.setPlanner(ctx, tx, planLocally); err != nil {
		return nil, err
	}
	q := s.dialect.oldest(s.prunable(tx), before).Apply(of).Limit(int64(limit))
	// A transaction that adds an attempt locks its message, which is then skipped here. A
	// concurrent Prune skips the messages that are locked here.
	if err := s.locked(q, "UPDATE SKIP LOCKED").Scan(ctx, &held); err != nil || len(held) == 0 {
		return nil, err
	}
	// An attempt may have been added to a message before the message was locked.
	if err := s.prunable(tx).Where("m.id IN (?)", bun.List(held)).Scan(ctx, &old); err != nil || len(old) == 0 {
		return nil, err
	}
	joined, err := s.joined(ctx, tx, old)
	if err != nil {
		return nil, err
	}
	for _, table := range []struct{ name, key string }{{"attempts", "message_id"}, {"messages", "id"}} {
		_, err := tx.NewDelete().TableExpr(s.table(table.name)).Where("? IN (?)", bun.Ident(table.key), bun.List(old)).Exec(ctx)
		if err != nil {
			return nil, err
		}
	}
	return old, summarize(ctx, s.on(tx.Tx), joined)
}

// oldest chooses the messages, m, that were created before a time. It takes the time of a message also from its id, and walks the
// primary key: no index on PostgreSQL has created_at in order, and to sort the messages of a day for each batch takes longer than to
// remove the batch. The condition on created_at is no condition of an index.
func (postgres) oldest(q *bun.SelectQuery, before time.Time) *bun.SelectQuery {
	return q.Where("m.id < ?", id(store.FirstID(before))).Where("(m.created_at < ?) IS TRUE", instant(before)).Order("m.id")
}

func (sqlite) oldest(q *bun.SelectQuery, before time.Time) *bun.SelectQuery {
	return q.Where("m.created_at < ?", instant(before)).Order("m.created_at", "m.id")
}

// prunable finds the messages that nothing keeps. It looks at the attempts of one message after the other, and so only until it has
// found enough messages.
func (s *Store) prunable(tx bun.Tx) *bun.SelectQuery {
	attempts := func() *bun.SelectQuery {
		return tx.NewSelect().TableExpr(s.table("attempts AS a")).ColumnExpr("1").Where("a.message_id = m.id")
	}
	return tx.NewSelect().TableExpr(s.table("messages AS m")).Column("m.id").
		Where("NOT EXISTS (? LIMIT 1"+fenced+")", attempts().Where("a.status = ?", store.Pending).Where("NOT a.external")).
		Where("NOT EXISTS (? LIMIT 1"+fenced+")", attempts().Where("a.number = 1").Where("a.chain_attempts > 1").
			Join("JOIN "+s.table("attempts AS o")).JoinOn("o.delivery_id = a.id").JoinOn("o.number > 1").JoinOn("o.message_id <> a.message_id"))
}

// joined locks and returns the deliveries that have attempts of these messages, but began with
// another message.
func (s *Store) joined(ctx context.Context, tx bun.Tx, messages []id) ([]uuid.UUID, error) {
	var joined []uuid.UUID
	var found []id
	err := tx.NewSelect().TableExpr(s.table("attempts AS a")).ColumnExpr("DISTINCT a.delivery_id").
		Join("JOIN "+s.table("attempts AS f")).JoinOn("f.id = a.delivery_id").JoinOn("f.message_id <> a.message_id").
		Where("a.message_id IN (?)", bun.List(messages)).Where("a.number > 1").Order("a.delivery_id").Scan(ctx, &found)
	for _, delivery := range found {
		joined = append(joined, uuid.UUID(delivery))
	}
	if err != nil {
		return nil, err
	}
	return joined, lockChains(ctx, s.on(tx.Tx), joined)
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
