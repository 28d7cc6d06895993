// Package bunservice publishes in transactions of bun.
package bunservice

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// Orders is the service. Hooks has the catalog and the subscriptions.
type Orders struct {
	Hooks *webhooks.Webhooks
	db    *bun.DB
}

// Order is a row of the table orders.
type Order struct {
	ID     int64 `bun:",pk,autoincrement" json:"id"`
	Amount int64 `json:"amount"`
}

// New connects to the database, and makes the tables of the webhooks.
func New(ctx context.Context, address string) (*Orders, error) {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	db := bun.NewDB(pool, pgdialect.New())
	hooks, err := open(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Orders{hooks, db}, nil
}

func open(ctx context.Context, db *bun.DB) (*webhooks.Webhooks, error) {
	st, err := bunstore.New(db, bunstore.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.Migrate(ctx); err != nil {
		return nil, err
	}
	return webhooks.New(st, webhooks.Config{})
}

// Close closes the connections.
func (o *Orders) Close() error { return o.db.Close() }

// Place stores an order, publishes order.paid and charges the customer. If charge fails, the order
// is not stored and the event is not delivered.
func (o *Orders) Place(ctx context.Context, customer uuid.UUID, amount int64, charge func() error) error {
	return o.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		order := &Order{Amount: amount}
		if _, err := tx.NewInsert().Model(order).Exec(ctx); err != nil {
			return err
		}
		event := webhooks.Event{Type: "order.paid", Data: order}
		if _, err := o.Hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx), customer, event); err != nil {
			return err
		}
		return charge()
	})
}
