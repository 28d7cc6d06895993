package bunstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// locked returns a SQLite store with a database that another store has locked for writing,
// until unlock is called.
func locked(t *testing.T) (sc *scene, other *bunstore.Store, unlock func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "webhooks.db")
	sc = newScene(t, migrated(t, openSQLite(t, path)))
	other = openSQLite(t, path)
	conn, err := other.DB().DB.Conn(t.Context())
	check(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
	check(t, err)
	unlock = sync.OnceFunc(func() {
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		check(t, err)
		check(t, conn.Close())
	})
	t.Cleanup(unlock)
	return sc, other, unlock
}

// Each writer has 6 s in all, however many writers are in line before it. A program that starts, and migrates, waits longer.
func TestADatabaseThatAnotherProcessLocksIsNotWritable(t *testing.T) {
	t.Parallel()
	sc, another, unlock := locked(t)
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
	defer cancel()
	migrated := make(chan error, 1)
	go func() { migrated <- another.Migrate(t.Context()) }()
	var writers sync.WaitGroup
	for range 10 {
		writers.Go(func() {
			_, err := sc.s.Publish(ctx, nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
			if !errors.Is(err, store.ErrLocked) || !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("Publish: %v, want ErrLocked", err)
			}
		})
	}
	writers.Wait()
	if err := sc.s.Ping(ctx); !errors.Is(err, store.ErrLocked) { // half a second after the writers gave up
		t.Errorf("Ping: %v, want ErrLocked", err)
	}
	unlock()
	check(t, <-migrated)
	check(t, sc.s.Ping(t.Context()))
	_, err := sc.s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
	check(t, err)
}

func TestALockThatIsReleasedSoonIsWaitedFor(t *testing.T) {
	t.Parallel()
	sc, other, unlock := locked(t)
	published, migrated := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := sc.s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
		published <- err
	}()
	go func() { migrated <- other.Migrate(t.Context()) }()
	if err := sc.s.Ping(t.Context()); !errors.Is(err, store.ErrLocked) { // which waits for half a second
		t.Errorf("Ping: %v, want ErrLocked", err)
	}
	unlock()
	check(t, <-published)
	check(t, <-migrated)
}
