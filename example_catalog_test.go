package webhooks_test

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

//go:embed testdata/seeds/*.json
var seedFiles embed.FS

// The catalog as documents that are embedded in the program: fs.Sub removes the folder from their
// names. Each host applies them at its start; each document is applied once.
func ExampleRegistry_Seed() {
	ctx := context.Background()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	seeds, err := fs.Sub(seedFiles, "testdata/seeds")
	check(err)
	for range 2 {
		applied, err := hooks.Registry.Seed(ctx, seeds)
		check(err)
		fmt.Println("applied:", applied)
	}
	categories, err := hooks.Registry.Categories(ctx, webhooks.ExcludeArchived, webhooks.Page{Take: 10})
	check(err)
	for _, c := range categories.Items {
		types, err := hooks.Registry.EventTypes(ctx, c.ID, webhooks.ExcludeArchived, webhooks.Page{Take: 10})
		check(err)
		for _, t := range types.Items {
			fmt.Println(c.Code, "has", t.Code, t.Version)
		}
	}
	// Output:
	// applied: [1]
	// applied: []
	// orders has order.paid v1
}

// A new form of the data is a new version of the event type. Both are published until the last
// customer has changed to the new one; a subscription gets the version that it names.
func ExampleRegistry_CreateEventType_versions() {
	ctx := context.Background()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	for _, version := range []string{"v1", "v2"} {
		_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: version})
		check(err)
	}
	customer := uuid.New()
	for _, version := range []string{"v1", "v2", "v2"} {
		_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
			PostURI: "https://example.com/" + version, Events: []string{"order.paid"}, Version: version,
		})
		check(err)
	}
	for _, e := range []webhooks.Event{
		{Type: "order.paid", Version: "v1", Data: map[string]any{"amount": 12.5}},
		{Type: "order.paid", Version: "v2", Data: map[string]any{"amount": "12.50", "currency": "EUR"}},
	} {
		p, err := hooks.Dispatcher.Publish(ctx, customer, e)
		check(err)
		fmt.Println(e.Version, "has deliveries:", p.Deliveries)
	}
	// Output:
	// v1 has deliveries: 1
	// v2 has deliveries: 2
}

// An event type with a JSON Schema refuses data of another form. A sample shows the data to
// customers, and is the payload of tests.
func ExampleRegistry_CreateSample() {
	ctx := context.Background()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	paid, err := hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{
		Name: "Paid", Code: "order.paid", Version: "v1",
		Schema: []byte(`{"type": "object", "properties": {"order": {"type": "integer"}}, "required": ["order"]}`),
	})
	check(err)
	_, err = hooks.Registry.CreateSample(ctx, category.ID, paid.ID, webhooks.SampleInput{Payload: []byte(`{"order": "seven"}`)})
	fmt.Println(err)
	sample, err := hooks.Registry.CreateSample(ctx, category.ID, paid.ID, webhooks.SampleInput{Payload: []byte(`{"order": 7}`)})
	check(err)
	fmt.Println(sample.Version, string(sample.Payload))
	// Output:
	// schema_mismatch: /payload/order does not match the event type's schema: got string, want integer
	// v1 {"order":7}
}

// Changed records keep the name of the person or program that made the change.
func ExampleWithActor() {
	ctx := webhooks.WithActor(context.Background(), "back office: Ada")
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	sub, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{PostURI: "https://example.com/hook"})
	check(err)
	ctx = webhooks.WithActor(ctx, "portal: Grace")
	sub, err = hooks.Subscriptions.Update(ctx, customer, sub.ID, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
		in.Events = []string{"order.*"}
		return nil
	})
	check(err)
	fmt.Println("created by", sub.CreatedBy)
	fmt.Println("updated by", sub.UpdatedBy)
	// Output:
	// created by back office: Ada
	// updated by portal: Grace
}

// Customers see and change only their own subscriptions. A service whose customers have no UUIDs
// derives one from the customer's name.
func ExampleSubscriptions_Get_otherOrganization() {
	ctx := context.Background()
	hooks, _ := exampleShop(ctx, webhooks.Config{})
	organization := func(customer string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceDNS, []byte(customer)) }
	sub, _, err := hooks.Subscriptions.Create(ctx, organization("acme"), webhooks.SubscriptionInput{PostURI: "https://example.com/hook"})
	check(err)
	for _, customer := range []string{"acme", "globex"} {
		_, err := hooks.Subscriptions.Get(ctx, organization(customer), sub.ID)
		fmt.Println(customer, "finds it:", !errors.Is(err, webhooks.ErrNotFound))
	}
	// Output:
	// acme finds it: true
	// globex finds it: false
}
