package memstore

import (
	"context"
	"fmt"
	"maps"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type category struct {
	store.Category
	deleted    bool
	eventTypes int // that are not deleted
}

func categoryID(c *category) uuid.UUID { return c.ID }

func readCategory(c *category) store.Category { return copyCategory(c.Category) }

// CreateCategory adds a category.
func (s *Store) CreateCategory(ctx context.Context, c store.Category) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.categories[c.ID] != nil {
		return errDuplicateID
	}
	if s.categoryCodes[c.Code] != nil {
		return fmt.Errorf("category %q: %w", c.Code, store.ErrCodeTaken)
	}
	s.addCategory(c)
	s.audit(ctx)
	return nil
}

func (s *Store) addCategory(c store.Category) *category {
	added := &category{Category: copyCategory(c)}
	added.Revision = 1
	s.categories[c.ID], s.categoryCodes[c.Code] = added, added
	return added
}

// category finds a category that was not deleted.
func (s *Store) category(id uuid.UUID) (*category, error) {
	c := s.categories[id]
	if c == nil || c.deleted {
		return nil, notFound("category", id)
	}
	return c, nil
}

// Category returns a category.
func (s *Store) Category(ctx context.Context, id uuid.UUID) (store.Category, error) {
	return read(ctx, s, func() (*category, error) { return s.category(id) }, readCategory)
}

// Categories lists the categories.
func (s *Store) Categories(ctx context.Context, archived store.ArchivedFilter, page store.Page) (store.List[store.Category], error) {
	return locked(ctx, s, func() (store.List[store.Category], error) {
		shown := func(c *category) bool { return archived.Keeps(c.Archived) }
		return list(chosen(maps.Values(s.categoryCodes), shown, categoryID), page, categoryID, readCategory), nil
	})
}

// UpdateCategory changes a category.
func (s *Store) UpdateCategory(ctx context.Context, id uuid.UUID, change func(*store.Category) error) (store.Category, error) {
	return locked(ctx, s, func() (store.Category, error) {
		c, err := s.category(id)
		if err != nil {
			return store.Category{}, err
		}
		changed, err := store.UpdatedCategory(readCategory(c), change)
		if err != nil {
			return store.Category{}, err
		}
		if other := s.categoryCodes[changed.Code]; other != nil && other != c {
			return store.Category{}, fmt.Errorf("category %q: %w", changed.Code, store.ErrCodeTaken)
		}
		delete(s.categoryCodes, c.Code)
		c.Category = copyCategory(changed)
		s.categoryCodes[c.Code] = c
		s.audit(ctx)
		return readCategory(c), nil
	})
}

// DeleteCategory deletes a category that has no event types.
func (s *Store) DeleteCategory(ctx context.Context, id uuid.UUID, check func(store.Category) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	c, err := s.category(id)
	if err != nil {
		return err
	}
	if err := allow(check, readCategory(c)); err != nil {
		return err
	}
	if c.eventTypes > 0 {
		return fmt.Errorf("category %q has event types: %w", c.Code, store.ErrInUse)
	}
	c.deleted = true
	delete(s.categoryCodes, c.Code)
	s.audit(ctx)
	return nil
}
