package bunstore

import (
	"context"
	"database/sql"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// dialect is PostgreSQL or SQLite. The package differs between the two databases in this
// interface and in [syntax], and nowhere else. The two methods of a name stand together, in the
// file of their subject.
type dialect interface {
	// begin begins a transaction that may write. See Store.begin.
	begin(ctx context.Context) (tx bun.Tx, end func(error), err error)
	// checkSession refuses a session whose settings change the meaning of statements.
	checkSession(ctx context.Context, db bun.IDB) error
	// checkWritable fails if the database takes no writes.
	checkWritable(ctx context.Context) error
	// checkAlone fails with ErrInUse while another connection uses the tables.
	checkAlone(ctx context.Context) error
	// setPlanner runs a SET LOCAL of planner settings. SQLite has none.
	setPlanner(ctx context.Context, tx bun.Tx, settings string) error

	// notify makes the commit of the transaction wake the listeners; committed wakes them after it.
	// Each database does one of the two, and Store.change calls both.
	notify(ctx context.Context, tx bun.Tx) error
	committed()
	listen(ctx context.Context, wake func()) error

	// publish stores messages in a transaction of the store's, publishInTx in the caller's.
	publish(ctx context.Context, p *publication) error
	publishInTx(ctx context.Context, t *transaction, p *publication) error
	// insertPublication inserts messages, attempts and their rows of the queue.
	insertPublication(ctx context.Context, c conn, p *publication) error
	claim(ctx context.Context, opts store.ClaimOptions) (jobs []store.Job, at time.Time, err error)
	record(ctx context.Context, outcomes []store.Outcome) (*outcomeBatch, error)

	beat(ctx context.Context, host int64, lease time.Duration) (store.Beat, error)
	// forgetHost is called at the end of EndLeases.
	forgetHost(ctx context.Context, host int64) error

	// oldest chooses the messages of a query, m, that were created before a time, the oldest first.
	oldest(q *bun.SelectQuery, before time.Time) *bun.SelectQuery
	pruneMessages(ctx context.Context, before time.Time, limit int) (removed int, err error)
	// maintain creates the partitions of the coming days. SQLite has no partitions.
	maintain(ctx context.Context, now time.Time) error
	// daysAhead counts the coming days that have partitions. SQLite returns -1.
	daysAhead(ctx context.Context, now time.Time) (int, error)

	// seenHosts lists the hosts that beat last, and layout completes the description of the tables.
	seenHosts(ctx context.Context, most int) ([]store.SeenHost, error)
	layout(ctx context.Context, l *store.Layout) error

	// beginMigration begins a transaction on the connection, and waits for the migration of
	// another process. end is called after the transaction.
	beginMigration(ctx context.Context, conn bun.Conn) (end func(), err error)
	// endMigration belongs at the end of the transaction, if there are tables.
	endMigration(ctx context.Context, conn bun.Conn) error
}

// postgres and sqlite are the dialects.
type (
	postgres struct{ s *Store }
	sqlite   struct{ s *Store }
)

// syntax is the text and the parameters in which statements differ.
type syntax struct {
	isolation sql.IsolationLevel // of transactions that read one state of the database
	rowLocks  bool               // SQLite has one writer at a time, and needs none
	arrays    bool               // paramRows are $1, $2, … with an array for each column, not a ? for each value
	maxRows   int                // of paramRows in one statement
	interval  string             // turns microseconds into an interval, see conn
	now       func() string
	time      func(t time.Time) any  // as a single parameter
	id        func(id uuid.UUID) any // as a single parameter

	matchSubscriptions, releaseLeases, deferLeases, endLeases, leases string
	durationBucket                                                    string // the number of the bucket of a.posted_at, of ? seconds
	tableExists                                                       string // counts the tables of a name

	contains func(column string) string // whether the column contains ?, compared as store.FoldCase does

	prefix     func(schema string) string // of the names of tables
	present    string                     // the present time, as SQL
	migrations []Migration                // {} stands for the prefix, {schema} for the schema
}

var postgresSyntax = &syntax{
	isolation: sql.LevelRepeatableRead,
	rowLocks:  true,
	arrays:    true,
	maxRows:   math.MaxInt,
	interval:  " * interval '1 microsecond'",
	// In a transaction of the caller's, now() is the time at which the transaction began.
	now:  func() string { return "statement_timestamp()" },
	time: func(t time.Time) any { return t },
	id:   func(v uuid.UUID) any { return v.String() },

	matchSubscriptions: matchByLookup,
	releaseLeases:      releaseByLookup,
	deferLeases:        deferByLookup,
	endLeases:          endLeasesSkipping,
	leases:             leasesByHost,
	durationBucket:     `CAST(floor(extract(epoch FROM a.posted_at) / CAST(? AS bigint)) AS bigint)`,
	tableExists:        "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass(?)",
	contains:           func(column string) string { return "strpos(lower(" + column + ` COLLATE "C"), ?) > 0` },

	prefix:     func(schema string) string { return `"` + schema + `".` },
	present:    "date_trunc('milliseconds', statement_timestamp())",
	migrations: mustReadMigrations("migrations/postgres"),
}

var sqliteSyntax = &syntax{
	// SQLite takes at most 32,766 parameters. 100 rows have fewer.
	maxRows: 100,
	// SQLite has the clock of this process.
	now:  func() string { return strconv.FormatInt(time.Now().UnixMilli()*1000, 10) },
	time: func(t time.Time) any { return t.UnixMicro() },
	id:   func(v uuid.UUID) any { return v[:] },

	matchSubscriptions: matchByJoin,
	releaseLeases:      releaseByJoin,
	deferLeases:        deferByJoin,
	endLeases:          endLeasesByLookup,
	leases:             leasesByToken,
	durationBucket:     `a.posted_at / (CAST(? AS bigint) * 1000000)`,
	tableExists:        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?",
	contains:           func(column string) string { return "instr(lower(" + column + "), ?) > 0" },

	prefix:     func(schema string) string { return schema + "_" },
	present:    "CAST(strftime('%s', 'now') AS integer) * 1000000",
	migrations: mustReadMigrations("migrations/sqlite"),
}

// forUpdate is the locking clause of a SELECT, where there are row locks.
func (s *syntax) forUpdate(clause string) string {
	if !s.rowLocks {
		return ""
	}
	return clause
}
