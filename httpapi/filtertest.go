package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

type filterTestInput struct {
	Filter  items    `json:"filter" wire:"required" schema:"is=ConditionInput"`
	Events  []string `json:"events"`
	Version string   `json:"version"`
}

// filterResultWire says whether a subscription would get an event.
type filterResultWire struct {
	EventID   uuid.UUID `json:"eventId"`
	EventType string    `json:"eventType"`
	Version   string    `json:"version"`
	CreatedAt timestamp `json:"createdAt"`
	Matched   bool      `json:"matched"`
	Reason    *string   `json:"reason" schema:"is=UnmatchedReason"`
}

type filterTestWire struct {
	Items []filterResultWire `json:"items"`
}

func (a *api) testFilter(c *call) error {
	var in filterTestInput
	if err := c.body(&in); err != nil {
		return err
	}
	filter, err := filterOf(in.Filter)
	if err != nil {
		return err
	}
	found, err := a.hooks.Subscriptions.TestFilter(c.ctx(), c.org, webhooks.SubscriptionInput{
		Filter: filter, Events: in.Events, Version: in.Version,
	})
	if err != nil {
		return err
	}
	out := filterTestWire{make([]filterResultWire, len(found))}
	for i, r := range found {
		out.Items[i] = filterResultWire{
			EventID: r.Message.ID, EventType: r.Message.Type, Version: r.Message.Version, CreatedAt: timestamp(r.Message.CreatedAt),
			Matched: r.Reason == "", Reason: optional(string(r.Reason)),
		}
	}
	return c.reply(http.StatusOK, out)
}
