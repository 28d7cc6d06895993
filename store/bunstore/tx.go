package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/store"
)

// Tx makes an open transaction known to a [Store], so that what is published
// with it commits or rolls back with the rest of the transaction. It belongs to
// the database in which the store has its tables; the handle that it was begun
// on need not be the store's, nor the driver. Its session must have the settings that
// [New] names, which are not checked there, except for the isolation.
//
// A store works on the connection of the transaction alone, and never asks the pool
// for another one. On SQLite begin the transaction with BEGIN IMMEDIATE, as the
// connections of bunstore/sqlite do: one that begins by reading may fail with
// SQLITE_BUSY when it writes.
//
// The caller ends the transaction as usual, by its own handle or by the one
// returned.
func Tx[T bun.Tx | *sql.Tx](tx T) store.Tx {
	switch tx := any(tx).(type) {
	case bun.Tx:
		if tx.Tx == nil {
			return &transaction{}
		}
		return &transaction{ender: tx, sql: tx.Tx, db: tx.NewSelect().DB()}
	case *sql.Tx:
		return &transaction{ender: tx, sql: tx}
	default:
		return &transaction{}
	}
}

// transaction is the store.Tx of this package.
type transaction struct {
	ender store.Tx
	sql   *sql.Tx
	db    *bun.DB // that it was begun on, nil if unknown
	ended []func(committed bool)
}

var errNoTx = errors.New("bunstore: the transaction is nil")

// Commit commits the transaction, and then wakes those who listen to the stores
// that published in it.
func (t *transaction) Commit() error {
	if t.ender == nil {
		return errNoTx
	}
	err := t.ender.Commit()
	t.end(err == nil)
	return err
}

// Rollback undoes the transaction.
func (t *transaction) Rollback() error {
	if t.ender == nil {
		return errNoTx
	}
	err := t.ender.Rollback()
	t.end(false)
	return err
}

func (t *transaction) end(committed bool) {
	for _, f := range t.ended {
		f(committed)
	}
	t.ended = nil
}

// own returns the transaction behind a store.Tx, if it can be one of this
// store's database.
func (s *Store) own(tx store.Tx) (*transaction, error) {
	t, ok := tx.(*transaction)
	if !ok || t.sql == nil {
		return nil, store.ErrForeignTx
	}
	if t.db != nil && (t.db.Dialect().Name() == dialect.PG) != s.pg {
		return nil, store.ErrForeignTx
	}
	return t, nil
}

// Begin begins a transaction in the store's database. On SQLite it is the only
// writer until it ends.
func (s *Store) Begin(ctx context.Context) (store.Tx, error) {
	tx, release, err := s.begin(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return &transaction{ender: tx, sql: tx.Tx, db: s.db, ended: []func(bool){func(bool) { release() }}}, nil
}

// begin begins a transaction that may write. Release is to be called once it
// has ended.
func (s *Store) begin(ctx context.Context) (tx bun.Tx, release func(), err error) {
	if s.pg {
		tx, err = s.db.BeginTx(ctx, nil)
		return tx, func() {}, err
	}
	until := time.Now().Add(lockWait)
	if err := s.takeTurn(ctx, until); err != nil {
		return tx, nil, err
	}
	release = func() { <-s.writer }
	err = untilUnlocked(ctx, until, func() error {
		tx, err = s.beginLocked(ctx)
		return err
	})
	if err != nil {
		release()
	}
	return tx, release, err
}

// How often write repeats a transaction that met a deadlock or a serialization failure.
const writeTries = 5

// write runs f in a transaction of its own, and maps the error. f may be called
// several times.
func (s *Store) write(ctx context.Context, f func(bun.Tx) error) error {
	return s.repeated(ctx, func() error { return s.writeOnce(ctx, f) })
}

// repeated runs f, which is a transaction, and maps the error.
func (s *Store) repeated(ctx context.Context, f func() error) error {
	for try := 1; ; try++ {
		err := f()
		if err == nil || try == writeTries || !repeatable(err) {
			return s.failed(ctx, err)
		}
		select {
		case <-time.After(time.Duration(try*try) * 5 * time.Millisecond):
		case <-ctx.Done():
			return s.failed(ctx, err)
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, f func(bun.Tx) error) error {
	tx, release, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer release()
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if s.pg && s.plansLocally() {
		if _, err := tx.Tx.ExecContext(ctx, planLocally); err != nil {
			return err
		}
	}
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// read runs f in a transaction that sees one state of the database, and maps the
// error.
func (s *Store) read(ctx context.Context, f func(bun.Tx) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if s.pg {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := s.db.BeginTx(ctx, opts)
	if err != nil {
		return s.failed(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	return s.failed(ctx, f(tx))
}
