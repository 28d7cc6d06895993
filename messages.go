package webhooks

import (
	"context"

	"github.com/google/uuid"
)

// Messages lists the messages that an organization published, newest or oldest first, each with
// the states of its deliveries and without its body.
func (d *Dispatcher) Messages(ctx context.Context, org uuid.UUID, page Page) (List[MessageSummary], error) {
	return d.store.Messages(ctx, org, page)
}

// Message returns a message of an organization, also one that was posted to one subscription
// alone, with its body and the states of its deliveries.
func (d *Dispatcher) Message(ctx context.Context, org, id uuid.UUID) (MessageSummary, error) {
	m, err := d.store.Message(ctx, org, id)
	if err != nil {
		return MessageSummary{}, err
	}
	out := MessageSummary{Message: m}
	deliveries, err := d.store.MessageDeliveries(ctx, org, id, allDeliveries)
	for _, delivery := range deliveries.Items {
		out.Deliveries.Add(delivery.Status, 1)
	}
	return out, err
}

// MessageDeliveries lists the deliveries of a message, without its body. HeldUntil is as in
// [Subscriptions.Deliveries].
func (d *Dispatcher) MessageDeliveries(ctx context.Context, org, message uuid.UUID, page Page) (List[Delivery], error) {
	list, err := d.store.MessageDeliveries(ctx, org, message, page)
	if err != nil {
		return list, err
	}
	return list, setHeldUntilOf(ctx, d.core, list.Items, firstAttemptOf)
}

// allDeliveries is the page of all deliveries of a message. Its bound on bytes leaves nearly all
// responses out.
var allDeliveries = Page{Take: 100_000, MaxBytes: 1}
