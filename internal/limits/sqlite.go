package limits

import (
	"database/sql"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

const rowsPerStatement = 100 // of an INSERT with many rows; more are no faster

// sqlite has one writer at a time, so it has one connection.
type sqlite struct {
	db *sql.DB
	mu sync.Mutex
}

const sqliteTables = `
CREATE TABLE events (id blob PRIMARY KEY, organization integer NOT NULL, type text NOT NULL, body blob NOT NULL,
  created_at integer NOT NULL) WITHOUT ROWID;
CREATE TABLE deliveries (id blob PRIMARY KEY, event_id blob NOT NULL, endpoint integer NOT NULL, state integer NOT NULL DEFAULT 0,
  claims integer NOT NULL, due_at integer NOT NULL, status integer, finished_at integer) WITHOUT ROWID;
CREATE TABLE attempts (id blob PRIMARY KEY, delivery_id blob NOT NULL, at integer NOT NULL, ms integer, status integer) WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 0;
CREATE INDEX events_organization ON events (organization, id);
CREATE INDEX deliveries_endpoint ON deliveries (endpoint, id);
CREATE INDEX deliveries_event ON deliveries (event_id);
CREATE INDEX attempts_delivery ON attempts (delivery_id)`

// OpenSQLite makes a store in a new file, which syncs each commit.
func OpenSQLite(path string) Store {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-65536)")
	must(err)
	db.SetMaxOpenConns(1)
	_, err = db.Exec(sqliteTables)
	must(err)
	return &sqlite{db: db}
}

func (s *sqlite) Close() { must(s.db.Close()) }

// write runs statements in a transaction.
func (s *sqlite) write(f func(tx *sql.Tx)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.db.Begin()
	must(err)
	f(tx)
	must(tx.Commit())
}

// many runs a statement with many rows, n values each, in place of its "?".
func many(tx *sql.Tx, text string, n int, values []any) {
	row := "(?" + strings.Repeat(",?", n-1) + ")"
	if n == 1 {
		row = "?"
	}
	for len(values) > 0 {
		k := min(rowsPerStatement*n, len(values))
		_, err := tx.Exec(strings.Replace(text, "?", row+strings.Repeat(","+row, k/n-1), 1), values[:k]...)
		must(err)
		values = values[k:]
	}
}

func (s *sqlite) Insert(events []Event, deliveries []*Delivery, leased bool) {
	now := time.Now().UnixMilli()
	due := now + 60_000*int64(number(leased))
	var es, ds []any
	for _, e := range events {
		es = append(es, e.ID[:], 1, "bench.happened", e.Body, now)
	}
	for _, d := range deliveries {
		ds = append(ds, d.ID[:], d.Event[:], d.Endpoint, number(leased), due)
	}
	s.write(func(tx *sql.Tx) {
		many(tx, `INSERT INTO events (id, organization, type, body, created_at) VALUES ?`, 5, es)
		many(tx, `INSERT INTO deliveries (id, event_id, endpoint, claims, due_at) VALUES ?`, 5, ds)
	})
}

// Claim panics: a SQLite file has one process, which hands every delivery over in memory.
func (s *sqlite) Claim(int) []*Delivery { panic("limits: no claims on SQLite") }

func (s *sqlite) Finish(deliveries []*Delivery) {
	var attempts, ids []any
	for _, d := range deliveries {
		id := newID()
		attempts = append(attempts, id[:], d.ID[:], d.At.UnixMilli(), d.Took.Milliseconds(), d.Status)
		ids = append(ids, d.ID[:])
	}
	s.write(func(tx *sql.Tx) {
		many(tx, `INSERT INTO attempts (id, delivery_id, at, ms, status) VALUES ?`, 5, attempts)
		many(tx, `UPDATE deliveries SET state = 2, status = 200, finished_at = unixepoch() WHERE id IN (?)`, 1, ids)
	})
}
