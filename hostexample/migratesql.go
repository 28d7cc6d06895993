package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ecg-api/webhooks/store/bunstore"
)

// migrateSQL prints the migrations, for a tool that runs them in place of this program.
type migrateSQL struct {
	Dialect string `help:"Database: postgres or sqlite." default:"postgres"`
	Schema  string `help:"PostgreSQL schema of the tables, prefix of their names on SQLite." default:"webhooks"`
	From    int    `help:"Version of the tables before. Default: 0, no tables."`
	To      *int   `help:"Version of the tables afterwards; one below --from undoes migrations, with the data they hold. Default: this program's version."`
}

func (m *migrateSQL) run(_ context.Context, h *host, _ *cli) error {
	all, err := bunstore.SQL(m.Dialect, m.Schema)
	if err != nil {
		setting := "dialect"
		if strings.Contains(err.Error(), "Schema") {
			setting = "schema"
		}
		return wrong(setting, "is wrong: %v", err)
	}
	from, to := m.From, len(all)
	if m.To != nil {
		to = *m.To
	}
	for setting, version := range map[string]int{"from": from, "to": to} {
		if version < 0 || version > len(all) {
			return wrong(setting, "is %d, must be a version from 0 to %d", version, len(all))
		}
	}
	_, err = fmt.Fprintf(h.stdout, "-- The webhooks tables in %q, from version %d to %d. Run this text in one transaction.\n%s",
		m.Schema, from, to, textOf(all, from, to))
	return err
}

// textOf joins the texts that lead from one version to another.
func textOf(all []bunstore.Migration, from, to int) string {
	var b strings.Builder
	if from <= to {
		for _, m := range all[from:to] {
			fmt.Fprintf(&b, "\n-- Version %d: %s\n%s", m.Version, m.Name, m.Up)
		}
		return b.String()
	}
	for _, m := range slices.Backward(all[to:from]) {
		fmt.Fprintf(&b, "\n-- Undo version %d: %s\n%s", m.Version, m.Name, m.Down)
	}
	return b.String()
}
