package httpapi_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

func openSQLite(t *testing.T) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "webhooks.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

func openPostgres(t *testing.T) store.Store {
	t.Helper()
	var st *postgres.Store
	dsn := testpg.DSN(t)
	schemas.Lend(t, func(schema string) *sql.DB {
		var err error
		if st, err = postgres.Open(t.Context(), dsn, postgres.Options{Options: bunstore.Options{Schema: schema}, MaxConns: 4}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return st.DB().DB
	})
	return st
}

// schemas are those of all stores on PostgreSQL.
var schemas testpg.Lender

// tables are all rows of all tables, where the store has tables that are easily
// listed.
func (f *fixture) tables() string {
	f.Helper()
	st, ok := f.store.(interface{ DB() *bun.DB })
	if !ok || st.DB().Dialect().Name() != dialect.SQLite {
		return ""
	}
	var all strings.Builder
	names := f.rows(st.DB().DB, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`)
	for _, name := range names {
		fmt.Fprintf(&all, "%s: %q\n", name, f.rows(st.DB().DB, fmt.Sprintf(`SELECT * FROM %q`, name)))
	}
	if len(names) < 10 {
		f.Fatal("only these tables: ", names)
	}
	return all.String()
}

// rows are the rows that a query finds, as texts.
func (f *fixture) rows(db *sql.DB, query string) (all []string) {
	f.Helper()
	found, err := db.QueryContext(f.Context(), query)
	if err != nil {
		f.Fatal(query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		f.Fatal(err)
	}
	for found.Next() {
		row, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			f.Fatal(query, err)
		}
		text := make([]string, len(row))
		for i := range row {
			text[i] = row[i].String
		}
		all = append(all, strings.Join(text, "|"))
	}
	if err := found.Err(); err != nil {
		f.Fatal(err)
	}
	return all
}
