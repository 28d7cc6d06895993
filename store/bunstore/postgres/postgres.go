// Package postgres opens a [bunstore.Store] in a PostgreSQL database, through
// pgx.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/internal/redact"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// DefaultMaxConns is the size of the pool unless [Options] say otherwise.
const DefaultMaxConns = 16

// Options are the settings of [Open].
type Options struct {
	bunstore.Options

	// MaxConns limits how many connections are open at a time; listening for work
	// takes one of them. Default: 16.
	MaxConns int

	// ListenAddress is the address of a connection on which the store hears that work was
	// added, in the form of [Open]'s. Set it where the other address is that of a transaction pooler,
	// through which notifications do not arrive: this one leads to the database itself, or
	// to a pooler in session mode. Default: one of the pool's connections listens.
	ListenAddress string `log:"-"`
}

// Format implements [fmt.Formatter]: an address can hold a password.
func (o Options) Format(f fmt.State, _ rune) { redact.Format(f, o) }

// Store is a store with a pool of its own, from [Open], or on the pool of the host, from [New].
type Store struct {
	*bunstore.Store
}

// Close closes the connections of the store's own pool. It leaves the pool of the host open.
func (s *Store) Close() error { return s.DB().Close() }

// Open connects to the database that the address names, a URL
// (postgres://user:password@host/database) or key=value pairs, and checks that
// it answers. It does not look at the tables, as Ping and Migrate do.
//
// Each connection starts with the session settings that the statements need, and with
// planner settings that prefer indexes. They override the settings of the role, the
// database and the address. Nothing is set later, so no setting of the store's stays on a
// server connection that a pooler gives to another client.
//
// The application_name of the connections is [bunstore.Options.ApplicationName], unless the
// address or PGAPPNAME names another one.
//
// A pooler such as PgBouncer keeps client_encoding, DateStyle and
// standard_conforming_strings for each client, and refuses or ignores the other settings.
// The store then works as with NoPrepare, and Ping refuses a server on which one of the
// needed settings differs. With default_query_exec_mode=cache_statement in the address it
// prepares statements all the same, as PgBouncer supports since 1.21; with another mode it
// never does.
func Open(ctx context.Context, address string, opts Options) (*Store, error) {
	config, err := parse(address)
	if err != nil {
		return nil, fmt.Errorf("postgres: the address of the database %w", err)
	}
	if opts.ListenAddress != "" {
		listen, err := parse(opts.ListenAddress)
		if err != nil {
			return nil, fmt.Errorf("postgres: ListenAddress %w", err)
		}
		opts.ListenConn = func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, listen) }
	}
	asked := strings.Contains(address, "default_query_exec_mode")
	if !asked {
		// The statements of bun differ from call to call: preparing them would be useless.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = opts.ApplicationName()
	}
	pool := sql.OpenDB(newConnector(config))
	limit(pool, opts.MaxConns)
	planned, err := prefersIndexes(ctx, pool)
	if err != nil {
		err = fmt.Errorf("postgres: %w: database %q at %s, port %d: %w",
			store.ErrUnavailable, config.Database, config.Host, config.Port, err)
		return nil, errors.Join(err, pool.Close())
	}
	if asked {
		planned = config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
	}
	opts.NoPrepare = opts.NoPrepare || !planned
	s, err := bunstore.New(bun.NewDB(pool, pgdialect.New()), opts.Options)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &Store{s}, nil
}

func parse(address string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// Not the reason: it may quote a part of the password.
		return nil, errors.New("cannot be understood: " +
			"want postgres://user:password@host:port/database, with special characters in the password percent-encoded")
	}
	return config, nil
}

// prefersIndexes reports whether the planner settings are in force, which they are not
// behind a pooler that refused or ignored them.
func prefersIndexes(ctx context.Context, pool *sql.DB) (yes bool, err error) {
	err = pool.QueryRowContext(ctx, "SELECT current_setting('enable_seqscan') = 'off'").Scan(&yes)
	return yes, err
}

func limit(pool *sql.DB, conns int) {
	if conns <= 0 {
		conns = DefaultMaxConns
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
}
