package bunstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	bundialect "github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/store"
)

// DefaultSchema is where the tables are unless [Options] say otherwise.
const DefaultSchema = "webhooks"

// Options are the settings of a [Store].
type Options struct {
	// Schema is the PostgreSQL schema of the tables, or the prefix of their names on SQLite: at
	// most 41 lower-case letters, digits and "_", not beginning with a digit. Default: webhooks.
	Schema string

	// Role follows the schema in the application_name of PostgreSQL sessions ([Options.ApplicationName]),
	// such as api or dispatcher: at most 20 of a-z and "-". Default: none.
	Role string

	// NoPrepare keeps the store from preparing statements on PostgreSQL. Set it
	// where connections go through a pooler that does not support them, such as
	// PgBouncer before 1.21 in transaction mode, together with default_query_exec_mode=exec
	// in the pool's address. bunstore/postgres sets both by itself behind a pooler that
	// refuses or ignores its settings. Each statement is then planned anew, which for a
	// claim takes 2 to 4 ms with a month of history. Default: false.
	NoPrepare bool

	// ListenConn opens the connection on which [Store.Listen] waits, on PostgreSQL. Set it
	// where the pool connects through a transaction pooler, through which notifications do
	// not arrive. Listen closes the connection. Default: Listen takes one of the pool's.
	ListenConn func(context.Context) (*pgx.Conn, error)
}

// Store is a store.Store in a PostgreSQL or SQLite database.
type Store struct {
	given   *bun.DB // the host's
	db      *bun.DB // given, with our own dialect on PostgreSQL
	dialect dialect
	syntax  *syntax
	schema  string
	role    string
	prefix  string // of the names of tables
	native  bool   // the driver takes pgx's arrays and prepares statements
	listen  func(context.Context) (*pgx.Conn, error)

	identity  atomic.Pointer[uuid.UUID] // of the tables; nil while it is unknown
	unplanned atomic.Bool               // checkSession saw a session without the planner settings

	writer        chan struct{} // SQLite has one writer at a time: it holds the token
	wake          broadcast
	hosts         sync.Map                 // that beat here: their leases by number
	listener      atomic.Pointer[listener] // on PostgreSQL, nil while none listens
	hostFile      hostFile                 // of SQLite
	notifications sharedNotify
	matchCache    matchCache

	renewals          sessionRenewals
	missingPartitions sync.Map // set of suffixes for which inPartition found no partitions

	wasReady      atomic.Bool               // Ping succeeded before
	messagesAfter atomic.Pointer[id]        // where the next Prune goes on with messages on PostgreSQL; nil for the first
	deletedAfter  atomic.Pointer[uuid.UUID] // where the next Prune goes on with deleted subscriptions; nil for the first
}

var _ store.Store = (*Store)(nil)

