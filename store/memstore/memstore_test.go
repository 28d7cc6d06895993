package memstore_test

import (
	"testing"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	newStore := func(*testing.T) store.Store { return memstore.New() }
	storetest.Run(t, newStore, storetest.OneConnection(newStore))
}
