package memstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type eventType struct {
	store.EventType
	deletedAt time.Time // zero while it exists
}

type eventTypeKey struct{ code, version string }

func (e *eventType) key() eventTypeKey { return eventTypeKey{e.Code, e.Version} }

func eventTypeID(e *eventType) uuid.UUID { return e.ID }

func (s *Store) readEventType(e *eventType) store.EventType {
	out := copyEventType(e.EventType)
	c := s.categories[e.CategoryID]
	out.Category = store.CategoryRef{Name: c.Name, Code: c.Code, Active: c.Active, Archived: c.Archived}
	return out
}

// CreateEventType adds an event type.
func (s *Store) CreateEventType(ctx context.Context, e store.EventType) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.eventTypes[e.ID] != nil {
		return errDuplicateID
	}
	c, err := s.category(e.CategoryID)
	if err != nil {
		return fmt.Errorf("category %s: %w", e.CategoryID, store.ErrBadReference)
	}
	if s.eventTypeCodes[eventTypeKey{e.Code, e.Version}] != nil {
		return fmt.Errorf("event type %q %q: %w", e.Code, e.Version, store.ErrCodeTaken)
	}
	s.addEventType(e, c)
	return nil
}

func (s *Store) addEventType(e store.EventType, c *category) *eventType {
	added := &eventType{EventType: copyEventType(e)}
	added.CategoryID, added.Revision = c.ID, 1
	c.eventTypes++
	s.eventTypes[e.ID], s.eventTypeCodes[added.key()] = added, added
	return added
}

// eventType finds an event type that was not deleted.
func (s *Store) eventType(id uuid.UUID) (*eventType, error) {
	e := s.eventTypes[id]
	if e == nil || !e.deletedAt.IsZero() {
		return nil, notFound("event type", id)
	}
	return e, nil
}

// EventType returns an event type.
func (s *Store) EventType(ctx context.Context, id uuid.UUID) (store.EventType, error) {
	if err := s.lock(ctx); err != nil {
		return store.EventType{}, err
	}
	defer s.unlock()
	e, err := s.eventType(id)
	if err != nil {
		return store.EventType{}, err
	}
	return s.readEventType(e), nil
}

// EventTypeByCode returns an event type. A transaction sees the same event types as
// everybody: it holds nothing but messages.
func (s *Store) EventTypeByCode(ctx context.Context, tx store.Tx, code, version string) (store.EventType, error) {
	if tx != nil {
		own, err := s.own(tx)
		if err == nil {
			err = own.open()
		}
		if err != nil {
			return store.EventType{}, err
		}
	}
	if err := s.lock(ctx); err != nil {
		return store.EventType{}, err
	}
	defer s.unlock()
	e := s.eventTypeCodes[eventTypeKey{code, version}]
	if e == nil {
		return store.EventType{}, fmt.Errorf("event type %q %q: %w", code, version, store.ErrNotFound)
	}
	return s.readEventType(e), nil
}

// EventTypes lists the event types of a category, or all.
func (s *Store) EventTypes(
	ctx context.Context, categoryID uuid.UUID, archived store.ArchivedFilter, page store.Page,
) (store.List[store.EventType], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.EventType]{}, err
	}
	defer s.unlock()
	var matching []*eventType
	for _, e := range s.eventTypeCodes {
		if archived.Keeps(e.Archived) && (categoryID == uuid.Nil || categoryID == e.CategoryID) {
			matching = append(matching, e)
		}
	}
	sortByID(matching, eventTypeID)
	size := func(e *eventType) int { return len(e.Schema) }
	return boundedList(matching, eventTypeID, page, size, func(e *eventType, whole bool) store.EventType {
		shown := *e
		if !whole {
			shown.Schema = nil
		}
		return s.readEventType(&shown)
	}), nil
}

// HistoricEventTypes returns event types, the deleted ones included.
func (s *Store) HistoricEventTypes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]store.EventType, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	out := map[uuid.UUID]store.EventType{}
	for _, id := range ids {
		if e := s.eventTypes[id]; e != nil {
			out[id] = s.readEventType(e)
		}
	}
	return out, nil
}

// UpdateEventType changes an event type.
func (s *Store) UpdateEventType(ctx context.Context, id uuid.UUID, change func(*store.EventType) error) (store.EventType, error) {
	if err := s.lock(ctx); err != nil {
		return store.EventType{}, err
	}
	defer s.unlock()
	e, err := s.eventType(id)
	if err != nil {
		return store.EventType{}, err
	}
	changed := s.readEventType(e)
	if err := change(&changed); err != nil {
		return store.EventType{}, err
	}
	if other := s.eventTypeCodes[eventTypeKey{changed.Code, changed.Version}]; other != nil && other != e {
		return store.EventType{}, fmt.Errorf("event type %q %q: %w", changed.Code, changed.Version, store.ErrCodeTaken)
	}
	changed.ID, changed.CategoryID, changed.Revision = e.ID, e.CategoryID, e.Revision+1
	s.setEventType(e, changed)
	return s.readEventType(e), nil
}

func (s *Store) setEventType(e *eventType, changed store.EventType) {
	delete(s.eventTypeCodes, e.key())
	e.EventType = copyEventType(changed)
	s.eventTypeCodes[e.key()] = e
}

// DeleteEventType deletes an event type that no subscription in use selects.
func (s *Store) DeleteEventType(ctx context.Context, id uuid.UUID, check func(store.EventType) error) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	e, err := s.eventType(id)
	if err != nil {
		return err
	}
	if check != nil {
		if err := check(s.readEventType(e)); err != nil {
			return err
		}
	}
	selecting := s.selecting(id)
	if slices.ContainsFunc(selecting, func(sub *subscription) bool { return !sub.Archived }) {
		return fmt.Errorf("event type %q %q is subscribed to: %w", e.Code, e.Version, store.ErrInUse)
	}
	for _, sub := range selecting {
		s.unindex(sub)
		sub.Selectors = slices.DeleteFunc(sub.Selectors, func(sel store.Selector) bool { return sel.EventTypeID == id })
		sub.Revision++
		s.index(sub)
	}
	for key := range s.samples {
		if key.eventType == id {
			delete(s.samples, key)
		}
	}
	e.deletedAt = time.Now()
	s.categories[e.CategoryID].eventTypes--
	delete(s.eventTypeCodes, e.key())
	return nil
}
