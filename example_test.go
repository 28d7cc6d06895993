package webhooks_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
	"github.com/ecg-api/webhooks/store/memstore"
)

// Publish an event, and receive it signed. The endpoint is on this machine, which
// deliveries may reach only because the configuration says so.
func Example() {
	ctx := context.Background()
	var keys signing.Keys
	received := make(chan string)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signing.Middleware(keys, nil)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			received <- "a genuine event arrived"
		})).ServeHTTP(w, r)
	}))
	defer endpoint.Close()

	hooks, err := webhooks.New(memstore.New(), webhooks.Config{
		AllowHTTP:     true,
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	check(err)
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: "v1"})
	check(err)
	customer := uuid.New()
	_, secret, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: endpoint.URL, IsDevelopment: true, Events: []string{"order.*"},
	})
	check(err)
	keys, err = signing.ParseKeys(secret)
	check(err)

	check(hooks.Dispatcher.Start(ctx))
	published, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: map[string]int{"order": 7}})
	check(err)
	fmt.Println("deliveries:", published.Deliveries)
	fmt.Println(<-received)
	check(hooks.Dispatcher.Stop(ctx))
	// Output:
	// deliveries: 1
	// a genuine event arrived
}

// Publish in the transaction that makes the change: both are kept, or neither.
func ExampleDispatcher_PublishTx() {
	ctx := context.Background()
	db, hooks, customer, done := exampleDatabase(ctx)
	defer done()

	err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id) VALUES (7)`); err != nil {
			return err
		}
		_, err := hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx), customer, webhooks.Event{
			Type: "order.paid", Data: map[string]int{"order": 7},
		})
		return err
	})
	check(err)
	fmt.Println("orders and deliveries:", countOrders(ctx, db), countDeliveries(ctx, hooks, customer))
	// Output: orders and deliveries: 1 1
}

// The same with a plain *sql.Tx, which is rolled back here: nothing is sent.
func ExampleDispatcher_PublishTx_databaseSQL() {
	ctx := context.Background()
	db, hooks, customer, done := exampleDatabase(ctx)
	defer done()

	var tx *sql.Tx
	tx, err := db.DB.BeginTx(ctx, nil)
	check(err)
	_, err = tx.ExecContext(ctx, `INSERT INTO orders (id) VALUES (7)`)
	check(err)
	published, err := hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx), customer, webhooks.Event{
		Type: "order.paid", Data: map[string]int{"order": 7},
	})
	check(err)
	fmt.Println("matched:", published.Deliveries)
	check(tx.Rollback())
	fmt.Println("orders and deliveries:", countOrders(ctx, db), countDeliveries(ctx, hooks, customer))
	// Output:
	// matched: 1
	// orders and deliveries: 0 0
}

// Several events of one change: all of them are kept, or none.
func ExampleDispatcher_PublishBatchTx() {
	ctx := context.Background()
	db, hooks, customer, done := exampleDatabase(ctx)
	defer done()

	err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO orders (id) VALUES (7), (8)`); err != nil {
			return err
		}
		_, err := hooks.Dispatcher.PublishBatchTx(ctx, bunstore.Tx(tx), customer, []webhooks.Event{
			{Type: "order.paid", Data: map[string]int{"order": 7}},
			{Type: "order.paid", Data: map[string]int{"order": 8}},
		})
		return err
	})
	check(err)
	fmt.Println("orders and deliveries:", countOrders(ctx, db), countDeliveries(ctx, hooks, customer))
	// Output: orders and deliveries: 2 2
}

type order struct {
	ID       int       `bun:",pk" json:"id"`
	Customer uuid.UUID `bun:"type:uuid" json:"customer"`
}

var _ = startAndPublish

// startAndPublish puts the library into a service on PostgreSQL. The README shows it.
func startAndPublish(ctx context.Context, sqlDB *sql.DB, order *order) error {
	db := bun.NewDB(sqlDB, pgdialect.New())         // the service's own database
	st, err := bunstore.New(db, bunstore.Options{}) // its tables live in the schema "webhooks"
	if err != nil {
		return err
	}
	if err := st.Migrate(ctx); err != nil {
		return err
	}
	hooks, err := webhooks.New(st, webhooks.Config{})
	if err != nil {
		return err
	}
	if err := hooks.Dispatcher.Start(ctx); err != nil { // it drains when ctx is cancelled
		return err
	}

	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(order).Exec(ctx); err != nil {
			return err
		}
		_, err := hooks.Dispatcher.PublishTx(ctx, bunstore.Tx(tx), order.Customer, webhooks.Event{
			Type: "order.paid", Data: order, // kept, signed and sent if this commits
		})
		return err
	})
}

// In a test, the memory store and a sender of one's own leave nothing outside the
// process.
func Example_inATest() {
	ctx := context.Background()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	customer := exampleSubscription(ctx, hooks)
	_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: "7"})
	check(err)
	fmt.Println("deliveries that would be made:", countDeliveries(ctx, hooks, customer))
	// Output: deliveries that would be made: 1
}

// exampleDatabase is a service's own database, with the webhooks beside its tables.
func exampleDatabase(ctx context.Context) (db *bun.DB, hooks *webhooks.Webhooks, customer uuid.UUID, done func()) {
	folder, err := os.MkdirTemp("", "example")
	check(err)
	st, err := sqlite.Open(ctx, filepath.Join(folder, "service.db"), sqlite.Options{})
	check(err)
	check(st.Migrate(ctx))
	_, err = st.DB().ExecContext(ctx, `CREATE TABLE orders (id INTEGER PRIMARY KEY)`)
	check(err)
	hooks, err = webhooks.New(st, webhooks.Config{})
	check(err)
	return st.DB(), hooks, exampleSubscription(ctx, hooks), func() {
		check(st.Close())
		check(os.RemoveAll(folder))
	}
}

func exampleSubscription(ctx context.Context, hooks *webhooks.Webhooks) uuid.UUID {
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: "v1"})
	check(err)
	customer := uuid.New()
	_, _, err = hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	return customer
}

func countOrders(ctx context.Context, db *bun.DB) (n int) {
	check(db.QueryRowContext(ctx, `SELECT count(*) FROM orders`).Scan(&n))
	return n
}

func countDeliveries(ctx context.Context, hooks *webhooks.Webhooks, customer uuid.UUID) (n int) {
	subs, err := hooks.Subscriptions.List(ctx, customer, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 100}})
	check(err)
	for _, s := range subs.Items {
		list, err := hooks.Subscriptions.Deliveries(ctx, webhooks.HistoryQuery{OrganizationID: customer, SubscriptionID: s.ID})
		check(err)
		n += list.Total
	}
	return n
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
