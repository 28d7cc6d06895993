package catalog_test

import (
	"io/fs"
	"os"
	"testing"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/catalog"
	"github.com/ecg-api/webhooks/store/memstore"
)

// info is the head of the documents in the tests.
var info = catalog.Info{Title: "Webhooks of Example", Version: "1.2.3", Description: "Ask `support@example.com`."}

// snapshotOf returns the catalog that the seed documents of a folder make.
func snapshotOf(t testing.TB, folder fs.FS) webhooks.CatalogSnapshot {
	t.Helper()
	hooks := newHooks(t)
	if _, err := hooks.Registry.Seed(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	return snapshot(t, hooks)
}

func newHooks(t testing.TB) *webhooks.Webhooks {
	t.Helper()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return hooks
}

func snapshot(t testing.TB, hooks *webhooks.Webhooks) webhooks.CatalogSnapshot {
	t.Helper()
	s, err := hooks.Registry.Snapshot(t.Context(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The catalogs of the tests: that of the sample host, and one with schemas that are hard to put into
// documents.
var (
	seed = os.DirFS("../hostexample/seed")
	hard = os.DirFS("testdata/hard")
)
