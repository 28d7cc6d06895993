package storetest_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/storetest"
)

// A loggedStore is a store of one's own. It logs deletions, and takes all else from the store
// that it embeds, which can be any store.
type loggedStore struct {
	store.Store
	log *slog.Logger
}

// DeleteCategory redefines a method.
func (s loggedStore) DeleteCategory(ctx context.Context, id uuid.UUID, check func(store.Category) error) error {
	err := s.Store.DeleteCategory(ctx, id, check)
	s.log.InfoContext(ctx, "category deleted", "id", id, "error", err)
	return err
}

// Abilities keeps the abilities of the embedded store, but hides one: without a Notifier the
// dispatcher polls. A store that hides and adds nothing does without this method.
func (s loggedStore) Abilities() store.Abilities {
	abilities := s.Store.Abilities()
	abilities.Notifier = nil
	return abilities
}

func newLoggedStore(*testing.T) store.Store {
	return loggedStore{memstore.New(), slog.New(slog.DiscardHandler)}
}

// The conformance test of a store is one line.
func ExampleRun() {
	// In the _test.go file of the store this is TestStore.
	testStore := func(t *testing.T) {
		storetest.Run(t, newLoggedStore, storetest.OneConnection(newLoggedStore))
	}
	_ = testStore
}
