package webhooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

// request has the parts of a delivery that a transport needs.
type request struct {
	url    string
	header http.Header
	body   []byte
}

// channelSender is a Sender with a transport of its own: it hands deliveries to a channel. It
// copies the header and the body, which belong to the dispatcher once Post has returned.
type channelSender chan<- request

// Post implements [webhooks.Sender].
func (s channelSender) Post(ctx context.Context, r guard.Request) guard.Result {
	select {
	case s <- request{url: r.URL.String(), header: r.Header.Clone(), body: bytes.Clone(r.Body)}:
		return guard.Result{Status: http.StatusAccepted}
	case <-ctx.Done():
		return guard.Result{Err: ctx.Err()}
	}
}

// Deliveries through a transport of the service's own, such as a queue or a proxy. The status of
// the result decides about the retry, as that of an HTTP response does.
func ExampleSender() {
	ctx := context.Background()
	requests := make(chan request)
	hooks, customer := exampleShop(ctx, webhooks.Config{Sender: channelSender(requests)})
	_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"order.*"}, Headers: map[string]string{"X-Tenant": "7"},
	})
	check(err)
	check(hooks.Dispatcher.Start(ctx))
	_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: map[string]int{"order": 7}})
	check(err)
	r := <-requests
	check(hooks.Dispatcher.Stop(ctx))
	fmt.Println("POST", r.url)
	fmt.Println("X-Tenant:", r.header.Get("X-Tenant"), "X-Webhook-Attempt:", r.header.Get("X-Webhook-Attempt"))
	fmt.Println(string(webhooks.Message{Body: r.body}.Data()))
	// Output:
	// POST https://example.com/hook
	// X-Tenant: 7 X-Webhook-Attempt: 1
	// {"order":7}
}

// A customer tries his endpoint: a test carries the sample of the event type, and is in the history
// as a test.
func ExampleDispatcher_Test() {
	ctx := context.Background()
	requests := make(chan request)
	hooks, customer := exampleShop(ctx, webhooks.Config{Sender: channelSender(requests)})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{PostURI: "https://example.com/hook"})
	check(err)
	_, err = hooks.Dispatcher.Test(ctx, customer, sub.ID, "", "")
	fmt.Println("needs an event type:", errors.Is(err, webhooks.ErrNoEvents))

	addExampleSample(ctx, hooks, `{"order": 7}`)
	check(hooks.Dispatcher.Start(ctx))
	attempt, err := hooks.Dispatcher.Test(ctx, customer, sub.ID, "order.paid", "v1")
	check(err)
	r := <-requests
	check(hooks.Dispatcher.Stop(ctx))
	fmt.Println("a test:", attempt.Type == webhooks.TestPost)
	fmt.Println("data:", string(webhooks.Message{Body: r.body}.Data()))
	// Output:
	// needs an event type: true
	// a test: true
	// data: {"order":7}
}

// A shutdown that loses nothing: the ctx of the program has ended, so Stop gets a fresh one with
// the time that the platform allows. Attempts in flight are finished and recorded.
func ExampleDispatcher_Stop() {
	program, interrupt := context.WithCancel(context.Background()) // in a service: signal.NotifyContext
	began, answer := make(chan bool), make(chan int)
	slow := senderFunc(func() guard.Result {
		began <- true
		return guard.Result{Status: <-answer}
	})
	hooks, customer := exampleShop(program, webhooks.Config{Sender: slow})
	_, _, err := hooks.Subscriptions.Create(program, customer, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"},
	})
	check(err)
	check(hooks.Dispatcher.Start(program))
	published, err := hooks.Dispatcher.Publish(program, customer, webhooks.Event{Type: "order.paid", Data: 7})
	check(err)
	<-began
	interrupt() // an attempt is in flight
	go func() { answer <- http.StatusOK }()

	shutdown, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	check(hooks.Dispatcher.Stop(shutdown))
	message, err := hooks.Dispatcher.Message(shutdown, customer, published.ID)
	check(err)
	fmt.Println("succeeded:", message.Deliveries.Succeeded)
	// Output: succeeded: 1
}

// Processes that serve the API and publish, and processes that deliver, are scaled apart: they
// share the database alone. Only the delivering ones call Start.
func Example_separateProcesses() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "example")
	check(err)
	defer func() { check(os.RemoveAll(folder)) }()
	process := func(c webhooks.Config) (*webhooks.Webhooks, *sqlite.Store) {
		st, err := sqlite.Open(ctx, filepath.Join(folder, "webhooks.db"), sqlite.Options{})
		check(err)
		check(st.Migrate(ctx)) // one process migrates, the others find the tables
		hooks, err := webhooks.New(st, c)
		check(err)
		return hooks, st
	}

	api, apiStore := process(webhooks.Config{})
	defer func() { check(apiStore.Close()) }()
	requests := make(chan request)
	worker, workerStore := process(webhooks.Config{Sender: channelSender(requests), PollInterval: 50 * time.Millisecond})
	defer func() { check(workerStore.Close()) }()
	check(worker.Dispatcher.Start(ctx))

	customer := exampleSubscription(ctx, api)
	_, err = api.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: 7})
	check(err)
	fmt.Println("delivered to", (<-requests).url)
	for _, hooks := range []*webhooks.Webhooks{api, worker} {
		dispatching, err := hooks.Health(ctx)
		check(err)
		fmt.Println("dispatching:", dispatching)
	}
	check(worker.Dispatcher.Stop(ctx))
	// Output:
	// delivered to https://example.com/hook
	// dispatching: false
	// dispatching: true
}

// addExampleSample adds a sample to the event type of the example shop.
func addExampleSample(ctx context.Context, hooks *webhooks.Webhooks, payload string) {
	categories, err := hooks.Registry.Categories(ctx, webhooks.ExcludeArchived, webhooks.Page{Take: 1})
	check(err)
	category := categories.Items[0].ID
	types, err := hooks.Registry.EventTypes(ctx, category, webhooks.ExcludeArchived, webhooks.Page{Take: 1})
	check(err)
	_, err = hooks.Registry.CreateSample(ctx, category, types.Items[0].ID, webhooks.SampleInput{Payload: []byte(payload)})
	check(err)
}
