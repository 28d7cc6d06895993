package webhooks

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Explanation says why a subscription got a message, or why not.
type Explanation struct {
	Subscription Subscription // without Selectors, Headers and Filter
	Reason       Reason       // "" if it got it
	DeliveryID   uuid.UUID    // zero if it did not
	Status       Status       // of the delivery
	HeldUntil    time.Time    // as in [Subscriptions.Deliveries]
}

// Reason says why a message did not go to a subscription.
type Reason string

// The reasons. Their words are those of the REST interface.
const (
	NotSubscribed Reason = "not_subscribed" // it did not list the event type
	OtherVersion  Reason = "version"        // it lists the event type, but in another version
	WasInactive   Reason = "inactive"       // it was switched off
	WasArchived   Reason = "archived"       // it was put away
	Filtered      Reason = "filtered"       // its filter does not match the data
	CreatedLater  Reason = "created_later"  // it did not exist yet
)

// Explain says for each subscription of an organization why it got a message, or
// why not. What subscriptions were like when the message was published is not kept:
// the reason is found from what they are now and when they last changed.
func (d *Dispatcher) Explain(ctx context.Context, org, message uuid.UUID) ([]Explanation, error) {
	m, err := d.store.Message(ctx, org, message)
	if err != nil {
		return nil, err
	}
	deliveries, err := d.MessageDeliveries(ctx, org, message, allDeliveries)
	if err != nil {
		return nil, err
	}
	to := make(map[uuid.UUID]Delivery, len(deliveries.Items))
	for _, delivery := range deliveries.Items {
		if _, again := to[delivery.SubscriptionID]; !again {
			to[delivery.SubscriptionID] = delivery
		}
	}
	var out []Explanation
	document := store.NewDocument(m.Data())
	subs := func(page Page) (List[Subscription], error) {
		return d.store.Subscriptions(ctx, org, SubscriptionQuery{Archived: IncludeArchived, Page: page})
	}
	err = walk(subs, func(s Subscription) uuid.UUID { return s.ID }, func(sub Subscription) error {
		var e Explanation
		if delivery, ok := to[sub.ID]; ok {
			e.DeliveryID, e.Status, e.HeldUntil = delivery.ID, delivery.Status, delivery.HeldUntil
		} else {
			e.Reason = whyNot(sub, m, document)
		}
		e.Subscription = sub
		e.Subscription.Selectors, e.Subscription.Headers, e.Subscription.Filter = nil, nil, nil
		out = append(out, e)
		return nil
	})
	return out, err
}

func whyNot(sub Subscription, m Message, data *store.Document) Reason {
	switch {
	case m.SubscriptionID != uuid.Nil: // it was for another one alone
		return NotSubscribed
	case sub.CreatedAt.After(m.CreatedAt):
		return CreatedLater
	case sub.Archived || sub.ArchivedChangedAt.After(m.CreatedAt):
		return WasArchived
	case !lists(sub, m.EventTypeID, m.Type, m.Version):
		if listsOtherVersion(sub, m) {
			return OtherVersion
		}
		return NotSubscribed
	case !sub.Active || sub.ActiveChangedAt.After(m.CreatedAt):
		return WasInactive
	case !sub.Filter.Matches(data):
		return Filtered
	// It matches now. The change may have been in the millisecond of the message.
	case sub.CreatedAt.Equal(m.CreatedAt):
		return CreatedLater
	case sub.ArchivedChangedAt.Equal(m.CreatedAt):
		return WasArchived
	case sub.ActiveChangedAt.Equal(m.CreatedAt):
		return WasInactive
	default: // so it did not list it then
		return NotSubscribed
	}
}

// lists reports whether one of the subscription's selectors means the event type.
func lists(sub Subscription, id uuid.UUID, code, version string) bool {
	topics := store.Topics(id, code, version)
	return slices.ContainsFunc(sub.Topics(), func(topic string) bool { return slices.Contains(topics, topic) })
}

func listsOtherVersion(sub Subscription, m Message) bool {
	for _, sel := range sub.Selectors {
		if sel.EventType.Code == m.Type {
			return true
		}
	}
	return lists(sub, uuid.Nil, m.Type, sub.Version)
}
