package webhooks

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Explanation is the delivery of a message to a subscription, or the reason why there is none.
type Explanation struct {
	Subscription Subscription // without Selectors, Headers and Filter
	Reason       Reason       // "" if there is a delivery
	DeliveryID   uuid.UUID    // zero if there is none
	Status       Status       // of the delivery
	HeldUntil    time.Time    // as in [Subscriptions.Deliveries]
}

// Reason says why a message did not go to a subscription.
type Reason string

// The reasons. REST uses the same words.
const (
	NotSubscribed Reason = "not_subscribed" // the subscription did not list the event type
	OtherVersion  Reason = "version"        // the subscription lists another version of the event type
	WasInactive   Reason = "inactive"       // the subscription was inactive
	WasArchived   Reason = "archived"       // the subscription was archived
	Filtered      Reason = "filtered"       // the filter does not match the data
	CreatedLater  Reason = "created_later"  // the subscription did not exist yet

	// The reasons of [Subscriptions.TestFilter] alone.
	PayloadRemoved Reason = "payload_removed" // the content of the message was removed
	TooLarge       Reason = "too_large"       // newer messages reached the bound on the bytes that are read
)

// ExplainQuery chooses among the explanations of a message.
type ExplainQuery struct {
	SubscriptionID uuid.UUID // only for this subscription; zero for all of the organization

	Page // the part of the list, in the order of the subscriptions' ids; MaxBytes has no effect
}

// Explain lists explanations of a message, one for each subscription of its organization. The store
// keeps no former states of subscriptions: Explain finds the reason from their present states and
// the times of their last changes. [ErrExpunged] if the content of the message was removed: no filter
// can be compared with it. [ErrNotFound] if the message or the one subscription is unknown.
func (d *Dispatcher) Explain(ctx context.Context, org, message uuid.UUID, q ExplainQuery) (out List[Explanation], err error) {
	m, err := d.store.Message(ctx, org, message)
	if err == nil && m.Expunged.Is() {
		err = ErrExpunged
	}
	if err != nil {
		return out, err
	}
	document := store.NewDocument(m.Data())
	if q.SubscriptionID != uuid.Nil {
		sub, err := d.store.Subscription(ctx, org, q.SubscriptionID)
		if err != nil {
			return out, err
		}
		out.Total = 1
		out.Items, err = d.explain(ctx, m, document, []Subscription{sub})
		return out, err
	}
	subs := func(page Page) (List[Subscription], error) {
		return d.store.Subscriptions(ctx, org, SubscriptionQuery{Archived: IncludeArchived, Page: page})
	}
	out.Total, err = walkPage(subs, func(s Subscription) uuid.UUID { return s.ID }, q.Page, func(subs []Subscription) error {
		explained, err := d.explain(ctx, m, document, subs)
		out.Items = append(out.Items, explained...)
		return err
	})
	return out, err
}

// explain returns the explanations of a message for subscriptions.
func (d *Dispatcher) explain(ctx context.Context, m Message, data *store.Document, subs []Subscription) ([]Explanation, error) {
	ids, out := make([]uuid.UUID, len(subs)), make([]Explanation, len(subs))
	for i, sub := range subs {
		ids[i] = sub.ID
	}
	deliveries, err := d.messageDeliveriesTo(ctx, m.OrganizationID, m.ID, ids, allDeliveries)
	to := make(map[uuid.UUID]Delivery, len(deliveries.Items))
	for _, delivery := range deliveries.Items {
		if _, again := to[delivery.SubscriptionID]; !again {
			to[delivery.SubscriptionID] = delivery
		}
	}
	for i, sub := range subs {
		if delivery, ok := to[sub.ID]; ok {
			out[i] = Explanation{DeliveryID: delivery.ID, Status: delivery.Status, HeldUntil: delivery.HeldUntil}
		} else {
			out[i].Reason = whyNot(sub, m, data)
		}
		sub.Selectors, sub.Headers, sub.Filter = nil, nil, nil
		out[i].Subscription = sub
	}
	return out, err
}

// whyNot returns the reason why a subscription got no delivery of a message.
func whyNot(sub Subscription, m Message, data *store.Document) Reason {
	switch {
	case m.SubscriptionID != uuid.Nil: // posted to another subscription alone
		return NotSubscribed
	case sub.CreatedAt.After(m.CreatedAt):
		return CreatedLater
	case sub.Archived || sub.ArchivedChangedAt.After(m.CreatedAt):
		return WasArchived
	case unselected(sub, m) != "":
		return unselected(sub, m)
	case !sub.Active || sub.ActiveChangedAt.After(m.CreatedAt):
		return WasInactive
	case !sub.Filter.Matches(data):
		return Filtered
	// The subscription matches now. It may have changed in the millisecond of the message.
	case sub.CreatedAt.Equal(m.CreatedAt):
		return CreatedLater
	case sub.ArchivedChangedAt.Equal(m.CreatedAt):
		return WasArchived
	case sub.ActiveChangedAt.Equal(m.CreatedAt):
		return WasInactive
	default: // the list of event types changed since
		return NotSubscribed
	}
}

// unselected returns the reason why no selector of a subscription matches a message; "" if one matches.
func unselected(sub Subscription, m Message) Reason {
	switch {
	case lists(sub, m.EventTypeID, m.Type, m.Version):
		return ""
	case listsOtherVersion(sub, m):
		return OtherVersion
	default:
		return NotSubscribed
	}
}

// lists reports whether one of the subscription's selectors matches the event type.
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
