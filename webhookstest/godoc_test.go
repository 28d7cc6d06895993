package webhookstest_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/webhookstest"
)

// exampleT stands for the *testing.T of a test.
type exampleT struct{ cleanups []func() }

func newT() *exampleT { return &exampleT{} }

func (t *exampleT) Context() context.Context { return context.Background() }

func (t *exampleT) Helper()                           {}
func (t *exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (t *exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Cleanup(f func())                  { t.cleanups = append(t.cleanups, f) }

// end is the end of the test.
func (t *exampleT) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// The endpoint fails twice, and gets the event at the third attempt.
func Example() {
	t, customer := newT(), uuid.New() // t is a *testing.T in a test
	defer t.end()
	kit := webhookstest.New(t)
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "order.*")
	receiver.Reply(500, 500, 200)

	if err := (shop{kit.Hooks}).Pay(t.Context(), customer, 4); err != nil { // the service under test
		panic(err)
	}
	kit.Clock.Advance(time.Hour)

	for range 3 {
		r := receiver.Next(t.Context())
		fmt.Println(r.Attempt, r.Type, string(r.Data), r.Status)
	}
	fmt.Println("verified:", receiver.Verified())
	// Output:
	// 1 order.paid {"amount":4} 500
	// 2 order.paid {"amount":4} 500
	// 3 order.paid {"amount":4} 200
	// verified: 3
}

// Six days pass: the subscription is switched off after five days of nothing but failures.
func ExampleClock_Advance() {
	t, customer := newT(), uuid.New()
	defer t.end()
	kit := webhookstest.New(t)
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "order.paid")
	receiver.Reply(500)

	for range 6 {
		if err := (shop{kit.Hooks}).Pay(t.Context(), customer, 4); err != nil {
			panic(err)
		}
		kit.Clock.Advance(24 * time.Hour)
	}

	sub, err := kit.Hooks.Subscriptions.Get(t.Context(), customer, receiver.Subscription.ID)
	fmt.Println(sub.Active, sub.InactiveReason, err)
	// Output: false nothing but failures for 5 days <nil>
}

// In a rolled-back transaction nothing is published, in a committed one exactly its events.
func ExampleKit_Outbox() {
	t, customer := newT(), uuid.New()
	defer t.end()
	kit := webhookstest.New(t)
	kit.EventType("order.paid")

	for _, end := range []func(webhooks.Tx) error{webhooks.Tx.Rollback, webhooks.Tx.Commit} {
		outbox, tx := kit.Outbox(customer), kit.Begin()
		if err := (shop{kit.Hooks}).PayTx(t.Context(), tx, customer, 4); err != nil {
			panic(err)
		}
		inside := len(kit.PublishedTx(tx, customer))
		if err := end(tx); err != nil {
			panic(err)
		}
		fmt.Println("in the transaction:", inside, "afterwards:", len(outbox.Events()))
	}
	// Output:
	// in the transaction: 1 afterwards: 0
	// in the transaction: 1 afterwards: 1
}

// A failure names the path of each difference.
func ExampleRequireEvent() {
	events := []webhookstest.Event{{Type: "order.paid", Data: []byte(`{"amount":3,"items":[{"sku":"a"}]}`)}}
	want := map[string]any{"amount": 4, "items": []any{map[string]any{"sku": "b"}}}
	defer func() { fmt.Println(recover()) }()
	webhookstest.RequireEvent(newT(), events, "order.paid", want)
	// Output:
	// webhookstest: no such event order.paid:
	// 	data.amount: got 3, want 4
	// 	data.items[0].sku: got "a", want "b"
}
