package bunstore_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
)

// The failures of an endpoint that is away mostly change nothing, because those of one moment count once.
func TestAHealthThatStaysTheSameIsNotWritten(t *testing.T) {
	t.Parallel()
	testpg.DSN(t)
	sc := newScene(t, newPostgres(t))
	version := func(failures int) int {
		check(t, sc.s.UpdateHealth(t.Context(), []uuid.UUID{sc.sub.ID}, func(_ uuid.UUID, h *store.Health) {
			h.Failures, h.Since, h.CountedUntil = failures, sc.now, sc.now.Add(time.Second)
		}))
		return sc.one(`SELECT xmin::text::bigint FROM {}health`)
	}
	first := version(1)
	if again := version(1); again != first {
		t.Error("the row of a Health that stayed the same was written")
	}
	if other := version(2); other == first {
		t.Error("the row of a Health that changed was not written")
	}
}
