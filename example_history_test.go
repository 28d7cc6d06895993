package webhooks_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// The states of a message's deliveries, and for each subscription of the customer the reason why it
// did not get the message.
func ExampleDispatcher_Explain() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	for _, in := range []webhooks.SubscriptionInput{
		{Description: "orders", Events: []string{"order.*"}},
		{Description: "shipments", Events: []string{"shipment.*"}},
		{Description: "large orders", Events: []string{"*"}, Filter: store.Filter{
			{Pointer: "/amount", Op: store.OpGreater, Value: []byte("1000")},
		}},
	} {
		in.PostURI = "https://example.com/hook"
		_, _, err := hooks.Subscriptions.Create(ctx, customer, in)
		check(err)
	}
	published, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: map[string]int{"amount": 12}})
	check(err)

	message, err := hooks.Dispatcher.Message(ctx, customer, published.ID)
	check(err)
	fmt.Println("deliveries:", message.Deliveries.Total, "pending:", message.Deliveries.Pending)
	explanations, err := hooks.Dispatcher.Explain(ctx, customer, published.ID, webhooks.ExplainQuery{Page: webhooks.Page{Take: 10}})
	check(err)
	for _, e := range explanations.Items {
		fmt.Printf("%s: %s%s\n", e.Subscription.Description, e.Reason, statusOf(e))
	}
	// Output:
	// deliveries: 1 pending: 1
	// orders: pending
	// shipments: not_subscribed
	// large orders: filtered
}

// statusOf returns the status of the delivery that is explained, if there is one.
func statusOf(e webhooks.Explanation) string {
	if e.DeliveryID == uuid.Nil {
		return ""
	}
	return e.Status.String()
}

// The whole history of a subscription in pages, newest first: a page begins behind the last id of
// the page before it, so that it costs the same at any depth.
func ExampleSubscriptions_Deliveries() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	for order := range 5 {
		_, err := hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: order})
		check(err)
	}
	query := webhooks.HistoryQuery{
		OrganizationID: customer, SubscriptionID: sub.ID, Page: webhooks.Page{Take: 2, Descending: true},
	}
	for {
		list, err := hooks.Subscriptions.Deliveries(ctx, query)
		check(err)
		if len(list.Items) == 0 {
			break
		}
		for _, d := range list.Items {
			fmt.Printf("order %s: %s, ", webhooks.Message{Body: d.Body}.Data(), d.Status)
			query.After = d.ID
		}
		fmt.Println("of", list.Total)
	}
	// Output:
	// order 4: pending, order 3: pending, of 5
	// order 2: pending, order 1: pending, of 5
	// order 0: pending, of 5
}

// A customer has repaired an endpoint and sends a failed delivery again at once. The chain shows
// each attempt; the retry by the schedule is withdrawn.
func ExampleDispatcher_Retry() {
	ctx := context.Background()
	status := make(chan int, 2)
	status <- http.StatusBadGateway
	status <- http.StatusOK
	ended := make(chan webhooks.Notice, 8)
	hooks, customer := exampleShop(ctx, webhooks.Config{
		Sender: senderFunc(func() guard.Result { return guard.Result{Status: <-status} }),
		Observer: webhooks.ObserverFunc(func(n webhooks.Notice) {
			if n.Kind == webhooks.AttemptEnded {
				ended <- n
			}
		}),
	})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	check(hooks.Dispatcher.Start(ctx))
	_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: 7})
	check(err)
	failed := <-ended
	_, err = hooks.Dispatcher.Retry(ctx, customer, sub.ID, failed.AttemptID)
	check(err)
	<-ended
	check(hooks.Dispatcher.Stop(ctx))

	chain, err := hooks.Subscriptions.Chain(ctx, customer, sub.ID, failed.AttemptID, 0)
	check(err)
	for _, a := range chain.Items {
		fmt.Printf("%d %s %q\n", a.Number, a.Status, a.Error)
	}
	// Output:
	// 1 failed "HTTP 502"
	// 2 cancelled ""
	// 3 succeeded ""
}

// The state of subscriptions in one word, for a customer's page.
func ExampleSubscriptions_Statuses() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	for _, uri := range []string{"https://example.com/a", "https://example.com/b", "https://example.com/c"} {
		_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{PostURI: uri, Events: []string{"*"}})
		check(err)
	}
	list, err := hooks.Subscriptions.List(ctx, customer, webhooks.SubscriptionQuery{Page: webhooks.Page{Take: 10}})
	check(err)
	check(hooks.Subscriptions.Deactivate(ctx, customer, list.Items[1].ID))
	check(hooks.Subscriptions.Archive(ctx, customer, list.Items[2].ID))

	list, err = hooks.Subscriptions.List(ctx, customer, webhooks.SubscriptionQuery{
		Archived: webhooks.IncludeArchived, Page: webhooks.Page{Take: 10},
	})
	check(err)
	statuses, err := hooks.Subscriptions.Statuses(ctx, list.Items)
	check(err)
	for _, sub := range list.Items {
		fmt.Printf("%s %s %q\n", sub.PostURI, statuses[sub.ID].State, statuses[sub.ID].Reason)
	}
	// Output:
	// https://example.com/a enabled ""
	// https://example.com/b paused ""
	// https://example.com/c disabled "archived"
}
