// Package entservice publishes in transactions of ent.
package entservice

import (
	"context"
	"database/sql"
	"errors"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/examples/drivers/entservice/ent"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// Orders is the service. Hooks has the catalog and the subscriptions.
type Orders struct {
	Hooks  *webhooks.Webhooks
	client *ent.Client
}

// New connects to the database, and makes the tables of the webhooks.
func New(ctx context.Context, address string) (*Orders, error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
	hooks, err := open(ctx, db)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &Orders{hooks, client}, nil
}

func open(ctx context.Context, db *sql.DB) (*webhooks.Webhooks, error) {
	st, err := bunstore.New(bun.NewDB(db, pgdialect.New()), bunstore.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.Migrate(ctx); err != nil {
		return nil, err
	}
	return webhooks.New(st, webhooks.Config{})
}

// Close closes the connections.
func (o *Orders) Close() error { return o.client.Close() }

// Place stores an order, publishes order.paid and charges the customer. If charge fails, the order
// is not stored and the event is not delivered.
func (o *Orders) Place(ctx context.Context, customer uuid.UUID, amount int64, charge func() error) error {
	tx, err := o.client.Tx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	order, err := tx.Order.Create().SetAmount(amount).Save(ctx)
	if err != nil {
		return err
	}
	event := webhooks.Event{Type: "order.paid", Data: map[string]int64{"id": int64(order.ID), "amount": order.Amount}}
	if _, err := o.Hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx), customer, event); err != nil {
		return err
	}
	if err := charge(); err != nil {
		return err
	}
	return tx.Commit()
}
