package bunstore_test

import (
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// scripted is a database whose tables are made by the text of SQL.
type scripted struct {
	*bunstore.Store
	migrations []bunstore.Migration
}

// run runs texts in a transaction, as a migration tool does.
func (s scripted) run(t *testing.T, texts ...string) {
	t.Helper()
	tx, err := s.DB().DB.BeginTx(t.Context(), nil)
	check(t, err)
	for _, text := range texts {
		_, err := tx.ExecContext(t.Context(), text)
		check(t, err)
	}
	check(t, tx.Commit())
}

// eachScripted runs a test with a database for Migrate, and one for the text of SQL.
func eachScripted(t *testing.T, test func(t *testing.T, migrated *bunstore.Store, s scripted)) {
	t.Helper()
	run := func(t *testing.T, dialect string, migrated, other *bunstore.Store) {
		t.Helper()
		all, err := bunstore.SQL(dialect, other.Schema())
		check(t, err)
		test(t, migrated, scripted{other, all})
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		run(t, "sqlite", openSQLite(t, filepath.Join(dir, "a.db")), openSQLite(t, filepath.Join(dir, "b.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testpg.DSN(t)
		pool := postgresPool(t)
		onSchema := func() *bunstore.Store { return newOn(t, pool, bunstore.Options{Schema: testpg.Schema(t)}) }
		run(t, "postgres", onSchema(), onSchema())
	})
}

// catalog lists the tables of a store with everything in them that a migration can change. The
// schema's name is left out.
func catalog(t *testing.T, s *bunstore.Store) []string {
	t.Helper()
	queries := []string{`SELECT type || ' ' || name || ' of ' || tbl_name || ': ' || coalesce(sql, '') FROM sqlite_master`}
	prefix := s.Schema() + "_"
	if s.DB().Dialect().Name() == dialect.PG {
		prefix = `"` + s.Schema() + `".`
		of := `FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = '` + s.Schema() + `' `
		queries = []string{
			`SELECT concat_ws(' ', c.relname, c.relkind, c.relpersistence, c.reloptions, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid)) ` + of,
			`SELECT concat_ws(' ', c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attcollation,
				a.attstorage, pg_get_expr(d.adbin, d.adrelid)) ` + of + `JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
				LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum`,
			`SELECT pg_get_indexdef(c.oid) ` + of + `WHERE c.relkind IN ('i', 'I')`,
			`SELECT concat_ws(' ', c.relname, k.conname, pg_get_constraintdef(k.oid)) ` + of + `JOIN pg_constraint AS k ON k.conrelid = c.oid`,
			`SELECT concat_ws(' ', c.relname, pg_get_triggerdef(g.oid)) ` + of + `JOIN pg_trigger AS g ON g.tgrelid = c.oid WHERE NOT g.tgisinternal`,
		}
	}
	queries = append(queries, "SELECT 'migration ' || version || ' ' || name FROM "+prefix+"migrations")
	var all []string
	for _, q := range queries {
		for _, text := range texts(t, s.DB().DB, q) {
			all = append(all, strings.ReplaceAll(strings.ReplaceAll(text, prefix, ""), s.Schema()+".", ""))
		}
	}
	slices.Sort(all)
	return all
}

// texts returns the one column that a query reads.
func texts(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		check(t, rows.Scan(&text))
		all = append(all, text)
	}
	check(t, rows.Err())
	return all
}

// different lists the lines that only one of two lists has.
func different(a, b []string) (lines []string) {
	for _, line := range a {
		if !slices.Contains(b, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}

func TestSQLMakesTheTablesThatMigrateMakes(t *testing.T) {
	t.Parallel()
	eachScripted(t, func(t *testing.T, migrated *bunstore.Store, s scripted) {
		compare := func(version int) {
			t.Helper()
			check(t, migrated.MigrateTo(t.Context(), version))
			made := catalog(t, s.Store)
			if lines := different(catalog(t, migrated), made); lines != nil || len(made) == 0 {
				t.Errorf("version %d, %d lines: %s", version, len(made), strings.Join(lines, "\n"))
			}
		}
		for i, m := range s.migrations {
			if m.Version != i+1 || m.Name == "" || !m.AppliedAt.IsZero() {
				t.Errorf("migration %d is %d %q, applied at %v", i+1, m.Version, m.Name, m.AppliedAt)
			}
			s.run(t, m.Up)
			compare(m.Version)
		}
		for _, m := range slices.Backward(s.migrations) {
			s.run(t, m.Down)
			compare(m.Version - 1)
		}
		for _, m := range s.migrations { // again, in the schema that is there
			s.run(t, m.Up)
		}
		compare(len(s.migrations))
	})
}

func TestMigrateChangesNothingThatSQLMade(t *testing.T) {
	t.Parallel()
	eachScripted(t, func(t *testing.T, _ *bunstore.Store, s scripted) {
		var ups []string
		for _, m := range s.migrations {
			ups = append(ups, m.Up)
		}
		s.run(t, ups...)
		check(t, s.Ping(t.Context()))
		before, listed := catalog(t, s.Store), appliedAt(t, s.Store)
		check(t, s.Migrate(t.Context()))
		if lines := different(before, catalog(t, s.Store)); lines != nil || !slices.Equal(listed, appliedAt(t, s.Store)) {
			t.Errorf("%s\n%v, before %v", strings.Join(lines, "\n"), appliedAt(t, s.Store), listed)
		}
		newScene(t, s.Store)
	})
}

func appliedAt(t *testing.T, s *bunstore.Store) (times []int64) {
	t.Helper()
	all, err := s.Migrations(t.Context())
	check(t, err)
	for _, m := range all {
		if m.AppliedAt.IsZero() {
			t.Errorf("migration %d is not applied", m.Version)
		}
		times = append(times, m.AppliedAt.UnixMicro())
	}
	return times
}

func TestSQLRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ dialect, schema, want string }{
		{"mysql", "", `dialect "mysql": want postgres or sqlite`},
		{"", "", `dialect "": want postgres or sqlite`},
		{"Postgres", "", `dialect "Postgres"`},
		{"postgres", "a; DROP TABLE b", `Schema "a; DROP TABLE b": want at most 41 of a-z`},
		{"postgres", `a"b`, "Schema"},
		{"postgres", "a'b", "Schema"},
		{"sqlite", "sqlite_a", "Schema"},
		{"postgres", "pg_a", "Schema"},
		{"postgres", "A", "Schema"},
		{"postgres", strings.Repeat("a", 42), "Schema"},
	} {
		all, err := bunstore.SQL(tt.dialect, tt.schema)
		if all != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: %v", tt.dialect, tt.schema, err)
		}
	}
}

func TestSQLFillsTheSchemaIn(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": "webhooks", "hooks": "hooks"} {
		for dialect, name := range map[string]string{"postgres": `"` + want + `".messages`, "sqlite": want + "_messages"} {
			all, err := bunstore.SQL(dialect, given)
			check(t, err)
			for i, m := range all {
				if text := m.Up + m.Down; strings.ContainsAny(text, "{}") || i == 0 && !strings.Contains(text, name) {
					t.Errorf("%s, %q: %s", dialect, given, text)
				}
			}
		}
	}
}

