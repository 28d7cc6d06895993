package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ecg-api/webhooks/store"
)

// callersError is an error of a function of the caller's, which mapError returns unchanged.
type callersError struct{ error }

// fromCaller wraps the error of a function of the caller's.
func fromCaller(err error) error {
	if err == nil {
		return nil
	}
	return callersError{err}
}

// mapError turns the error of a database into an error of package store. It does not change
// errors of the caller's functions, nor the error of ctx.
func (s *Store) mapError(ctx context.Context, err error) error {
	var callers callersError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &callers):
		return callers.error
	case isStoreError(err):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("bunstore: %w", errors.Join(ctx.Err(), err))
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound
	case isDuplicate(err):
		return fmt.Errorf("bunstore: %w: %w", store.ErrConflict, err)
	case sqliteCode(err)&0xff == sqliteReadOnly, errors.As(err, new(readOnlyError)):
		return fmt.Errorf("bunstore: %w: %w", store.ErrReadOnly, err)
	case slices.Contains(preparedAway, sqlState(err)):
		return fmt.Errorf("bunstore: a pooler gave the connection's prepared statements to another client: "+
			"set Options.NoPrepare, and default_query_exec_mode=exec in the address: %w", err)
	case isUnavailable(err):
		return fmt.Errorf("bunstore: %w: %w", store.ErrUnavailable, err)
	case isUndefined(err):
		return fmt.Errorf("bunstore: the tables in %q are missing or old: %s: %w", s.schema, migrateFirst, err)
	}
	return fmt.Errorf("bunstore: %w", err)
}

// mapErrorInTx is mapError for the caller's transaction.
func (s *Store) mapErrorInTx(ctx context.Context, t *transaction, err error) error {
	switch state := sqlState(err); {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrTxDone), errors.Is(err, pgx.ErrTxClosed), state == inFailedTransaction:
		return fmt.Errorf("bunstore: %w: %w", store.ErrTxEnded, err)
	case state == readOnlyTransaction:
		// The caller chose the transaction to be read-only, while a connection of the pool that
		// becomes read-only belongs to a database that fails over.
		return fmt.Errorf("bunstore: %w: %w", store.ErrReadOnly, err)
	case s.isOtherDatabase(err):
		return fmt.Errorf("bunstore: %w: it is of another kind of database: %w", store.ErrForeignTx, err)
	case isMissingTable(err) && t.pool != s.db.DB:
		return s.withoutTables(ctx, err)
	}
	return s.mapError(ctx, err)
}

// isOtherDatabase reports whether the error is one of SQLite for a store in PostgreSQL, or the reverse.
func (s *Store) isOtherDatabase(err error) bool {
	if s.syntax == sqliteSyntax {
		return sqlState(err) != ""
	}
	return sqliteCode(err) != 0
}

// isMissingTable reports whether a statement names a table or schema that does not exist.
func isMissingTable(err error) bool {
	return slices.Contains([]string{undefinedTable, undefinedSchema}, sqlState(err)) ||
		sqliteCode(err) == sqliteError && strings.Contains(err.Error(), "no such table")
}

const (
	inFailedTransaction = "25P02"
	undefinedSchema     = "3F000"
)

// preparedAway are the SQLSTATEs of a prepared statement that exists (42P05), or does not (26000), as pgx
// meets them behind a pooler such as PgBouncer before 1.21.
var preparedAway = []string{"42P05", "26000"}

func isStoreError(err error) bool {
	return slices.ContainsFunc([]error{
		store.ErrNotFound, store.ErrBadReference, store.ErrConflict, store.ErrForeignTx, store.ErrTxEnded, store.ErrReadOnly,
		store.ErrUnavailable,
	}, func(known error) bool { return errors.Is(err, known) })
}

// duplicateAs replaces the violation of a unique code or version by the sentinel taken. It does
// not replace the violation of a primary key.
func duplicateAs(err, taken error) error {
	if isDuplicate(err) && sqliteCode(err) != sqlitePrimaryKey && !strings.Contains(err.Error(), "_pkey") {
		return taken
	}
	return err
}

// The codes of SQLite that matter here, https://sqlite.org/rescode.html.
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteReadOnly   = 8
	sqliteIOErr      = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
)

// sqliteCode returns the extended result code of an error of SQLite, or 0.
func sqliteCode(err error) int {
	var e interface {
		error
		Code() int
	}
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// sqlState returns the SQLSTATE of an error of PostgreSQL, or "". Pgx and pq
// have a method for it, bun's pgdriver has fields by letter.
func sqlState(err error) string {
	var state interface {
		error
		SQLState() string
	}
	if errors.As(err, &state) {
		return state.SQLState()
	}
	var field interface {
		error
		Field(byte) string
	}
	if errors.As(err, &field) {
		return field.Field('C')
	}
	return ""
}

func isDuplicate(err error) bool {
	code := sqliteCode(err)
	return sqlState(err) == "23505" || code == sqliteUnique || code == sqlitePrimaryKey
}

// isUndefined reports whether the database lacks a table or a column of a statement.
func isUndefined(err error) bool {
	return slices.Contains([]string{undefinedTable, "42703"}, sqlState(err)) ||
		sqliteCode(err) == sqliteError && strings.Contains(err.Error(), "no such ")
}

// isRetryable reports whether the transaction was undone because of a concurrent transaction.
func isRetryable(err error) bool {
	state, code := sqlState(err), sqliteCode(err)&0xff
	return state == "40001" || state == "40P01" || code == sqliteBusy || code == sqliteLocked
}

// isUnavailable reports whether the error is likely to pass: the database was not reached, is
// shutting down, or has no room.
func isUnavailable(err error) bool {
	if state := sqlState(err); state != "" {
		switch state {
		case "57014", // query_canceled: by statement_timeout, as ctx is not done
			readOnlyTransaction,
			"25P03", // idle_in_transaction_session_timeout
			"55P03": // lock_not_available: by lock_timeout
			return true
		}
		return isRetryable(err) || slices.Contains([]string{"08", "53", "57", "58"}, state[:2])
	}
	if code := sqliteCode(err); code != 0 {
		return slices.Contains([]int{sqliteBusy, sqliteLocked, sqliteIOErr, sqliteFull, sqliteCantOpen}, code&0xff)
	}
	return isCut(err)
}

// isCut reports whether a connection could not be made or was lost.
func isCut(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	if errors.As(err, &network) || errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return true
	}
	for _, known := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return true
		}
	}
	// database/sql and pgx have no names for these.
	return slices.ContainsFunc([]string{"sql: database is closed", "conn closed"}, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}
