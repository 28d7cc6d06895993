package bunstore_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
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

func TestVersion1IsUpgradedWithWhatIsKnownOfEndpoints(t *testing.T) {
	t.Parallel()
	upgrade := func(t *testing.T, s *bunstore.Store, health string) { // health is the table's name
		t.Helper()
		check(t, s.Migrate(t.Context()))
		sc := newScene(t, s)
		published, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("1"))}, sc.options(0))
		check(t, err)
		check(t, s.MigrateTo(t.Context(), 1))
		since, probe := sc.now.Add(-time.Hour), sc.now.Add(time.Minute)
		_, err = s.DB().NewRaw("INSERT INTO "+health+" (subscription_id, failures, since, probes, probe_at) SELECT id, 11, ?, 2, ? FROM "+
			strings.Replace(health, "health", "subscriptions", 1), databaseTime(s, since), databaseTime(s, probe)).Exec(t.Context())
		check(t, err)

		check(t, s.Migrate(t.Context()))
		want := store.Health{Failures: 11, Since: since, Probes: 2, ProbeAt: probe}
		readHealth := func() store.Health {
			targets, err := s.Targets(t.Context(), []uuid.UUID{sc.sub.ID}, sc.now)
			check(t, err)
			return targets[sc.sub.ID].Health
		}
		if got := readHealth(); got != want {
			t.Errorf("health %+v, want %+v", got, want)
		}
		want.BackPressureUntil = probe
		check(t, s.UpdateHealth(t.Context(), []uuid.UUID{sc.sub.ID}, func(_ uuid.UUID, h *store.Health) { h.BackPressureUntil = probe }))
		if got := readHealth(); got != want {
			t.Errorf("health %+v, want %+v", got, want)
		}
		jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
		check(t, err)
		if len(jobs) != 1 || jobs[0].MessageID != published[0].MessageID {
			t.Errorf("claimed %d attempts, want the one that was published", len(jobs))
		}
		check(t, s.MigrateTo(t.Context(), 1))
		check(t, s.Migrate(t.Context()))
		want.BackPressureUntil = time.Time{}
		if got := readHealth(); got != want {
			t.Errorf("health after a step down and up %+v, want %+v", got, want)
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		upgrade(t, openSQLite(t, filepath.Join(t.TempDir(), "webhooks.db")), "webhooks_health")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		testpg.DSN(t)
		schema := testpg.Schema(t)
		upgrade(t, newOn(t, postgresPool(t), bunstore.Options{Schema: schema}), `"`+schema+`".health`)
	})
}

// databaseTime is a time as the database keeps it.
func databaseTime(s *bunstore.Store, at time.Time) any {
	if s.DB().Dialect().Name() == dialect.SQLite {
		return at.UnixMicro()
	}
	return at
}

// TestAHostStaysReadyWhileANewerProgramMigrates holds that hosts of the former version are not taken out of service before they are
// replaced, and that a host which starts on newer tables is refused.
func TestAHostStaysReadyWhileANewerProgramMigrates(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		check(t, s.Migrate(t.Context()))
		check(t, s.Ping(t.Context()))
		table := s.Schema() + ".migrations"
		if s.DB().Dialect().Name() == dialect.SQLite {
			table = s.Schema() + "_migrations"
		}
		_, err := s.DB().ExecContext(t.Context(), "INSERT INTO "+table+" (version, name, applied_at)"+
			" SELECT max(version) + 1, 'later', max(applied_at) FROM "+table)
		check(t, err)
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("a running host: %v", err)
		}
		starting, err := bunstore.New(s.DB(), bunstore.Options{Schema: s.Schema()})
		check(t, err)
		if err := starting.Ping(t.Context()); err == nil {
			t.Error("a host that starts accepts newer tables")
		}
	})
}
