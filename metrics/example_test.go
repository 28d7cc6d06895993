package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/metrics"
	"github.com/ecg-api/webhooks/store/memstore"
)

// accepted is a Sender to which every request succeeds.
type accepted struct{}

// Post implements [webhooks.Sender].
func (accepted) Post(context.Context, guard.Request) guard.Result {
	return guard.Result{Status: http.StatusAccepted}
}

// The metrics of the library in the registry of the service.
func ExampleNew() {
	ctx, registry := context.Background(), prometheus.NewRegistry()
	sink, err := metrics.New(registry)
	check(err)
	ended := make(chan webhooks.Notice)
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{
		Metrics:  sink,
		Sender:   accepted{},
		Observer: webhooks.ObserverFunc(func(n webhooks.Notice) { ended <- n }),
	})
	check(err)
	publishOrder(ctx, hooks)
	check(hooks.Dispatcher.Start(ctx))
	<-ended
	check(hooks.Dispatcher.Stop(ctx))

	page := httptest.NewRecorder()
	metrics.Handler(registry).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, `webhooks_attempts_total{outcome="succeeded"}`) {
			fmt.Print(line)
		}
	}
	// Output: webhooks_attempts_total{outcome="succeeded"} 1
}

// The metrics on a path of the service.
func ExampleHandler() {
	st, mux := memstore.New(), http.NewServeMux()

	registry := prometheus.NewRegistry()
	sink, err := metrics.New(registry)
	check(err)
	hooks, err := webhooks.New(st, webhooks.Config{Metrics: sink})
	check(err)
	mux.Handle("GET /metrics", metrics.Handler(registry))

	publishOrder(context.Background(), hooks)
	page := httptest.NewRecorder()
	mux.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, `webhooks_publish_events_total{result="stored"}`) || strings.HasPrefix(line, "webhooks_store_up") {
			fmt.Print(line)
		}
	}
	// Output:
	// webhooks_publish_events_total{result="stored"} 1
	// webhooks_store_up 1
}

// publishOrder publishes an event to a subscription.
func publishOrder(ctx context.Context, hooks *webhooks.Webhooks) {
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: "v1"})
	check(err)
	customer := uuid.New()
	_, _, err = hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: 7})
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
