package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/google/uuid"
)

// Registry keeps the catalog: categories, event types, sample payloads.
type Registry struct{ c *Client }

// Category groups event types.
type Category struct {
	ID          uuid.UUID   `json:"id"`          // given by the host
	Name        string      `json:"name"`        // for people
	Code        string      `json:"code"`        // unique among categories
	Description string      `json:"description"` // "": none
	ArchiveInfo ArchiveInfo `json:"archiveInfo"` // whether it is archived
	AuditInfo   AuditInfo   `json:"auditInfo"`   // times and callers
	ActiveInfo  ActiveInfo  `json:"activeInfo"`  // whether its event types take publishes

	ETag string `json:"-"` // for [IfMatch]; "" in lists
}

// CategoryInput is a category to be made.
type CategoryInput struct {
	Name        string `json:"name"`                  // required; 1–200 characters
	Code        string `json:"code"`                  // required; unique; 1–100 of A-Z a-z 0-9 . _ -
	Description string `json:"description,omitempty"` // at most 2,000 characters
}

func categoryPath(id uuid.UUID, more ...string) []string {
	return append([]string{"api", "webhook-categories", id.String()}, more...)
}

// CreateCategory adds a category. A code that is taken is [ErrCodeTaken].
func (r *Registry) CreateCategory(ctx context.Context, in CategoryInput) (Category, error) {
	return call[Category](ctx, r.c, request{method: http.MethodPost, path: []string{"api", "webhook-categories"}, body: in})
}

// Categories yields all categories that the query selects.
func (r *Registry) Categories(ctx context.Context, q CatalogQuery) iter.Seq2[Category, error] {
	return byNumber(q.ListQuery, func(page ListQuery) (Page[Category], error) {
		q.ListQuery = page
		return r.ListCategories(ctx, q)
	})
}

// ListCategories returns one page of categories.
func (r *Registry) ListCategories(ctx context.Context, q CatalogQuery) (Page[Category], error) {
	return get[Page[Category]](ctx, r.c, []string{"api", "webhook-categories"}, q)
}

// Category returns one category.
func (r *Registry) Category(ctx context.Context, id uuid.UUID) (Category, error) {
	return get[Category](ctx, r.c, categoryPath(id), nil)
}

// UpdateCategory changes /name, /code or /description.
func (r *Registry) UpdateCategory(ctx context.Context, id uuid.UUID, patch Patch, ifMatch ...IfMatch) (Category, error) {
	return call[Category](ctx, r.c, request{method: http.MethodPatch, path: categoryPath(id), body: patch, ifMatch: ifMatch})
}

// DeleteCategory deletes a category that has no event types; otherwise the error is [ErrInUse].
func (r *Registry) DeleteCategory(ctx context.Context, id uuid.UUID, ifMatch ...IfMatch) error {
	return command(ctx, r.c, request{method: http.MethodDelete, path: categoryPath(id), ifMatch: ifMatch, repeat: true})
}

// ActivateCategory activates a category.
func (r *Registry) ActivateCategory(ctx context.Context, id uuid.UUID) error {
	return r.commandCategory(ctx, id, "activate")
}

// DeactivateCategory deactivates a category: its event types take no publish and no new
// subscription.
func (r *Registry) DeactivateCategory(ctx context.Context, id uuid.UUID) error {
	return r.commandCategory(ctx, id, "deactivate")
}

// ArchiveCategory archives a category: its event types count as archived too.
func (r *Registry) ArchiveCategory(ctx context.Context, id uuid.UUID) error {
	return r.commandCategory(ctx, id, "archive")
}

// RestoreCategory restores an archived category.
func (r *Registry) RestoreCategory(ctx context.Context, id uuid.UUID) error {
	return r.commandCategory(ctx, id, "restore")
}

func (r *Registry) commandCategory(ctx context.Context, id uuid.UUID, verb string) error {
	return command(ctx, r.c, request{method: http.MethodPost, path: categoryPath(id, verb), repeat: true})
}
