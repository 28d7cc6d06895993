package memstore

import (
	"context"
	"fmt"
	"maps"
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
	s.audit(ctx)
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
	return read(ctx, s, func() (*eventType, error) { return s.eventType(id) }, s.readEventType)
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
	return read(ctx, s, func() (*eventType, error) {
		e := s.eventTypeCodes[eventTypeKey{code, version}]
		if e == nil {
			return nil, fmt.Errorf("event type %q %q: %w", code, version, store.ErrNotFound)
		}
		return e, nil
	}, s.readEventType)
}

// EventTypes lists the event types of a category, or all.
func (s *Store) EventTypes(
	ctx context.Context, categoryID uuid.UUID, archived store.ArchivedFilter, page store.Page,
) (store.List[store.EventType], error) {
	return locked(ctx, s, func() (store.List[store.EventType], error) {
		matching := chosen(maps.Values(s.eventTypeCodes), func(e *eventType) bool {
			return archived.Keeps(e.Archived) && (categoryID == uuid.Nil || categoryID == e.CategoryID)
		}, eventTypeID)
		size := func(e *eventType) int { return len(e.Schema) }
		return store.ListOf(matching, page, eventTypeID, size, func(e *eventType, whole bool) store.EventType {
			out := s.readEventType(e)
			if !whole {
				out.Schema = nil
			}
			return out
		}), nil
	})
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
	return locked(ctx, s, func() (store.EventType, error) {
		e, err := s.eventType(id)
		if err != nil {
			return store.EventType{}, err
		}
		changed, err := store.UpdatedEventType(s.readEventType(e), change)
		if err != nil {
			return store.EventType{}, err
		}
		if other := s.eventTypeCodes[eventTypeKey{changed.Code, changed.Version}]; other != nil && other != e {
			return store.EventType{}, fmt.Errorf("event type %q %q: %w", changed.Code, changed.Version, store.ErrCodeTaken)
		}
		s.setEventType(e, changed)
		s.audit(ctx)
		return s.readEventType(e), nil
	})
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
	if err := allow(check, s.readEventType(e)); err != nil {
		return err
	}
	selecting := chosen(maps.Values(s.subscriptions), func(sub *subscription) bool {
		return slices.Contains(sub.EventTypeIDs(), id)
	}, subscriptionID)
	if slices.ContainsFunc(selecting, func(sub *subscription) bool { return !sub.Archived }) {
		return fmt.Errorf("event type %q %q is subscribed to: %w", e.Code, e.Version, store.ErrInUse)
	}
	for _, sub := range selecting {
		s.unindex(sub)
		sub.Subscription = sub.WithoutEventType(id)
		s.index(sub)
	}
	maps.DeleteFunc(s.samples, func(key sampleKey, _ *store.Sample) bool { return key.eventType == id })
	e.deletedAt = s.clock.Now()
	s.categories[e.CategoryID].eventTypes--
	delete(s.eventTypeCodes, e.key())
	s.audit(ctx)
	return nil
}
