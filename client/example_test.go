package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// Publish an event. A broken connection or a host that restarts is no reason to publish it again:
// the call is repeated under one idempotency key.
func ExampleDispatcher_Publish() {
	c, customer, stop := exampleHost()
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	published, err := c.Dispatcher.Publish(ctx, customer, client.Event{
		Type: "vitals.observation",
		Data: map[string]any{"code": "8867-4", "value": 72, "unit": "/min"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the message goes to", published.Deliveries, "subscription")
	// Output: the message goes to 1 subscription
}

// Publish several events at once: all of them, or none. The error names the wrong event.
func ExampleDispatcher_PublishBatch() {
	c, customer, stop := exampleHost()
	defer stop()

	_, err := c.Dispatcher.PublishBatch(context.Background(), customer, []client.Event{
		{Type: "vitals.observation", Data: 72},
		{Type: "vitals.unknown", Data: 73},
	})
	var problem *client.Error
	if errors.As(err, &problem) {
		fmt.Println(problem.Status, problem.Code)
		for _, field := range problem.Fields {
			fmt.Println(field.Pointer, field.Detail)
		}
	}
	// Output:
	// 422 unknown_reference
	// /events/1/eventType names no event type of version v1
}

// Subscribe a customer, and tell the faults of the request apart.
func ExampleSubscriptions_Create() {
	c, customer, stop := exampleHost()
	defer stop()

	for _, uri := range []string{"https://10.0.0.1/webhooks", "https://user@example.com/", "https://example.com/webhooks"} {
		subscription, err := c.Subscriptions.Create(context.Background(), customer, client.SubscriptionInput{
			PostURI: uri,
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
			secret := string(subscription.SecretKey) // give it to the customer
			fmt.Println("subscribed, with a secret:", secret != "")
		}
	}
	// Output:
	// the address is not allowed
	// /postUri must not have a user name or password
	// subscribed, with a secret: true
}

// Change a subscription that nobody else has changed meanwhile. A member that the patch does not
// name keeps its value; nil makes it null.
func ExampleSubscriptions_Update() {
	c, customer, stop := exampleHost()
	defer stop()
	ctx := context.Background()

	list, err := c.Subscriptions.List(ctx, customer, client.SubscriptionQuery{})
	if err != nil {
		log.Fatal(err)
	}
	read, err := c.Subscriptions.Get(ctx, customer, list.Items[0].ID)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		changed, err := c.Subscriptions.Update(ctx, customer, read.ID, client.Patch{
			client.Set("/postUri", "https://example.com/hooks"),
			client.Set("/description", nil),
			client.Add("/events/-", "alarms.*"),
		}, client.IfMatch(read.ETag))
		switch {
		case errors.Is(err, client.ErrPreconditionFailed):
			fmt.Println("it has changed: read it again")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(changed.PostURI, len(changed.Events))
		}
	}
	// Output:
	// https://example.com/hooks 2
	// it has changed: read it again
}

// Read the whole history of failures, and send each of them again.
func ExampleSubscriptions_Deliveries() {
	c, customer, stop := exampleHost()
	defer stop()
	ctx, id := context.Background(), failedDelivery(c, customer)

	for delivery, err := range c.Subscriptions.Deliveries(ctx, customer, id, client.DeliveryQuery{Status: client.OnlyFailed}) {
		if err != nil {
			log.Fatal(err)
		}
		retry, err := c.Dispatcher.Retry(ctx, customer, id, delivery.ID)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("failed:", delivery.Error, "and now:", retry.Status)
	}
	// Output: failed: HTTP 503 and now: pending
}

// A host can name its organizations: see [httpapi.Organizations]. The client takes their names.
func Example_organizationNames() {
	ctx := context.Background()
	hooks := must(webhooks.New(memstore.New(), webhooks.Config{}))
	api := must(httpapi.New(hooks, httpapi.Config{Authenticator: authenticator{}, Organizations: directory("acme/eu")}))
	host := httptest.NewServer(api)
	defer host.Close()
	c := must(client.New(client.Config{BaseURL: host.URL, Token: client.StaticToken(testToken), HTTPClient: host.Client()}))

	for _, organization := range []string{"acme/eu", "initech", ".."} {
		in := client.SubscriptionInput{PostURI: "https://example.com/webhooks"}
		subscription, err := c.Subscriptions.Create(ctx, organization, in)
		var parameter *client.ParameterError
		switch {
		case errors.Is(err, client.ErrNotFound):
			fmt.Println("the host has no organization", organization)
		case errors.As(err, &parameter):
			fmt.Println(parameter)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("subscribed", subscription.OrganizationID)
		}
	}
	// Output:
	// subscribed acme/eu
	// the host has no organization initech
	// webhooks client: organization is "..": it must not be empty, "." or ".."
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
		fmt.Println("fetched")
		t.token, t.expires = "from-the-identity-provider", time.Now().Add(time.Hour)
	}
	return t.token, nil
}

// A token that expires comes from a source, which caches it.
func ExampleTokenSource() {
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Authorization"))
		fmt.Fprint(w, `{"items": []}`)
	}))
	defer host.Close()

	source := &tokens{}
	c, err := client.New(client.Config{BaseURL: host.URL, Token: source.get, HTTPClient: host.Client()})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		if _, err := c.Signer.Keys(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// fetched
	// Bearer from-the-identity-provider
	// Bearer from-the-identity-provider
}

// exampleHost runs a host in this process. It returns a client of it, and a customer with a
// subscription to vitals.*.
func exampleHost() (c *client.Client, customer string, stop func()) {
	ctx := context.Background()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	check(err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{
		Name: "Observation", Code: "vitals.observation", Version: "v1",
	})
	check(err)
	organization := uuid.New()
	_, _, err = hooks.Subscriptions.Create(ctx, organization, webhooks.SubscriptionInput{
		PostURI: "https://example.com/webhooks", Events: []string{"vitals.*"},
	})
	check(err)
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: authenticator{}})
	check(err)
	server := httptest.NewServer(api)
	c, err = client.New(client.Config{BaseURL: server.URL, Token: client.StaticToken(testToken), HTTPClient: server.Client()})
	check(err)
	return c, organization.String(), server.Close
}

// failedDelivery returns a subscription of the customer to which a delivery failed.
func failedDelivery(c *client.Client, customer string) uuid.UUID {
	ctx := context.Background()
	list, err := c.Subscriptions.List(ctx, customer, client.SubscriptionQuery{})
	check(err)
	id := list.Items[0].ID
	made, err := c.Dispatcher.MakePayload(ctx, customer, id,
		client.PayloadInput{EventType: "vitals.observation", Version: "v1", Data: 72}, client.PayloadQuery{Mode: client.External})
	check(err)
	status := http.StatusServiceUnavailable
	_, err = c.Dispatcher.Report(ctx, customer, id, made.ActivityID, client.ReportInput{
		OriginalActivityID: made.ActivityID, HTTPStatusCode: &status, Error: "HTTP 503",
	})
	check(err)
	return id
}
