package httpapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

var seedRoutes = group{
	tag: "SeedData", description: "The catalog as data.",
	routes: []route{
		{
			method: http.MethodGet, path: "/api/seed-data/versions", access: catalogRead, handler: (*api).listSeedVersions,
			id: "listSeedVersions", summary: "Lists the seed documents that were applied, oldest first",
			answer: []seedVersionWire{},
		},
	},
}

var eventTypeRoutes = group{
	tag: "WebhookEvents", description: "Event types: what can happen, by code and version.",
	routes: []route{
		{
			method: http.MethodPost, path: eventTypesPath, access: catalogWrite, handler: (*api).createEventType,
			id: "createEvent", summary: "Adds an event type to a category",
			body: eventTypeInput{}, status: http.StatusCreated, answer: eventTypeWire{},
			errorCodes: []string{"code_taken", "archived"},
		},
		{
			method: http.MethodGet, path: eventTypesPath, access: catalogRead, handler: (*api).listEventTypes,
			id: "listEvents", summary: "Lists the event types of a category",
			query:  params(pageParams("ASC"), archivedParam),
			answer: list[eventTypeWire]{},
		},
		{
			method: http.MethodGet, path: eventTypePath, access: catalogRead, handler: (*api).getEventType,
			id: "getEvent", summary: "Gets an event type",
			answer: eventTypeWire{},
		},
		{
			method: http.MethodPatch, path: eventTypePath, access: catalogWrite, handler: (*api).patchEventType,
			id: "patchEvent", summary: "Patches an event type",
			details:    "Writable: /name, /code, /description, /version, /schema.",
			answer:     eventTypeWire{},
			errorCodes: []string{"code_taken", "archived", "schema_mismatch"},
		},
		{
			method: http.MethodDelete, path: eventTypePath, access: catalogWrite, handler: (*api).deleteEventType,
			id: "deleteEvent", summary: "Deletes an event type that no subscription lists",
			errorCodes: []string{"in_use", "precondition_failed"},
		},
		{
			method: http.MethodPost, path: eventTypePath + "/activate", access: catalogWrite,
			handler: eventTypeCommand((*webhooks.Registry).ActivateEventType),
			id:      "activateEvent", summary: "Activates an event type",
			errorCodes: []string{"archived"},
		},
		{
			method: http.MethodPost, path: eventTypePath + "/deactivate", access: catalogWrite,
			handler: eventTypeCommand((*webhooks.Registry).DeactivateEventType),
			id:      "deactivateEvent", summary: "Deactivates an event type",
		},
		{
			method: http.MethodPost, path: eventTypePath + "/archive", access: catalogWrite,
			handler: eventTypeCommand((*webhooks.Registry).ArchiveEventType),
			id:      "archiveEvent", summary: "Archives an event type",
		},
		{
			method: http.MethodPost, path: eventTypePath + "/restore", access: catalogWrite,
			handler: eventTypeCommand((*webhooks.Registry).RestoreEventType),
			id:      "restoreEvent", summary: "Restores an event type",
		},
		{
			method: http.MethodGet, path: "/api/webhook-events/{eventCode}/subscriptions", access: tenantRead, handler: (*api).listSubscribers,
			id:      "listSubscribers",
			summary: "Lists the live subscriptions to an event code, in the caller's organizations",
			query:   params(beyondReference(versionParam)),
			answer:  []subscriptionWire{},
		},
	},
}

// eventTypeInput is an event type as POST takes it.
type eventTypeInput struct {
	Name        string          `json:"name" wire:"required"`
	Code        string          `json:"code" wire:"required"`
	Description string          `json:"description"`
	Version     string          `json:"version" wire:"required"`
	Schema      json.RawMessage `json:"schema"`
}

func (in eventTypeInput) input() webhooks.EventTypeInput {
	return webhooks.EventTypeInput{
		Name: in.Name, Code: in.Code, Version: in.Version, Description: in.Description, Schema: in.Schema,
	}
}

// eventTypeWire is an event type as responses show it.
type eventTypeWire struct {
	ID          uuid.UUID       `json:"id"`
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	Version     string          `json:"version"`
	Code        string          `json:"code"`
	Schema      json.RawMessage `json:"schema"`
	ArchiveInfo archiveInfo     `json:"archiveInfo"`
	AuditInfo   auditInfo       `json:"auditInfo"`
	ActiveInfo  activeInfo      `json:"activeInfo"`
	Category    categoryRefWire `json:"webhookCategory"`
	Damaged     []string        `json:"damaged,omitempty"`
	Truncated   bool            `json:"truncated,omitempty"`
}

