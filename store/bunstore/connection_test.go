package bunstore_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// pools are the kinds of pool that a store may have on a PostgreSQL database.
var pools = map[string]func(t *testing.T, dsn string) *bunstore.Store{
	"OfItsOwn": func(t *testing.T, dsn string) *bunstore.Store {
		t.Helper()
		s, err := postgres.Open(t.Context(), dsn, postgres.Options{MaxConns: 6})
		check(t, err)
		t.Cleanup(func() { check(t, s.Close()) })
		return s.Store
	},
	"OfTheHost": func(t *testing.T, dsn string) *bunstore.Store {
		t.Helper()
		pool := stdlib.OpenDB(*parse(t, dsn))
		pool.SetMaxOpenConns(6)
		pool.SetMaxIdleConns(6)
		t.Cleanup(func() { check(t, pool.Close()) })
		s, err := bunstore.New(bun.NewDB(pool, pgdialect.New()), bunstore.Options{})
		check(t, err)
		return s
	},
}

// ownDatabase creates a database for the test alone, and returns its address and its name.
func ownDatabase(t *testing.T) (dsn, name string) {
	t.Helper()
	name = testpg.Schema(t)
	address, err := url.Parse(testpg.DSN(t))
	check(t, err)
	_, err = postgresPool(t).ExecContext(t.Context(), `CREATE DATABASE `+name)
	check(t, err)
	t.Cleanup(func() {
		_, err := postgresPool(t).ExecContext(context.Background(), `DROP DATABASE `+name+` WITH (FORCE)`)
		check(t, err)
	})
	address.Path = "/" + name
	return address.String(), name
}

// onEach runs a statement in n sessions of the store's pool at the same time.
func onEach(t *testing.T, s *bunstore.Store, n int, statement string) {
	t.Helper()
	for range n {
		session, err := s.DB().DB.Conn(t.Context())
		check(t, err)
		defer func() { check(t, session.Close()) }()
		_, err = session.ExecContext(t.Context(), statement)
		check(t, err)
	}
}

// After a fail-over the sessions of the pool may stay read-only while new ones take writes.
// Each operation closes the read-only sessions that it meets and finds one that works.
func TestReadOnlySessionsAreReplaced(t *testing.T) {
	t.Parallel()
	for kind, open := range pools {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn, _ := ownDatabase(t)
			s := migrated(t, open(t, dsn))
			sc := newScene(t, s)
			spoil := func() { onEach(t, s, 6, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY") }
			for rule, operation := range operations(sc, spoil) {
				t.Run(rule, func(t *testing.T) {
					spoil()
					if err := operation(); err != nil {
						t.Errorf("the database takes writes, but got: %v", err)
					}
				})
			}
		})
	}
}

// operations are the frequent calls of the API and of the dispatcher. Spoil makes the
// sessions of the pool read-only.
func operations(sc *scene, spoil func()) map[string]func() error {
	publish := func(messages ...store.NewMessage) error {
		_, err := sc.s.Publish(sc.tb.Context(), nil, messages, sc.options(0))
		return err
	}
	claim := func(n int) ([]store.Job, time.Time, error) {
		return sc.s.Claim(sc.tb.Context(), store.ClaimOptions{Max: n, Lease: time.Minute})
	}
	record := func(next *store.Next) error {
		sc.tb.Helper()
		check(sc.tb, publish(sc.message([]byte("x"))))
		jobs, _, err := claim(1)
		check(sc.tb, err)
		spoil()
		lost, err := sc.s.Record(sc.tb.Context(), []store.Outcome{{Lease: jobs[0].Lease, Status: store.Failed, At: sc.now, Next: next}})
		if len(lost) > 0 {
			sc.tb.Error("an outcome was lost")
		}
		return err
	}
	return map[string]func() error{
		"Ping":           func() error { return sc.s.Ping(sc.tb.Context()) },
		"Publish":        func() error { return publish(sc.message([]byte("x"))) },
		"PublishWithKey": func() error { return publish(sc.keyed("k", "x")) },
		"Claim":          func() error { _, _, err := claim(10); return err },
		"Record":         func() error { return record(nil) },
		"RecordNext":     func() error { return record(&store.Next{ID: newID(), DueAt: sc.now.Add(time.Hour)}) },
		"UpdateHealth": func() error {
			return sc.s.UpdateHealth(sc.tb.Context(), []uuid.UUID{sc.sub.ID}, func(_ uuid.UUID, h *store.Health) { h.Failures++ })
		},
	}
}

