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
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/internal/pgarray"
)

// DefaultMaxConns is the size of the pool unless [Options] say otherwise.
const DefaultMaxConns = 16

// Options are the settings of [Open].
type Options struct {
	bunstore.Options

	// MaxConns limits how many connections are open at a time; listening for work
	// takes one of them. Default: 16.
	MaxConns int
}

// Store is a store with a pool of its own.
type Store struct {
	*bunstore.Store
}

// Close closes the connections.
func (s *Store) Close() error { return s.DB().Close() }

// Open connects to the database that the address names, a URL
// (postgres://user:password@host/database) or key=value pairs, and checks that
// it answers. The tables are not looked at: that is what Ping does, and Migrate.
//
// Statements are prepared, unless the address has a default_query_exec_mode
// other than cache_statement, as one sets it for a pooler.
func Open(ctx context.Context, address string, opts Options) (*Store, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// Not the reason: it may quote a part of the password.
		return nil, errors.New("postgres: the address of the database cannot be understood: " +
			"want postgres://user:password@host:port/database, with special characters in the password percent-encoded")
	}
	if !strings.Contains(address, "default_query_exec_mode") {
		// What bun writes differs from call to call: there is no use in preparing it.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	} else if config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
		opts.NoPrepare = true
	}
	var options []stdlib.OptionOpenDB
	if !opts.NoPrepare {
		options = append(options, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			pgarray.Register(conn.TypeMap())
			return planForGrowth(ctx, conn)
		}))
	}
	pool := stdlib.OpenDB(*config, options...)
	limit(pool, opts.MaxConns)
	s, err := bunstore.New(bun.NewDB(pool, pgdialect.New()), opts.Options)
	if err == nil {
		err = answers(ctx, pool, config)
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &Store{s}, nil
}

// planForGrowth makes the planner prefer indexes, of which there is one for each of
// our statements. It would keep a plan made while a table was small, which reads all
// of it, until the table is analyzed; by then it may have grown a hundredfold. A bitmap
// has no order, so for a claim all that is due would be read; and to be merged a table is
// read from one end to the other.
func planForGrowth(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_mergejoin = off; SET jit = off", pgx.QueryExecModeSimpleProtocol)
	return err
}

func limit(pool *sql.DB, conns int) {
	if conns <= 0 {
		conns = DefaultMaxConns
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
}

func answers(ctx context.Context, pool *sql.DB, config *pgx.ConnConfig) error {
	if err := pool.PingContext(ctx); err != nil {
		return fmt.Errorf("postgres: %w: database %q at %s, port %d: %w",
			store.ErrUnavailable, config.Database, config.Host, config.Port, err)
	}
	return nil
}
