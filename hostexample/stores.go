package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/store/memstore"
)

// openTime is the time that the database has for its first answer.
const openTime = 10 * time.Second

// database is an open store.
type database struct {
	store.Store
	sql *bunstore.Store // nil in memory
}

// lockPatience bounds the time that a step waits for the lock of an SQLite file to which another process writes.
const lockPatience = 30 * time.Second

// whenUnlocked takes a step, and repeats it while the SQLite file of the store is locked.
func whenUnlocked(ctx context.Context, step func() error) error {
	patience := backoff.NewExponentialBackOff(backoff.WithInitialInterval(50*time.Millisecond), backoff.WithMaxElapsedTime(lockPatience))
	return backoff.Retry(func() error {
		err := step()
		if err != nil && !errors.Is(err, store.ErrLocked) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(patience, ctx))
}

// answers asks the store whether it can be used.
func answers(ctx context.Context, s interface{ Ping(context.Context) error }) error {
	return whenUnlocked(ctx, func() error { return s.Ping(ctx) })
}

// open opens the store of the settings, for a process with a role, "" for none. Every error is about a setting, except if the
// database is out of reach.
func (s storeSettings) open(ctx context.Context, role string) (*database, error) {
	if s.ListenAddress != "" && !strings.HasPrefix(string(s.Store), "postgres") {
		return nil, wrong("listen-address", "is set, but --store is not PostgreSQL: leave it out")
	}
	if s.PoolSize != 0 && !strings.HasPrefix(string(s.Store), "postgres") {
		return nil, wrong("pool-size", "is set, but --store is not PostgreSQL: leave it out")
	}
	if s.Store == "memory:" {
		return &database{Store: memstore.New()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	db, err := s.openSQL(ctx, role)
	switch {
	case err == nil:
		return &database{Store: db, sql: db}, nil
	case errors.Is(err, store.ErrUnavailable), ctx.Err() != nil:
		return nil, fmt.Errorf("--store (%s): %w", envName("store"), err)
	case strings.Contains(err.Error(), "Schema"):
		return nil, wrong("schema", "is wrong: %v", err)
	case strings.Contains(err.Error(), "ListenAddress"):
		return nil, wrong("listen-address", "is wrong: %v", err)
	}
	return nil, wrong("store", "is wrong: %v", err)
}

func (s storeSettings) openSQL(ctx context.Context, role string) (*bunstore.Store, error) {
	options := bunstore.Options{Schema: s.Schema, Role: role}
	if path, ok := strings.CutPrefix(string(s.Store), "sqlite:"); ok {
		db, err := sqlite.Open(ctx, path, sqlite.Options{Options: options})
		if err != nil {
			return nil, err
		}
		return db.Store, nil
	}
	db, err := postgres.Open(ctx, string(s.Store), postgres.Options{
		Options: options, MaxConns: int(s.PoolSize),
		ListenAddress: string(s.ListenAddress),
	})
	if err != nil {
		return nil, err
	}
	return db.Store, nil
}

// Migrate brings the schema to this program's version.
func (d *database) Migrate(ctx context.Context) error {
	if d.sql == nil {
		return nil
	}
	return d.sql.Migrate(ctx)
}

// Close closes the connections.
func (d *database) Close() error {
	if d.sql == nil {
		return nil
	}
	return d.sql.DB().Close()
}
