package bunstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// auditRow is store.Audit in columns.
type auditRow struct {
	CreatedAt instant
	CreatedBy string
	UpdatedAt instant
	UpdatedBy string
}

func auditRowOf(a store.Audit) auditRow {
	return auditRow{instant(a.CreatedAt), a.CreatedBy, instant(a.UpdatedAt), a.UpdatedBy}
}

func (r auditRow) record() store.Audit {
	return store.Audit{
		CreatedAt: time.Time(r.CreatedAt), CreatedBy: r.CreatedBy,
		UpdatedAt: time.Time(r.UpdatedAt), UpdatedBy: r.UpdatedBy,
	}
}

// lifecycleRow is store.Lifecycle in columns.
type lifecycleRow struct {
	Active            bool
	ActiveChangedAt   instant
	Archived          bool
	ArchivedChangedAt instant
}

func lifecycleRowOf(l store.Lifecycle) lifecycleRow {
	return lifecycleRow{l.Active, instant(l.ActiveChangedAt), l.Archived, instant(l.ArchivedChangedAt)}
}

func (r lifecycleRow) record() store.Lifecycle {
	return store.Lifecycle{
		Active: r.Active, ActiveChangedAt: time.Time(r.ActiveChangedAt),
		Archived: r.Archived, ArchivedChangedAt: time.Time(r.ArchivedChangedAt),
	}
}

// whereArchived applies a filter to a query whose table has the alias.
func whereArchived(q *bun.SelectQuery, alias string, filter store.ArchivedFilter) {
	if filter != store.IncludeArchived {
		q.Where("?.archived = ?", bun.Ident(alias), filter == store.OnlyArchived)
	}
}

// scanPage counts what the query finds, and scans the page of it in the order of
// the ids of the table with the alias.
func scanPage(ctx context.Context, q *bun.SelectQuery, alias string, page store.Page) (total int, err error) {
	n, err := q.Count(ctx)
	if err != nil {
		return 0, err
	}
	return int(n), scanRows(ctx, q, alias, page)
}

// scanRows is scanPage without the count.
func scanRows(ctx context.Context, q *bun.SelectQuery, alias string, page store.Page) error {
	if page.Take <= 0 {
		return nil
	}
	order, behind := " ASC", "?.id > ?"
	if page.Descending {
		order, behind = " DESC", "?.id < ?"
	}
	if page.After != uuid.Nil {
		q.Where(behind, bun.Ident(alias), id(page.After))
	}
	q.OrderExpr("?.id"+order, bun.Ident(alias)).Limit(int64(page.Take)).Offset(int64(page.Skip))
	return q.Scan(ctx)
}

// listOfRecords makes a list of what scanPage found.
func listOfRecords[R, T any](rows []R, total int, record func(*R) T) store.List[T] {
	list := store.List[T]{Total: total}
	for i := range rows {
		list.Items = append(list.Items, record(&rows[i]))
	}
	return list
}

// changed runs the caller's change, whose error must come back as it is.
func changed(err error) error {
	if err == nil {
		return nil
	}
	return callersError{err}
}