var (
	schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,40}$`)
	roleName   = regexp.MustCompile(`^[a-z-]{0,20}$`)
)

// New returns a store in the database. It connects to nothing; [Store.Ping]
// does.
//
// Any driver for PostgreSQL will do; with pgx the store is faster, and can listen for work.
//
// The store changes no setting of a PostgreSQL session beyond its own transactions.
// [Store.Ping] and [Store.Migrate], and so the start of a dispatcher, refuse sessions in
// which its statements would mean something else: client_encoding must be UTF8,
// standard_conforming_strings on, DateStyle ISO, bytea_output hex, extra_float_digits 1 or
// more, array_nulls on, and default_transaction_isolation "read committed". Each is
// PostgreSQL's default. Transactions that the caller passes with [Tx] may have any isolation.
//
// With pgx, statements are prepared, and the dispatcher sets planner settings for each of its
// transactions. That costs a transaction of several statements a round trip, unless the
// sessions of the pool begin with enable_seqscan, enable_bitmapscan, enable_mergejoin and jit
// off and max_parallel_workers_per_gather 0, as in bunstore/postgres. A service that delivers
// thousands a second opens the store of the dispatcher there, and publishes in transactions of
// any pool on the same database.
//
// Query hooks of the *bun.DB do not see the store's statements.
//
// On SQLite it expects modernc.org/sqlite, a busy_timeout of 1 s and the WAL mode, as
// bunstore/sqlite sets them.
func New(db *bun.DB, opts Options) (*Store, error) {
	if db == nil || db.DB == nil {
		return nil, errors.New("bunstore: a *bun.DB on an open *sql.DB is required")
	}
	schema, err := checkSchema(opts.Schema)
	if err != nil {
		return nil, err
	}
	if !roleName.MatchString(opts.Role) {
		return nil, fmt.Errorf("bunstore: Role %q: want at most 20 of a-z and -", opts.Role)
	}
	s := &Store{given: db, db: db, listen: opts.ListenConn, schema: schema, role: opts.Role, writer: make(chan struct{}, 1)}
	switch name := db.Dialect().Name(); name {
	case bundialect.PG:
		_, native := db.Driver().(*stdlib.Driver)
		s.db = bun.NewDB(db.DB, literals{pgdialect.New()})
		s.native = native && !opts.NoPrepare
		s.dialect, s.syntax = postgres{s}, postgresSyntax
	case bundialect.SQLite:
		s.dialect, s.syntax = sqlite{s}, sqliteSyntax
	default:
		return nil, fmt.Errorf("bunstore: no support for bun's dialect %s: use PostgreSQL or SQLite", name)
	}
	s.prefix = s.syntax.prefix(schema)
	return s, nil
}

// checkSchema returns the name of a schema, or of the default one for "".
func checkSchema(schema string) (string, error) {
	schema = cmp.Or(schema, DefaultSchema)
	if !schemaName.MatchString(schema) || strings.HasPrefix(schema, "pg_") || strings.HasPrefix(schema, "sqlite_") {
		return "", fmt.Errorf("bunstore: Schema %q: want at most 41 of a-z, 0-9 and _, not beginning with a digit, pg_ or sqlite_", schema)
	}
	return schema, nil
}

// DB returns the database that the store works on.
func (s *Store) DB() *bun.DB { return s.given }

// Schema returns the name that Options chose.
func (s *Store) Schema() string { return s.schema }

// Abilities implements store.Store: the store has all of them.
func (s *Store) Abilities() store.Abilities {
	return store.Abilities{Notifier: s, Maintainer: s, Transactor: s, Hosts: s, Measurer: s, Operations: s}
}

// Durable reports true: acknowledged writes are on disk, as far as the database is configured
// to sync them.
func (s *Store) Durable() bool { return true }

// Ping reports whether the database answers, has the tables of the version that this
// program needs, and takes writes: it fails with store.ErrReadOnly on a standby, where
// default_transaction_read_only is on, and for a read-only SQLite file, and with
// store.ErrLocked if it gets no write lock of SQLite within half a second. Tables of a newer version
// are an error at first alone: a host that runs while another program migrates goes on with its work,
// and stays ready until it is replaced.
func (s *Store) Ping(ctx context.Context) error {
	version, err := s.version(ctx, s.db)
	if err != nil {
		return s.mapError(ctx, err)
	}
	switch want := s.newest(); {
	case version == 0:
		return fmt.Errorf("bunstore: the database has no webhooks tables in %q: %s", s.schema, migrateFirst)
	case version < want:
		return fmt.Errorf("bunstore: the tables in %q have version %d, this program needs %d: %s", s.schema, version, want, migrateFirst)
	case version > want && !s.wasReady.Load():
		return fmt.Errorf("bunstore: the tables in %q have version %d, this program knows %d: "+
			"run a newer program, or call store.MigrateTo(ctx, %d) in it", s.schema, version, want, want)
	}
	if err := s.learnIdentity(ctx, s.db.DB); err != nil {
		return s.mapError(ctx, err)
	}
	err = s.dialect.checkWritable(ctx)
	if err == nil {
		s.wasReady.Store(true)
	}
	return err
}

// migrateFirst says how missing and old tables are made.
const migrateFirst = "call store.Migrate(ctx), or run the text of bunstore.SQL (hostexample migrate up, or migrate sql)"

// table names a table for bun's query builder.
func (s *Store) table(nameAndAlias string) string { return s.prefix + nameAndAlias }

// sql completes a statement in which {} stands before the names of tables.
func (s *Store) sql(text string) string { return strings.ReplaceAll(text, "{}", s.prefix) }

// locked adds a locking clause to a query, where there are row locks.
func (s *Store) locked(q *bun.SelectQuery, lock string) *bun.SelectQuery {
	if s.syntax.rowLocks && lock != "" {
		q.For(lock)
	}
	return q
}
