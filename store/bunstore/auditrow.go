package bunstore

import (
	"time"

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

func (r auditRow) toStore() store.Audit {
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

func (r lifecycleRow) toStore() store.Lifecycle {
	return store.Lifecycle{
		Active: r.Active, ActiveChangedAt: time.Time(r.ActiveChangedAt),
		Archived: r.Archived, ArchivedChangedAt: time.Time(r.ArchivedChangedAt),
	}
}

// whereArchived applies a filter to a query. The alias is of the filtered table.
func whereArchived(q *bun.SelectQuery, alias string, filter store.ArchivedFilter) {
	if filter != store.IncludeArchived {
		q.Where("?.archived = ?", bun.Ident(alias), filter == store.OnlyArchived)
	}
}
