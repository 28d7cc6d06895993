package bunstore_test

import (
	"database/sql"
	"maps"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// onEachPool runs a test on a store with one connection, which has all plans and counters: of a
// pool of bunstore/postgres, with the planner settings, and of a host's pool.
func onEachPool(t *testing.T, test func(t *testing.T, s *bunstore.Store)) {
	t.Helper()
	t.Run("Ours", func(t *testing.T) {
		t.Parallel()
		s, err := postgres.Open(t.Context(), testpg.DSN(t), postgres.Options{MaxConns: 1, Options: bunstore.Options{Schema: testpg.Schema(t)}})
		check(t, err)
		t.Cleanup(func() {
			check(t, s.Close())
			_, _ = postgresPool(t).Exec(`DROP SCHEMA "` + s.Schema() + `" CASCADE`)
		})
		test(t, migrated(t, s.Store))
	})
	t.Run("Hosts", func(t *testing.T) {
		t.Parallel()
		test(t, migrated(t, newOn(t, hostsPool(t, 1, nil), bunstore.Options{})))
	})
}

// onEachPoolAndUnprepared is onEachPool, and also runs the test on a store that prepares no statement.
func onEachPoolAndUnprepared(t *testing.T, test func(t *testing.T, s *bunstore.Store)) {
	t.Helper()
	onEachPool(t, test)
	t.Run("NotPrepared", func(t *testing.T) {
		t.Parallel()
		test(t, migrated(t, newOn(t, hostsPool(t, 1, nil), bunstore.Options{NoPrepare: true})))
	})
}

// hostsPool opens a pool as a host does, with pgx's defaults and some parameters of sessions.
func hostsPool(t *testing.T, conns int, params map[string]string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(testpg.DSN(t))
	check(t, err)
	maps.Copy(config.RuntimeParams, params)
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(conns)
	t.Cleanup(func() { check(t, pool.Close()) })
	return pool
}

// A connection keeps the plans that it made while there were few subscriptions. They still look
// single subscriptions up when there are many.
func TestPlansOfFewSubscriptionsServeMany(t *testing.T) {
	t.Parallel()
	for _, remembered := range []bool{true, false} {
		onEachPool(t, func(t *testing.T, s *bunstore.Store) { plansOfFewSubscriptions(t, s, remembered) })
	}
}

func plansOfFewSubscriptions(t *testing.T, s *bunstore.Store, remembered bool) {
	sc := newScene(t, s)
	publish := func() {
		if !remembered {
			_, err := s.UpdateSubscription(t.Context(), sc.org, sc.sub.ID, sc.now, func(*store.Subscription) error { return nil })
			check(t, err)
		}
		sc.matched("x")
	}
	read := func() (n int) {
		_, err := s.DB().Exec(`SELECT pg_stat_force_next_flush()`)
		check(t, err)
		check(t, s.DB().NewRaw(`SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = ? AND relname LIKE 'subscription%'`,
			s.Schema()).Scan(t.Context(), &n))
		return n
	}
	for range 12 { // from the sixth time on a plan is kept
		publish()
	}
	org := sc.org
	sc.org = newID()
	for range 300 {
		sc.subscribe()
	}
	sc.org = org
	before := read()
	publish()
	if n := read() - before; n > 30 {
		t.Errorf("a publish (with the subscription remembered: %t) read %d entries, with 300 subscriptions of others", remembered, n)
	}
}

// A connection keeps the plans that it made while the queue was empty. They do not read all of a
// full queue.
func TestPlansOfAnEmptyQueueServeAFullOne(t *testing.T) {
	t.Parallel()
	onEachPool(t, plansOfAnEmptyQueue)
}

func plansOfAnEmptyQueue(t *testing.T, s *bunstore.Store) {
	sc := newScene(t, s)
	exec := func(query string) {
		_, err := s.DB().NewRaw(query).Exec(t.Context())
		check(t, err)
	}
	publish := func(n int) {
		messages := make([]store.NewMessage, n)
		for i := range messages {
			messages[i] = sc.message([]byte("x"))
		}
		_, err := s.Publish(t.Context(), nil, messages, sc.options(0))
		check(t, err)
	}
	// process claims and defers n attempts, then claims and records them, with or without a next
	// attempt.
	process := func(n int, next bool) {
		jobs, _, err := s.Claim(t.Context(), store.ClaimOptions{Max: n, Lease: time.Minute})
		check(t, err)
		var back []store.Deferral
		for _, j := range jobs {
			back = append(back, store.Deferral{Lease: j.Lease, DueAt: sc.now.Add(-time.Hour)})
		}
		lost, err := s.Defer(t.Context(), back)
		check(t, err)
		jobs, _, err = s.Claim(t.Context(), store.ClaimOptions{Max: n, Lease: time.Minute})
		check(t, err)
		var outcomes []store.Outcome
		for _, j := range jobs {
			o := store.Outcome{Lease: j.Lease, Status: store.Succeeded, HTTPStatus: 200, PostedAt: sc.now, At: sc.now}
			if next {
				o.Status, o.Next = store.Failed, &store.Next{ID: newID(), DueAt: sc.now.Add(time.Hour)}
			}
			outcomes = append(outcomes, o)
		}
		gone, err := s.Record(t.Context(), outcomes)
		check(t, err)
		if len(jobs) != n || len(lost)+len(gone) > 0 {
			t.Fatalf("%d of %d were claimed, %d lost", len(jobs), n, len(lost)+len(gone))
		}
	}
	// read returns how many entries of the queue's indexes were read so far, and how many
	// rows by sequential scans.
	read := func() (n int) {
		exec(`SELECT pg_stat_force_next_flush()`)
		check(t, s.DB().NewRaw(`SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = ?0 AND relname = 'queue')
+ (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = ?0)`, s.Schema()).Scan(t.Context(), &n))
		return n
	}
	for _, next := range []bool{false, true} {
		exec(`TRUNCATE "` + s.Schema() + `".queue`) // VACUUM keeps rows that transactions of other tests can see
		exec(`VACUUM ANALYZE "` + s.Schema() + `".queue`)
		for range 12 { // from the sixth time on a plan is kept
			publish(1)
			process(1, next)
		}
		publish(3000)
		before := read()
		publish(10)
		process(10, next)
		if n := read() - before; n > 500 {
			t.Errorf("10 were published, claimed, deferred, claimed again and recorded (with a next one: %t): %d rows or entries read of 3000",
				next, n)
		}
	}
}

// A day that ends is not read through.
func TestADayEndsWithoutBeingScanned(t *testing.T) {
	t.Parallel()
	onEachPool(t, aDayEnds)
}

func aDayEnds(t *testing.T, s *bunstore.Store) {
	w := weekOn(t, s)
	w.succeed(w.retriedAt(w.sentAt(w.noon(1)), w.noon(1)))
	w.doneAt(w.noon(1))
	scans := func() (n int) {
		_, err := s.DB().Exec(`SELECT pg_stat_force_next_flush()`)
		check(t, err)
		check(t, s.DB().NewRaw(`SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE schemaname = ? AND relname LIKE ?`,
			s.Schema(), "%"+w.noon(1).Format("_20060102")).Scan(t.Context(), &n))
		return n
	}
	w.prune(w.end(0), 0)
	before := scans()
	// A reading transaction keeps the partitions, and so their counters.
	tx, err := postgresPool(t).BeginTx(t.Context(), nil)
	check(t, err)
	_, err = tx.ExecContext(t.Context(), w.sql("SELECT 1 FROM {}messages LIMIT 1"))
	check(t, err)
	w.prune(w.end(1), 0)
	check(t, tx.Rollback())
	if n := scans() - before; n > 0 {
		t.Errorf("%d scans of the day's tables", n)
	}
	w.prune(w.end(1), 2)
	if w.has(w.noon(1)) {
		t.Error("the day is still there")
	}
}

// read returns how many rows and index entries were read.
func (sc *scene) read() (n int) {
	sc.tb.Helper()
	sc.exec(`SELECT pg_stat_force_next_flush()`)
	return sc.one(`SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = ?0)
+ (SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_user_tables WHERE schemaname = ?0)`, sc.s.Schema())
}

// Prune finds old messages and deleted records without history, and reads no other messages,
// subscriptions or attempts.
func TestPruneFindsOldRowsWithoutAScan(t *testing.T) {
	t.Parallel()
	onEachPoolAndUnprepared(t, pruneFinds)
}

func pruneFinds(t *testing.T, s *bunstore.Store) {
	sc := newScene(t, s)
	prune := func() {
		_, err := s.Prune(t.Context(), sc.now.AddDate(0, 0, -30), 10)
		check(t, err)
	}
	for range 12 { // from the sixth time on a plan is kept
		gone := sc.subscribe()
		sc.delete(gone)
		prune()
	}
	gone := sc.subscribe()
	messages := make([]store.NewMessage, 2000)
	for i := range messages {
		messages[i] = sc.message([]byte("x"))
	}
	_, err := s.Publish(t.Context(), nil, messages, sc.options(0))
	check(t, err)
	for range 300 {
		check(t, s.CreateRecovery(t.Context(), store.Recovery{ID: newID(), OrganizationID: sc.org, SubscriptionID: sc.subscribe().ID}))
	}
	sc.exec(`UPDATE {}attempts SET status = 4`)
	sc.delete(gone)
	unused := sc.subscribe()
	sc.delete(unused)
	sc.exec(`ANALYZE {}attempts, {}messages, {}subscriptions, {}recoveries, {}secrets`)
	sc.exec(`INSERT INTO {}event_types SELECT (jsonb_populate_record(e, '{"id": "` + newID().String() +
		`", "deleted_at": "2020-01-01"}')).* FROM {}event_types AS e`)
	// Autovacuum does this.
	sc.exec(`SELECT brin_summarize_new_values(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
		WHERE c.relnamespace = ?::regnamespace AND c.relkind = 'i' AND a.amname = 'brin'`, s.Schema())
	before := sc.read()
	prune()
	if n := sc.read() - before; n > 100 {
		t.Errorf("%d rows and entries were read", n)
	}
	if n := sc.one(`SELECT count(*) FROM {}event_types`); n != 1 {
		t.Errorf("%d event types are left, want the one that was not deleted", n)
	}
	if !sc.known(gone) || sc.known(unused) {
		t.Errorf("the one with attempts is known: %v, the one without: %v", sc.known(gone), sc.known(unused))
	}
}

// A call of Prune looks at the messages that it removes, however many more it may remove. The first call of several looks at the
// messages that stay.
func TestPruneLooksAtWhatItRemoves(t *testing.T) {
	t.Parallel()
	onEachPoolAndUnprepared(t, pruneStopsEarly)
}

func pruneStopsEarly(t *testing.T, s *bunstore.Store) {
	sc := newScene(t, s)
	messages := make([]store.NewMessage, 2000)
	for i := range messages {
		messages[i] = sc.message([]byte("x"))
	}
	_, err := s.Publish(t.Context(), nil, messages, sc.options(0))
	check(t, err)
	const stay, limit = 1000, 10
	sc.exec(`UPDATE {}attempts SET status = 4 WHERE message_id > ?`, messages[stay-1].ID)
	sc.exec(`ANALYZE {}attempts, {}messages`)
	prune := func() (read int) {
		before := sc.read()
		n, err := s.Prune(t.Context(), time.Now().Add(time.Minute), limit)
		check(t, err)
		if n != limit {
			t.Errorf("removed %d, want %d", n, limit)
		}
		return sc.read() - before
	}
	if n := prune(); n < stay {
		t.Errorf("%d rows and entries were read, and %d messages stay", n, stay)
	}
	if n := prune(); n > 20*limit {
		t.Errorf("%d rows and entries were read", n)
	}
}
