package webhooks_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/store/memstore"
)

// service is a host whose database also holds the tables of the library.
type service struct {
	*webhooks.Webhooks // nothing is cached yet
	store              store.Store
	sql                *bunstore.Store // nil in memory
	org                uuid.UUID       // has a subscription to order.paid
}

// eachService runs a test on every store, with a pool of conns connections.
func eachService(t *testing.T, conns int, test func(t *testing.T, s *service)) {
	t.Helper()
	t.Run("Memory", func(t *testing.T) {
		t.Parallel()
		test(t, newService(t, memstore.New(), nil))
	})
	eachSQLService(t, conns, test)
}

func eachSQLService(t *testing.T, conns int, test func(t *testing.T, s *service)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "service.db"), sqlite.Options{})
		check(err)
		t.Cleanup(func() { check(st.Close()) })
		test(t, newSQLService(t, st.Store, conns))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		options := postgres.Options{Options: bunstore.Options{Schema: testpg.Schema(t)}}
		st, err := postgres.Open(t.Context(), testpg.DSN(t), options)
		check(err)
		t.Cleanup(func() {
			_, err := st.DB().ExecContext(context.Background(), `DROP SCHEMA IF EXISTS "`+options.Schema+`" CASCADE`)
			check(errors.Join(err, st.Close()))
		})
		test(t, newSQLService(t, st.Store, conns))
	})
}

func newSQLService(t *testing.T, st *bunstore.Store, conns int) *service {
	t.Helper()
	check(st.Migrate(t.Context()))
	st.DB().SetMaxOpenConns(conns)
	return newService(t, st, st)
}

func newService(t *testing.T, st store.Store, sql *bunstore.Store) *service {
	t.Helper()
	setUp, err := webhooks.New(st, webhooks.Config{})
	check(err)
	org := exampleSubscription(t.Context(), setUp)
	hooks, err := webhooks.New(st, webhooks.Config{})
	check(err)
	return &service{Webhooks: hooks, store: st, sql: sql, org: org}
}

// oneWriter reports whether only one transaction can be open at a time.
func (s *service) oneWriter() bool {
	return s.sql != nil && s.sql.DB().Dialect().Name() == dialect.SQLite
}

// begin begins a transaction on the host's pool.
func (s *service) begin(ctx context.Context) (webhooks.Tx, error) {
	if s.sql == nil {
		return s.store.(store.Transactor).Begin(ctx)
	}
	tx, err := s.sql.DB().BeginTx(ctx, nil)
	return bunstore.Tx(tx), err
}

// finish publishes in a transaction and commits it.
func (s *service) finish(ctx context.Context, tx webhooks.Tx) error {
	paid := webhooks.Event{Type: "order.paid", Data: 7, IdempotencyKey: uuid.NewString()}
	if _, err := s.Dispatcher.PublishTx(ctx, tx, s.org, paid); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *service) wantDeliveries(t *testing.T, want int) {
	t.Helper()
	if n := countDeliveries(t.Context(), s.Webhooks, s.org); n != want {
		t.Errorf("%d deliveries, want %d", n, want)
	}
}

// stuck bounds the time of calls that wait for one another if they are wrong.
const stuck = 20 * time.Second

func TestPublishTx_NeedsNoSecondConnection(t *testing.T) {
	t.Parallel()
	for name, conns := range map[string]int{"PoolOf1": 1, "PoolOf5": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachService(t, conns, func(t *testing.T, s *service) {
				ctx, cancel := context.WithTimeout(t.Context(), stuck)
				defer cancel()
				open := make([]webhooks.Tx, conns)
				if s.oneWriter() {
					open = open[:1]
				}
				for i := range open {
					var err error
					open[i], err = s.begin(ctx)
					check(err)
				}
				var done sync.WaitGroup
				for _, tx := range open {
					done.Go(func() {
						if err := s.finish(ctx, tx); err != nil {
							t.Error(err)
						}
					})
				}
				done.Wait()
				s.wantDeliveries(t, len(open))
			})
		})
	}
}

