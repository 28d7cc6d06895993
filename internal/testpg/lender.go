package testpg

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Lender lends schemas of migrated, empty tables to tests, one test after the other: to make the tables takes longer than most tests.
type Lender struct {
	mu   sync.Mutex
	free []lent
	all  []string
}

// lent is a schema with the names of its tables and indexes after the migration.
type lent struct{ schema, layout string }

// Lend calls open with the name of a schema until the test ends. Open makes a store and migrates it, and returns its pool, which is
// closed by a cleanup of the test. At the end the tables are emptied, or dropped if the test changed them.
func (l *Lender) Lend(tb testing.TB, open func(schema string) *sql.DB) {
	tb.Helper()
	one := l.take(tb)
	db := open(one.schema)
	layout := func() (names string) {
		err := db.QueryRowContext(context.Background(), `SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
WHERE relnamespace = $1::regnamespace`, one.schema).Scan(&names)
		if err != nil {
			tb.Error(err)
		}
		return names
	}
	if one.layout == "" {
		one.layout = layout()
	}
	tb.Cleanup(func() {
		if layout() != one.layout || tb.Failed() {
			return // Drop removes it
		}
		if err := empty(db, one.schema); err != nil {
			tb.Error(err)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.free = append(l.free, one)
	})
}

func (l *Lender) take(tb testing.TB) lent {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if last := len(l.free) - 1; last >= 0 {
		one := l.free[last]
		l.free = l.free[:last]
		return one
	}
	one := lent{schema: Schema(tb)}
	l.all = append(l.all, one.schema)
	return one
}

// empty removes the rows of all tables but those that a migration fills. In one statement, foreign keys are checked at its end.
func empty(db *sql.DB, schema string) error {
	ctx := context.Background()
	rows, err := db.QueryContext(ctx, `SELECT relname FROM pg_class
WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname NOT IN ('migrations', 'identity')`, schema)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		all = append(all, fmt.Sprintf(`%[2]s AS (DELETE FROM "%[1]s"."%[2]s")`, schema, name))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "WITH "+strings.Join(all, ", ")+" SELECT 1")
	return err
}

// Drop drops all schemas.
func (l *Lender) Drop(db *sql.DB) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, schema := range l.all {
		if _, err := db.ExecContext(context.Background(), `DROP SCHEMA IF EXISTS "`+schema+`" CASCADE`); err != nil {
			return err
		}
	}
	l.all, l.free = nil, nil
	return nil
}
