package bunstore_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/storetest"
)

// newOnPgxpool makes a store in a lent schema, on a pgxpool with the number of connections.
func newOnPgxpool(t *testing.T, conns int32) *postgres.Store {
	t.Helper()
	pool := newPgxpool(t, testpg.DSN(t), conns)
	postgresPool(t) // drops the schemas in the end
	var s *postgres.Store
	schemas.Lend(t, func(schema string) *sql.DB {
		var err error
		s, err = postgres.New(pool, bunstore.Options{Schema: schema})
		check(t, err)
		t.Cleanup(func() { check(t, s.Close()) })
		migrated(t, s.Store)
		return s.DB().DB
	})
	return s
}

func TestPgxpool(t *testing.T) {
	t.Parallel()
	testpg.DSN(t)
	storetest.Run(t, func(t *testing.T) store.Store { return newOnPgxpool(t, 4) },
		storetest.OneConnection(func(t *testing.T) store.Store { return newOnPgxpool(t, 1) }))
}

// The pool keeps no connection that listens, or whose session became read-only.
func TestPgxpoolGetsNoSpoiledConnection(t *testing.T) {
	t.Parallel()
	s := newOnPgxpool(t, 1)
	sc := newScene(t, s.Store)
	onEach(t, s.Store, 1, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
	_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
	check(t, err)

	ctx, stop := context.WithCancel(t.Context())
	woken, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- s.Listen(ctx, func() { woken <- struct{}{} }) }()
	<-woken
	<-woken // Listen has heard its own notification
	_, err = s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
	check(t, err)
	<-woken
	stop()
	check(t, <-ended)
	var listening int
	check(t, s.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM pg_listening_channels()`).Scan(&listening))
	if listening != 0 {
		t.Error("a connection of the pool listens")
	}
}

// A host that makes the adapter by itself gives the store no connection to listen on.
func TestListeningOnAnAdaptedPoolClosesTheConnection(t *testing.T) {
	t.Parallel()
	pool := newPgxpool(t, testpg.DSN(t), 2)
	db := stdlib.OpenDBFromPool(pool)
	t.Cleanup(func() { check(t, db.Close()) })
	s := migrated(t, newOn(t, db, bunstore.Options{}))
	ctx, stop := context.WithCancel(t.Context())
	woken, ended := make(chan struct{}, 100), make(chan error)
	go func() { ended <- s.Listen(ctx, func() { woken <- struct{}{} }) }()
	<-woken
	<-woken
	stop()
	check(t, <-ended)
	for range 2 {
		conn, err := pool.Acquire(t.Context())
		check(t, err)
		defer conn.Release()
		channels, err := conn.Query(t.Context(), `SELECT pg_listening_channels()`)
		check(t, err)
		found, err := pgx.CollectRows(channels, pgx.RowTo[string])
		check(t, err)
		if len(found) != 0 {
			t.Errorf("a connection of the pool listens on %v", found)
		}
	}
}
