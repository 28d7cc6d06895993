package webhooks

import (
	"bytes"
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// CreateEventType adds an event type to a category. [ErrCodeTaken] if another event type,
// in any category, has the code and version; [ErrArchived] if the category is
// archived.
func (r *Registry) CreateEventType(ctx context.Context, category uuid.UUID, in EventTypeInput) (EventType, error) {
	if err := refuseBuiltIn(category); err != nil {
		return EventType{}, err
	}
	parent, err := r.store.Category(ctx, category)
	if err != nil {
		return EventType{}, err
	}
	if err := editable(parent.Lifecycle); err != nil {
		return EventType{}, err
	}
	if err := in.check(); err != nil {
		return EventType{}, err
	}
	if in.Schema, err = r.checkSchema(ctx, in.Schema); err != nil {
		return EventType{}, err
	}
	id, audit := r.created(ctx)
	e := EventType{
		ID: id, CategoryID: category, Name: in.Name, Code: in.Code, Version: in.Version,
		Description: in.Description, Schema: in.Schema,
		Lifecycle: store.Lifecycle{Active: true, ActiveChangedAt: audit.CreatedAt}, Audit: audit, Revision: 1,
		Category: store.CategoryRef{Name: parent.Name, Code: parent.Code, Active: parent.Active, Archived: parent.Archived},
	}
	return e, parentDeleted(r.store.CreateEventType(ctx, e))
}

// parentDeleted returns ErrNotFound if the parent of a new record was deleted after it was read.
func parentDeleted(err error) error {
	if errors.Is(err, store.ErrBadReference) {
		return ErrNotFound
	}
	return err
}

// EventType returns an event type of the category, archived or not.
func (r *Registry) EventType(ctx context.Context, category, id uuid.UUID) (EventType, error) {
	e, err := r.store.EventType(ctx, id)
	if err == nil && e.CategoryID != category {
		return EventType{}, ErrNotFound
	}
	return e, err
}

// EventTypes lists the event types of a category in the order of their creation.
func (r *Registry) EventTypes(ctx context.Context, category uuid.UUID, archived ArchivedFilter, page Page) (List[EventType], error) {
	if _, err := r.store.Category(ctx, category); err != nil {
		return List[EventType]{}, err
	}
	return r.store.EventTypes(ctx, category, archived, page)
}

// UpdateEventType changes an event type. If its schema changes, its samples must
// match the new one; a *[ValidationError] if one does not. [ErrCodeTaken] if another event
// type has the new code and version. Change may be called more than once.
func (r *Registry) UpdateEventType(
	ctx context.Context, category, id uuid.UUID, change func(now EventType, in *EventTypeInput) error,
) (EventType, error) {
	if err := refuseBuiltIn(category); err != nil {
		return EventType{}, err
	}
	defer r.types.clear()
	var matched, next []byte // the last schema that the samples matched, and the schema to be stored
	for {
		e, err := r.store.UpdateEventType(ctx, id, func(e *EventType) error {
			if e.CategoryID != category {
				return ErrNotFound
			}
			in, err := changedEventType(*e, change)
			if err != nil {
				return err
			}
			if !bytes.Equal(in.Schema, e.Schema) {
				if next, err = r.checkSchema(ctx, in.Schema); err != nil {
					return err
				}
				if !bytes.Equal(next, matched) {
					return errSamplesUnchecked
				}
				in.Schema = next
			}
			e.Name, e.Code, e.Version, e.Description, e.Schema = in.Name, in.Code, in.Version, in.Description, in.Schema
			r.touch(ctx, &e.Audit)
			return nil
		})
		if !errors.Is(err, errSamplesUnchecked) {
			return e, err
		}
		if err := r.samplesMatch(ctx, id, next); err != nil {
			return EventType{}, err
		}
		matched = next
	}
}

// changedEventType returns the checked input that change makes of an event type.
func changedEventType(e EventType, change func(now EventType, in *EventTypeInput) error) (EventTypeInput, error) {
	in := EventTypeInput{Name: e.Name, Code: e.Code, Version: e.Version, Description: e.Description, Schema: e.Schema}
	if err := editableType(e); err != nil {
		return in, err
	}
	if err := change(e, &in); err != nil {
		return in, err
	}
	return in, in.check()
}

// errSamplesUnchecked interrupts an update that did not compare the new schema with the samples.
// The comparison reads the store, so it cannot run inside the store's update.
var errSamplesUnchecked = errors.New("the samples are not compared with the schema")

// DeleteEventType removes an event type and its samples. [ErrInUse] while a
// subscription that is not archived lists it. History keeps showing it.
func (r *Registry) DeleteEventType(ctx context.Context, category, id uuid.UUID, check func(EventType) error) error {
	if err := refuseBuiltIn(category); err != nil {
		return err
	}
	defer r.types.clear()
	return r.store.DeleteEventType(ctx, id, func(e EventType) error {
		if e.CategoryID != category {
			return ErrNotFound
		}
		if check == nil {
			return nil
		}
		return check(e)
	})
}

// ActivateEventType lets the event type take events again.
func (r *Registry) ActivateEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.moveEventType(ctx, category, id, func(e EventType) (transition, error) { return activate, editableType(e) })
}

// DeactivateEventType stops the event type from taking events and new
// subscriptions. Queued attempts are still sent.
func (r *Registry) DeactivateEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.moveEventType(ctx, category, id, func(EventType) (transition, error) { return deactivate, nil })
}

// ArchiveEventType hides the event type from lists and refuses changes of it.
func (r *Registry) ArchiveEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.moveEventType(ctx, category, id, func(EventType) (transition, error) { return archive, nil })
}

// RestoreEventType undoes [Registry.ArchiveEventType].
func (r *Registry) RestoreEventType(ctx context.Context, category, id uuid.UUID) error {
	return r.moveEventType(ctx, category, id, func(EventType) (transition, error) { return restore, nil })
}

func (r *Registry) moveEventType(ctx context.Context, category, id uuid.UUID, choose func(EventType) (transition, error)) error {
	if err := refuseBuiltIn(category); err != nil {
		return err
	}
	defer r.types.clear()
	_, err := r.store.UpdateEventType(ctx, id, func(e *EventType) error {
		if e.CategoryID != category {
			return ErrNotFound
		}
		move, err := choose(*e)
		if err != nil {
			return err
		}
		return r.move(ctx, &e.Lifecycle, &e.Audit, move)
	})
	return ignoreUnchanged(err)
}

// EventTypeInput is the part of an event type that a caller sets.
type EventTypeInput struct {
	Name        string `field:"name" validate:"required,text=200"`   // for people, 1–200 characters
	Code        string `field:"code" validate:"required,code"`       // such as order.paid; 1–100 of A-Z a-z 0-9 . _ -
	Version     string `field:"version" validate:"required,version"` // such as v1; 1–32 of A-Z a-z 0-9 . _ -
	Description string `field:"description" validate:"prose=2000"`   // at most 2,000 characters. Default: none
	Schema      []byte `field:"schema"`                              // JSON Schema (2020-12) of the data; nil for none
}

func (in *EventTypeInput) check() error {
	trim(&in.Name, &in.Code, &in.Version, &in.Description)
	return checkStruct(in)
}

// editableType returns [ErrArchived] for an event type that is archived, or is in an
// archived category.
func editableType(e EventType) error {
	if e.Archived || e.Category.Archived {
		return ErrArchived
	}
	return nil
}

// HistoricEventTypes returns event types by id, also deleted ones as long as history refers to
// them.
func (r *Registry) HistoricEventTypes(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]EventType, error) {
	return r.store.HistoricEventTypes(ctx, ids)
}
