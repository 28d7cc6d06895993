package memstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type eventType struct {
	store.EventType
	deleted bool
}

type sampleKey struct {
	eventType uuid.UUID
	version   string
}

// CreateCategory implements [store.Catalog].
func (s *Store) CreateCategory(ctx context.Context, c store.Category) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if s.categoryCodeTaken(c) {
		return store.ErrCodeTaken
	}
	c.Revision = 1
	s.categories[c.ID] = c
	return nil
}

func (s *Store) categoryCodeTaken(c store.Category) bool {
	for _, other := range s.categories {
		if other.Code == c.Code && other.ID != c.ID {
			return true
		}
	}
	return false
}

// Category implements [store.Catalog].
func (s *Store) Category(ctx context.Context, id uuid.UUID) (store.Category, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Category{}, err
	}
	defer unlock()
	c, ok := s.categories[id]
	if !ok {
		return c, store.ErrNotFound
	}
	return c, nil
}

// Categories implements [store.Catalog].
func (s *Store) Categories(ctx context.Context, archived store.ArchivedFilter, page store.Page) (store.List[store.Category], error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.List[store.Category]{}, err
	}
	defer unlock()
	var found []store.Category
	for _, c := range s.categories {
		if archived.Keeps(c.Archived) {
			found = append(found, c)
		}
	}
	return list(found, func(c store.Category) uuid.UUID { return c.ID }, page), nil
}

// UpdateCategory implements [store.Catalog].
func (s *Store) UpdateCategory(ctx context.Context, id uuid.UUID, change func(*store.Category) error) (store.Category, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Category{}, err
	}
	defer unlock()
	old, ok := s.categories[id]
	if !ok {
		return store.Category{}, store.ErrNotFound
	}
	c := old
	if err := change(&c); err != nil {
		return store.Category{}, err
	}
	c.ID, c.Revision = id, old.Revision+1
	if s.categoryCodeTaken(c) {
		return store.Category{}, store.ErrCodeTaken
	}
	s.categories[id] = c
	return c, nil
}

// DeleteCategory implements [store.Catalog].
func (s *Store) DeleteCategory(ctx context.Context, id uuid.UUID, check func(store.Category) error) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	c, ok := s.categories[id]
	if !ok {
		return store.ErrNotFound
	}
	if check != nil {
		if err := check(c); err != nil {
			return err
		}
	}
	for _, e := range s.types {
		if e.CategoryID == id && !e.deleted {
			return store.ErrInUse
		}
	}
	delete(s.categories, id)
	return nil
}

// CreateEventType implements [store.Catalog].
func (s *Store) CreateEventType(ctx context.Context, e store.EventType) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, ok := s.categories[e.CategoryID]; !ok {
		return store.ErrBadReference
	}
	if s.typeCodeTaken(e) {
		return store.ErrCodeTaken
	}
	e.Revision, e.Schema, e.Category = 1, bytes.Clone(e.Schema), store.CategoryRef{}
	s.types[e.ID] = &eventType{EventType: e}
	return nil
}

func (s *Store) typeCodeTaken(e store.EventType) bool {
	for _, other := range s.types {
		if other.Code == e.Code && other.Version == e.Version && other.ID != e.ID && !other.deleted {
			return true
		}
	}
	return false
}

// read returns an event type as it is shown.
func (s *Store) read(e *eventType) store.EventType {
	out := e.EventType
	out.Schema = bytes.Clone(e.Schema)
	if c, ok := s.categories[e.CategoryID]; ok {
		out.Category = store.CategoryRef{Name: c.Name, Code: c.Code, Active: c.Active, Archived: c.Archived}
	}
	return out
}

// live returns an event type that is not deleted, or nil.
func (s *Store) live(id uuid.UUID) *eventType {
	if e := s.types[id]; e != nil && !e.deleted {
		return e
	}
	return nil
}

// EventType implements [store.Catalog].
func (s *Store) EventType(ctx context.Context, id uuid.UUID) (store.EventType, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.EventType{}, err
	}
	defer unlock()
	if e := s.live(id); e != nil {
		return s.read(e), nil
	}
	return store.EventType{}, store.ErrNotFound
}

// EventTypeByCode implements [store.Catalog].
func (s *Store) EventTypeByCode(ctx context.Context, code, version string) (store.EventType, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.EventType{}, err
	}
	defer unlock()
	for _, e := range s.types {
		if e.Code == code && e.Version == version && !e.deleted {
			return s.read(e), nil
		}
	}
	return store.EventType{}, store.ErrNotFound
}

// EventTypes implements [store.Catalog].
func (s *Store) EventTypes(ctx context.Context, categoryID uuid.UUID, archived store.ArchivedFilter, page store.Page) (store.List[store.EventType], error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.List[store.EventType]{}, err
	}
	defer unlock()
	var found []store.EventType
	for _, e := range s.types {
		if !e.deleted && archived.Keeps(e.Archived) && (categoryID == uuid.Nil || e.CategoryID == categoryID) {
			found = append(found, s.read(e))
		}
	}
	return list(found, func(e store.EventType) uuid.UUID { return e.ID }, page), nil
}

// HistoricEventTypes implements [store.Catalog].
func (s *Store) HistoricEventTypes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]store.EventType, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	out := map[uuid.UUID]store.EventType{}
	for _, id := range ids {
		if e := s.types[id]; e != nil {
			out[id] = s.read(e)
		}
	}
	return out, nil
}

// UpdateEventType implements [store.Catalog].
func (s *Store) UpdateEventType(ctx context.Context, id uuid.UUID, change func(*store.EventType) error) (store.EventType, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.EventType{}, err
	}
	defer unlock()
	old := s.live(id)
	if old == nil {
		return store.EventType{}, store.ErrNotFound
	}
	e := s.read(old)
	if err := change(&e); err != nil {
		return store.EventType{}, err
	}
	e.ID, e.CategoryID, e.Revision = id, old.CategoryID, old.Revision+1
	if s.typeCodeTaken(e) {
		return store.EventType{}, store.ErrCodeTaken
	}
	e.Schema = bytes.Clone(e.Schema)
	old.EventType = e
	return s.read(old), nil
}

// DeleteEventType implements [store.Catalog].
func (s *Store) DeleteEventType(ctx context.Context, id uuid.UUID, check func(store.EventType) error) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	e := s.live(id)
	if e == nil {
		return store.ErrNotFound
	}
	if check != nil {
		if err := check(s.read(e)); err != nil {
			return err
		}
	}
	users := s.topics[id.String()]
	for _, sub := range users {
		if !sub.Archived {
			return store.ErrInUse
		}
	}
	for _, sub := range users {
		sub.Selectors = slices.DeleteFunc(slices.Clone(sub.Selectors), func(sel store.Selector) bool {
			return sel.Pattern == "" && sel.EventTypeID == id
		})
	}
	delete(s.topics, id.String())
	for key := range s.samples {
		if key.eventType == id {
			delete(s.samples, key)
		}
	}
	e.deleted = true
	return nil
}