func TestPublishTx_ServesMoreCallersThanConnections(t *testing.T) {
	t.Parallel()
	const conns, callers, orders = 10, 30, 2
	eachService(t, conns, func(t *testing.T, s *service) {
		ctx, cancel := context.WithTimeout(t.Context(), stuck)
		defer cancel()
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				for range orders {
					tx, err := s.begin(ctx)
					if err == nil {
						err = s.finish(ctx, tx)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		done.Wait()
		s.wantDeliveries(t, callers*orders)
	})
}

// The host changes the catalog with SQL of its own, and rolls back.
func TestPublishTx_AloneSeesItsTransactionsChangesOfTheCatalog(t *testing.T) {
	t.Parallel()
	eachSQLService(t, 5, func(t *testing.T, s *service) {
		v1 := webhooks.Event{Type: "order.paid", Version: "v1", Data: 7}
		v2 := webhooks.Event{Type: "order.paid", Version: "v2", Data: 7}
		_, err := s.Dispatcher.Publish(t.Context(), s.org, v1)
		check(err)

		tx, err := s.sql.DB().BeginTx(t.Context(), nil)
		check(err)
		eventTypes := `"` + s.sql.Schema() + `".event_types`
		if s.oneWriter() {
			eventTypes = s.sql.Schema() + "_event_types"
		}
		_, err = tx.ExecContext(t.Context(), `UPDATE `+eventTypes+` SET version = 'v2'`)
		check(err)
		_, err = s.Dispatcher.PublishTx(t.Context(), bunstore.Tx(tx), s.org, v1)
		wantFault(t, err, webhooks.UnknownReference, "/eventType")
		_, err = s.Dispatcher.PublishTx(t.Context(), bunstore.Tx(tx), s.org, v2)
		if err != nil {
			t.Errorf("with the version that the transaction wrote: %v", err)
		}
		check(tx.Rollback())

		_, err = s.Dispatcher.Publish(t.Context(), s.org, v2)
		wantFault(t, err, webhooks.UnknownReference, "/eventType")
		_, err = s.Dispatcher.Publish(t.Context(), s.org, v1)
		if err != nil {
			t.Errorf("after the rollback: %v", err)
		}
	})
}

func TestPublishBatchTx_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	eachService(t, 1, func(t *testing.T, s *service) {
		ctx, cancel := context.WithTimeout(t.Context(), stuck)
		defer cancel()
		paid := func(key string, data int) webhooks.Event {
			return webhooks.Event{Type: "order.paid", Data: data, IdempotencyKey: key}
		}
		_, err := s.Dispatcher.Publish(ctx, s.org, paid("used", 1))
		check(err)
		want := 1
		for _, commit := range []bool{false, true} {
			tx, err := s.begin(ctx)
			check(err)
			for index, events := range map[int][]webhooks.Event{
				0: {{Type: "no.such", Data: 1}, paid("new", 1)},
				1: {paid("new", 1), paid("used", 2)},
				2: {paid("new", 1), paid("", 1), paid("new", 2)},
			} {
				_, err := s.Dispatcher.PublishBatchTx(ctx, tx, s.org, events)
				if e, ok := errors.AsType[*webhooks.EventError](err); !ok || e.Index != index {
					t.Errorf("got %v, want an EventError at %d", err, index)
				}
			}
			_, err = s.Dispatcher.PublishBatchTx(ctx, tx, s.org, nil)
			wantFault(t, err, webhooks.Invalid, "/events")
			_, err = s.Dispatcher.PublishBatchTx(ctx, tx, s.org, make([]webhooks.Event, webhooks.MaxBatch+1))
			wantFault(t, err, webhooks.Invalid, "/events")

			got, err := s.Dispatcher.PublishBatchTx(ctx, tx, s.org, []webhooks.Event{paid("", 1), paid("used", 1), paid("new", 3)})
			if err != nil || len(got) != 3 || got[0].Duplicate || !got[1].Duplicate || got[2].Duplicate {
				t.Fatalf("after the errors: %+v, %v", got, err)
			}
			end := tx.Rollback
			if commit {
				end, want = tx.Commit, want+2
			}
			check(end())
			s.wantDeliveries(t, want)
		}
		_, err = s.Dispatcher.PublishBatchTx(ctx, nil, s.org, []webhooks.Event{paid("", 1)})
		if err == nil {
			t.Error("a nil transaction is accepted")
		}
		_, err = s.Dispatcher.PublishBatchTx(ctx, foreignTx{}, s.org, []webhooks.Event{paid("", 1)})
		wantErr(t, err, webhooks.ErrForeignTx)
	})
}

func TestTheNilOrganizationOwnsNothing(t *testing.T) {
	t.Parallel()
	st := memstore.New()
	s, ctx, paid := newService(t, st, nil), t.Context(), webhooks.Event{Type: "order.paid", Data: 1}
	tx, err := st.Begin(ctx)
	check(err)
	for name, create := range map[string]func() error{
		"Publish":   func() error { _, err := s.Dispatcher.Publish(ctx, uuid.Nil, paid); return err },
		"PublishTx": func() error { _, err := s.Dispatcher.PublishTx(ctx, tx, uuid.Nil, paid); return err },
		"PublishBatch": func() error {
			_, err := s.Dispatcher.PublishBatch(ctx, uuid.Nil, []webhooks.Event{paid})
			return err
		},
		"PublishBatchTx": func() error {
			_, err := s.Dispatcher.PublishBatchTx(ctx, tx, uuid.Nil, []webhooks.Event{paid})
			return err
		},
		"Create": func() error {
			_, _, err := s.Subscriptions.Create(ctx, uuid.Nil, webhooks.SubscriptionInput{PostURI: "https://example.com/", Events: []string{"*"}})
			return err
		},
	} {
		t.Log(name)
		wantFault(t, create(), webhooks.Invalid, "/organizationId")
	}
	check(tx.Commit())
	list, err := s.Subscriptions.List(ctx, uuid.Nil, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 1}})
	if err != nil || list.Total != 0 {
		t.Errorf("%d subscriptions, %v; want none", list.Total, err)
	}
	messages, err := s.Dispatcher.Messages(ctx, uuid.Nil, webhooks.Page{Take: 1})
	if err != nil || messages.Total != 0 {
		t.Errorf("%d messages, %v; want none", messages.Total, err)
	}
}
