package main

import (
	"database/sql"
	"strconv"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

// runText runs a text in a SQLite file, in one transaction.
func runText(t *testing.T, path, text string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.DB().Close() }()
	tx, err := db.DB().DB.BeginTx(t.Context(), &sql.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// The printed text makes the tables, in parts or as a whole, also after a part was
// undone.
func TestHostFindsTablesOfMigrateSQLUpToDate(t *testing.T) {
	t.Parallel()
	known, err := bunstore.SQL("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	newest := strconv.Itoa(len(known))
	for name, ranges := range map[string][]string{
		"Whole":      {""},
		"Parts":      {"--to=1", "--from=1 --to=2", "--from=2"},
		"DownAndUp":  {"", "--from=" + newest + " --to=1", "--from=1"},
		"Everything": {"", "--from=" + newest + " --to=0", "", "--from=" + newest},
	} {
		path := t.TempDir() + "/webhooks.db"
		for _, args := range ranges {
			r := command(t, nil, strings.Fields("migrate sql --dialect=sqlite "+args)...)
			if r.code != 0 || r.stderr != "" {
				t.Fatalf("%s, %q: exit %d: %s", name, args, r.code, r.stderr)
			}
			runText(t, path, r.stdout)
		}
		status := command(t, nil, "migrate", "status", "--store=sqlite:"+path)
		if status.code != 0 || strings.Contains(status.stdout, "pending") || strings.Count(status.stdout, "applied") != len(known) {
			t.Errorf("%s: exit %d: %s%s", name, status.code, status.stdout, status.stderr)
		}
	}
}

func TestMigrateSQLFillsInTheSchema(t *testing.T) {
	t.Parallel()
	r := command(t, nil, "migrate", "sql", "--schema=hooks")
	if r.code != 0 || !strings.Contains(r.stdout, `CREATE TABLE "hooks".messages (`) || strings.Contains(r.stdout, "{") {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
