package bunstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(leaving{m})
}

// leaving closes the shared pool and PgBouncer before goroutines are counted.
type leaving struct{ m *testing.M }

func (l leaving) Run() int {
	code := l.m.Run()
	if pool != nil {
		if err := schemas.Drop(pool); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		_ = pool.Close()
	}
	if bouncer.stop != nil {
		bouncer.stop()
	}
	return code
}

var (
	pool     *sql.DB
	openPool sync.Once
)

// postgresPool is one pool for all tests, so that they stay below the server's
// limit of connections.
func postgresPool(tb testing.TB) *sql.DB {
	tb.Helper()
	dsn := testpg.DSN(tb)
	openPool.Do(func() {
		s, err := postgres.Open(context.Background(), dsn, postgres.Options{MaxConns: 40})
		check(tb, err)
		pool = s.DB().DB
	})
	return pool
}

func parse(tb testing.TB, dsn string) *pgx.ConnConfig {
	tb.Helper()
	config, err := pgx.ParseConfig(dsn)
	check(tb, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config
}

func newPostgres(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return migrated(tb, newOn(tb, postgresPool(tb), bunstore.Options{}))
}

// newPostgresAlone makes a store in a fresh schema, with a pool of one connection.
func newPostgresAlone(tb testing.TB, opts bunstore.Options) *bunstore.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), testpg.DSN(tb), postgres.Options{MaxConns: 1})
	check(tb, err)
	tb.Cleanup(func() { check(tb, s.Close()) })
	return migrated(tb, newOn(tb, s.DB().DB, opts))
}

// schemas are those of the stores of whole suites.
var schemas testpg.Lender

// lentOn makes a store in a lent schema on a pool.
func lentOn(t *testing.T, pool *sql.DB, opts bunstore.Options) store.Store {
	t.Helper()
	var s *bunstore.Store
	schemas.Lend(t, func(schema string) *sql.DB {
		opts.Schema = schema
		var err error
		s, err = bunstore.New(bun.NewDB(pool, pgdialect.New()), opts)
		check(t, err)
		migrated(t, s)
		return pool
	})
	return s
}

// newOn makes a store in a fresh schema on a pool.
func newOn(tb testing.TB, pool *sql.DB, opts bunstore.Options) *bunstore.Store {
	tb.Helper()
	if opts.Schema == "" {
		opts.Schema = testpg.Schema(tb)
	}
	s, err := bunstore.New(bun.NewDB(pool, pgdialect.New()), opts)
	check(tb, err)
	tb.Cleanup(func() {
		_, err := postgresPool(tb).ExecContext(context.Background(), `DROP SCHEMA IF EXISTS "`+opts.Schema+`" CASCADE`)
		check(tb, err)
	})
	return s
}

func newSQLite(tb testing.TB) *bunstore.Store {
	tb.Helper()
	return migrated(tb, openSQLite(tb, filepath.Join(tb.TempDir(), "webhooks.db")))
}

func openSQLite(tb testing.TB, path string) *bunstore.Store {
	tb.Helper()
	s, err := sqlite.Open(tb.Context(), path, sqlite.Options{})
	check(tb, err)
	tb.Cleanup(func() { check(tb, s.Close()) })
	return s.Store
}

func migrated(tb testing.TB, s *bunstore.Store) *bunstore.Store {
	tb.Helper()
	check(tb, s.Migrate(tb.Context()))
	return s
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("unexpected error: %v", err)
	}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return newSQLite(t) }, storetest.OneConnection(func(t *testing.T) store.Store {
		s := newSQLite(t)
		s.DB().SetMaxOpenConns(1)
		return s
	}))
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	testpg.DSN(t)
	shared := postgresPool(t)
	storetest.Run(t, func(t *testing.T) store.Store { return lentOn(t, shared, bunstore.Options{}) }, storetest.OneConnection(func(t *testing.T) store.Store {
		return newPostgresAlone(t, bunstore.Options{})
	}))
}
