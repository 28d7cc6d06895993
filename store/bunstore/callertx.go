package bunstore

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	bundialect "github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/store"
)

// SQLTx is an open transaction of a library that is built on database/sql: a *sql.Tx, a bun.Tx, a
// *sqlx.Tx, the Statement.ConnPool of a *gorm.DB in a transaction, or the *Tx that ent generates
// with the feature sql/execquery.
//
// It also has the methods Commit() error and Rollback() error. A pool has not, and is refused
// with store.ErrForeignTx.
type SQLTx interface {
	// ExecContext runs a statement without rows in the transaction.
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	// QueryContext runs a statement with rows in the transaction.
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx makes an open transaction known to a [Store], so that a publish commits or rolls back
// with the transaction. It belongs to the database that has the tables of the store; it may have
// been begun on another handle than the store's, with another driver. Its session must have the
// settings that [New] names, except for the isolation. They are not checked.
//
// A store works on the connection of the transaction alone. It refuses a transaction of another
// database with store.ErrForeignTx, and one that has ended with store.ErrTxEnded. The search_path
// of the transaction does not matter.
//
// On SQLite begin the transaction with BEGIN IMMEDIATE, as the connections of bunstore/sqlite do:
// a transaction that begins by reading may fail with SQLITE_BUSY when it writes.
//
// The caller ends the transaction as usual, by its own handle or by the returned one. A *sql.Tx,
// a bun.Tx and a *sqlx.Tx may also be given to the store without a call of Tx.
func Tx(tx SQLTx) store.Tx {
	t := &transaction{}
	if isNil(tx) {
		return t
	}
	t.sql = tx
	if ender, ok := tx.(store.Tx); ok {
		t.ender = ender
	}
	switch tx := tx.(type) {
	case *bun.Tx:
		t.unwrap(*tx)
	case bun.Tx:
		t.unwrap(tx)
	}
	return t
}

// unwrap takes the *sql.Tx out of a transaction of bun's, which would look for placeholders in the
// statements.
func (t *transaction) unwrap(tx bun.Tx) {
	if tx.Tx == nil {
		*t = transaction{}
		return
	}
	db := tx.NewSelect().DB()
	t.sql, t.pool, t.dialect = tx.Tx, db.DB, db.Dialect().Name()
}

// PgxTx is [Tx] for a transaction of pgx without database/sql: of a *pgx.Conn or a *pgxpool.Pool,
// and so of code that sqlc generates for pgx. A transaction that Begin began within another one is
// a savepoint: its Rollback undoes the publishes in it.
//
// Commit and Rollback of the returned Tx wait for at most 30 seconds. Use the methods of the
// pgx.Tx to wait for another time.
func PgxTx(tx pgx.Tx) store.Tx {
	if isNil(tx) {
		return &transaction{}
	}
	return &transaction{ender: pgxEnder{tx}, pgx: tx, dialect: bundialect.PG}
}

// isNil reports whether the interface holds nothing, or a nil pointer.
func isNil(v any) bool {
	value := reflect.ValueOf(v)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}

// pgxEnder ends a pgx.Tx.
type pgxEnder struct{ tx pgx.Tx }

const pgxEndTimeout = 30 * time.Second

func (e pgxEnder) Commit() error { return endWithin(e.tx.Commit) }

func (e pgxEnder) Rollback() error { return endWithin(e.tx.Rollback) }

func endWithin(end func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), pgxEndTimeout)
	defer cancel()
	return end(ctx)
}

// transaction is the store.Tx of this package. The transaction is nil if both sql and pgx are.
type transaction struct {
	ender   store.Tx // nil if the handle cannot end the transaction
	sql     SQLTx    // of database/sql
	pgx     pgx.Tx
	pool    *sql.DB         // on which it was begun; nil if unknown
	dialect bundialect.Name // zero if unknown
	ended   []func(committed bool)

	failure error // of the latest Publish
}

// Commit commits the transaction, and then wakes the listeners of SQLite stores that published
// within it.
func (t *transaction) Commit() error {
	if t.ender == nil {
		return t.refusal()
	}
	err := t.ender.Commit()
	t.end(err == nil)
	return err
}

// Rollback undoes the transaction.
func (t *transaction) Rollback() error {
	if t.ender == nil {
		return t.refusal()
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

var errNilTx = fmt.Errorf("bunstore: %w: it is nil; pass the transaction that was begun", store.ErrForeignTx)

// refusal is the error of a value that is no transaction, or nil.
func (t *transaction) refusal() error {
	switch {
	case t.sql == nil && t.pgx == nil:
		return errNilTx
	case t.ender == nil:
		return fmt.Errorf("bunstore: %w: a %T has no Commit and Rollback; pass the transaction, not the pool or connection",
			store.ErrForeignTx, t.sql)
	}
	return nil
}

// own returns the transaction behind a store.Tx, or ErrForeignTx if it cannot be used.
func (s *Store) own(tx store.Tx) (*transaction, error) {
	t, ok := tx.(*transaction)
	if !ok {
		handle, ok := tx.(SQLTx)
		if !ok && !isNil(tx) {
			return nil, fmt.Errorf("bunstore: %w: it is a %T; wrap the transaction with bunstore.Tx or bunstore.PgxTx", store.ErrForeignTx, tx)
		}
		t = Tx(handle).(*transaction)
	}
	if t == nil {
		return nil, errNilTx
	}
	if err := t.refusal(); err != nil {
		return nil, err
	}
	if want := s.db.Dialect().Name(); t.dialect != bundialect.Invalid && t.dialect != want {
		return nil, fmt.Errorf("bunstore: %w: it is of %s, the store is in %s", store.ErrForeignTx, t.dialect, want)
	}
	return t, nil
}

// in returns a conn for the caller's transaction. The driver is known only if the transaction
// was begun on the store's pool. Every other transaction may be of another database.
func (s *Store) in(ctx context.Context, t *transaction) conn {
	c := s.on(t.sql)
	if t.pgx != nil {
		c.querier = pgxQuerier{t.pgx}
	}
	if t.pool != s.db.DB {
		c.native = false
		c.checkIdentity = func(found uuid.UUID) error { return s.checkIdentity(ctx, found) }
	}
	return c
}
