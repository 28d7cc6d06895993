package webhooks

import (
	"context"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// CategoryInput is the part of a category that a caller sets.
type CategoryInput struct {
	Name        string `field:"name" validate:"required,text=200"` // 1–200 characters
	Code        string `field:"code" validate:"required,code"`     // 1–100 of A-Z a-z 0-9 . _ -, starting with a letter or digit
	Description string `field:"description" validate:"prose=2000"` // at most 2,000 characters
}

// CreateCategory adds a category. [ErrCodeTaken] if another category has the code.
func (r *Registry) CreateCategory(ctx context.Context, in CategoryInput) (Category, error) {
	if err := in.check(); err != nil {
		return Category{}, err
	}
	id, audit := r.created(ctx)
	c := Category{
		ID: id, Name: in.Name, Code: in.Code, Description: in.Description,
		Lifecycle: store.Lifecycle{Active: true, ActiveChangedAt: audit.CreatedAt}, Audit: audit, Revision: 1,
	}
	return c, r.store.CreateCategory(ctx, c)
}

// Category returns a category, archived or not.
func (r *Registry) Category(ctx context.Context, id uuid.UUID) (Category, error) {
	return r.store.Category(ctx, id)
}

// Categories lists categories in the order of their creation.
func (r *Registry) Categories(ctx context.Context, archived ArchivedFilter, page Page) (List[Category], error) {
	return r.store.Categories(ctx, archived, page)
}

// UpdateCategory changes a category. [ErrCodeTaken] if another category has the new code.
func (r *Registry) UpdateCategory(ctx context.Context, id uuid.UUID, change func(now Category, in *CategoryInput) error) (Category, error) {
	if err := refuseBuiltIn(id); err != nil {
		return Category{}, err
	}
	return r.store.UpdateCategory(ctx, id, func(c *Category) error {
		in := CategoryInput{Name: c.Name, Code: c.Code, Description: c.Description}
		if err := editable(c.Lifecycle); err != nil {
			return err
		}
		if err := change(*c, &in); err != nil {
			return err
		}
		if err := in.check(); err != nil {
			return err
		}
		c.Name, c.Code, c.Description = in.Name, in.Code, in.Description
		r.touch(ctx, &c.Audit)
		return nil
	})
}

// DeleteCategory removes a category. [ErrInUse] while it has event types.
func (r *Registry) DeleteCategory(ctx context.Context, id uuid.UUID, check func(Category) error) error {
	if err := refuseBuiltIn(id); err != nil {
		return err
	}
	return r.store.DeleteCategory(ctx, id, check)
}

// ActivateCategory lets the category's event types take events again.
func (r *Registry) ActivateCategory(ctx context.Context, id uuid.UUID) error {
	return r.moveCategory(ctx, id, activate)
}

// DeactivateCategory stops the category's event types from taking events and new
// subscriptions. Queued attempts are still sent.
func (r *Registry) DeactivateCategory(ctx context.Context, id uuid.UUID) error {
	return r.moveCategory(ctx, id, deactivate)
}

// ArchiveCategory hides the category from lists and refuses changes of it. Its event types
// count as archived too.
func (r *Registry) ArchiveCategory(ctx context.Context, id uuid.UUID) error {
	return r.moveCategory(ctx, id, archive)
}

// RestoreCategory undoes [Registry.ArchiveCategory].
func (r *Registry) RestoreCategory(ctx context.Context, id uuid.UUID) error {
	return r.moveCategory(ctx, id, restore)
}

func (r *Registry) moveCategory(ctx context.Context, id uuid.UUID, move transition) error {
	if err := refuseBuiltIn(id); err != nil {
		return err
	}
	_, err := r.store.UpdateCategory(ctx, id, func(c *Category) error {
		return r.move(ctx, &c.Lifecycle, &c.Audit, move)
	})
	r.types.clear()
	return ignoreUnchanged(err)
}

func (in *CategoryInput) check() error {
	trim(&in.Name, &in.Code, &in.Description)
	return checkStruct(in)
}
