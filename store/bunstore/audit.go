package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

type auditEntryRow struct {
	bun.BaseModel `bun:"table:audit,alias:t"`

	ID             id `bun:",pk"`
	At             instant
	Actor          string
	Action         store.AuditAction
	Resource       store.AuditResource
	ResourceID     string
	OrganizationID optionalID
	RequestID      string
	Changes        *string // JSON
}

func (r *auditEntryRow) toStore() store.AuditEntry {
	e := store.AuditEntry{
		ID: uuid.UUID(r.ID), At: time.Time(r.At), Actor: r.Actor, Action: r.Action, Resource: r.Resource, ResourceID: r.ResourceID,
		OrganizationID: uuid.UUID(r.OrganizationID), RequestID: r.RequestID,
	}
	if decode(r.Changes, &e.Changes) != nil {
		e.Changes = nil // another program wrote to the database
	}
	return e
}

// audit stores the entry of the change that was made in the transaction, if ctx has one.
func (s *Store) audit(ctx context.Context, tx bun.Tx) error {
	e, ok := store.AuditOf(ctx)
	if !ok {
		return nil
	}
	changes, err := encode(e.Changes, e.Changes == nil)
	if err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(&auditEntryRow{
		ID: id(e.ID), At: instant(store.WholeMilliseconds(e.At)), Actor: e.Actor, Action: e.Action,
		Resource: e.Resource, ResourceID: e.ResourceID, OrganizationID: optionalID(e.OrganizationID), RequestID: e.RequestID, Changes: changes,
	}).ModelTableExpr(s.table("audit")).Exec(ctx)
	return err
}

// AuditEntries implements store.AuditTrail.
func (s *Store) AuditEntries(ctx context.Context, query store.AuditQuery) (list store.List[store.AuditEntry], err error) {
	err = s.read(ctx, func(tx bun.Tx) error {
		var rows []auditEntryRow
		q := whereAudit(tx.NewSelect().Model(&rows).ModelTableExpr(s.table("audit AS t")), query)
		total, err := count(ctx, tx, q, query.Page)
		if err != nil || query.Take <= 0 {
			list = store.List[store.AuditEntry]{Total: total}
			return err
		}
		order, behind := "ASC", ">"
		if query.Descending {
			order, behind = "DESC", "<"
		}
		if query.After != uuid.Nil {
			after := tx.NewSelect().TableExpr(s.table("audit AS b")).Column("b.at").Where("b.id = ?", id(query.After))
			q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				q.Where("(t.at, t.id) "+behind+" ((?), ?)", after, id(query.After))
				if !query.Descending { // where the entry was pruned, all remaining entries are behind it
					q.WhereOr("(?) IS NULL", after)
				}
				return q
			})
		}
		q.OrderExpr("t.at " + order + ", t.id " + order).Limit(int64(query.Take)).Offset(int64(max(query.Skip, 0)))
		err = q.Scan(ctx)
		list = toList(rows, total, 0, (*auditEntryRow).toStore)
		return err
	})
	return list, err
}

// whereAudit applies the filters of the query.
func whereAudit(q *bun.SelectQuery, query store.AuditQuery) *bun.SelectQuery {
	if query.OrganizationID != uuid.Nil {
		q.Where("t.organization_id = ?", id(query.OrganizationID))
	}
	if query.Actor != "" {
		q.Where("t.actor = ?", query.Actor)
	}
	if query.Resource != "" {
		q.Where("t.resource = ?", query.Resource)
	}
	if query.ResourceID != "" {
		q.Where("t.resource_id = ?", query.ResourceID)
	}
	if !query.Since.IsZero() {
		q.Where("t.at >= ?", instant(query.Since))
	}
	if !query.Until.IsZero() {
		q.Where("t.at < ?", instant(query.Until))
	}
	return q
}

// AddAuditEntry implements store.AuditTrail.
func (s *Store) AddAuditEntry(ctx context.Context) error {
	return s.write(ctx, func(bun.Tx) error { return nil })
}

// PruneAudit implements store.AuditTrail.
func (s *Store) PruneAudit(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	err = s.write(ctx, func(tx bun.Tx) error {
		var old []id
		q := tx.NewSelect().TableExpr(s.table("audit AS t")).Column("t.id").Where("t.at < ?", instant(before)).
			Order("t.at", "t.id").Limit(int64(limit))
		if err := s.locked(q, "UPDATE SKIP LOCKED").Scan(ctx, &old); err != nil {
			return err
		}
		removed = len(old)
		if removed > 0 {
			if _, err := tx.NewDelete().TableExpr(s.table("audit")).Where("id IN (?)", bun.List(old)).Exec(ctx); err != nil {
				return err
			}
		}
		_, err := tx.NewDelete().TableExpr(s.table("erasures")).Where("finished_at < ?", instant(before)).Exec(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	return removed, nil
}
