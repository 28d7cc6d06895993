package webhookstest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/webhookstest"
)

// shop is the service under test.
type shop struct{ hooks *webhooks.Webhooks }

func (s shop) Pay(ctx context.Context, customer uuid.UUID, amount int) error {
	_, err := s.hooks.Dispatcher.Publish(ctx, customer, webhooks.Event{Type: "order.paid", Data: map[string]int{"amount": amount}})
	return err
}

func (s shop) PayTx(ctx context.Context, tx webhooks.Tx, customer uuid.UUID, amount int) error {
	_, err := s.hooks.Dispatcher.PublishTx(ctx, tx, customer, webhooks.Event{Type: "order.paid", Data: map[string]int{"amount": amount}})
	return err
}

// A paid order publishes one event. The endpoint fails twice, and gets it at the third attempt. Each signature is
// verified as it arrives.
func TestPay(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "order.*")
	receiver.Reply(500, 500, 200)
	if err := (shop{kit.Hooks}).Pay(t.Context(), customer, 4); err != nil {
		t.Fatal(err)
	}
	webhookstest.RequireEvent(t, webhookstest.Published(t, kit.Hooks, customer), "order.paid", map[string]int{"amount": 4})
	kit.Clock.Advance(time.Hour)
	if n := receiver.Verified(); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
}

// In a bubble of testing/synctest time.Sleep moves everything, the service under test too.
func TestPayInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kit, customer := webhookstest.New(t, webhookstest.PackageTime()), uuid.New()
		kit.EventType("order.paid")
		receiver := kit.Subscribe(customer, "order.*")
		receiver.Reply(503, 200)
		if err := (shop{kit.Hooks}).Pay(t.Context(), customer, 4); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		kit.WaitIdle(t)
		if n := receiver.Verified(); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
	})
}

// Endpoints on loopback, with the client that production has.
func TestPayOverHTTP(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t, webhookstest.OverHTTP()), uuid.New()
	kit.EventType("order.paid")
	receiver := kit.Subscribe(customer, "order.*")
	if err := (shop{kit.Hooks}).Pay(t.Context(), customer, 4); err != nil {
		t.Fatal(err)
	}
	if got := receiver.Next(t.Context()); got.Header.Get("Content-Type") != "application/json" || got.Type != "order.paid" {
		t.Errorf("got %s %v", got.Type, got.Header)
	}
}

// A rolled-back transaction publishes nothing, a committed one exactly its events.
func TestPayTx(t *testing.T) {
	t.Parallel()
	kit, customer := webhookstest.New(t), uuid.New()
	kit.EventType("order.paid")
	outbox, tx := kit.Outbox(customer), kit.Begin()
	if err := (shop{kit.Hooks}).PayTx(t.Context(), tx, customer, 4); err != nil {
		t.Fatal(err)
	}
	webhookstest.RequireEvent(t, kit.PublishedTx(tx, customer), "order.paid", map[string]int{"amount": 4})
	outbox.RequireNothing()
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	outbox.Require(webhooks.Event{Type: "order.paid", Data: map[string]int{"amount": 4}})
}
