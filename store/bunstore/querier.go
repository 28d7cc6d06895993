package bunstore

import (
	"context"
	"database/sql"
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
	found, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err // not a nil *sql.Rows in the interface
	}
	return found, nil
}
