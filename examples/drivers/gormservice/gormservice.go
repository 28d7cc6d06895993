// Package gormservice publishes in transactions of GORM.
package gormservice

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// Orders is the service. Hooks has the catalog and the subscriptions.
type Orders struct {
	Hooks *webhooks.Webhooks
	db    *gorm.DB
	pool  *sql.DB
}

// Order is a row of the table orders.
type Order struct {
	ID     int64 `json:"id"`
	Amount int64 `json:"amount"`
}

// New connects to the database, and makes the tables of the webhooks.
func New(ctx context.Context, address string) (*Orders, error) {
	db, err := gorm.Open(postgres.Open(address), &gorm.Config{PrepareStmt: true})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	hooks, err := open(ctx, pool)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &Orders{hooks, db, pool}, nil
}

func open(ctx context.Context, pool *sql.DB) (*webhooks.Webhooks, error) {
	st, err := bunstore.New(bun.NewDB(pool, pgdialect.New()), bunstore.Options{})
	if err != nil {
		return nil, err
	}
	if err := st.Migrate(ctx); err != nil {
		return nil, err
	}
	return webhooks.New(st, webhooks.Config{})
}

// Close closes the connections.
func (o *Orders) Close() error { return o.pool.Close() }

// Place stores an order, publishes order.paid and charges the customer. If charge fails, the order
// is not stored and the event is not delivered.
func (o *Orders) Place(ctx context.Context, customer uuid.UUID, amount int64, charge func() error) error {
	return o.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		order := &Order{Amount: amount}
		if err := tx.Create(order).Error; err != nil {
			return err
		}
		event := webhooks.Event{Type: "order.paid", Data: order}
		if _, err := o.Hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx.Statement.ConnPool), customer, event); err != nil {
			return err
		}
		return charge()
	})
}
