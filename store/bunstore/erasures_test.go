package bunstore_test

import (
	"testing"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// No table keeps a row of an organization that was erased, but for the job itself.
func TestErasedOrganizationLeavesNoRow(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		for range 3 {
			_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("1"))}, sc.options(0))
			check(t, err)
		}
		e, err := s.CreateErasure(t.Context(), store.Erasure{ID: newID(), OrganizationID: sc.org, CreatedAt: sc.now})
		check(t, err)
		for e.State == store.ErasureRunning {
			_, err := s.AdvanceErasure(t.Context(), sc.now, 2)
			check(t, err)
			e, err = s.Erasure(t.Context(), e.ID)
			check(t, err)
		}
		for _, table := range []string{
			"queue", "attempts", "messages", "idempotency_keys", "recoveries", "health", "secrets", "subscription_topics", "subscriptions", "audit",
		} {
			if n := sc.one(`SELECT count(*) FROM {}` + table); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
	})
}
