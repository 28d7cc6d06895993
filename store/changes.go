package store

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// The functions here are the rules by which records change. They do no I/O.

// UpdatedCategory returns the category as change makes it, with one Revision more. The ID stays.
func UpdatedCategory(c Category, change func(*Category) error) (Category, error) {
	changed := c
	if err := change(&changed); err != nil {
		return Category{}, err
	}
	changed.ID, changed.Revision = c.ID, c.Revision+1
	return changed, nil
}

// UpdatedEventType returns the event type as change makes it, with one Revision more. The ID and the
// category stay.
func UpdatedEventType(e EventType, change func(*EventType) error) (EventType, error) {
	changed := e
	if err := change(&changed); err != nil {
		return EventType{}, err
	}
	changed.ID, changed.CategoryID, changed.Category, changed.Revision = e.ID, e.CategoryID, e.Category, e.Revision+1
	return changed, nil
}

// UpdatedSample returns the sample as change makes it, with one Revision more. The ID and the event
// type stay.
func UpdatedSample(s Sample, change func(*Sample) error) (Sample, error) {
	changed := s
	if err := change(&changed); err != nil {
		return Sample{}, err
	}
	changed.ID, changed.EventTypeID, changed.Revision = s.ID, s.EventTypeID, s.Revision+1
	return changed, nil
}

// UpdatedSubscription returns the subscription as change makes it, with one Revision more. The ID and the
// organization stay.
func UpdatedSubscription(s Subscription, change func(*Subscription) error) (Subscription, error) {
	changed := s
	if err := change(&changed); err != nil {
		return Subscription{}, err
	}
	changed.ID, changed.OrganizationID, changed.Revision = s.ID, s.OrganizationID, s.Revision+1
	return changed, nil
}

// A QueueChange is the effect of a subscription's change on its pending attempts and on its
// Health.
type QueueChange struct {
	Cancel       bool // the pending attempts are cancelled
	Release      bool // the pending attempts are due at once
	ReleaseHeld  bool // the pending attempts that are held are due at once
	ForgetHealth bool // the Health becomes zero
}

// QueueChangeOf returns the effect of the change that made former into s.
func QueueChangeOf(former, s Subscription) QueueChange {
	if s.Archived && !former.Archived {
		return QueueChange{Cancel: true, ForgetHealth: s.PostURI != former.PostURI}
	}
	live, moved := s.Live() && !former.Live(), s.PostURI != former.PostURI
	return QueueChange{Release: live, ReleaseHeld: moved && !live, ForgetHealth: live || moved}
}

// EventTypeIDs returns the event types that the subscription selects by their ids.
func (s Subscription) EventTypeIDs() []uuid.UUID {
	var ids []uuid.UUID
	for _, sel := range s.Selectors {
		if sel.Pattern == "" {
			ids = append(ids, sel.EventTypeID)
		}
	}
	return ids
}

// WithoutEventType returns the subscription after the deletion of an event type that it
// selects by its id, with one Revision more.
func (s Subscription) WithoutEventType(id uuid.UUID) Subscription {
	s.Selectors = slices.DeleteFunc(slices.Clone(s.Selectors), func(sel Selector) bool {
		return sel.Pattern == "" && sel.EventTypeID == id
	})
	s.Revision++
	return s
}

// Check fails with ErrBadReference if a reference in the seed leads to a category or an
// event type outside the seed.
func (s Seed) Check() error {
	for _, e := range s.EventTypes {
		if !slices.ContainsFunc(s.Categories, func(c Category) bool { return c.ID == e.CategoryID }) {
			return fmt.Errorf("seed %q: category of event type %q: %w", s.Version, e.Code, ErrBadReference)
		}
	}
	for _, sample := range s.Samples {
		if !slices.ContainsFunc(s.EventTypes, func(e EventType) bool { return e.ID == sample.EventTypeID }) {
			return fmt.Errorf("seed %q: event type of sample %s: %w", s.Version, sample.ID, ErrBadReference)
		}
	}
	return nil
}

// SeededCategory returns the category with the content of a seed.
func SeededCategory(c, content Category) Category {
	content.ID, content.Lifecycle, content.Revision = c.ID, c.Lifecycle, c.Revision+1
	content.CreatedAt, content.CreatedBy = c.CreatedAt, c.CreatedBy
	return content
}

// SeededEventType returns the event type with the content of a seed, in the given category.
func SeededEventType(e, content EventType, category uuid.UUID) EventType {
	content.ID, content.CategoryID, content.Lifecycle, content.Revision = e.ID, category, e.Lifecycle, e.Revision+1
	content.CreatedAt, content.CreatedBy = e.CreatedAt, e.CreatedBy
	return content
}

// SeededSample returns the sample with the content of a seed.
func SeededSample(s, content Sample) Sample {
	content.ID, content.EventTypeID, content.Revision = s.ID, s.EventTypeID, s.Revision+1
	content.CreatedAt, content.CreatedBy = s.CreatedAt, s.CreatedBy
	return content
}
