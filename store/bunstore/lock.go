package bunstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/ecg-api/webhooks/store"
)

const (
	// lockWait bounds the time that a write waits for SQLite's write lock, which another writer
	// of this process or another process holds. The last try adds the busy_timeout of the
	// pool, which bunstore/sqlite sets to 4 s.
	lockWait = 1500 * time.Millisecond
	// migrationWait bounds the time that [Store.Migrate] waits for the lock. A host that starts beside a busy one has time.
	migrationWait = 30 * time.Second
	// checkWait is the time that [Store.Ping] waits for the lock.
	checkWait = 500 * time.Millisecond
)

// takeTurn waits until the process has no other writer, and becomes the writer.
func (s *Store) takeTurn(ctx context.Context, until time.Time) error {
	select {
	case s.writer <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case s.writer <- struct{}{}:
		return nil
	case <-timer.C:
		return fmt.Errorf("bunstore: %w: by other transactions of this process, which may wait for another process", store.ErrLocked)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// untilUnlocked repeats begin while another process holds SQLite's write lock.
func untilUnlocked(ctx context.Context, until time.Time, begin func() error) error {
	for {
		err := begin()
		switch {
		case !isLocked(err):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(until):
			return lockedError(err)
		}
		time.Sleep(time.Millisecond) // a pool without a busy_timeout does not wait by itself
	}
}

// takeLock writes nothing, but takes the write lock.
const takeLock = `UPDATE {}migrations SET name = name WHERE false`

// beginLocked begins a transaction that has SQLite's write lock.
func (s *Store) beginLocked(ctx context.Context) (tx bun.Tx, end func(error), err error) {
	tx, end, err = s.beginOn(ctx, nil)
	if err != nil {
		return tx, end, err
	}
	// Takes the lock also where _txlock is not "immediate": a transaction that begins
	// by reading could no longer get it later.
	if _, err = tx.Tx.ExecContext(ctx, s.sql(takeLock)); err != nil {
		_ = tx.Rollback()
		end(err)
	}
	return tx, end, err
}

// checkLock fails if SQLite's write lock is not free within checkWait. It does not wait behind
// the writers of this process, because all of them may be waiting for the lock.
func (s *Store) checkLock(ctx context.Context) (err error) {
	conn, err := s.db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { endSession(conn, err) }()
	var usual int64
	if err := conn.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&usual); err != nil {
		return err
	}
	set := func(milliseconds int64) error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`PRAGMA busy_timeout = %d`, milliseconds))
		return err
	}
	if err := set(min(usual, checkWait.Milliseconds())); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set(usual)) }()
	tx, err := conn.BeginTx(ctx, nil)
	if err == nil {
		_, err = tx.ExecContext(ctx, s.sql(takeLock))
		_ = tx.Rollback()
	}
	if isLocked(err) {
		return lockedError(err)
	}
	return err
}

func isLocked(err error) bool { return sqliteCode(err)&0xff == sqliteBusy }

// lockedError hides the code of SQLite, for which a transaction would be repeated.
func lockedError(err error) error {
	return fmt.Errorf("bunstore: %w: by another transaction: %v", store.ErrLocked, err) //nolint:errorlint // see above
}
