package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

// Begin begins a transaction in the store's database. On SQLite it is the only
// writer until it ends.
func (s *Store) Begin(ctx context.Context) (store.Tx, error) {
	tx, end, err := s.dialect.begin(ctx)
	if err != nil {
		return nil, s.mapError(ctx, err)
	}
	t := &transaction{ender: tx, sql: tx.Tx, pool: s.db.DB}
	t.ended = []func(bool){func(bool) { end(t.failure) }}
	return t, nil
}

// begin begins a transaction that may write. The caller calls end after the transaction, with
// the error of the transaction or nil, so that endSession closes an unusable session.
func (d postgres) begin(ctx context.Context) (tx bun.Tx, end func(error), err error) {
	return d.s.beginOn(ctx, nil)
}

func (d sqlite) begin(ctx context.Context) (tx bun.Tx, end func(error), err error) {
	until := time.Now().Add(lockWait)
	if err := d.s.takeTurn(ctx, until); err != nil {
		return tx, nil, err
	}
	err = untilUnlocked(ctx, until, func() error {
		tx, end, err = d.s.beginLocked(ctx)
		return err
	})
	if err != nil {
		<-d.s.writer
		return tx, nil, err
	}
	endSession := end
	return tx, func(err error) {
		endSession(err)
		<-d.s.writer
	}, nil
}

// beginOn begins a transaction on a connection, which end gives back to the pool.
func (s *Store) beginOn(ctx context.Context, opts *sql.TxOptions) (tx bun.Tx, end func(error), err error) {
	session, err := s.db.Conn(ctx)
	if err != nil {
		return tx, nil, err
	}
	end = func(err error) { endSession(session.Conn, err) }
	if tx, err = session.BeginTx(ctx, opts); err != nil {
		end(err)
	}
	return tx, end, err
}

// writeTries bounds the tries of a transaction that met a deadlock or a serialization failure.
const writeTries = 5

// errUnchanged is the result of a write that found nothing to change. It ends the transaction
// without an audit entry, and is no error.
var errUnchanged = errors.New("nothing to change")

// unchangedIf returns the error of a write, which is errUnchanged if nothing was changed.
func unchangedIf(nothing bool, err error) error {
	if err == nil && nothing {
		return errUnchanged
	}
	return err
}

// write runs f in a transaction of its own, which also stores the audit entry of ctx, and maps
// the error. f may be called several times.
func (s *Store) write(ctx context.Context, f func(bun.Tx) error) error {
	err := s.retry(ctx, func() error { return s.writeOnce(ctx, f) })
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// retry runs f, which is a transaction, and maps the error. Where f wrote nothing
// because its session was unusable, it runs again in another session.
func (s *Store) retry(ctx context.Context, f func() error) error {
	renewed, limit := 0, 0
	for try := 1; ; try++ {
		err := f()
		if wroteNothing(err) {
			if renewed++; renewed == 1 {
				limit = s.renewals.limit(s.db.DB)
			}
			if renewed <= limit && ctx.Err() == nil {
				try-- // the session has been closed
				continue
			}
			s.renewals.pause()
		}
		if err == nil || try == writeTries || !isRetryable(err) {
			return s.mapError(ctx, err)
		}
		select {
		case <-time.After(time.Duration(try*try) * 5 * time.Millisecond):
		case <-ctx.Done():
			return s.mapError(ctx, err)
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, f func(bun.Tx) error) (err error) {
	tx, end, err := s.dialect.begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_ = tx.Rollback() // after Commit it does nothing
		end(err)
	}()
	if s.plansLocally() {
		if err := s.dialect.setPlanner(ctx, tx, planLocally); err != nil {
			return err
		}
	}
	if err := f(tx); err != nil {
		return err
	}
	if err := s.audit(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return uncertain{err}
	}
	return nil
}

// read runs f in a transaction that sees one state of the database, and maps the
// error.
func (s *Store) read(ctx context.Context, f func(bun.Tx) error) (err error) {
	tx, end, err := s.beginOn(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.syntax.isolation})
	if err != nil {
		return s.mapError(ctx, err)
	}
	defer func() {
		_ = tx.Rollback()
		end(err)
	}()
	return s.mapError(ctx, f(tx))
}
