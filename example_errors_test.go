package webhooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// A ValidationError names each wrong field of an input, and the allowed values.
func ExampleValidationError() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	_, _, err := hooks.Subscriptions.Create(ctx, customer, webhooks.SubscriptionInput{
		PostURI: "https://10.0.0.1/hook", Events: []string{"order.*"},
	})
	var invalid *webhooks.ValidationError
	if errors.As(err, &invalid) {
		fmt.Println(invalid.Problem)
		for _, field := range invalid.Fields {
			fmt.Println(field.Pointer, field.Detail)
		}
	}
	// Output:
	// address_blocked
	// /postUri must not lead to a blocked address 10.0.0.1
}

// The reasons why a record's state forbids a change are special cases of ErrConflict.
func ExampleDispatcher_Publish_errors() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	list, err := hooks.Registry.Categories(ctx, webhooks.ExcludeArchived, webhooks.Page{Take: 1})
	check(err)
	check(hooks.Registry.DeactivateCategory(ctx, list.Items[0].ID))

	for _, code := range []string{"order.paid", "order.refunded"} {
		_, err = hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: code, Data: 7})
		var invalid *webhooks.ValidationError
		switch {
		case errors.Is(err, webhooks.ErrEventInactive):
			fmt.Println(code, "is switched off; a conflict:", errors.Is(err, webhooks.ErrConflict))
		case errors.As(err, &invalid):
			fmt.Println(code, "is wrong:", invalid.Problem)
		case errors.Is(err, webhooks.ErrUnavailable):
			fmt.Println("the store is down: publish again with an idempotency key")
		default:
			check(err)
		}
	}
	// Output:
	// order.paid is switched off; a conflict: true
	// order.refunded is wrong: unknown_reference
}

// A publisher that does not know whether a publish reached the store repeats it under the same
// idempotency key: the event is published once.
func ExampleDispatcher_Publish_idempotencyKey() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	paid := webhooks.Event{Type: "order.paid", Data: json.RawMessage(`{"order": 7}`), IdempotencyKey: "order-7-paid"}
	first, err := hooks.Dispatcher.Publish(ctx, customer, paid)
	check(err)
	again, err := hooks.Dispatcher.Publish(ctx, customer, paid)
	check(err)
	fmt.Println("duplicate:", again.Duplicate, "same message:", first.ID == again.ID)

	paid.Data = json.RawMessage(`{"order": 8}`)
	_, err = hooks.Dispatcher.Publish(ctx, customer, paid)
	fmt.Println("other data under the key:", errors.Is(err, webhooks.ErrIdempotencyMismatch))
	// Output:
	// duplicate: true same message: true
	// other data under the key: true
}

// A batch is published as a whole or not at all. The error names the event that is wrong.
func ExampleDispatcher_PublishBatch() {
	ctx := context.Background()
	hooks, customer := exampleShop(ctx, webhooks.Config{})
	events := []webhooks.Event{
		{Type: "order.paid", Data: map[string]int{"order": 7}},
		{Type: "order paid", Data: map[string]int{"order": 8}},
	}
	_, err := hooks.Dispatcher.PublishBatch(ctx, customer, events)
	var wrong *webhooks.EventError
	if errors.As(err, &wrong) {
		fmt.Printf("event %d: %v\n", wrong.Index, wrong.Err)
	}
	fmt.Println("published:", countMessages(ctx, hooks, customer))

	events[1].Type = "order.paid"
	results, err := hooks.Dispatcher.PublishBatch(ctx, customer, events)
	check(err)
	fmt.Println("published:", len(results))
	// Output:
	// event 1: validation_failed: /eventType must be 1–100 of A-Z a-z 0-9 . _ - and start with a letter or digit
	// published: 0
	// published: 2
}

func countMessages(ctx context.Context, hooks *webhooks.Webhooks, customer uuid.UUID) int {
	list, err := hooks.Dispatcher.Messages(ctx, customer, webhooks.Page{})
	check(err)
	return list.Total
}
