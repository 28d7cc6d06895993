package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// EventType is a kind of events, named by code and version.
type EventType struct {
	ID          uuid.UUID         `json:"id"`              // given by the host
	Name        string            `json:"name"`            // for people
	Description string            `json:"description"`     // "": none
	Version     string            `json:"version"`         // of the form of the data, such as v1
	Code        string            `json:"code"`            // by which events are published, such as order.paid
	Schema      json.RawMessage   `json:"schema"`          // null: any data
	ArchiveInfo ArchiveInfo       `json:"archiveInfo"`     // whether it is archived
	AuditInfo   AuditInfo         `json:"auditInfo"`       // times and callers
	ActiveInfo  ActiveInfo        `json:"activeInfo"`      // whether it takes publishes and new subscriptions
	Category    CategoryReference `json:"webhookCategory"` // to which it belongs
	Damaged     []string          `json:"damaged"`         // members with stored values that cannot be read
	Truncated   bool              `json:"truncated"`       // the page was too large for Schema

	ETag string `json:"-"` // for [IfMatch]; "" in lists
}

// CategoryReference names the category of an event type.
type CategoryReference struct {
	ID       uuid.UUID `json:"id"`       // as in Category
	Name     string    `json:"name"`     // as in Category
	Code     string    `json:"code"`     // as in Category
	Archived bool      `json:"archived"` // its event types count as archived
}

// EventTypeInput is an event type to be made.
type EventTypeInput struct {
	Name        string `json:"name"`                  // required; 1–200 characters
	Code        string `json:"code"`                  // required; unique together with Version
	Description string `json:"description,omitempty"` // at most 2,000 characters
	Version     string `json:"version"`               // required
	// Schema is a JSON Schema (2020-12) of the data: a json.RawMessage, or a value that encodes to
	// one. Nil: any data.
	Schema any `json:"schema,omitempty"`
}

// SeedVersion is a seed document that was applied to the catalog.
type SeedVersion struct {
	Version     string    `json:"version"`     // of the document, which identifies it
	Description string    `json:"description"` // "": none
	Checksum    string    `json:"checksum"`    // of the document, SHA-256 in lower-case hex
	AppliedAt   time.Time `json:"appliedAt"`   // when a host applied it
}

func eventTypePath(category, id uuid.UUID, more ...string) []string {
	return categoryPath(category, append([]string{"webhook-events", id.String()}, more...)...)
}

// CreateEventType adds an event type to a category.
func (r *Registry) CreateEventType(ctx context.Context, category uuid.UUID, in EventTypeInput) (EventType, error) {
	return call[EventType](ctx, r.c, request{method: http.MethodPost, path: categoryPath(category, "webhook-events"), body: in})
}

// EventTypes yields all event types of a category that the query selects.
func (r *Registry) EventTypes(ctx context.Context, category uuid.UUID, q CatalogQuery) iter.Seq2[EventType, error] {
	return byNumber(q.ListQuery, func(page ListQuery) (Page[EventType], error) {
		q.ListQuery = page
		return r.ListEventTypes(ctx, category, q)
	})
}

// ListEventTypes returns one page of the event types of a category.
func (r *Registry) ListEventTypes(ctx context.Context, category uuid.UUID, q CatalogQuery) (Page[EventType], error) {
	return get[Page[EventType]](ctx, r.c, categoryPath(category, "webhook-events"), q)
}

// EventType returns one event type.
func (r *Registry) EventType(ctx context.Context, category, id uuid.UUID) (EventType, error) {
	return get[EventType](ctx, r.c, eventTypePath(category, id), nil)
}

// UpdateEventType changes /name, /code, /description, /version or /schema.
func (r *Registry) UpdateEventType(ctx context.Context, category, id uuid.UUID, patch Patch, ifMatch ...IfMatch) (EventType, error) {
	return call[EventType](ctx, r.c, request{method: http.MethodPatch, path: eventTypePath(category, id), body: patch, ifMatch: ifMatch})
}

// DeleteEventType deletes an event type that no subscription lists; otherwise the error is
// [ErrInUse].
func (r *Registry) DeleteEventType(ctx context.Context, category, id uuid.UUID, ifMatch ...IfMatch) error {
	return command(ctx, r.c, request{method: http.MethodDelete, path: eventTypePath(category, id), ifMatch: ifMatch, repeat: true})
}

// ActivateEventType activates an event type.
func (r *Registry) ActivateEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.commandEventType(ctx, category, id, "activate")
}

// DeactivateEventType deactivates an event type: it takes no publish and no new subscription.
func (r *Registry) DeactivateEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.commandEventType(ctx, category, id, "deactivate")
}

// ArchiveEventType archives an event type.
func (r *Registry) ArchiveEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.commandEventType(ctx, category, id, "archive")
}

// RestoreEventType restores an archived event type.
func (r *Registry) RestoreEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.commandEventType(ctx, category, id, "restore")
}

func (r *Registry) commandEventType(ctx context.Context, category, id uuid.UUID, verb string) error {
	return command(ctx, r.c, request{method: http.MethodPost, path: eventTypePath(category, id, verb), repeat: true})
}

// CatalogOpenAPI returns the catalog as an OpenAPI 3.1 document with webhooks.
func (r *Registry) CatalogOpenAPI(ctx context.Context) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, r.c, []string{"api", "catalog.openapi.json"}, nil)
}

// CatalogAsyncAPI returns the catalog as an AsyncAPI 3.0 document.
func (r *Registry) CatalogAsyncAPI(ctx context.Context) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, r.c, []string{"api", "catalog.asyncapi.json"}, nil)
}

// SeedVersions returns the seed documents that were applied, oldest first.
func (r *Registry) SeedVersions(ctx context.Context) ([]SeedVersion, error) {
	return get[[]SeedVersion](ctx, r.c, []string{"api", "seed-data", "versions"}, nil)
}
