package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

var eventRoutes = group{
	tag: "Events", description: "Publishing, and what became of it. Beyond the reference.",
	routes: []route{
		{
			method: http.MethodPost, path: eventsPath, access: tenantWrite, handler: (*api).publish,
			id: "publishEvent", beyond: true, summary: "Publishes an event",
			details: "It is stored and fanned out in one transaction to every live subscription of the organization that matches.",
			body:    eventInput{}, idempotencyKey: true, status: http.StatusAccepted, answer: publishedWire{},
			errorCodes: []string{"event_inactive", "idempotency_mismatch", "unknown_reference", "schema_mismatch"},
		},
		{
			method: http.MethodPost, path: eventsPath + "/batch", access: tenantWrite, handler: (*api).publishBatch,
			id: "publishEvents", beyond: true, summary: "Publishes up to " + thousands(webhooks.MaxBatch) + " events, all of them or none",
			body: batchInput{}, idempotencyKey: true, status: http.StatusAccepted, answer: batchWire{},
			errorCodes: []string{"event_inactive", "idempotency_mismatch", "unknown_reference", "schema_mismatch"},
		},
		{
			method: http.MethodGet, path: eventsPath, access: tenantRead, handler: (*api).listMessages,
			id: "listPublishedEvents", beyond: true, summary: "Lists what was published",
			query:  params(cursorPageParams),
			answer: history[messageWire]{},
		},
		{
			method: http.MethodGet, path: eventsPath + "/{eventId}", access: tenantRead, handler: (*api).getMessage,
			id: "getPublishedEvent", beyond: true, summary: "Gets a published event with its first " + thousands(maxActivations) + " activations",
			answer: messageDetail{},
		},
		{
			method: http.MethodGet, path: eventsPath + "/{eventId}/explain", access: tenantRead, handler: (*api).explainMessage,
			id: "explainPublishedEvent", beyond: true,
			summary: "Says for each subscription why it got the event, or why not",
			query:   params(onlyParam, someParam, cursorParam),
			answer:  explanationsWire{}, errorCodes: []string{"payload_removed"},
		},
	},
}

// eventInput is an event to be published. Data is kept byte for byte.
type eventInput struct {
	EventType      string          `json:"eventType" wire:"required"`
	Version        string          `json:"version"`
	Data           json.RawMessage `json:"data" wire:"required"`
	IdempotencyKey string          `json:"idempotencyKey"`
	OrderingKey    string          `json:"orderingKey"`
}

func (in eventInput) event() webhooks.Event {
	return webhooks.Event{
		Type: in.EventType, Version: in.Version, Data: in.Data,
		IdempotencyKey: in.IdempotencyKey, OrderingKey: in.OrderingKey,
	}
}

type batchInput struct {
	Events items `json:"events" wire:"required" schema:"is=PublishInput"`
}

// publishedWire is the result of publishing an event.
type publishedWire struct {
	ID         uuid.UUID `json:"id"`
	Deliveries int       `json:"deliveries"`
	Duplicate  bool      `json:"duplicate"`
}

type batchWire struct {
	Items []publishedWire `json:"items"`
}

func showPublished(p webhooks.Published) publishedWire {
	return publishedWire{p.ID, p.Deliveries, p.Duplicate}
}

func (a *api) publish(c *call) error {
	var in eventInput
	if err := c.body(&in); err != nil {
		return err
	}
	key, err := c.idempotencyKey()
	switch {
	case err != nil:
		return err
	case key != "" && in.IdempotencyKey != "" && key != in.IdempotencyKey:
		return invalid("/idempotencyKey", "must be the same as the header Idempotency-Key, or left out")
	case key != "":
		in.IdempotencyKey = key
	}
	published, err := a.hooks.Dispatcher.Publish(c.ctx(), c.org, in.event())
	if err != nil {
		return err
	}
	return c.reply(http.StatusAccepted, showPublished(published))
}

// publishBatch publishes all of the events or none. With the header
// Idempotency-Key, the key of an event without one is the header, a slash and the event's
// index in the batch.
func (a *api) publishBatch(c *call) error {
	var batch batchInput
	if err := c.body(&batch); err != nil {
		return err
	}
	key, err := c.idempotencyKey()
	if err != nil {
		return err
	}
	events := make([]webhooks.Event, len(batch.Events))
	for i, raw := range batch.Events {
		var in eventInput
		if err := decode(raw, "/events/"+strconv.Itoa(i), &in); err != nil {
			return err
		}
		if key != "" && in.IdempotencyKey == "" {
			in.IdempotencyKey = key + "/" + strconv.Itoa(i)
		}
		events[i] = in.event()
	}
	published, err := a.hooks.Dispatcher.PublishBatch(c.ctx(), c.org, events)
	if err != nil {
		return err
	}
	out := batchWire{make([]publishedWire, len(published))}
	for i, p := range published {
		out.Items[i] = showPublished(p)
	}
	return c.reply(http.StatusAccepted, out)
}

func (c *call) idempotencyKey() (string, error) {
	switch given := c.r.Header.Values("Idempotency-Key"); len(given) {
	case 0:
		return "", nil
	case 1:
		return given[0], nil
	default:
		return "", newProblem(http.StatusBadRequest, "validation_failed", "The request is not valid.",
			fault{Parameter: "Idempotency-Key", Detail: "must be given once"})
	}
}
