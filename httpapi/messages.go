package httpapi

import (
	"encoding/json"
	"math"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// messageWire is a published event as lists show it.
type messageWire struct {
	ID          uuid.UUID `json:"id"`
	EventType   string    `json:"eventType"`
	Version     string    `json:"version"`
	OrderingKey *string   `json:"orderingKey"`
	CreatedAt   timestamp `json:"createdAt"`
	Deliveries  tallyWire `json:"deliveries"`
}

// tallyWire counts the deliveries of an event.
type tallyWire struct {
	Total     int `json:"total"`
	Pending   int `json:"pending"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Cancelled int `json:"cancelled"`
}

// messageDetail is a published event with its data and deliveries.
type messageDetail struct {
	messageWire
	Data        json.RawMessage  `json:"data"`
	Activations []activationWire `json:"activations"`
	Damaged     []string         `json:"damaged,omitempty"`
	Expunged    *expungedWire    `json:"expunged,omitempty"`
}

func showMessage(m webhooks.MessageSummary) messageWire {
	return messageWire{
		ID: m.ID, EventType: m.Type, Version: m.Version, OrderingKey: optional(m.OrderingKey), CreatedAt: timestamp(m.CreatedAt),
		Deliveries: tallyWire(m.Deliveries),
	}
}

func (a *api) listMessages(c *call) error {
	q := c.query()
	p := q.cursorPaging()
	if err := q.err(); err != nil {
		return err
	}
	found, err := a.hooks.Dispatcher.Messages(c.ctx(), c.org, p.history())
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, historyOf(found, p, func(m webhooks.MessageSummary) uuid.UUID { return m.ID }, showMessage))
}

// maxActivations bounds the activations that an event shows. The counts include all of them.
const maxActivations = 100

func (a *api) getMessage(c *call) error {
	found, err := a.hooks.Dispatcher.Message(c.ctx(), c.org, c.id("eventId"))
	if err != nil {
		return err
	}
	deliveries, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.Delivery], error) {
		return a.hooks.Dispatcher.MessageDeliveries(c.ctx(), c.org, found.ID, webhooks.Page{Take: maxActivations, MaxBytes: maxBytes})
	})
	if err != nil {
		return err
	}
	if err := c.reserve(workPerRecord * min(
		maxPage, int64(len(found.Body)+len(found.Source)+smallPage)*int64(len(deliveries.Items)+1),
	)); err != nil {
		return err
	}
	out := messageDetail{
		messageWire: showMessage(found), Activations: make([]activationWire, len(deliveries.Items)),
		Expunged: showExpunged(found.Expunged),
	}
	out.Data = readable(found.Data(), "data", &out.Damaged)
	left := room(maxPage)
	left.take(len(out.Data))
	for i, d := range deliveries.Items {
		d.Body, d.Source, d.Expunged = found.Body, found.Source, found.Expunged
		shown := showDelivery(d)
		if i >= len(deliveries.Items)-deliveries.Truncated || !left.take(shown.size()) {
			shown.truncate()
		}
		out.Activations[i] = shown
	}
	return c.record(http.StatusOK, out)
}

// explanationWire gives the reason why a subscription got an event, or did not.
type explanationWire struct {
	SubscriptionID uuid.UUID  `json:"subscriptionId"`
	PostURI        *string    `json:"postUri"`
	Matched        bool       `json:"matched"`
	Reason         *string    `json:"reason" schema:"is=UnmatchedReason"`
	ActivationID   *uuid.UUID `json:"activationId"`
	Status         *string    `json:"status" schema:"is=ActivityStatus"`
	HeldUntil      timestamp  `json:"heldUntil"`
}

type explanationsWire struct {
	Items      []explanationWire `json:"items"`
	NextCursor *string           `json:"nextCursor"`
}

func (a *api) explainMessage(c *call) error {
	q := c.query()
	of := webhooks.ExplainQuery{SubscriptionID: q.id("subscriptionId"), Page: webhooks.Page{Take: math.MaxInt, After: q.cursor(), MaxTotal: 1}}
	take := q.number("take", 0, 1, 100)
	if take > 0 {
		of.Take = take + 1
	}
	if err := q.err(); err != nil {
		return err
	}
	all, err := a.hooks.Dispatcher.Explain(c.ctx(), c.org, c.id("eventId"), of)
	if err != nil {
		return err
	}
	var out explanationsWire
	found := all.Items
	if take > 0 && len(found) > take {
		found = found[:take]
		out.NextCursor = optional(cursorOf(found[take-1].Subscription.ID))
	}
	out.Items = make([]explanationWire, len(found))
	for i, e := range found {
		w := explanationWire{
			SubscriptionID: e.Subscription.ID, PostURI: optional(e.Subscription.PostURI),
			Matched: e.Reason == "", Reason: optional(string(e.Reason)), ActivationID: optional(e.DeliveryID), HeldUntil: timestamp(e.HeldUntil),
		}
		if w.Matched {
			w.Status = optional(e.Status.String())
		}
		out.Items[i] = w
	}
	return c.reply(http.StatusOK, out)
}
