package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// Only this file depends on the layout of the tables.

// newSchema names a schema that is dropped at the end of the benchmark.
func newSchema(b testing.TB) string {
	b.Helper()
	schema := testpg.Schema(b)
	dsn := testpg.DSN(b)
	b.Cleanup(func() {
		db, err := sql.Open("pgx", dsn)
		check(b, err)
		_, err = db.ExecContext(context.Background(), `DROP SCHEMA IF EXISTS "`+schema+`" CASCADE`)
		check(b, err)
		check(b, db.Close())
	})
	return schema
}

// run runs a statement in which {} stands before the names of tables.
func run(b testing.TB, s *bunstore.Store, text string) {
	b.Helper()
	_, err := s.DB().DB.ExecContext(b.Context(), strings.ReplaceAll(text, "{}", `"`+s.Schema()+`".`))
	check(b, err)
}

var midnight = time.Now().UTC().Truncate(24 * time.Hour).UnixMilli()

// numbered returns an id of today that sorts by its number. The partition of today holds it.
func numbered(kind int, number string) string {
	return fmt.Sprintf("(lpad(to_hex(%[3]d + %[2]s), 12, '0') || '7000800%[1]d' || lpad(to_hex(%[2]s), 12, '0'))::uuid", kind, "("+number+")",
		midnight)
}

// fillSubscriptions adds n subscriptions to the event type, ten for each of n/10
// organizations.
func fillSubscriptions(b testing.TB, s *bunstore.Store, event uuid.UUID, n int) {
	b.Helper()
	run(b, s, fmt.Sprintf(`
INSERT INTO {}subscriptions (id, organization_id, post_uri, version, selectors, is_development, description, timeout_ns, rate_limit,
  ordered, inactive_reason, active, archived, created_at, created_by, updated_at, updated_by, revision)
SELECT %[1]s, %[2]s, 'https://example.com/hook', 'v1', '[{"EventTypeID":"%[3]s"}]', false, '', 0, 0, false,
  '', true, false, now(), '', now(), '', 1
FROM generate_series(0, %[4]d - 1) AS i`, numbered(2, "i"), numbered(1, "i / 10"), event, n))
	run(b, s, fmt.Sprintf(`
INSERT INTO {}subscription_topics (topic, organization_id, subscription_id)
SELECT '%[3]s', %[2]s, %[1]s FROM generate_series(0, %[4]d - 1) AS i`, numbered(2, "i"), numbered(1, "i / 10"), event, n))
	run(b, s, `VACUUM ANALYZE {}subscriptions`)
	run(b, s, `VACUUM ANALYZE {}subscription_topics`)
}

// fillTargets makes n copies of a subscription, with its secret.
func fillTargets(b testing.TB, s *bunstore.Store, of store.Subscription, n int) {
	b.Helper()
	run(b, s, fmt.Sprintf(`
INSERT INTO {}subscriptions (id, organization_id, post_uri, version, selectors, is_development, description, timeout_ns, rate_limit,
  ordered, inactive_reason, active, archived, created_at, created_by, updated_at, updated_by, revision)
SELECT %[1]s, organization_id, post_uri, version, selectors, is_development, '', 0, 0,
  false, '', true, false, created_at, '', updated_at, '', 1
FROM {}subscriptions, generate_series(1, %[2]d) AS i WHERE id = '%[3]s'`, numbered(2, "i"), n, of.ID))
	run(b, s, fmt.Sprintf(`
INSERT INTO {}subscription_topics (topic, organization_id, subscription_id)
SELECT topic, organization_id, %[1]s
FROM {}subscription_topics, generate_series(1, %[2]d) AS i WHERE subscription_id = '%[3]s'`, numbered(2, "i"), n, of.ID))
	run(b, s, fmt.Sprintf(`
INSERT INTO {}secrets (id, organization_id, subscription_id, key, valid_from, created_at, created_by, updated_at, updated_by)
SELECT %[4]s, organization_id, %[1]s, key, valid_from, created_at, '', updated_at, ''
FROM {}secrets, generate_series(1, %[2]d) AS i WHERE subscription_id = '%[3]s'`, numbered(2, "i"), n, of.ID, numbered(5, "i")))
	for _, table := range []string{"subscriptions", "subscription_topics", "secrets"} {
		run(b, s, `VACUUM ANALYZE {}`+table)
	}
}

// fillHistory adds n messages with a successful delivery each, to 1,000 further
// subscriptions.
func fillHistory(b testing.TB, s *bunstore.Store, event uuid.UUID, n int) {
	b.Helper()
	fillHistoryOf(b, s, uuid.New(), numbered(2, "i % 1000"), event, n)
}