func (w *eventTypeWire) truncate() { w.Schema, w.Truncated = nil, true }

type categoryRefWire struct {
	ID       uuid.UUID `json:"id"`
	Name     string    `json:"name"`
	Code     string    `json:"code"`
	Archived bool      `json:"archived"`
}

func showEventType(e webhooks.EventType) eventTypeWire {
	w := eventTypeWire{
		ID: e.ID, Name: e.Name, Description: optional(e.Description), Version: e.Version, Code: e.Code,
		ArchiveInfo: archiveOf(e.Lifecycle), AuditInfo: auditOf(e.Audit), ActiveInfo: activeOf(e.Lifecycle),
		Category: categoryRefWire{e.CategoryID, e.Category.Name, e.Category.Code, e.Category.Archived},
	}
	w.Schema = readable(e.Schema, "schema", &w.Damaged)
	return w
}

// eventTypeIDs returns the ids in the path of an event type.
func (c *call) eventTypeIDs() (category, eventType uuid.UUID) {
	return c.id("webhookCategoryId"), c.id("webhookEventId")
}

func (a *api) createEventType(c *call) error {
	var in eventTypeInput
	if err := c.body(&in); err != nil {
		return err
	}
	made, err := a.hooks.Registry.CreateEventType(c.ctx(), c.id("webhookCategoryId"), in.input())
	if err != nil {
		return err
	}
	return c.resource(http.StatusCreated, made.Revision, showEventType(made))
}

func (a *api) listEventTypes(c *call) error {
	q := c.query()
	p, archived := q.paging("ASC", "DESC"), q.archived()
	if err := q.err(); err != nil {
		return err
	}
	page := p.page()
	found, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.EventType], error) {
		page.MaxBytes = maxBytes
		return a.hooks.Registry.EventTypes(c.ctx(), c.id("webhookCategoryId"), archived, page)
	})
	if err != nil {
		return err
	}
	return replyPage(c, found, p, func(e webhooks.EventType) uuid.UUID { return e.ID }, showEventType)
}

func (a *api) getEventType(c *call) error {
	category, id := c.eventTypeIDs()
	found, err := a.hooks.Registry.EventType(c.ctx(), category, id)
	if err != nil {
		return err
	}
	return c.resource(http.StatusOK, found.Revision, showEventType(found))
}

func (a *api) patchEventType(c *call) error {
	p, err := c.patch()
	if err != nil {
		return err
	}
	category, id := c.eventTypeIDs()
	changed, err := a.hooks.Registry.UpdateEventType(c.ctx(), category, id,
		func(now webhooks.EventType, in *webhooks.EventTypeInput) error {
			if err := c.ifMatch(now.Revision); err != nil {
				return err
			}
			var next eventTypeInput
			if err := p.apply(showEventType(now), &next); err != nil {
				return err
			}
			*in = next.input()
			if string(in.Schema) == "null" {
				in.Schema = nil
			}
			return nil
		})
	if err != nil {
		return unprocessable(err)
	}
	return c.resource(http.StatusOK, changed.Revision, showEventType(changed))
}

func (a *api) deleteEventType(c *call) error {
	category, id := c.eventTypeIDs()
	return c.done(a.hooks.Registry.DeleteEventType(c.ctx(), category, id,
		func(now webhooks.EventType) error { return c.ifMatch(now.Revision) }))
}

// eventTypeCommand serves a change of an event type's state.
func eventTypeCommand(do func(*webhooks.Registry, context.Context, uuid.UUID, uuid.UUID) error) func(*api, *call) error {
	return func(a *api, c *call) error {
		category, id := c.eventTypeIDs()
		return c.done(do(a.hooks.Registry, c.ctx(), category, id))
	}
}

// seedVersionWire is a seed document that was applied.
type seedVersionWire struct {
	Version     string    `json:"version"`
	Description *string   `json:"description"`
	Checksum    string    `json:"checksum"`
	AppliedAt   timestamp `json:"appliedAt"`
}

func (a *api) listSeedVersions(c *call) error {
	found, err := a.hooks.Registry.SeedVersions(c.ctx())
	if err != nil {
		return err
	}
	out := make([]seedVersionWire, 0, len(found))
	for _, v := range found {
		out = append(out, seedVersionWire{v.Version, optional(v.Description), v.Checksum, timestamp(v.AppliedAt)})
	}
	return c.reply(http.StatusOK, out)
}
