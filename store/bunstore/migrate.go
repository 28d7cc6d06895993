package bunstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Migration is a step in the making of the tables. See [SQL].
type Migration struct {
	Version   int       // its number, from 1
	Name      string    // a few words, such as initial
	AppliedAt time.Time // zero if it is not applied
	Up, Down  string    // plain SQL; "" for a step that this program does not know
}

//go:embed migrations
var migrationFiles embed.FS

// mustReadMigrations reads the files NNNN_name.up.sql and NNNN_name.down.sql of a directory,
// whose numbers have no gaps.
func mustReadMigrations(dir string) []Migration {
	ups, err := fs.Glob(migrationFiles, dir+"/*.up.sql")
	if err != nil {
		panic(err)
	}
	var out []Migration
	for i, up := range ups { // Glob sorts
		base := strings.TrimSuffix(up, ".up.sql")
		number, name, _ := strings.Cut(path.Base(base), "_")
		version, err := strconv.Atoi(number)
		upText, upErr := migrationFiles.ReadFile(up)
		downText, downErr := migrationFiles.ReadFile(base + ".down.sql")
		if err := errors.Join(err, upErr, downErr); err != nil || version != i+1 {
			panic(fmt.Sprintf("bunstore: migration %s: %v", up, err))
		}
		out = append(out, Migration{Version: version, Name: name, Up: string(upText), Down: string(downText)})
	}
	return out
}

func (s *Store) newest() int { return len(s.syntax.migrations) }

// Migrate makes the tables, or brings them to the version of this program. On PostgreSQL it
// creates the schema if it is missing. It is one transaction. If several programs start at the
// same time, one migrates while the other programs wait. On SQLite it waits for up to 30 s while another process
// writes to the file.
func (s *Store) Migrate(ctx context.Context) error { return s.MigrateTo(ctx, s.newest()) }

// MigrateTo brings the tables to the version: a newer one, or an older one,
// which loses data. Version 0 removes them.
func (s *Store) MigrateTo(ctx context.Context, version int) error {
	if version < 0 || version > s.newest() {
		return fmt.Errorf("bunstore: there is no migration to version %d: want 0 to %d", version, s.newest())
	}
	return s.migrate(ctx, func(int) int { return version })
}

// Down undoes the latest steps, and removes the data in their tables and columns.
func (s *Store) Down(ctx context.Context, steps int) error {
	return s.migrate(ctx, func(present int) int { return max(0, present-steps) })
}

// Migrations lists the steps that this program knows, and unknown steps that are applied, by
// version.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	out := s.syntax.migrationsIn(s.schema)
	rows, err := s.applied(ctx, s.db)
	if err != nil {
		return nil, s.mapError(ctx, err)
	}
	for _, row := range rows {
		if row.Version > len(out) {
			out = append(out, Migration{Version: row.Version, Name: row.Name})
		}
		out[row.Version-1].AppliedAt = time.Time(row.AppliedAt)
	}
	return out, nil
}

type migrationRow struct {
	bun.BaseModel `bun:"table:migrations"`

	Version   int `bun:",pk"`
	Name      string
	AppliedAt instant
}

// applied reads the table of versions, which may be missing. Ping and Migrate, and so the start of
// a dispatcher, begin with it: it also checks the session.
func (s *Store) applied(ctx context.Context, db bun.IDB) ([]migrationRow, error) {
	if err := s.dialect.checkSession(ctx, db); err != nil {
		return nil, err
	}
	var n int
	if err := db.NewRaw(s.syntax.tableExists, s.prefix+"migrations").Scan(ctx, &n); err != nil || n == 0 {
		return nil, err
	}
	var rows []migrationRow
	err := db.NewSelect().Model(&rows).ModelTableExpr(s.table("migrations AS migration_row")).Order("version").Scan(ctx)
	return rows, err
}

// version returns the version of the tables, 0 if there are none.
func (s *Store) version(ctx context.Context, db bun.IDB) (int, error) {
	rows, err := s.applied(ctx, db)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[len(rows)-1].Version, nil
}

// migrate moves from the present version to the target version.
func (s *Store) migrate(ctx context.Context, target func(present int) int) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.mapError(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	err = s.withMigrationLock(ctx, conn, func() error { return s.steps(ctx, conn, target) })
	if err == nil {
		_ = s.learnIdentity(ctx, conn.Conn) // older tables have none
	}
	return s.mapError(ctx, err)
}

// withMigrationLock runs f in a transaction, one process at a time.
func (s *Store) withMigrationLock(ctx context.Context, conn bun.Conn, f func() error) (err error) {
	end, err := s.dialect.beginMigration(ctx, conn)
	if err != nil {
		return err
	}
	defer end()
	defer func() {
		if err != nil {
			rollback(ctx, conn)
		}
	}()
	if err := f(); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// rollback also ends the transaction after the end of ctx: the connection goes back to the pool.
func rollback(ctx context.Context, conn bun.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, _ = conn.ExecContext(ctx, "ROLLBACK")
}

func (d postgres) beginMigration(ctx context.Context, conn bun.Conn) (end func(), err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return nil, err
	}
	_, err = conn.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('github.com/ecg-api/webhooks/' || ?, 0))", d.s.schema)
	if err != nil {
		rollback(ctx, conn)
	}
	return func() {}, err
}

func (d sqlite) beginMigration(ctx context.Context, conn bun.Conn) (end func(), err error) {
	until := time.Now().Add(migrationWait)
	if err := d.s.takeTurn(ctx, until); err != nil {
		return nil, err
	}
	end = func() { <-d.s.writer }
	err = untilUnlocked(ctx, until, func() error {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		return err
	})
	if err != nil {
		end()
	}
	return end, err
}

func (s *Store) steps(ctx context.Context, conn bun.Conn, target func(present int) int) error {
	present, err := s.version(ctx, conn)
	if err != nil {
		return err
	}
	if present > s.newest() {
		return fmt.Errorf("the tables in %q have version %d, this program knows %d", s.schema, present, s.newest())
	}
	to, known := target(present), s.syntax.migrationsIn(s.schema)
	for ; present < to; present++ {
		m := known[present]
		if _, err := conn.Conn.ExecContext(ctx, m.Up); err != nil {
			return fmt.Errorf("migration %d (%s): %w", m.Version, m.Name, err)
		}
	}
	for ; present > to; present-- {
		m := known[present-1]
		if _, err := conn.Conn.ExecContext(ctx, m.Down); err != nil {
			return fmt.Errorf("migration %d (%s) down: %w", m.Version, m.Name, err)
		}
	}
	if to == 0 {
		return nil
	}
	return s.dialect.endMigration(ctx, conn)
}

func (d postgres) endMigration(ctx context.Context, conn bun.Conn) error {
	return d.s.createPartitions(ctx, conn.Conn, time.Now())
}

func (sqlite) endMigration(context.Context, bun.Conn) error { return nil }
