package bunstore

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
)

// querier sends statements to the database.
type querier interface {
	query(ctx context.Context, text string, args []any) (rows, error)
}

// rows is the result of a statement.
type rows interface {
	scanner
	Next() bool
	Err() error
	Close() error
}

// scanner is a row of a result.
type scanner interface{ Scan(into ...any) error }

// queryHandle is a pool, connection or transaction of database/sql.
type queryHandle interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// sqlQuerier is the querier of a handle of database/sql.
type sqlQuerier struct{ queryHandle }

func (q sqlQuerier) query(ctx context.Context, text string, args []any) (rows, error) {
	found, err := q.QueryContext(ctx, text, args...) //nolint:rowserrcheck // by the caller, as of each querier
	if err != nil {
		return nil, err // not a nil *sql.Rows in the interface
	}
	return found, nil
}

// pgxQuerier is the querier of a transaction of pgx.
type pgxQuerier struct{ tx pgx.Tx }

func (q pgxQuerier) query(ctx context.Context, text string, args []any) (rows, error) {
	found, err := q.tx.Query(ctx, text, args...)
	return pgxRows{found}, err
}

type pgxRows struct{ pgx.Rows }

func (r pgxRows) Close() error {
	r.Rows.Close()
	return r.Err()
}
