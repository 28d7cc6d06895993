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
	tally, err := d.store.MessageTally(ctx, org, id)
	return MessageSummary{Message: m, Deliveries: tally}, err
}

// MessageDeliveries lists the deliveries of a message, without its body. HeldUntil is as in
// [Subscriptions.Deliveries].
func (d *Dispatcher) MessageDeliveries(ctx context.Context, org, message uuid.UUID, page Page) (List[Delivery], error) {
	return d.messageDeliveriesTo(ctx, org, message, nil, page)
}

// messageDeliveriesTo is MessageDeliveries of the subscriptions; nil for all.
func (d *Dispatcher) messageDeliveriesTo(
	ctx context.Context, org, message uuid.UUID, to []uuid.UUID, page Page,
) (List[Delivery], error) {
	list, err := d.store.MessageDeliveries(ctx, org, message, to, page)
	if err != nil {
		return list, err
	}
	return list, setHeldUntilOf(ctx, d.core, list.Items, firstAttemptOf)
}

// allDeliveries is the page of all deliveries of a message. Its bound on bytes leaves nearly all
// responses out.
var allDeliveries = Page{Take: 100_000, MaxBytes: 1, MaxTotal: 1}
