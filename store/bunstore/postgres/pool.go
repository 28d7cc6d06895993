package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks/store/bunstore"
)

// New returns a store on the pool of a service that uses pgx without database/sql. The store takes
// its connections from the pool, through pgx's own adapter to database/sql. It connects to nothing;
// Ping does.
//
// The store prepares statements if the pool's default_query_exec_mode is cache_statement, which is
// pgx's default; opts.NoPrepare switches that off. [bunstore.New] says which session settings it
// needs, and which make it faster: a service that delivers thousands of webhooks a second opens the
// dispatcher's store with [Open] and publishes with bunstore.PgxTx in transactions of its pool.
//
// While a dispatcher runs, the store listens on one connection more, which it takes out of the pool
// for good; opts.ListenConn opens another one instead.
//
// Close the store before the pool: Close leaves the pool open. An error says that the pool is nil or
// that a field of opts is wrong.
func New(pool *pgxpool.Pool, opts bunstore.Options) (*Store, error) {
	if pool == nil {
		return nil, errors.New("postgres: the pool is nil: pass the *pgxpool.Pool that pgxpool.New returns")
	}
	config := pool.Config()
	opts.NoPrepare = opts.NoPrepare || config.ConnConfig.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement
	if opts.ListenConn == nil {
		opts.ListenConn = func(ctx context.Context) (*pgx.Conn, error) {
			conn, err := pool.Acquire(ctx)
			if err != nil {
				return nil, err
			}
			return conn.Hijack(), nil
		}
	}
	db := stdlib.OpenDBFromPool(pool)
	db.SetMaxOpenConns(int(config.MaxConns))
	s, err := bunstore.New(bun.NewDB(db, pgdialect.New()), opts)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{s}, nil
}
