//go:build unix

package main

import "time"

// Files of the product that several guards change.
const (
	hostsFile    = "store/bunstore/hosts.go"
	hostFileFile = "store/bunstore/hostfile.go"
	attemptFile  = "delivery/attempt.go"
	queueFile    = "store/bunstore/newattempts.go"
	publishFile  = "store/bunstore/publish.go"
	recordFile   = "store/bunstore/record.go"
	txFile       = "store/bunstore/tx.go"
)

// deathByLock is the condition of a host's death on PostgreSQL where it had a lock.
const deathByLock = "WHEN h.locked AND h.beat_at < {now} - ` + us(lockedSilence) + ` THEN " + lockIsFree

const lockIsFree = "pg_try_advisory_xact_lock(` + hostLock + `h.number))"

// dividedLeases lets leases end sooner in the database than the hosts know.
func dividedLeases(divisor string) []change {
	return []change{
		{"store/bunstore/claim.go", "1), opts.Lease.Microseconds()", "1), opts.Lease.Microseconds()/" + divisor},
		{"store/bunstore/publishrows.go", "p.opts.Lease.Microseconds(), mess", "p.opts.Lease.Microseconds()/" + divisor + ", mess"},
	}
}

// ignoredErrors acknowledges publishes that were not stored.
var ignoredErrors = change{publishFile, "	return p.result(s.dialect.publish(ctx, p))\n", `	_ = s.dialect.publish(ctx, p)
	if p.published == nil {
		p.published = make([]store.Published, len(messages))
	}
	return p.published, nil
`}

const ignoredErrorsText = "the error of a publish that was not stored"

// mortal ends the host when the store does not answer.
var mortal = change{"delivery/outage.go", "	first := !o.down\n", `	first := !o.down
	if first {
		panic(err)
	}
`}

const mortalText = "the survival of an outage of the store"

// withoutTakeOver never says that the host is alive, and looks for no other host.
var withoutTakeOver = change{"delivery/presence.go", "	if r.abilities.Hosts == nil {\n", "	if r.hosts.takenOver.Load() >= 0 {\n"}

// wholeQueue lets every claim look at the whole queue.
var wholeQueue = change{"store/bunstore/claim.go", "	if opts.Since.IsZero() {", "	if true {"}

const wholeQueueText = "the watermark: every claim walks past all that was delivered since a transaction began"

// guardSizes are the sizes of two scenarios that notice a missing part after minutes, and so not in their short form.
var guardSizes = map[string]size{
	"idle_in_tx_saturation": {rate: 1_000, during: 3 * time.Minute, takes: 4 * time.Minute},
	"active_readers":        {rate: 500, during: 4 * time.Minute, takes: 5 * time.Minute},
}

