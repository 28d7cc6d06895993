// Package sqlservice publishes in transactions of database/sql.
package sqlservice

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
	db    *sql.DB
}

// New connects to the database, and makes the tables of the webhooks.
func New(ctx context.Context, address string) (*Orders, error) {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	hooks, err := open(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Orders{hooks, db}, nil
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
func (o *Orders) Close() error { return o.db.Close() }

// Place stores an order, publishes order.paid and charges the customer. If charge fails, the order
// is not stored and the event is not delivered.
func (o *Orders) Place(ctx context.Context, customer uuid.UUID, amount int64, charge func() error) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	var id int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO orders (amount) VALUES ($1) RETURNING id`, amount).Scan(&id); err != nil {
		return err
	}
	event := webhooks.Event{Type: "order.paid", Data: map[string]int64{"id": id, "amount": amount}}
	if _, err := o.Hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx), customer, event); err != nil {
		return err
	}
	if err := charge(); err != nil {
		return err
	}
	return tx.Commit()
}
