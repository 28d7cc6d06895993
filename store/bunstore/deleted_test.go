package bunstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

func (sc *scene) exec(text string, args ...any) {
	sc.tb.Helper()
	_, err := sc.s.DB().NewRaw(inSchema(sc.s, text), args...).Exec(sc.tb.Context())
	check(sc.tb, err)
}

// one reads a number.
func (sc *scene) one(text string, args ...any) (n int) {
	sc.tb.Helper()
	check(sc.tb, sc.s.DB().NewRaw(inSchema(sc.s, text), args...).Scan(sc.tb.Context(), &n))
	return n
}

func (sc *scene) delete(sub store.Subscription) {
	sc.tb.Helper()
	check(sc.tb, sc.s.DeleteSubscription(sc.tb.Context(), sub.OrganizationID, sub.ID, sc.now, nil))
}

// known reports whether there is still something of a subscription.
func (sc *scene) known(sub store.Subscription) bool {
	sc.tb.Helper()
	targets, err := sc.s.Targets(sc.tb.Context(), []uuid.UUID{sub.ID}, sc.now)
	check(sc.tb, err)
	return len(targets) > 0
}

// Of a subscription that version 2 deleted only the ids stay, and they are removed with its
// history.
func TestVersion2LosesWhatWasDeleted(t *testing.T) {
	t.Parallel()
	upgrade := func(t *testing.T, s *bunstore.Store) {
		t.Helper()
		check(t, s.Migrate(t.Context()))
		sc := newScene(t, s)
		_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("1"))}, sc.options(0))
		check(t, err)
		stays := sc.subscribe()
		check(t, s.MigrateTo(t.Context(), 2))
		sc.exec(`INSERT INTO {}health (subscription_id, failures, probes) SELECT id, 1, 1 FROM {}subscriptions`)
		sc.exec(`UPDATE {}subscriptions SET headers = '{"A": "b"}', filter = '[]', description = 'd', retry_schedule = '[1]', created_by = 'ann', updated_by = 'ann'`)
		sc.exec(`UPDATE {}subscriptions SET deleted_at = ? WHERE id IN (SELECT subscription_id FROM {}attempts)`, databaseTime(s, sc.now))
		sc.exec(`DELETE FROM {}subscription_topics WHERE subscription_id IN (SELECT id FROM {}subscriptions WHERE deleted_at IS NOT NULL)`)

		check(t, s.Migrate(t.Context()))
		const left = `SELECT count(*) FROM {}subscriptions WHERE post_uri || description || version || created_by || updated_by <> ''
			OR headers IS NOT NULL OR filter IS NOT NULL OR selectors IS NOT NULL OR retry_schedule IS NOT NULL`
		for _, text := range []string{left, `SELECT count(*) FROM {}secrets`, `SELECT count(*) FROM {}health`} {
			if n := sc.one(text); n != 1 {
				t.Errorf("%s: %d, want the one of the subscription that was not deleted", text, n)
			}
		}
		targets, err := s.Targets(t.Context(), []uuid.UUID{sc.sub.ID}, sc.now)
		check(t, err)
		if got := targets[sc.sub.ID]; !got.Deleted || got.OrganizationID != sc.org {
			t.Errorf("got %+v", got)
		}
		jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
		check(t, err)
		_, err = s.Record(t.Context(), []store.Outcome{{Lease: jobs[0].Lease, Status: store.Cancelled, At: sc.now}})
		check(t, err)
		check(t, s.MigrateTo(t.Context(), 2))
		check(t, s.Migrate(t.Context()))
		_, err = s.Prune(t.Context(), sc.now.Add(time.Hour), 10)
		check(t, err)
		if sc.known(sc.sub) || !sc.known(stays) {
			t.Errorf("after its history the deleted one is known: %v; the other: %v", sc.known(sc.sub), sc.known(stays))
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		upgrade(t, openSQLite(t, filepath.Join(t.TempDir(), "webhooks.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		upgrade(t, newOn(t, postgresPool(t), bunstore.Options{Schema: testpg.Schema(t)}))
	})
}

// A subscription that was deleted before this version of the program came may still have
// secrets, as a host of the version before may delete until it is stopped.
func TestWhatAnotherVersionLeavesOfADeletedSubscriptionGoes(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		sc.exec(`INSERT INTO {}health (subscription_id, failures, probes) SELECT id, 1, 1 FROM {}subscriptions`)
		sc.exec(`UPDATE {}subscriptions SET deleted_at = ?`, databaseTime(s, sc.now))
		_, err := s.Prune(t.Context(), sc.now, 10)
		check(t, err)
		for _, table := range []string{"subscriptions", "subscription_topics", "secrets", "health"} {
			if n := sc.one(`SELECT count(*) FROM {}` + table); n != 0 {
				t.Errorf("%d rows are left in %s", n, table)
			}
		}
	})
}

// Prune looks at a bounded number of deleted subscriptions in one call, and goes on there
// in the next one.
func TestDeletedSubscriptionsAreLookedAtInTurn(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newSQLite(t))
	const kept = 10_000 // their ids are before that of the last one
	sc.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO {}subscriptions (id, organization_id, post_uri, version, is_development, description, timeout_ns, rate_limit, ordered,
			inactive_reason, active, archived, created_by, updated_by, revision, deleted_at)
		SELECT unhex(printf('%032x', i)), organization_id, '', '', false, '', 0, 0, false, '', false, false, '', '', 1, 0 FROM {}subscriptions, n`, kept)
	sc.exec(`INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, number, step, type, status, created_by, updated_by)
		SELECT id, id, id, id, id, id, 1, 0, 0, 2, '', '' FROM {}subscriptions WHERE deleted_at IS NOT NULL`)
	sc.delete(sc.sub)
	prune := func() int {
		_, err := sc.s.Prune(t.Context(), sc.now, 10)
		check(t, err)
		return sc.one(`SELECT count(*) FROM {}subscriptions`)
	}
	for i, want := range []int{kept + 1, kept, kept} {
		if n := prune(); n != want {
			t.Errorf("%d subscriptions are left after call %d, want %d", n, i+1, want)
		}
	}
	sc.exec(`DELETE FROM {}attempts`)
	prune() // there were no more behind the last one
	if n := prune(); n != 0 {
		t.Errorf("%d subscriptions are left without attempts", n)
	}
}

func TestEventTypesStayWhileTooManyOldMessagesDo(t *testing.T) {
	t.Parallel()
	sc := newScene(t, newSQLite(t))
	sc.delete(sc.sub)
	check(t, sc.s.DeleteEventType(t.Context(), sc.event.ID, nil))
	sc.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
		INSERT INTO {}messages (id, organization_id, event_type_id, type, version, ordering_key, created_at, created_by)
		SELECT unhex(printf('%032x', i)), x'01', x'02', '', '', '', ?, '' FROM n`, databaseTime(sc.s, sc.now.AddDate(1, 0, 0)))
	for _, want := range []int{1, 0} {
		_, err := sc.s.Prune(t.Context(), sc.now.Add(time.Hour), 10)
		check(t, err)
		if n := sc.one(`SELECT count(*) FROM {}event_types`); n != want {
			t.Errorf("%d event types are left, want %d", n, want)
		}
		sc.exec(`DELETE FROM {}messages WHERE id = unhex(printf('%032x', 1))`)
	}
}
