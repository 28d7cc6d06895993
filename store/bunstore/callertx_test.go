package bunstore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// newPgxpool opens a pool of pgx on a database.
func newPgxpool(tb testing.TB, dsn string, conns int32) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	check(tb, err)
	config.MaxConns = conns
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	check(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// publishIn publishes one message in a transaction, and then reads its event type.
func (sc *scene) publishIn(tx store.Tx) error {
	_, err := sc.s.Publish(sc.tb.Context(), tx, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
	if _, read := sc.s.EventTypeByCode(sc.tb.Context(), tx, sc.event.Code, sc.event.Version); (read == nil) != (err == nil) {
		sc.tb.Errorf("EventTypeByCode gave %v, Publish %v", read, err)
	}
	return err
}

// wantForeign checks that a transaction is refused with ErrForeignTx, and the hint in the error.
func (sc *scene) wantForeign(tx store.Tx, hint string) {
	sc.tb.Helper()
	if err := sc.publishIn(tx); !errors.Is(err, store.ErrForeignTx) || !strings.Contains(err.Error(), hint) {
		sc.tb.Errorf("got %v, want ErrForeignTx with %q", err, hint)
	}
}

func TestATransactionOfPgxIsTheHosts(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newPostgres(t))
	pool := newPgxpool(t, testpg.DSN(t), 2)
	for _, commit := range []bool{false, true} {
		before := sc.attempts()
		tx, err := pool.Begin(t.Context())
		check(t, err)
		check(t, sc.publishIn(bunstore.PgxTx(tx)))
		end, want := bunstore.PgxTx(tx).Rollback, 0
		if commit {
			end, want = bunstore.PgxTx(tx).Commit, 1
		}
		check(t, end())
		if n := sc.attempts() - before; n != want {
			t.Errorf("committed %v: %d attempts, want %d", commit, n, want)
		}
		if err := sc.publishIn(bunstore.PgxTx(tx)); !errors.Is(err, store.ErrTxEnded) {
			t.Errorf("after the end: %v, want ErrTxEnded", err)
		}
	}
	got, err := pool.Begin(t.Context())
	check(t, err)
	read, err := sc.s.EventTypeByCode(t.Context(), bunstore.PgxTx(got), sc.event.Code, sc.event.Version)
	check(t, err)
	want, err := sc.s.EventTypeByCode(t.Context(), nil, sc.event.Code, sc.event.Version)
	check(t, err)
	if read.ID != want.ID || read.CreatedAt != want.CreatedAt || read.Category != want.Category {
		t.Errorf("read %+v, want %+v", read, want)
	}
	_, err = sc.s.EventTypeByCode(t.Context(), bunstore.PgxTx(got), "unknown", "v1")
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown event type gave %v", err)
	}
	check(t, got.Rollback(t.Context()))
}

// PostgreSQL accepts nothing but a rollback in a transaction in which a statement failed.
func TestAFailedTransactionIsRefused(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newPostgres(t))
	tx, err := sc.s.DB().BeginTx(t.Context(), nil)
	check(t, err)
	_, err = tx.ExecContext(t.Context(), "SELECT 1/0")
	if err == nil {
		t.Fatal("no error")
	}
	if err := sc.publishIn(bunstore.Tx(tx)); !errors.Is(err, store.ErrTxEnded) {
		t.Errorf("got %v, want ErrTxEnded", err)
	}
	check(t, tx.Rollback())
}

