package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// session runs f on one connection of the pool, without a transaction. A connection that
// f finds unusable is closed.
func (s *Store) session(ctx context.Context, f func(c conn) error) (err error) {
	session, err := s.db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { endSession(session, err) }()
	return f(s.on(session))
}

// endSession gives a connection back to the pool, or closes it if the error that a
// statement met on it says that the session is unusable. The driver closes a connection
// that broke; it keeps a session that stays read-only after a fail-over.
func endSession(session *sql.Conn, err error) {
	if unusable(err) {
		_ = session.Raw(discard)
	}
	_ = session.Close()
}

// discard is for [sql.Conn.Raw]: database/sql closes a connection for which it returns ErrBadConn. A
// connection of a pgxpool would go back to that pool, open, so discard closes it first.
func discard(raw any) error {
	if std, ok := raw.(*stdlib.Conn); ok {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = std.Conn().Close(ctx)
	}
	return driver.ErrBadConn
}

// unusableStates are the SQLSTATEs after which a session is of no use
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
var unusableStates = []string{
	readOnlyTransaction,
	"25P03", // idle_in_transaction_session_timeout
	"57P01", // admin_shutdown
	"57P02", // crash_shutdown
	"57P03", // cannot_connect_now
	"57P05", // idle_session_timeout
}

// readOnlyTransaction is the SQLSTATE of a write in a read-only transaction: on a standby,
// or where default_transaction_read_only was on when the session began.
const readOnlyTransaction = "25006"

// unusable reports whether the error says that a session is to be closed.
func unusable(err error) bool {
	if err == nil {
		return false
	}
	if state := sqlState(err); state != "" {
		return slices.Contains(unusableStates, state) || strings.HasPrefix(state, "08")
	}
	return isReadOnly(err) || isBroken(err)
}

// isReadOnly reports whether the database, or the session, takes no writes.
func isReadOnly(err error) bool {
	return sqlState(err) == readOnlyTransaction || sqliteCode(err)&0xff == sqliteReadOnly
}

// isBroken reports whether a connection failed before the driver sent anything on it.
func isBroken(err error) bool { return errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) }

// uncertain is the error of a commit that the database may have made all the same.
type uncertain struct{ error }

func (e uncertain) Unwrap() error { return e.error }

// wroteNothing reports whether the session of a transaction was closed before its commit, so
// that another session may repeat the transaction.
func wroteNothing(err error) bool {
	return err != nil && !errors.As(err, new(uncertain)) && (isReadOnly(err) || isBroken(err))
}

// sessionRenewals bounds the unusable sessions that one operation replaces. After a fail-over
// each session of the pool may be read-only, so the bound is the number of sessions and one
// more. If the last session is new and read-only, the database itself is read-only, and for
// renewalPause no operation tries another session.
type sessionRenewals struct{ pausedUntil atomic.Int64 } // in nanoseconds since 1970

const renewalPause = time.Second

// limit is the number of sessions that an operation may replace now.
func (r *sessionRenewals) limit(pool *sql.DB) int {
	if time.Now().UnixNano() < r.pausedUntil.Load() {
		return 0
	}
	return pool.Stats().OpenConnections + 1
}

func (r *sessionRenewals) pause() { r.pausedUntil.Store(time.Now().Add(renewalPause).UnixNano()) }

// readOnlyError says why the database takes no writes. It counts as an error of the
// database's.
type readOnlyError string

func (e readOnlyError) Error() string { return string(e) }

// SQLState returns 25006.
func (readOnlyError) SQLState() string { return readOnlyTransaction }

// checkWritable fails if the database takes no writes. A session that is read-only although
// the database is not is closed, so it does not count.
func (d postgres) checkWritable(ctx context.Context) error {
	return d.s.retry(ctx, func() error { return d.s.session(ctx, checkWrites(ctx)) })
}

func (d sqlite) checkWritable(ctx context.Context) error {
	return d.s.retry(ctx, func() error { return d.s.checkLock(ctx) })
}

func checkWrites(ctx context.Context) func(c conn) error {
	return func(c conn) error {
		var standby, readOnly bool
		err := c.query(ctx, `SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'`,
			func(row scanner) error { return row.Scan(&standby, &readOnly) })
		switch {
		case err != nil:
			return err
		case standby:
			return readOnlyError("it is a standby")
		case readOnly:
			return readOnlyError("default_transaction_read_only is on")
		}
		return nil
	}
}
