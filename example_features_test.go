package webhooks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// A subscription with a filter gets an event if its data meets all conditions.
func ExampleSubscriptions_Create_filter() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/large-orders", Events: []string{"order.*"},
		Filter: store.Filter{{Pointer: "/amount", Op: store.OpGreater, Value: []byte("100")}},
	})
	check(err)
	for _, amount := range []int{50, 500} {
		p, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: map[string]int{"amount": amount}})
		check(err)
		fmt.Println(amount, "has deliveries:", p.Deliveries)
	}
	// Output:
	// 50 has deliveries: 0
	// 500 has deliveries: 1
}

// An ordered subscription gets the events of an ordering key one after the other.
func ExampleSubscriptions_Create_ordered() {
	ctx := context.Background()
	balances := make(chan int)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			Data struct{ Balance int }
		}
		check(json.NewDecoder(r.Body).Decode(&body))
		balances <- body.Data.Balance
	}))
	defer endpoint.Close()
	hooks, customer := exampleShop(ctx, webhooks.Config{AllowHTTP: true, AllowNetworks: loopback})
	_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: endpoint.URL, IsDevelopment: true, Events: []string{"*"}, Ordered: true,
	})
	check(err)
	check(hooks.Dispatcher.Start(ctx))
	for balance := range 3 {
		_, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{
			Type: "order.paid", Data: map[string]int{"balance": balance}, OrderingKey: "account-7",
		})
		check(err)
	}
	fmt.Println(<-balances, <-balances, <-balances)
	check(hooks.Dispatcher.Stop(ctx))
	// Output: 0 1 2
}

// After an outage of a receiver, the events that it missed are queued again.
func ExampleDispatcher_Recover() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	outage := time.Now().Add(-time.Hour)
	check(hooks.Subscriptions.Deactivate(ctx, customer, sub.ID))
	for range 3 {
		_, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: 1})
		check(err)
	}
	check(hooks.Subscriptions.Activate(ctx, customer, sub.ID))

	job, err := hooks.Dispatcher.Recover(ctx, customer, sub.ID, webhooks.RecoveryInput{
		Since: outage, Scope: store.RecoverMissed, RatePerSecond: 100,
	})
	check(err)
	fmt.Println("events to be queued again:", job.Matched)
	// Output: events to be queued again: 3
}

// A caller that makes the request itself gets the body from the library, and reports the
// outcome: history and retries are as for any other attempt.
func ExampleDispatcher_Report() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	attempt, err := hooks.Dispatcher.Post(ctx, customer, sub.ID, webhooks.PostInput{Type: "order.paid", Data: 7, External: true})
	check(err)
	fmt.Println("before:", attempt.Status)
	attempt, err = hooks.Dispatcher.Report(ctx, customer, sub.ID, attempt.ID, webhooks.ReportInput{
		DeliveryID: attempt.DeliveryID, Success: true, HTTPStatus: http.StatusAccepted,
	})
	check(err)
	fmt.Println("after:", attempt.Status, attempt.HTTPStatus)
	// Output:
	// before: pending
	// after: succeeded 202
}

// An observer gets a notice of every attempt that ended, and of events for the operator.
func ExampleObserver() {
	ctx := context.Background()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		check(err)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer endpoint.Close()
	notices := make(chan webhooks.Notice, 10)
	hooks, customer := exampleShop(ctx, webhooks.Config{
		AllowHTTP: true, AllowNetworks: loopback,
		Observer: webhooks.ObserverFunc(func(n webhooks.Notice) { notices <- n }),
	})
	_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: endpoint.URL, IsDevelopment: true, Events: []string{"*"},
	})
	check(err)
	check(hooks.Dispatcher.Start(ctx))
	_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: 7})
	check(err)
	n := <-notices
	fmt.Println(n.Kind, n.Status, n.HTTPStatus)
	check(hooks.Dispatcher.Stop(ctx))
	// Output: attempt_ended succeeded 204
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// exampleShop is a catalog with one event type, and a customer.
func exampleShop(ctx context.Context, c webhooks.Config) (hooks *webhooks.Webhooks, customer uuid.UUID) {
	hooks, err := webhooks.New(memstore.New(), c)
	check(err)
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: "v1"})
	check(err)
	return hooks, uuid.New()
}
