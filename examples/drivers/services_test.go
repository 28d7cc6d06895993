package drivers_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/examples/drivers/bunservice"
	"github.com/ecg-api/webhooks/examples/drivers/entservice"
	"github.com/ecg-api/webhooks/examples/drivers/gormservice"
	"github.com/ecg-api/webhooks/examples/drivers/pgxservice"
	"github.com/ecg-api/webhooks/examples/drivers/sqlcservice"
	"github.com/ecg-api/webhooks/examples/drivers/sqlservice"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/webhookstest"
)

// service is one of the six services.
type service interface {
	Place(ctx context.Context, customer uuid.UUID, amount int64, charge func() error) error
	Close() error
}

// opener opens a service, and returns its library too.
type opener func(ctx context.Context, address string) (service, *webhooks.Webhooks, error)

func with[S service](open func(ctx context.Context, address string) (S, error), hooks func(S) *webhooks.Webhooks) opener {
	return func(ctx context.Context, address string) (service, *webhooks.Webhooks, error) {
		s, err := open(ctx, address)
		if err != nil {
			return nil, nil, err
		}
		return s, hooks(s), nil
	}
}

var services = map[string]opener{
	"bun":          with(bunservice.New, func(s *bunservice.Orders) *webhooks.Webhooks { return s.Hooks }),
	"database/sql": with(sqlservice.New, func(s *sqlservice.Orders) *webhooks.Webhooks { return s.Hooks }),
	"pgx":          with(pgxservice.New, func(s *pgxservice.Orders) *webhooks.Webhooks { return s.Hooks }),
	"sqlc":         with(sqlcservice.New, func(s *sqlcservice.Orders) *webhooks.Webhooks { return s.Hooks }),
	"GORM":         with(gormservice.New, func(s *gormservice.Orders) *webhooks.Webhooks { return s.Hooks }),
	"ent":          with(entservice.New, func(s *entservice.Orders) *webhooks.Webhooks { return s.Hooks }),
}

// Each service has the order and the event, or neither.
func TestAnOrderAndItsEventAreOneTransaction(t *testing.T) {
	t.Parallel()
	for name, open := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := database(t)
			s, hooks, err := open(t.Context(), address)
			check(t, err)
			t.Cleanup(func() { check(t, s.Close()) })
			catalog(t, hooks)
			org := customer(t, hooks)

			declined := errors.New("declined")
			if err := s.Place(t.Context(), org, 7, func() error { return declined }); !errors.Is(err, declined) {
				t.Errorf("got %v, want the error of charge", err)
			}
			wantOrders(t, address, 0)
			if published := webhookstest.Published(t, hooks, org); len(published) != 0 {
				t.Errorf("%d events were published in a transaction that was rolled back", len(published))
			}

			check(t, s.Place(t.Context(), org, 7, func() error { return nil }))
			wantOrders(t, address, 1)
			published := webhookstest.Published(t, hooks, org)
			webhookstest.RequireEvent(t, published, "order.paid", map[string]int{"id": 2, "amount": 7}) // order 1 was rolled back
			if len(published) != 1 {
				t.Errorf("%d events were published, want 1", len(published))
			}
		})
	}
}

// A store can also be on lib/pq, with which it cannot listen.
func TestAStoreOnLibPQ(t *testing.T) {
	t.Parallel()
	db := pool(t, "postgres", database(t))
	st, err := bunstore.New(bun.NewDB(db, pgdialect.New()), bunstore.Options{})
	check(t, err)
	hooks := newHooks(t, st)
	org := customer(t, hooks)
	tx, err := db.BeginTx(t.Context(), nil)
	check(t, err)
	for _, in := range []webhooks.Tx{tx, bunstore.Tx(tx)} { // both forms are accepted
		_, err := hooks.Dispatcher.PublishTx(t.Context(), in, org, webhooks.Event{Type: "order.paid", Data: 1})
		check(t, err)
	}
	check(t, tx.Commit())
	_, err = hooks.Dispatcher.Publish(t.Context(), org, webhooks.Event{Type: "order.paid", Data: 1})
	check(t, err)
	wantMessages(t, hooks, org, 3)
	if err := st.Listen(t.Context(), func() {}); err == nil || !strings.Contains(err.Error(), "only with pgx") {
		t.Errorf("Listen gave %v, want the advice to take pgx", err)
	}
}

func wantOrders(t *testing.T, address string, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	check(t, err)
	defer func() { check(t, conn.Close(context.Background())) }()
	var n int
	check(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM orders`).Scan(&n))
	if n != want {
		t.Errorf("%d orders, want %d", n, want)
	}
}
