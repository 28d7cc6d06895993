package bunstore_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// eachDatabase runs a test on SQLite and, where there is one, on PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, s *bunstore.Store)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t, newSQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); testpg.DSN(t); test(t, newPostgres(t)) })
}

// A host's own transaction, in its two forms, and on PostgreSQL of another pool, too:
// begun, wrapped, and with a write of the host's.
func hostTransactions(t *testing.T, s *bunstore.Store) map[string]func() (store.Tx, bun.IConn) {
	t.Helper()
	_, err := s.DB().ExecContext(t.Context(), `CREATE TABLE `+hostTable(s)+` (id INTEGER PRIMARY KEY)`)
	check(t, err)
	t.Cleanup(func() { _, _ = s.DB().Exec(`DROP TABLE ` + hostTable(s)) })
	all := map[string]func() (store.Tx, bun.IConn){
		"bun.Tx": func() (store.Tx, bun.IConn) {
			tx, err := s.DB().BeginTx(t.Context(), nil)
			check(t, err)
			return bunstore.Tx(tx), tx
		},
		"*sql.Tx": func() (store.Tx, bun.IConn) {
			var tx *sql.Tx
			tx, err := s.DB().DB.BeginTx(t.Context(), nil)
			check(t, err)
			return bunstore.Tx(tx), tx
		},
	}
	if s.DB().Dialect().Name() == dialect.PG {
		other := stdlib.OpenDB(*parse(t, testpg.DSN(t)))
		t.Cleanup(func() { check(t, other.Close()) })
		all["*sql.Tx of another pool"] = func() (store.Tx, bun.IConn) {
			tx, err := other.BeginTx(t.Context(), nil)
			check(t, err)
			return bunstore.Tx(tx), tx
		}
	}
	return all
}

func hostTable(s *bunstore.Store) string { return "host_" + s.Schema() }

func TestPublishSharesTheHostsTransaction(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc, id := newScene(t, s), 0
		for name, begin := range hostTransactions(t, s) {
			for _, commit := range []bool{false, true} {
				id++
				before := sc.attempts()
				tx, conn := begin()
				_, err := conn.ExecContext(t.Context(), `INSERT INTO `+hostTable(s)+` (id) VALUES (1)`)
				check(t, err)
				out, err := s.Publish(t.Context(), tx, []store.NewMessage{sc.message([]byte("x"))}, sc.options(0))
				if err != nil || len(out) != 1 || out[0].Deliveries != 1 {
					t.Fatalf("%s: %+v, %v", name, out, err)
				}
				end, want := tx.Rollback, 0
				if commit {
					end, want = tx.Commit, 1
				}
				check(t, end())
				var rows int
				check(t, s.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM `+hostTable(s)).Scan(&rows))
				if rows != want || sc.attempts()-before != want {
					t.Errorf("%s, committed %v: %d rows of the host's and %d attempts, want %d of each", name, commit, rows, sc.attempts()-before, want)
				}
			}
			_, err := s.DB().ExecContext(t.Context(), `DELETE FROM `+hostTable(s))
			check(t, err)
		}
	})
}

func TestADuplicateLeavesTheHostsTransactionUsable(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		first, err := s.Publish(t.Context(), nil, []store.NewMessage{sc.keyed("k", "1")}, sc.options(0))
		check(t, err)
		for name, begin := range hostTransactions(t, s) {
			tx, conn := begin()
			again, err := s.Publish(t.Context(), tx, []store.NewMessage{sc.keyed("k", "1")}, sc.options(0))
			if err != nil || !again[0].Duplicate || again[0].MessageID != first[0].MessageID {
				t.Errorf("%s: duplicate gave %+v, %v", name, again, err)
			}
			_, err = s.Publish(t.Context(), tx, []store.NewMessage{sc.keyed("k", "2")}, sc.options(0))
			if !errors.Is(err, store.ErrIdempotencyMismatch) {
				t.Errorf("%s: mismatch gave %v", name, err)
			}
			_, err = conn.ExecContext(t.Context(), `INSERT INTO `+hostTable(s)+` (id) VALUES (7)`)
			check(t, err)
			check(t, tx.Commit())
			var rows int
			check(t, s.DB().QueryRowContext(t.Context(), `SELECT count(*) FROM `+hostTable(s)).Scan(&rows))
			if rows != 1 {
				t.Errorf("%s: the host's write was lost", name)
			}
			_, err = s.DB().ExecContext(t.Context(), `DELETE FROM `+hostTable(s))
			check(t, err)
		}
	})
}

// Both with a key, where the first statement that writes is another one, and without.
func TestAReadOnlyTransactionIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, s *bunstore.Store) {
		sc := newScene(t, s)
		for name, m := range map[string]store.NewMessage{"without a key": sc.message([]byte("1")), "with a key": sc.keyed("k", "1")} {
			conn, err := s.DB().DB.Conn(t.Context())
			check(t, err)
			tx, err := conn.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
			check(t, err)
			if s.DB().Dialect().Name() == dialect.SQLite { // the driver's read-only transactions may write
				_, err = tx.ExecContext(t.Context(), `PRAGMA query_only = on`)
				check(t, err)
			}
			_, err = s.EventTypeByCode(t.Context(), bunstore.Tx(tx), sc.event.Code, sc.event.Version)
			check(t, err)
			_, err = s.Publish(t.Context(), bunstore.Tx(tx), []store.NewMessage{m}, sc.options(0))
			if !errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: got %v, want ErrReadOnly alone", name, err)
			}
			check(t, tx.Rollback())
			_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // closes it
		}
	})
}
