package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/ecg-api/webhooks/store/bunstore"
)

// migrateCmd changes the schema of the database.
type migrateCmd struct {
	Up     migrateUp     `cmd:"" help:"Bring the schema to this program's version."`
	Down   migrateDown   `cmd:"" help:"Undo the latest migrations, with the data they hold."`
	Status migrateStatus `cmd:"" help:"List the migrations and when they were applied."`
	SQL    migrateSQL    `cmd:"" name:"sql" help:"Print the migrations as SQL, for a migration tool of your own."`
}

type migrateUp struct{ storeSettings }

func (m *migrateUp) run(ctx context.Context, h *host, _ *cli) error {
	return h.migrate(ctx, m.storeSettings, func(db *database) error { return db.Migrate(ctx) })
}

type migrateDown struct {
	storeSettings
	Steps count `help:"Number of migrations to undo." default:"1"`
	Yes   bool  `help:"Confirm that the data is deleted. Required."`
}

func (m *migrateDown) run(ctx context.Context, h *host, _ *cli) error {
	if !m.Yes {
		return wrong("yes", "is not set: migrate down deletes the tables and columns that the undone migrations made, with all data in them")
	}
	return h.migrate(ctx, m.storeSettings, func(db *database) error {
		db.sql.DB().SetMaxOpenConns(1) // CheckAlone would find further connections of this pool
		if err := db.sql.CheckAlone(ctx); errors.Is(err, bunstore.ErrInUse) {
			return fmt.Errorf("migrate down: %w: stop every process that uses it, and try again", err)
		} else if err != nil {
			return err
		}
		return db.sql.Down(ctx, int(m.Steps))
	})
}

type migrateStatus struct{ storeSettings }

func (m *migrateStatus) run(ctx context.Context, h *host, _ *cli) error {
	return h.migrate(ctx, m.storeSettings, func(*database) error { return nil })
}

// migrate calls do with the open database, and then lists the migrations.
func (h *host) migrate(ctx context.Context, s storeSettings, do func(*database) error) error {
	if err := h.readStore(&s); err != nil {
		return err
	}
	if s.Store == "memory:" {
		return wrong("store", "is memory:, which has no schema to migrate")
	}
	db, err := s.open(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := do(db); err != nil {
		return err
	}
	migrations, err := db.sql.Migrations(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(h.stdout, 0, 0, 2, ' ', 0)
	for _, m := range migrations {
		applied := "pending"
		if !m.AppliedAt.IsZero() {
			applied = "applied " + m.AppliedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%04d\t%s\t%s\n", m.Version, m.Name, applied)
	}
	return table.Flush()
}
