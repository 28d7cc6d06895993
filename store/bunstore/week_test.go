package bunstore_test

import (
	"context"
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

var counter atomic.Uint64

// idAt makes an id of version 7 for the time.
func idAt(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|0x7000)
	binary.BigEndian.PutUint64(id[8:], counter.Add(1)|1<<63)
	return id
}

// week is a PostgreSQL that has partitions for a week ago and the days since.
type week struct{ *scene }

func newWeek(tb testing.TB) week {
	tb.Helper()
	testpg.DSN(tb)
	return weekOn(tb, newPostgres(tb))
}

func weekOn(tb testing.TB, s *bunstore.Store) week {
	tb.Helper()
	w := week{newScene(tb, s)}
	check(tb, w.s.Maintain(tb.Context(), w.noon(0)))
	check(tb, w.s.Maintain(tb.Context(), w.noon(3)))
	return w
}

// noon is that of a day of the week.
func (w week) noon(n int) time.Time {
	return w.now.Truncate(24*time.Hour).AddDate(0, 0, n-7).Add(12 * time.Hour)
}

// end is that of a day.
func (w week) end(n int) time.Time { return w.noon(n).Add(12 * time.Hour) }

// messageAt makes a message of the time.
func (w week) messageAt(at time.Time) store.NewMessage {
	m := w.message([]byte("x"))
	m.ID, m.CreatedAt, m.ExpiresAt = idAt(at), at, w.now.Add(time.Hour)
	return m
}

// publishAt publishes a message, and hands it off if that is wanted. Attempts is the
// time of its attempts' ids.
func (w week) publishAt(m store.NewMessage, attempts time.Time, handOff int) store.Published {
	w.tb.Helper()
	opts := w.options(handOff)
	opts.NewID = func() uuid.UUID { return idAt(attempts) }
	out, err := w.s.Publish(w.tb.Context(), nil, []store.NewMessage{m}, opts)
	check(w.tb, err)
	return out[0]
}

// sentAt is the job of a message of the time.
func (w week) sentAt(at time.Time) store.Job {
	w.tb.Helper()
	return w.publishAt(w.messageAt(at), at, 1).Jobs[0]
}

// record stores outcomes.
func (w week) record(outcomes ...store.Outcome) {
	w.tb.Helper()
	lost, err := w.s.Record(w.tb.Context(), outcomes)
	check(w.tb, err)
	if len(lost) > 0 {
		w.tb.Fatalf("lost %v", lost)
	}
}

func (w week) succeed(jobs ...store.Job) {
	w.tb.Helper()
	for _, j := range jobs {
		w.record(store.Outcome{Lease: j.Lease, Status: store.Succeeded, PostedAt: w.now, HTTPStatus: 200, At: w.now})
	}
}

func (w week) fail(j store.Job, next *store.Next) {
	w.tb.Helper()
	w.record(store.Outcome{Lease: j.Lease, Status: store.Failed, PostedAt: w.now, HTTPStatus: 500, At: w.now, Next: next})
}

// doneAt is a message of the time that was sent.
func (w week) doneAt(at time.Time) store.Job {
	w.tb.Helper()
	j := w.sentAt(at)
	w.succeed(j)
	return j
}

// retriedAt lets a job fail, and is the job of its automatic retry.
func (w week) retriedAt(j store.Job, at time.Time) store.Job {
	w.tb.Helper()
	w.fail(j, &store.Next{ID: idAt(at), DueAt: at})
	return w.claim(1)[0]
}

// joined adds an attempt with a message of its own to the chain of a job.
func (w week) joined(j store.Job, at time.Time) store.Job {
	w.tb.Helper()
	m := w.messageAt(at).Message
	_, err := w.s.AddAttempt(w.tb.Context(), w.org, w.sub.ID, store.NewAttempt{
		ID: idAt(at), Type: store.ManualRetry, RetryOf: j.AttemptID, Message: &m, At: at, ExpiresAt: w.now.Add(time.Hour),
	})
	check(w.tb, err)
	return w.claim(1)[0]
}

// claim claims everything that is due; want is how much that is, negative if anything will do.
func (w week) claim(want int) []store.Job {
	w.tb.Helper()
	jobs, _, err := w.s.Claim(w.tb.Context(), store.ClaimOptions{Max: 10_000, Lease: time.Hour})
	check(w.tb, err)
	if len(jobs) != want && want >= 0 {
		w.tb.Fatalf("claimed %d, want %d", len(jobs), want)
	}
	return jobs
}

// claimDue makes everything due and claims it.
func (w week) claimDue(want int) []store.Job {
	w.tb.Helper()
	_, err := w.s.DB().DB.ExecContext(w.tb.Context(), w.sql("UPDATE {}queue SET due_at = now()"))
	check(w.tb, err)
	return w.claim(want)
}

