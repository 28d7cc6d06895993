package drivers_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

func TestMain(m *testing.M) {
	// GORM never ends the goroutine of its cache of prepared statements.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

// scene is a customer, and a library that begins transactions in the database of the webhooks.
type scene struct {
	t       *testing.T
	hooks   *webhooks.Webhooks
	org     uuid.UUID
	begin   beginner
	foreign beginner // in another database, which has the tables too
	publish publisher
}

// publisher publishes an event in a transaction, by PublishTx or PublishBatchTx.
type publisher func(*webhooks.Dispatcher, context.Context, webhooks.Tx, uuid.UUID, webhooks.Event) (webhooks.Published, error)

var publishers = map[string]publisher{
	"PublishTx": (*webhooks.Dispatcher).PublishTx,
	"PublishBatchTx": func(
		d *webhooks.Dispatcher, ctx context.Context, tx webhooks.Tx, org uuid.UUID, e webhooks.Event,
	) (out webhooks.Published, err error) {
		all, err := d.PublishBatchTx(ctx, tx, org, []webhooks.Event{e})
		if err == nil {
			out = all[0]
		}
		return out, err
	},
}

// paid publishes order.paid. An empty key is none.
func (s *scene) paid(tx *transaction, key string, data int) (webhooks.Published, error) {
	event := webhooks.Event{Type: "order.paid", Data: data, IdempotencyKey: key}
	return s.publish(s.hooks.Dispatcher, s.t.Context(), tx.tx, s.org, event)
}

// mustBegin begins a transaction that is rolled back at the end of the test, unless it has ended.
func (s *scene) mustBegin(begin beginner, isolation sql.IsolationLevel) *transaction {
	s.t.Helper()
	tx, err := begin(s.t.Context(), isolation)
	check(s.t, err)
	s.t.Cleanup(func() { _ = tx.rollback(context.Background()) })
	return tx
}

const insertOrder = `INSERT INTO orders (amount) VALUES (7)`

// rules are the promises of a publish in the caller's transaction.
var rules = map[string]func(t *testing.T, s *scene){
	"CommitPublishesExactlyTheEvents": func(t *testing.T, s *scene) {
		tx := s.mustBegin(s.begin, sql.LevelDefault)
		check(t, tx.exec(t.Context(), insertOrder))
		for data := range 2 {
			published, err := s.paid(tx, "", data)
			check(t, err)
			if published.Deliveries != 1 || published.Duplicate {
				t.Errorf("got %+v, want one delivery", published)
			}
		}
		check(t, tx.commit(t.Context()))
		wantMessages(t, s.hooks, s.org, 2)
	},
	"RollbackPublishesNothing": func(t *testing.T, s *scene) {
		tx := s.mustBegin(s.begin, sql.LevelDefault)
		_, err := s.paid(tx, "key", 1)
		check(t, err)
		check(t, tx.rollback(t.Context()))
		wantMessages(t, s.hooks, s.org, 0)

		tx = s.mustBegin(s.begin, sql.LevelDefault)
		published, err := s.paid(tx, "key", 1) // the key is free again
		check(t, err)
		if published.Duplicate {
			t.Error("the key of a transaction that was rolled back is used")
		}
		check(t, tx.commit(t.Context()))
		wantMessages(t, s.hooks, s.org, 1)
	},
	"SavepointPublishesWhatItKeeps": func(t *testing.T, s *scene) {
		tx := s.mustBegin(s.begin, sql.LevelDefault)
		_, err := s.paid(tx, "", 1)
		check(t, err)
		for _, keep := range []bool{false, true} {
			inner, err := tx.savepoint(t.Context())
			check(t, err)
			_, err = s.paid(inner, "key", 2)
			check(t, err)
			end := inner.rollback
			if keep {
				end = inner.commit
			}
			check(t, end(t.Context()))
		}
		check(t, tx.commit(t.Context()))
		wantMessages(t, s.hooks, s.org, 2)
	},
	"DuplicateAndMismatchLeaveTheTransactionUsable": func(t *testing.T, s *scene) {
		tx := s.mustBegin(s.begin, sql.LevelDefault)
		first, err := s.paid(tx, "key", 1)
		check(t, err)
		check(t, tx.commit(t.Context()))

		tx = s.mustBegin(s.begin, sql.LevelDefault)
		again, err := s.paid(tx, "key", 1)
		check(t, err)
		if !again.Duplicate || again.ID != first.ID {
			t.Errorf("got %+v, want a duplicate of %v", again, first.ID)
		}
		if _, err := s.paid(tx, "key", 2); !errors.Is(err, webhooks.ErrIdempotencyMismatch) {
			t.Errorf("got %v, want ErrIdempotencyMismatch", err)
		}
		if _, err := s.publish(s.hooks.Dispatcher, t.Context(), tx.tx, s.org, webhooks.Event{Type: "no.such", Data: 1}); err == nil {
			t.Error("an unknown event type is accepted")
		}
		check(t, tx.exec(t.Context(), insertOrder))
		check(t, tx.commit(t.Context()))
		wantMessages(t, s.hooks, s.org, 1)
	},
	"EndedTransactionIsRefused": func(t *testing.T, s *scene) {
		for _, end := range []func(tx *transaction) error{
			func(tx *transaction) error { return tx.commit(t.Context()) },
			func(tx *transaction) error { return tx.rollback(t.Context()) },
		} {
			tx := s.mustBegin(s.begin, sql.LevelDefault)
			check(t, end(tx))
			if _, err := s.paid(tx, "", 1); !errors.Is(err, webhooks.ErrTxEnded) {
				t.Errorf("got %v, want ErrTxEnded", err)
			}
		}
		wantMessages(t, s.hooks, s.org, 0)
	},
	"TransactionOfAnotherDatabaseIsRefused": func(t *testing.T, s *scene) {
		tx := s.mustBegin(s.foreign, sql.LevelDefault)
		for _, key := range []string{"", "key"} {
			if _, err := s.paid(tx, key, 1); !errors.Is(err, webhooks.ErrForeignTx) {
				t.Errorf("got %v, want ErrForeignTx", err)
			}
		}
		check(t, tx.exec(t.Context(), insertOrder)) // it is still usable
		check(t, tx.rollback(t.Context()))
	},
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	address, other := database(t), database(t)
	hooks := postgresHooks(t, address)
	postgresHooks(t, other)
	for name, library := range postgresLibraries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRules(t, hooks, library(t, address), library(t, other))
		})
	}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	for name, library := range sqliteLibraries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks, db := sqliteHooks(t)
			_, other := sqliteHooks(t)
			testRules(t, hooks, library(db), library(other))
		})
	}
}

