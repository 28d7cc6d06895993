package bunstore

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// scanPage counts the rows of the query, and scans the page of them in the order of the ids of
// the table with the alias.
func scanPage(ctx context.Context, tx bun.Tx, q *bun.SelectQuery, alias string, page store.Page) (total int, err error) {
	if total, err = count(ctx, tx, q, page); err != nil {
		return 0, err
	}
	return total, scanRows(ctx, q, alias, page)
}

// count returns the List.Total of the query's rows.
func count(ctx context.Context, tx bun.Tx, q *bun.SelectQuery, page store.Page) (total int, err error) {
	if page.MaxTotal > 0 {
		return countTo(ctx, tx, q.Clone(), page.MaxTotal)
	}
	n, err := q.Count(ctx)
	return int(n), err
}

// countTo counts the rows of the query, and ends at most. It changes the query.
func countTo(ctx context.Context, tx bun.Tx, q *bun.SelectQuery, most int) (total int, err error) {
	return total, tx.NewSelect().TableExpr("(?) AS counted", q.Limit(int64(most))).ColumnExpr("count(*)").Scan(ctx, &total)
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

// sizedRow is embedded in rows of lists with large members.
type sizedRow struct {
	Size int `bun:",scanonly"` // bytes of the large members, where scanBounded asked for it
}

func (r *sizedRow) size() int { return r.Size }

// large are columns that make rows large, and SQL for the number of their bytes. The databases
// find that number without reading the values.
type large struct{ columns, size string }

func octets(columns ...string) string {
	return "coalesce(octet_length(" + strings.Join(columns, "), 0) + coalesce(octet_length(") + "), 0)"
}

// scanBounded scans a page of the query's rows, within page.MaxBytes. The query leaves out the
// large columns. Truncated is the number of rows at the end that lack them.
func scanBounded[R any, P interface {
	*R
	size() int
}](
	ctx context.Context, query func(rows *[]R) *bun.SelectQuery, l large, alias string, page store.Page,
) (rows []R, truncated int, err error) {
	if page.MaxBytes <= 0 {
		err = scanRows(ctx, query(&rows).ColumnExpr(l.columns), alias, page)
		return rows, 0, err
	}
	if err := scanRows(ctx, query(&rows).ColumnExpr(l.size+" AS size"), alias, page); err != nil || len(rows) == 0 {
		return nil, 0, err
	}
	n, bytes := 0, 0
	for ; n < len(rows); n++ {
		if bytes += P(&rows[n]).size(); n > 0 && bytes > page.MaxBytes {
			break
		}
	}
	var whole []R
	page.Take = n
	err = scanRows(ctx, query(&whole).ColumnExpr(l.columns), alias, page)
	return append(whole, rows[n:]...), len(rows) - n, err
}

// countBounded counts the rows of the query, and scans a page of them as scanBounded does.
func countBounded[R any, P interface {
	*R
	size() int
}](
	ctx context.Context, tx bun.Tx, query func(rows *[]R) *bun.SelectQuery, l large, alias string, page store.Page,
) (total int, rows []R, truncated int, err error) {
	if total, err = count(ctx, tx, query(&rows), page); err != nil {
		return 0, nil, 0, err
	}
	rows, truncated, err = scanBounded[R, P](ctx, query, l, alias, page)
	return total, rows, truncated, err
}

// toList makes a list of the rows of scanPage or scanBounded.
func toList[R, T any](rows []R, total, truncated int, toStore func(*R) T) store.List[T] {
	list := store.List[T]{Total: total, Truncated: truncated}
	for i := range rows {
		list.Items = append(list.Items, toStore(&rows[i]))
	}
	return list
}