// While the database is read-only everything says so. Once it takes writes again, a pool
// that lived through it works after at most one failure for each of its sessions.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	for kind, open := range pools {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn, name := ownDatabase(t)
			admin := postgresPool(t)
			s := migrated(t, open(t, dsn))
			sc := newScene(t, s)
			set := func(to string) {
				_, err := admin.ExecContext(t.Context(), `ALTER DATABASE `+name+` SET default_transaction_read_only = `+to)
				check(t, err)
			}
			set("on")
			_, err := admin.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
			check(t, err)
			_ = s.Ping(t.Context()) // the sessions from before have ended
			err = s.Ping(t.Context())
			if !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), "the database is read-only") {
				t.Errorf("Ping gave %v", err)
			}
			if _, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0)); !errors.Is(err,
				store.ErrUnavailable) {
				t.Errorf("Publish gave %v", err)
			}
			onEach(t, s, 6, "SELECT 1") // the pool fills up with read-only sessions
			set("off")
			for range 7 {
				err = s.Ping(t.Context())
			}
			if err != nil {
				t.Errorf("the database takes writes again, but Ping gave %v", err)
			}
			if _, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0)); err != nil {
				t.Errorf("the database takes writes again, but Publish gave %v", err)
			}
		})
	}
}

func TestReadOnlySQLite(t *testing.T) { //nolint:tparallel // the subtests spoil one store in turn
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webhooks.db")
	s := migrated(t, openSQLite(t, path))
	sc := newScene(t, s)
	spoil := func() { onEach(t, s, 4, "PRAGMA query_only = on") }
	for rule, operation := range operations(sc, spoil) { //nolint:paralleltest // see above
		t.Run("SessionIsReplaced/"+rule, func(t *testing.T) {
			spoil()
			if err := operation(); err != nil {
				t.Errorf("the file takes writes, but got: %v", err)
			}
		})
	}
	t.Run("FileIsAnErrorOfItsOwn", func(t *testing.T) {
		pool, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
		check(t, err)
		defer func() { check(t, pool.Close()) }()
		ro, err := bunstore.New(bun.NewDB(pool, sqlitedialect.New()), bunstore.Options{})
		check(t, err)
		if err := ro.Ping(t.Context()); !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), "readonly") {
			t.Errorf("Ping gave %v", err)
		}
		_, err = ro.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("1"))}, sc.options(0))
		if !errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Publish gave %v, want ErrReadOnly alone", err)
		}
	})
}

// A standby answers, and takes no writes. The function of the test's own stands before
// PostgreSQL's.
func TestPingFailsOnAStandby(t *testing.T) {
	t.Parallel()
	dsn, name := ownDatabase(t)
	setUp := migrated(t, pools["OfItsOwn"](t, dsn))
	for _, text := range []string{
		`CREATE SCHEMA standby`,
		`CREATE FUNCTION standby.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
		`ALTER DATABASE ` + name + ` SET search_path = standby, pg_catalog, public`,
	} {
		_, err := setUp.DB().ExecContext(t.Context(), text)
		check(t, err)
	}
	s := pools["OfItsOwn"](t, dsn)
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrReadOnly) || !strings.Contains(err.Error(), "read-only: it is a standby") {
		t.Errorf("Ping gave %v", err)
	}
}

// A dispatcher that lives through a fail-over delivers again by itself.
func TestDeliveriesGoOnAfterTheDatabaseWasReadOnly(t *testing.T) {
	t.Parallel()
	dsn, name := ownDatabase(t)
	admin := postgresPool(t)
	s := migrated(t, pools["OfItsOwn"](t, dsn))
	sc := newScene(t, s)
	notices, posts := make(chan delivery.Notice, 1000), &receiver{sent: map[string]int{}}
	key, err := signing.ParseSecret(signing.NewSecret())
	check(t, err)
	e, err := delivery.New(delivery.Config{
		Store: s, Sender: posts, Retention: -1,
		Signer: func(store.Target) (signing.Signer, error) {
			return signing.NewKeySet([]signing.Key{key}, signing.PrivateKey{})
		},
		Observe: func(n delivery.Notice) { notices <- n },
	})
	check(t, err)
	check(t, e.Start(t.Context()))
	wait := func(kind delivery.NoticeKind) {
		for n := range notices {
			if n.Kind == kind {
				return
			}
		}
	}
	set := func(to string) {
		_, err := admin.ExecContext(t.Context(), `ALTER DATABASE `+name+` SET default_transaction_read_only = `+to)
		check(t, err)
	}
	set("on")
	_, err = admin.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '`+name+`'`)
	check(t, err)
	wait(delivery.StoreDown)
	set("off")
	wait(delivery.StoreUp)
	for {
		if _, err = s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0)); err == nil {
			break
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	wait(delivery.AttemptEnded)
	check(t, e.Stop(t.Context()))
	if posts.sent[sc.sub.PostURI] != 1 {
		t.Errorf("sent: %v", posts.sent)
	}
}
