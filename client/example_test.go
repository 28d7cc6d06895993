package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// connect returns a client of the sample host in development mode.
func connect(token string) *client.Client {
	c, err := client.New(client.Config{BaseURL: "http://localhost:8080", Token: client.StaticToken(token)})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// Publish an event. A broken connection or a host that restarts is no reason to publish it again:
// the call is repeated under one idempotency key.
func ExampleDispatcher_Publish() {
	c := connect("…")
	customer := uuid.MustParse("7152ff07-72b4-4934-b96c-9283003188a1")

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	published, err := c.Dispatcher.Publish(ctx, customer, client.Event{
		Type: "vitals.observation.created",
		Data: map[string]any{"code": "8867-4", "value": 72, "unit": "/min"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("message", published.ID, "goes to", published.Deliveries, "subscriptions")
}

// Subscribe a customer, and tell the faults of the request apart.
func ExampleSubscriptions_Create() {
	c := connect("…")
	customer := uuid.MustParse("7152ff07-72b4-4934-b96c-9283003188a1")

	subscription, err := c.Subscriptions.Create(context.Background(), customer, client.SubscriptionInput{
		PostURI: "https://example.com/webhooks",
		Events:  []string{"vitals.*"},
		Filter:  []client.ConditionInput{{Pointer: "/patient/ward", Op: client.Equal, Value: "icu"}},
	})
	var problem *client.Error
	switch {
	case errors.Is(err, client.ErrAddressBlocked):
		fmt.Println("the address is not allowed")
	case errors.As(err, &problem):
		for _, field := range problem.Fields {
			fmt.Println(field.Pointer, field.Detail)
		}
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("give the customer the secret:", string(subscription.SecretKey))
	}
}

// Change a subscription that nobody else has changed meanwhile. A member that the patch does not
// name keeps its value; nil makes it null.
func ExampleSubscriptions_Update() {
	c := connect("…")
	customer := uuid.MustParse("7152ff07-72b4-4934-b96c-9283003188a1")
	id := uuid.MustParse("011fe3bd-6513-4da4-a934-48538497a1c9")

	subscription, err := c.Subscriptions.Get(context.Background(), customer, id)
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Subscriptions.Update(context.Background(), customer, id, client.Patch{
		client.Set("/postUri", "https://example.com/hooks"),
		client.Set("/description", nil),
		client.Add("/events/-", "alarms.*"),
	}, client.IfMatch(subscription.ETag))
	if errors.Is(err, client.ErrPreconditionFailed) {
		fmt.Println("it has changed: read it again")
	}
}

// Read the whole history of failures, and send each of them again.
func ExampleSubscriptions_Deliveries() {
	c := connect("…")
	ctx, customer := context.Background(), uuid.MustParse("7152ff07-72b4-4934-b96c-9283003188a1")
	id := uuid.MustParse("011fe3bd-6513-4da4-a934-48538497a1c9")

	for delivery, err := range c.Subscriptions.Deliveries(ctx, customer, id, client.DeliveryQuery{Status: client.OnlyFailed}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(delivery.ID, delivery.Error)
		if _, err := c.Dispatcher.Retry(ctx, customer, id, delivery.ID); err != nil {
			log.Fatal(err)
		}
	}
}

// tokens fetches a token before the former one expires.
type tokens struct {
	mu      sync.Mutex
	token   string
	expires time.Time
}

func (t *tokens) get(context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Until(t.expires) < time.Minute {
		t.token, t.expires = "from the identity provider", time.Now().Add(time.Hour)
	}
	return t.token, nil
}

// A token that expires comes from a source, which caches it.
func ExampleTokenSource() {
	source := &tokens{}
	c, err := client.New(client.Config{BaseURL: "https://hooks.example.com", Token: source.get})
	if err != nil {
		log.Fatal(err)
	}
	_ = c
}