// testRules runs the rules one after another, each with a customer of its own.
func testRules(t *testing.T, hooks *webhooks.Webhooks, begin, foreign beginner) {
	t.Helper()
	for method, publish := range publishers {
		for rule, test := range rules {
			t.Run(method+"/"+rule, func(t *testing.T) {
				test(t, &scene{t: t, hooks: hooks, org: customer(t, hooks), begin: begin, foreign: foreign, publish: publish})
			})
		}
	}
}

// Two serializable transactions each read the rows that the other one writes. The later commit fails,
// and its transaction runs again. SQLite has one writer at a time, and no such conflict.
//
//nolint:tparallel // transactions of parallel tests would conflict too
func TestSerializationFailureAndRetryPublishOnce(t *testing.T) {
	t.Parallel()
	address := database(t)
	hooks := postgresHooks(t, address)
	for name, library := range postgresLibraries {
		for method, publish := range publishers {
			t.Run(name+"/"+method, func(t *testing.T) {
				publishOnce(t, &scene{t: t, hooks: hooks, org: customer(t, hooks), begin: library(t, address), publish: publish})
			})
		}
	}
}

func publishOnce(t *testing.T, s *scene) {
	t.Helper()
	place := func(tx *transaction) {
		check(t, tx.exec(t.Context(), `INSERT INTO orders (amount) SELECT count(*) FROM orders`))
		_, err := s.paid(tx, "", 1)
		check(t, err)
	}
	rival, tx := s.mustBegin(s.begin, sql.LevelSerializable), s.mustBegin(s.begin, sql.LevelSerializable)
	check(t, rival.exec(t.Context(), `INSERT INTO orders (amount) SELECT count(*) FROM orders`))
	place(tx)
	check(t, rival.commit(t.Context()))
	if err := tx.commit(t.Context()); !isSerializationFailure(err) {
		t.Fatalf("the later commit gave %v, want a serialization failure", err)
	}
	wantMessages(t, s.hooks, s.org, 0)

	tx = s.mustBegin(s.begin, sql.LevelSerializable)
	place(tx)
	check(t, tx.commit(t.Context()))
	wantMessages(t, s.hooks, s.org, 1)
}

// isSerializationFailure reports whether the transaction is to run again. Pgx and lib/pq have the method.
func isSerializationFailure(err error) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && state.SQLState() == "40001"
}

func postgresHooks(t *testing.T, address string) *webhooks.Webhooks {
	t.Helper()
	st, err := postgres.Open(t.Context(), address, postgres.Options{MaxConns: 4})
	check(t, err)
	t.Cleanup(func() { check(t, st.Close()) })
	return newHooks(t, st.Store)
}

func sqliteHooks(t *testing.T) (*webhooks.Webhooks, *sql.DB) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "orders.db"), sqlite.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, st.Close()) })
	_, err = st.DB().ExecContext(t.Context(), `CREATE TABLE orders (id integer PRIMARY KEY, amount integer NOT NULL)`)
	check(t, err)
	return newHooks(t, st.Store), st.DB().DB
}

func newHooks(t *testing.T, st *bunstore.Store) *webhooks.Webhooks {
	t.Helper()
	check(t, st.Migrate(t.Context()))
	hooks, err := webhooks.New(st, webhooks.Config{})
	check(t, err)
	catalog(t, hooks)
	return hooks
}
