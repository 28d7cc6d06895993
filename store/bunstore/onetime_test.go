package bunstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

func TestIDsStayUsedAfterARestart(t *testing.T) {
	t.Parallel()
	path, id := filepath.Join(t.TempDir(), "webhooks.db"), uuid.New()
	for _, want := range []bool{true, false} {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Options: bunstore.Options{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if first, err := db.UseOnce(t.Context(), id, time.Now().Add(time.Minute)); err != nil || first != want {
			t.Errorf("first use: %v, %v; want %v", first, err, want)
		}
		if err := db.DB().Close(); err != nil {
			t.Fatal(err)
		}
	}
}