// Errors about missing and old tables name the call that makes them.
func TestErrorsAboutOldTablesNameMigrate(t *testing.T) {
	t.Parallel()
	onEach := func(t *testing.T, s *bunstore.Store, _ scripted) {
		t.Helper()
		names := func(what string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), "call store.Migrate(ctx)") {
				t.Errorf("%s: %v", what, err)
			}
		}
		read := func() error { _, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 1, Lease: 1e9}); return err }
		names("Ping without tables", s.Ping(t.Context()))
		names("Claim without tables", read())
		check(t, s.MigrateTo(t.Context(), 1))
		names("Ping of version 1", s.Ping(t.Context()))
		check(t, s.Migrate(t.Context()))
		check(t, read())
		prefix := s.Schema() + "_"
		if s.DB().Dialect().Name() == dialect.PG {
			prefix = `"` + s.Schema() + `".`
		}
		_, err := s.DB().DB.ExecContext(t.Context(), "ALTER TABLE "+prefix+"queue RENAME COLUMN due_at TO other")
		check(t, err)
		names("Claim without a column", read())
	}
	eachScripted(t, onEach)
}

// The first partitions are as Maintain makes them.
func TestSQLMakesThePartitionsThatMaintainMakes(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	before := catalog(t, s)
	days := texts(t, s.DB().DB, `SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relispartition AND relname ~ '_\d{8}$'
		AND relnamespace = '`+s.Schema()+`'::regnamespace`)
	if len(days) != 6 {
		t.Errorf("the partitions are %q", days)
	}
	_, err := s.DB().DB.ExecContext(t.Context(), "DROP TABLE "+strings.Join(days, ", "))
	check(t, err)
	check(t, s.Maintain(t.Context(), time.Now()))
	if lines := different(before, catalog(t, s)); lines != nil {
		t.Error(strings.Join(lines, "\n"))
	}
}
