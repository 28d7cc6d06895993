package bunstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// operatorReads are the calls of store.Operations whose work depends on the number of records.
func operatorReads(most int) map[string]func(ctx context.Context, s *bunstore.Store) error {
	return map[string]func(ctx context.Context, s *bunstore.Store) error{
		"Traffic": func(ctx context.Context, s *bunstore.Store) error {
			_, err := s.Traffic(ctx, time.Now().Add(-time.Minute), most)
			return err
		},
		"Backlogs": func(ctx context.Context, s *bunstore.Store) error {
			_, err := s.Backlogs(ctx, 20, most)
			return err
		},
		"Unhealthy": func(ctx context.Context, s *bunstore.Store) error {
			_, err := s.Unhealthy(ctx, store.UnhealthyQuery{Failing: true, Paused: true, Disabled: true, Take: 10, MaxTotal: most})
			return err
		},
		"RecoveryJobs": func(ctx context.Context, s *bunstore.Store) error {
			_, err := s.RecoveryJobs(ctx, store.RecoveryQuery{Take: 10, MaxTotal: most})
			return err
		},
		"RecoveryJobsOfAState": func(ctx context.Context, s *bunstore.Store) error {
			_, err := s.RecoveryJobs(ctx, store.RecoveryQuery{State: store.OnlyStoppedRecoveries, Take: 10, MaxTotal: most})
			return err
		},
		"NextSecretKey": func(ctx context.Context, s *bunstore.Store) error {
			_, err := s.NextSecretKey(ctx, []byte("\x01k"))
			return err
		},
	}
}

// The pages of an operator read no history, and of healthy subscriptions nothing.
func TestOperationsReadNoHistory(t *testing.T) {
	t.Parallel()
	onEachPool(t, operationsReadNoHistory)
}

func operationsReadNoHistory(t *testing.T, s *bunstore.Store) {
	sc := newScene(t, s)
	for range 12 { // from the sixth time on a plan is kept; it is made for empty tables
		for _, read := range operatorReads(10) {
			check(t, read(t.Context(), s))
		}
	}
	fillOld(sc, 3000)
	read := func() (n int) {
		sc.exec(`SELECT pg_stat_force_next_flush()`)
		return sc.one(`SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = ?0)
+ (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = ?0)`, s.Schema())
	}
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			sc.exec(`ANALYZE {}attempts, {}messages, {}subscriptions, {}recoveries, {}secrets, {}queue`)
		}
		for name, call := range operatorReads(10) {
			before := read()
			check(t, call(t.Context(), s))
			if n := read() - before; n > 100 {
				t.Errorf("%s (analyzed: %t) read %d rows and entries", name, analyzed, n)
			}
		}
	}
}

// fillOld adds n messages and attempts of the day before yesterday, and n healthy subscriptions, ended recoveries, secrets
// and queued attempts.
func fillOld(sc *scene, n int) {
	at := fmt.Sprintf("(lpad(to_hex(%d + i), 12, '0') || '-7000-8000-000000000001')::uuid", sc.now.Add(-48*time.Hour).UnixMilli())
	fill := func(text string) {
		sc.exec(strings.NewReplacer("{id}", at, "{n}", fmt.Sprintf("generate_series(1, %d) AS i", n),
			"{org}", "'"+sc.org.String()+"'", "{sub}", "'"+sc.sub.ID.String()+"'").Replace(text))
	}
	fill(`INSERT INTO {}messages (id, organization_id, event_type_id, type, version, ordering_key, created_by)
SELECT {id}, {org}, {org}, 't', 'v1', '', '' FROM {n}`)
	fill(`INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, updated_at, number, step, type,
  status, created_by, updated_by) SELECT {id}, {id}, {id}, {org}, {sub}, {org}, now(), 1, 0, 0, 3, '', '' FROM {n}`)
	fill(`INSERT INTO {}subscriptions SELECT (jsonb_populate_record(s, jsonb_build_object('id', {id}))).* FROM {}subscriptions AS s, {n}`)
	fill(`INSERT INTO {}recoveries (id, organization_id, subscription_id, scope, rate, state, matched, queued, created_by, missed)
SELECT {id}, {org}, {sub}, 1, 0, 1, 0, 0, '', true FROM {n}`)
	fill(`INSERT INTO {}secrets (id, organization_id, subscription_id, key, created_by, updated_by)
SELECT {id}, {org}, {sub}, convert_to('j' || i, 'UTF8'), '', '' FROM {n}`)
	fill(`INSERT INTO {}queue (attempt_id, organization_id, subscription_id, token, due_at, number, sending)
SELECT {id}, {org}, {sub}, 0, now(), 1, false FROM {n}`)
}

// The pages of an operator at a million attempts of the last hour, as many queued ones, and 100,000 organizations.
func BenchmarkOperations(b *testing.B) {
	testpg.DSN(b)
	s := newPostgres(b)
	sc := newScene(b, s)
	_, err := s.DB().DB.ExecContext(b.Context(), strings.NewReplacer("{}", `"`+s.Schema()+`".`, "{event}", sc.event.ID.String()).Replace(`
CREATE TEMPORARY TABLE made AS SELECT i, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 3600000 + i * 36 / 10), 12, '0')
  || '-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid AS id, md5((i % 100000)::text)::uuid AS org FROM generate_series(1, 1000000) AS i;
INSERT INTO {}messages (id, organization_id, event_type_id, type, version, body, ordering_key, created_at, created_by)
SELECT id, org, '{event}', 't', 'v1', convert_to(repeat(md5(i::text), 10), 'UTF8'), '', now(), '' FROM made;
INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, created_at, updated_at, posted_at,
  duration_ms, number, step, http_status, type, status, created_by, updated_by, response)
SELECT id, id, id, org, org, '{event}', now(), now() - interval '1 hour' + i * interval '3.6 ms', now(),
  100, 1, 0, 200, 0, 2 + i % 2, '', '', 'ok' FROM made;
INSERT INTO {}queue (attempt_id, organization_id, subscription_id, token, due_at, number, sending)
SELECT id, org, org, 0, now() + (i - 500000) * interval '1 ms', 1, i % 10 = 0 FROM made;
DROP TABLE made`))
	check(b, err)
	for _, table := range []string{"messages", "attempts", "queue"} {
		_, err := s.DB().DB.ExecContext(b.Context(), `VACUUM ANALYZE "`+s.Schema()+`".`+table)
		check(b, err)
	}
	for _, most := range []int{10_000, 100_000} {
		for name, call := range operatorReads(most) {
			b.Run(fmt.Sprintf("%s/%d", name, most), func(b *testing.B) {
				for b.Loop() {
					check(b, call(b.Context(), s))
				}
			})
		}
	}
}
