package bunstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// skewed returns a store in a database with a clock ahead of this process's: functions of the test
// shadow the functions of PostgreSQL.
func skewed(t *testing.T, ahead time.Duration) *bunstore.Store {
	t.Helper()
	dsn, name := ownDatabase(t)
	setUp, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	check(t, err)
	for _, text := range []string{
		`CREATE SCHEMA skew`,
		`CREATE FUNCTION skew.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT pg_catalog.now() + interval '` + ahead.String() + `'$$`,
		`CREATE FUNCTION skew.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS $$SELECT pg_catalog.statement_timestamp() + interval '` + ahead.String() + `'$$`,
		`ALTER DATABASE ` + name + ` SET search_path = skew, pg_catalog, public`,
	} {
		_, err := setUp.DB().ExecContext(t.Context(), text)
		check(t, err)
	}
	check(t, setUp.Close())
	s, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return migrated(t, s.Store)
}

// However far the database's clock is from that of the process, an attempt that is due at
// once is claimed at once, and one that is to wait is claimed after its wait.
func TestAttemptsAreDueByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-20 * time.Second, 20 * time.Second} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			s := skewed(t, ahead)
			sc := newScene(t, s)
			publish := func() {
				sc.now = time.Now().UTC().Truncate(time.Millisecond)
				_, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
				check(t, err)
			}
			claim := func(rule string) store.Job {
				t.Helper()
				jobs, at, err := s.Claim(t.Context(), store.ClaimOptions{Max: 10, Lease: time.Hour})
				check(t, err)
				if len(jobs) != 1 {
					t.Fatalf("%s: claimed %d attempts at once, want 1", rule, len(jobs))
				}
				if d := time.Until(at) - ahead; d.Abs() > 5*time.Second {
					t.Errorf("%s: a claim says that the database's clock is %v ahead", rule, time.Until(at))
				}
				return jobs[0]
			}
			wait := func(rule string, due time.Time) store.Job {
				t.Helper()
				var jobs []store.Job
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				for len(jobs) == 0 {
					var err error
					if jobs, _, err = s.Claim(ctx, store.ClaimOptions{Max: 10, Lease: time.Hour}); err != nil {
						t.Fatalf("%s: not claimed within 10 s: %v", rule, err)
					}
				}
				if early := time.Until(due); early > 0 {
					t.Errorf("%s: claimed %v too early", rule, early)
				}
				return jobs[0]
			}
			hold := func(job store.Job, due time.Time) {
				t.Helper()
				_, err := s.Defer(t.Context(), []store.Deferral{{Lease: job.Lease, DueAt: due, Held: true}})
				check(t, err)
			}
			soon := func() time.Time { return time.Now().Add(100 * time.Millisecond) }

			publish()
			job := claim("published")
			hold(job, time.Now())
			job = claim("given back")
			due := soon()
			hold(job, due)
			job = wait("given back for a while", due)
			due = soon()
			_, err := s.Record(t.Context(), []store.Outcome{{
				Lease: job.Lease, Status: store.Failed, At: time.Now(),
				Next: &store.Next{ID: newID(), DueAt: due},
			}})
			check(t, err)
			job = wait("retried", due)
			hold(job, time.Now().Add(time.Hour))
			check(t, s.Release(t.Context(), sc.sub.ID))
			job = claim("released")
			hold(job, time.Now().Add(time.Hour))
			for _, active := range []bool{false, true} {
				_, err = s.UpdateSubscription(t.Context(), sc.org, sc.sub.ID, time.Now(),
					func(sub *store.Subscription) error { sub.Active = active; return nil })
				check(t, err)
			}
			job = claim("switched on")
			_, err = s.Record(t.Context(), []store.Outcome{{Lease: job.Lease, Status: store.Failed, At: time.Now()}})
			check(t, err)
			_, err = s.AddAttempt(t.Context(), sc.org, sc.sub.ID, store.NewAttempt{
				ID: newID(), Type: store.ManualRetry, RetryOf: job.AttemptID,
				At: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
			})
			check(t, err)
			job = claim("added")
			_, err = s.Record(t.Context(), []store.Outcome{{Lease: job.Lease, Status: store.Failed, At: time.Now()}})
			check(t, err)
			check(t, s.CreateRecovery(t.Context(), store.Recovery{
				ID: newID(), OrganizationID: sc.org, SubscriptionID: sc.sub.ID, Scope: store.RecoverFailed,
				Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), CreatedAt: time.Now(),
			}))
			advanced, err := s.AdvanceRecovery(t.Context(), store.AdvanceOptions{
				Max: 10, NewID: func() uuid.UUID { return newID() }, At: time.Now(),
				ExpiresAt: time.Now().Add(time.Hour),
			})
			check(t, err)
			if !advanced {
				t.Fatal("no recovery was due")
			}
			claim("recovered")
		})
	}
}
