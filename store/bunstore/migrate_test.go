package bunstore_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store/bunstore"
)

func TestHostsThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "webhooks.db")
		migrateTogether(t, openSQLite(t, path), openSQLite(t, path), openSQLite(t, path))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testpg.DSN(t)
		opts := bunstore.Options{Schema: testpg.Schema(t)}
		pool := postgresPool(t)
		migrateTogether(t, newOn(t, pool, opts), newOn(t, pool, opts), newOn(t, pool, opts))
	})
}

func migrateTogether(t *testing.T, hosts ...*bunstore.Store) {
	t.Helper()
	if err := hosts[0].Ping(t.Context()); err == nil {
		t.Error("Ping accepts a database without tables")
	}
	var wg sync.WaitGroup
	for _, s := range hosts {
		wg.Go(func() {
			if err := s.Migrate(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range hosts {
		check(t, s.Ping(t.Context()))
	}
	newScene(t, hosts[0])
}

func TestMigrationsGoDownAndUpAgain(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		newScene(t, s)
		steps, err := s.Migrations(t.Context())
		check(t, err)
		check(t, s.Down(t.Context(), len(steps)))
		if err := s.Ping(t.Context()); err == nil {
			t.Error("Ping accepts a database that was migrated down")
		}
		check(t, s.Migrate(t.Context()))
		check(t, s.Migrate(t.Context())) // again changes nothing
		newScene(t, s)
	})
}