func (w week) prune(before time.Time, want int) {
	w.tb.Helper()
	n, err := w.s.Prune(w.tb.Context(), before, 1000)
	check(w.tb, err)
	if n != want {
		w.tb.Fatalf("pruned %d, want %d", n, want)
	}
}

// has reports whether there are partitions of a day.
func (w week) has(at time.Time) bool {
	w.tb.Helper()
	var n int
	for _, table := range []string{"messages", "attempts"} {
		n += w.count(`pg_class WHERE oid = to_regclass('{}` + table + at.Format("_20060102") + `')`)
	}
	if n == 1 {
		w.tb.Errorf("of %v there is one partition of two", at)
	}
	return n == 2
}

func (w week) count(from string) (n int) {
	w.tb.Helper()
	check(w.tb, w.s.DB().DB.QueryRowContext(w.tb.Context(), "SELECT count(*) FROM "+w.sql(from)).Scan(&n))
	return n
}

func (w week) sql(text string) string { return inSchema(w.s, text) }

// chain is all that is known of a delivery.
type chain struct {
	delivery store.Delivery
	attempts []store.Attempt
}

func (w week) chain(j store.Job) chain {
	w.tb.Helper()
	d, err := w.s.Delivery(w.tb.Context(), w.org, w.sub.ID, j.DeliveryID)
	check(w.tb, err)
	attempts, err := w.s.Chain(w.tb.Context(), w.org, w.sub.ID, j.DeliveryID, 0)
	check(w.tb, err)
	return chain{d, attempts.Items}
}

// left demands the number of the remaining attempts and messages.
func (w week) left(attempts, messages int) {
	w.tb.Helper()
	if a, m := w.count("{}attempts"), w.count("{}messages"); a != attempts || m != messages {
		w.tb.Fatalf("there are %d attempts and %d messages, want %d and %d", a, m, attempts, messages)
	}
}

func (w week) retry(j store.Job, at time.Time) store.Job {
	w.tb.Helper()
	_, err := w.s.AddAttempt(w.tb.Context(), w.org, w.sub.ID, store.NewAttempt{
		ID: idAt(at), Type: store.ManualRetry, RetryOf: j.AttemptID, At: at, ExpiresAt: w.now.Add(time.Hour),
	})
	check(w.tb, err)
	return w.claim(1)[0]
}

// reading is a transaction that reads a table, until it is ended.
func (w week) reading(table string) (end func()) {
	w.tb.Helper()
	return w.hold("SELECT 1 FROM {}" + table + " LIMIT 1")
}

// lock takes tables for a transaction, until it is ended.
func (w week) lock(tables string) (end func()) {
	w.tb.Helper()
	return w.hold("LOCK TABLE " + tables + " IN ACCESS EXCLUSIVE MODE")
}

// hold begins a transaction with a statement.
func (w week) hold(statement string) (end func()) {
	w.tb.Helper()
	tx, err := w.s.DB().DB.BeginTx(w.tb.Context(), nil)
	check(w.tb, err)
	_, err = tx.ExecContext(w.tb.Context(), w.sql(statement))
	check(w.tb, err)
	return func() { check(w.tb, tx.Rollback()) }
}

// guest is the store of a database user, {role}, without tables of its own.
func (w week) guest(grants ...string) *scene {
	w.tb.Helper()
	role := "role_" + w.s.Schema()
	for _, text := range append([]string{"CREATE ROLE {role}", "GRANT USAGE ON SCHEMA {schema} TO {role}"}, grants...) {
		_, err := w.s.DB().DB.ExecContext(w.tb.Context(), strings.ReplaceAll(w.sql(text), "{role}", role))
		check(w.tb, err)
	}
	w.tb.Cleanup(func() {
		_, err := postgresPool(w.tb).ExecContext(context.Background(), "DROP OWNED BY "+role+"; DROP ROLE "+role)
		check(w.tb, err)
	})
	config := parse(w.tb, testpg.DSN(w.tb))
	config.RuntimeParams["role"] = role
	pool := stdlib.OpenDB(*config)
	w.tb.Cleanup(func() { _ = pool.Close() })
	guest := *w.scene
	guest.s = newOn(w.tb, pool, bunstore.Options{Schema: w.s.Schema()})
	return &guest
}

// await returns when there are such rows, or done is closed.
func (w week) await(done <-chan struct{}, from string) {
	w.tb.Helper()
	for w.count(from) == 0 {
		select {
		case <-done:
			return
		default:
		}
	}
}

// inSchema completes a statement for the tables of a store.
func inSchema(s *bunstore.Store, text string) string {
	prefix := `"` + s.Schema() + `".`
	if s.DB().Dialect().Name() == dialect.SQLite {
		prefix = s.Schema() + "_"
	}
	return strings.NewReplacer("{}", prefix, "{schema}", s.Schema()).Replace(text)
}