func TestTransactionsOfAnotherDatabaseAreRefused(t *testing.T) {
	t.Parallel()
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		sc := newScene(t, newPostgres(t))
		dsn, name := ownDatabase(t)
		pool := newPgxpool(t, dsn, 2)
		withPgx := func(hint string) {
			tx, err := pool.Begin(t.Context())
			check(t, err)
			sc.wantForeign(bunstore.PgxTx(tx), hint)
			check(t, tx.Rollback(t.Context()))
		}
		withPgx("its database has no tables")

		other, err := postgres.New(pool, bunstore.Options{Schema: sc.s.Schema()})
		check(t, err)
		t.Cleanup(func() { check(t, other.Close()) })
		check(t, other.Migrate(t.Context()))
		withPgx("of another database")
		tx, err := other.DB().BeginTx(t.Context(), nil)
		check(t, err)
		sc.wantForeign(tx, "of another database")
		check(t, tx.Rollback())

		var messages int
		check(t, pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM `+sc.s.Schema()+`.messages) + (SELECT count(*) FROM `+
			sc.s.Schema()+`.idempotency_keys)`).Scan(&messages))
		if messages != 0 {
			t.Errorf("%d rows in %s, want none", messages, name)
		}
	})
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		sc, other := newScene(t, newSQLite(t)), newSQLite(t)
		tx, err := other.DB().BeginTx(t.Context(), nil)
		check(t, err)
		sc.wantForeign(tx, "of another database")
		check(t, tx.Rollback())
		check(t, other.MigrateTo(t.Context(), 0))
		tx, err = other.DB().BeginTx(t.Context(), nil)
		check(t, err)
		sc.wantForeign(tx, "its database has no tables")
		check(t, tx.Rollback())
	})
	t.Run("OfAnotherKind", func(t *testing.T) {
		t.Parallel()
		lite, pg := newScene(t, newSQLite(t)), newScene(t, newPostgres(t))
		for _, test := range []struct {
			sc    *scene
			other *bunstore.Store
		}{{lite, pg.s}, {pg, lite.s}} {
			known, err := test.other.DB().BeginTx(t.Context(), nil)
			check(t, err)
			test.sc.wantForeign(known, "it is of ")
			check(t, known.Rollback())
			unknown, err := test.other.DB().DB.BeginTx(t.Context(), nil)
			check(t, err)
			test.sc.wantForeign(unknown, "another kind of database")
			check(t, unknown.Rollback())
		}
		tx, err := newPgxpool(t, testpg.DSN(t), 1).Begin(t.Context())
		check(t, err)
		lite.wantForeign(bunstore.PgxTx(tx), "it is of pg")
		check(t, tx.Rollback(t.Context()))
	})
}

// A key that the other database knows would make the publish a duplicate, which writes nothing.
func TestADuplicateInAnotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	sc, there := newScene(t, newSQLite(t)), newScene(t, newSQLite(t))
	m := []store.NewMessage{there.keyed("k", "1")}
	_, err := there.s.Publish(t.Context(), nil, m, there.options(0))
	check(t, err)
	tx, err := there.s.DB().BeginTx(t.Context(), nil)
	check(t, err)
	defer func() { check(t, tx.Rollback()) }()
	if _, err := sc.s.Publish(t.Context(), bunstore.Tx(tx), m, sc.options(0)); !errors.Is(err, store.ErrForeignTx) {
		t.Errorf("Publish gave %v, want ErrForeignTx", err)
	}
	for _, code := range []string{there.event.Code, "unknown"} {
		if _, err := sc.s.EventTypeByCode(t.Context(), bunstore.Tx(tx), code, "v1"); !errors.Is(err, store.ErrForeignTx) {
			t.Errorf("EventTypeByCode of %s gave %v, want ErrForeignTx", code, err)
		}
	}
}

// The schemas are two stores, and a transaction belongs to both. The search_path does not matter.
func TestATransactionServesTwoSchemasOfADatabase(t *testing.T) {
	t.Parallel()
	a, b := newScene(t, newPostgres(t)), newScene(t, newPostgres(t))
	tx, err := newPgxpool(t, testpg.DSN(t), 1).Begin(t.Context())
	check(t, err)
	for _, path := range []string{a.s.Schema(), b.s.Schema(), "pg_catalog"} {
		_, err := tx.Exec(t.Context(), "SET LOCAL search_path = "+path)
		check(t, err)
		check(t, a.publishIn(bunstore.PgxTx(tx)))
		check(t, b.publishIn(bunstore.PgxTx(tx)))
	}
	check(t, tx.Commit(t.Context()))
	if a.attempts() != 3 || b.attempts() != 3 {
		t.Errorf("%d and %d attempts, want 3 of each", a.attempts(), b.attempts())
	}
}

// Another program may migrate the tables down to nothing and up again, which gives them another identity.
func TestANewIdentityOfTheSameDatabaseIsLearned(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		other, err := bunstore.New(s.DB(), bunstore.Options{Schema: s.Schema()})
		check(t, err)
		check(t, other.MigrateTo(t.Context(), 0))
		check(t, other.Migrate(t.Context()))
		sc := newScene(t, s)
		tx, err := s.DB().DB.BeginTx(t.Context(), nil)
		check(t, err)
		check(t, sc.publishIn(tx))
		check(t, tx.Commit())
	})
}

// The one connection of the pool belongs to the caller, so the store cannot learn the identity of
// its database.
func TestATransactionOnAPoolOfOneWaitsForNoConnection(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newPostgresAlone(t, bunstore.Options{}))
	fresh, err := bunstore.New(sc.s.DB(), bunstore.Options{Schema: sc.s.Schema()})
	check(t, err)
	sc.s = fresh
	tx, err := fresh.DB().DB.BeginTx(t.Context(), nil)
	check(t, err)
	waits := fresh.DB().Stats().WaitCount
	check(t, sc.publishIn(tx))
	if n := fresh.DB().Stats().WaitCount - waits; n != 0 {
		t.Errorf("the publish waited %d times for a connection", n)
	}
	check(t, tx.Commit())
}

func TestAStoreWithoutTablesSaysSo(t *testing.T) {
	t.Parallel()
	sc, empty := newScene(t, newPostgres(t)), newOn(t, postgresPool(t), bunstore.Options{})
	other := newPgxpool(t, testpg.DSN(t), 1)
	sc.s = empty
	for _, version := range []int{0, 3} { // version 3 has no identity
		check(t, empty.MigrateTo(t.Context(), version))
		tx, err := other.Begin(t.Context())
		check(t, err)
		err = sc.publishIn(bunstore.PgxTx(tx))
		if errors.Is(err, store.ErrForeignTx) || err == nil || !strings.Contains(err.Error(), "call Migrate") {
			t.Errorf("version %d: got %v, want the advice to migrate", version, err)
		}
		check(t, tx.Rollback(t.Context()))
	}
}

func TestValuesThatAreNoTransactionAreRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		session, err := s.DB().DB.Conn(t.Context())
		check(t, err)
		defer func() { check(t, session.Close()) }()
		for hint, values := range map[string][]store.Tx{
			"it is nil": {
				bunstore.Tx(nil), bunstore.Tx((*sql.Tx)(nil)), bunstore.Tx(bun.Tx{}), bunstore.Tx(&bun.Tx{}), bunstore.Tx((*bun.Tx)(nil)),
				bunstore.PgxTx(nil), bunstore.PgxTx((*pgxpool.Tx)(nil)), (*sql.Tx)(nil), (*bun.Tx)(nil),
				bun.Tx{},
			},
			"not the pool": {bunstore.Tx(s.DB()), bunstore.Tx(s.DB().DB), bunstore.Tx(session)},
		} {
			for _, value := range values {
				sc.wantForeign(value, hint)
				for name, end := range map[string]func() error{"Commit": value.Commit, "Rollback": value.Rollback} {
					if wrapped := strings.HasPrefix(typeName(value), "*bunstore."); wrapped && !errors.Is(end(), store.ErrForeignTx) {
						t.Errorf("%s: no error", name)
					}
				}
			}
		}
		if sc.attempts() != 0 {
			t.Error("something was published")
		}
	})
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }

func TestAMissingPoolIsAnError(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() error{
		"bunstore, nil":    func() error { _, err := bunstore.New(nil, bunstore.Options{}); return err },
		"bunstore, no SQL": func() error { _, err := bunstore.New(bun.NewDB(nil, pgdialect.New()), bunstore.Options{}); return err },
		"postgres, nil":    func() error { _, err := postgres.New(nil, bunstore.Options{}); return err },
	} {
		if err := open(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
