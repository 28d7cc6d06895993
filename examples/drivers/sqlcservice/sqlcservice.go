// Package sqlcservice publishes in transactions of pgx, beside the code that sqlc generates.
package sqlcservice

//go:generate go run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/examples/drivers/sqlcservice/queries"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
)

// Orders is the service. Hooks has the catalog and the subscriptions.
type Orders struct {
	Hooks *webhooks.Webhooks
	pool  *pgxpool.Pool
	store *postgres.Store
}

// New connects to the database, and makes the tables of the webhooks.
func New(ctx context.Context, address string) (*Orders, error) {
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return nil, err
	}
	st, err := postgres.New(pool, bunstore.Options{})
	if err != nil {
		pool.Close()
		return nil, err
	}
	o := &Orders{pool: pool, store: st}
	if err := st.Migrate(ctx); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if o.Hooks, err = webhooks.New(st, webhooks.Config{}); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Close closes the connections.
func (o *Orders) Close() error {
	err := o.store.Close()
	o.pool.Close()
	return err
}

// Place stores an order, publishes order.paid and charges the customer. If charge fails, the order
// is not stored and the event is not delivered.
func (o *Orders) Place(ctx context.Context, customer uuid.UUID, amount int64, charge func() error) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		id, err := queries.New(tx).CreateOrder(ctx, amount)
		if err != nil {
			return err
		}
		event := webhooks.Event{Type: "order.paid", Data: map[string]int64{"id": id, "amount": amount}}
		if _, err := o.Hooks.Dispatcher.PublishTx(ctx, bunstore.PgxTx(tx), customer, event); err != nil {
			return err
		}
		return charge()
	})
}
