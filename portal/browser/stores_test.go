package browser_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/store/memstore"
)

// stores opens an empty store of each kind.
var stores = map[string]func(*testing.T) store.Store{
	"memory": func(*testing.T) store.Store { return memstore.New() },
	"sqlite": func(t *testing.T) store.Store {
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "webhooks.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return migrated(t, st, func() {})
	},
	"postgres": func(t *testing.T) store.Store {
		schema := testpg.Schema(t)
		st, err := postgres.Open(t.Context(), testpg.DSN(t), postgres.Options{Options: bunstore.Options{Schema: schema}})
		if err != nil {
			t.Fatal(err)
		}
		return migrated(t, st, func() {
			if _, err := st.DB().ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
				t.Error(err)
			}
		})
	},
}

// eachStore starts the portal on each kind of store, and returns the sites by the names of the stores.
func eachStore(t *testing.T, data sample.Data, fill func(*service, *site)) map[string]site {
	t.Helper()
	all := map[string]site{}
	for kind, open := range stores {
		s := start(t, open(t), data, false)
		shown := s.site()
		fill(s, &shown)
		all[kind] = shown
	}
	return all
}

type database interface {
	store.Store
	Migrate(context.Context) error
	Close() error
}

// migrated migrates the store, and closes it at the end.
func migrated(t *testing.T, st database, drop func()) store.Store {
	t.Helper()
	t.Cleanup(func() {
		drop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}