// guards are the parts of the product that the scenarios guard.
var guards = []guard{
	{"crash_recovery", "take-over", "longest take-over", []change{withoutTakeOver}},
	{"repeated_kills", "take-over", "longest take-over", []change{withoutTakeOver}},
	{"crash_without_lock", "take-over", "longest take-over", []change{withoutTakeOver}},
	{"pause", "fencing: a record checks the attempt alone, not the token of the claim", "requests", []change{
		{recordFile, "((q.attempt_id, q.token) IN (SELECT attempt, claimed FROM r))", "(q.attempt_id IN (SELECT attempt FROM r))"},
		{recordFile, "WHERE (attempt_id, token) IN (SELECT attempt, claimed FROM r)", "WHERE attempt_id IN (SELECT attempt FROM r)"},
	}},
	{"slow_receiver", "leases of 40 s: they last 10 s", "duplicated", dividedLeases("4")},
	{"slow_receiver", "the lock of a host: it is dead 3 s after its last beat", "duplicated", []change{
		{hostsFile, deathByLock, "WHEN h.locked AND h.beat_at < {now} - ` + us(lockedSilence) + ` THEN true"},
	}},
	{"slow_receiver", "the beats of a host: it is dead once its lock is gone", "duplicated", []change{
		{hostsFile, deathByLock, "WHEN h.locked THEN " + lockIsFree},
	}},
	{"graceful_restart", "the drain: all attempts and requests are cut off at once", "duplicate", []change{
		{"hostexample/serve.go", "WithTimeout(context.Background(), time.Duration(p.DrainTimeout))", "WithTimeout(context.Background(), 0)"},
	}},
	{"postgres_restart", mortalText, "", []change{mortal}},
	{"pg_backend_kill", mortalText, "", []change{mortal}},
	{"read_only", ignoredErrorsText, "acknowledgements while", []change{ignoredErrors}},
	{"connections_exhausted", ignoredErrorsText, "lost", []change{ignoredErrors}},
	{"disk_full", ignoredErrorsText, "not within", []change{ignoredErrors}},
	{"deadlocks", "the repetition of transactions that met a conflict, and " + ignoredErrorsText, "lost", []change{
		{txFile, "try == writeTries || !isRetryable(err)", "true"}, ignoredErrors,
	}},
	{"commit_cut", "idempotency keys: a used key is replaced", "stored events beyond", []change{
		{"store/bunstore/idempotency.go", "WHERE k.created_at < ?\n", "WHERE k.created_at < ? OR true\n"},
	}},
	{"commit_cut", "the error of a COMMIT", "stored events beyond", []change{
		{txFile, "	if err := tx.Commit(); err != nil {\n		return uncertain{err}\n	}\n", "	_ = tx.Commit()\n"},
	}},
	{"commit_cut", "the return of attempts whose publish had no answer", "longest time from acknowledgement", []change{
		{"delivery/presence.go", "!r.leases.inDoubt(r.cfg.Clock.Now())", "true"},
	}},
	{"sustained_high_load", "leases of 40 s: they last 4 ms", "duplicated", dividedLeases("10000")},
	{"black_hole", "the time-out of the store", "slowest answer", []change{
		{"hostexample/config.go", "StoreTimeout: time.Duration(s.StoreTimeout)", "StoreTimeout: time.Hour"},
		{"hostexample/auth.go", "Timeout: time.Duration(p.StoreTimeout)", "Timeout: time.Hour"},
	}},
	{"pool_exhaustion", "group commit, and a publish on one connection", "did not end within", []change{
		{"groupcommit.go", "maxCommits       = 2 ", "maxCommits       = 500 "},
		{publishFile, "		err = s.write(ctx, func(tx bun.Tx) error { return p.run(ctx, s, s.on(tx.Tx)) })\n", `
		err = s.write(ctx, func(tx bun.Tx) error {
			second, err := s.db.Conn(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = second.Close() }()
			return p.run(ctx, s, s.on(tx.Tx))
		})
`},
	}},
	{"sqlite_kill", "the take-over by a process that starts alone", "longest take-over", []change{
		{hostFileFile, "errors.Join(alone(), exec(`COMMIT`))", "exec(`COMMIT`)"},
	}},
	{"sqlite_shared", "the check that a process is alone on its file", "duplicated", []change{
		{hostFileFile, "	case !isLocked(err):\n		return err\n	}\n", "	case !isLocked(err):\n		return err\n	default:\n		_ = alone()\n	}\n"},
	}},
	{"migrate_race", "the lock of migrations", "ended at its start", []change{
		{"store/bunstore/migrate.go", "SELECT pg_advisory_xact_lock(hashtextextended(", "SELECT pg_sleep(0) FROM (SELECT hashtextextended("},
		{"store/bunstore/migrate.go", "/webhooks/' || ?, 0))\", d.s.schema)", "/webhooks/' || ?, 0)) AS k\", d.s.schema)"},
	}},
	{"rolling_upgrade", "old programs in mind: a migration adds a column that each INSERT must name", "refused", []change{
		{migrationFiles + "/*.up.sql", "", `
ALTER TABLE {}queue ADD COLUMN chaos integer NOT NULL DEFAULT 0;
ALTER TABLE {}queue ALTER COLUMN chaos DROP DEFAULT;
`},
		{queueFile, "INSERT INTO {}queue (attempt_id,", "INSERT INTO {}queue (chaos, attempt_id,"},
		{queueFile, "SELECT ` + strings.Join([]string{", "SELECT 0, ` + strings.Join([]string{"},
	}},
	{"poison", "the check of bodies that cannot be read", "requests of damaged", []change{
		{attemptFile, "	if t.Body == nil {\n", "	if t.Body == nil && t.Number < 0 {\n"},
	}},
	{"clock", "due times by the database's clock: a retry is due by the host's clock", "still queued", []change{
		{
			queueFile, "waits(func(i int) time.Time { return queue[i].due })",
			"bigints(func(i int) int64 { return queue[i].due.UnixMicro() })",
		},
		{queueFile, `wait: "r.wait",`, `wait: "(r.wait - CAST(extract(epoch FROM {now}) * 1000000 AS bigint))",`},
	}},
	{"clock", "the times of circuits by the database's clock", "still queued", []change{
		{"delivery/engine.go", "c.Store = withHostTimes(c.Store, c.Clock)\n", "\n"},
	}},
	{"idle_in_tx_saturation", wholeQueueText, "disturbed", []change{wholeQueue}},
	{"active_readers", wholeQueueText, "disturbed", []change{wholeQueue}},
	{"retry_storm", "the release of held attempts when a circuit closes", "", []change{
		{"delivery/circuit.go", "return nil, r.cfg.Store.Release(ctx, subscription)", "return nil, r.cfg.Store.Ping(ctx)"},
	}},
	{"soak", "the end of a goroutine for each attempt", "growth of goroutines", []change{
		{attemptFile, "	began := r.cfg.Clock.Now()\n", "	began := r.cfg.Clock.Now()\n	go func() { select {} }()\n"},
	}},
	{"soak", "retention", "age of the oldest event", []change{
		{"delivery/upkeep.go", "for retention > 0 && r.claiming.Err() == nil", "for retention < 0 && r.claiming.Err() == nil"},
	}},
}