// fillHistoryOf adds n messages of an organization with a successful delivery each, to the subscription that an expression of the
// number i names. They were made in the last 24 hours.
func fillHistoryOf(b testing.TB, s *bunstore.Store, org uuid.UUID, sub string, event uuid.UUID, n int) {
	b.Helper()
	fillMessages(b, s, org.String(), event, "repeat(md5(i::text), 10)", n)
	run(b, s, fmt.Sprintf(`
INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, created_at, updated_at,
  posted_at, duration_ms, number, step, http_status, type, status, created_by, updated_by, response)
SELECT %[1]s, %[1]s, %[2]s, '%[3]s', %[4]s, '%[5]s', at, at, at, 5, 1, 0, 200, 0, 2, '', '', 'ok'
FROM generate_series(0::bigint, %[6]d - 1) AS i, LATERAL (SELECT now() - i %% 86400 * interval '1 s' AS at) AS t`,
		numbered(4, "i"), numbered(3, "i"), org, sub, event, n))
	run(b, s, `VACUUM ANALYZE {}messages`)
	run(b, s, `VACUUM ANALYZE {}attempts`)
}

// fillQueue adds n messages for subscriptions in turn, with a delivery each that is due in
// a number of seconds. A negative number is in the past.
func fillQueue(b testing.TB, s *bunstore.Store, event uuid.UUID, n, seconds int, subs ...store.Subscription) {
	b.Helper()
	run(b, s, `CREATE SEQUENCE IF NOT EXISTS {}bench_ids MINVALUE 10000000`) // beyond the ids of a history
	var ids, orgs []string
	for _, sub := range subs {
		ids, orgs = append(ids, sub.ID.String()), append(orgs, sub.OrganizationID.String())
	}
	inTurn := func(of []string) string {
		return fmt.Sprintf("(ARRAY['%s']::uuid[])[1 + i %% %d]", strings.Join(of, "','"), len(of))
	}
	run(b, s, strings.NewReplacer(
		"{message}", numbered(3, "i"), "{attempt}", numbered(4, "i"), "{org}", inTurn(orgs), "{sub}", inTurn(ids),
		"{event}", event.String(), "{due}", fmt.Sprintf("now() + interval '%d s'", seconds),
		"{made}", fmt.Sprintf("now() + interval '%d s'", min(seconds, 0)), // nothing is due before it is made
		"{n}", fmt.Sprint(n), "{size}", fmt.Sprint(bodySize-wrapping),
	).Replace(`
WITH r AS (SELECT nextval('{}bench_ids') AS i FROM generate_series(1, {n})), m AS (
  INSERT INTO {}messages (id, organization_id, event_type_id, type, version, body, ordering_key, created_at, created_by)
  SELECT {message}, {org}, '{event}', 'bench.happened', 'v1',
  convert_to('{"data":"' || repeat('x', {size}) || '"}', 'UTF8'), '', {made}, '' FROM r
), a AS (
  INSERT INTO {}attempts (id, delivery_id, message_id, organization_id, subscription_id, event_type_id, expires_at,
    created_at, updated_at, number, step, type, status, created_by, updated_by)
  SELECT {attempt}, {attempt}, {message}, {org}, {sub}, '{event}', now() + interval '1 day',
    {made}, {made}, 1, 0, 0, 0, '', ''
  FROM r
)
INSERT INTO {}queue (attempt_id, organization_id, subscription_id, token, due_at, number, sending)
SELECT {attempt}, {org}, {sub}, 0, {due}, 1, false FROM r`))
	run(b, s, `ANALYZE {}queue`)
	run(b, s, `ANALYZE {}messages`)
	run(b, s, `ANALYZE {}attempts`)
}

func fillMessages(b testing.TB, s *bunstore.Store, org string, event uuid.UUID, body string, n int) {
	b.Helper()
	run(b, s, fmt.Sprintf(`
INSERT INTO {}messages (id, organization_id, event_type_id, type, version, body, ordering_key, created_at, created_by)
SELECT %[1]s, '%[2]s', '%[3]s', 'bench.happened', 'v1', convert_to(%[4]s, 'UTF8'), '', now() - interval '1 day', ''
FROM generate_series(0::bigint, %[5]d - 1) AS i`, numbered(3, "i"), org, event, body, n))
}

// bytesPerDelivery returns the bytes on disk of a message of 1 KiB and its delivery, with
// their indexes.
func bytesPerDelivery(b testing.TB, s *bunstore.Store, deliveries int) (message, attempt float64) {
	b.Helper()
	for _, t := range []struct {
		table string
		bytes *float64
	}{{"messages", &message}, {"attempts", &attempt}} {
		var n float64
		query := strings.ReplaceAll(`SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('{}`+t.table+`')`, "{}",
			`"`+s.Schema()+`".`)
		check(b, s.DB().DB.QueryRowContext(b.Context(), query).Scan(&n))
		*t.bytes = n / float64(deliveries)
	}
	return message, attempt
}
