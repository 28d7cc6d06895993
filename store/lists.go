package store

import (
	"github.com/google/uuid"
)

// Page chooses a part of a list. The order is that of the ids.
type Page struct {
	Skip       int       // items to pass over
	Take       int       // items at most; 0 for none
	Descending bool      // newest first
	After      uuid.UUID // start behind this id; zero for the beginning. Skip counts from there

	// MaxBytes bounds the large members of the items together, in bytes as the store keeps
	// them; 0 for no bound. Large members are Body, Source and Response of attempts and
	// deliveries, Schema of event types, Payload of samples, and Selectors, Headers and
	// Filter of subscriptions. Other lists ignore it. The first item is always whole. From
	// the item on that would exceed the bound, items come without their large members, which
	// the store does not read: see List.Truncated.
	MaxBytes int
}

// List is a part of a list and the length of the whole.
type List[T any] struct {
	Items     []T
	Total     int // of everything that the query matches, whatever the page
	Truncated int // how many of Items, from the last one backwards, lack their large members: see Page.MaxBytes
}

// ArchivedFilter says what a list does with archived things.
type ArchivedFilter int

// The filters. The zero value leaves archived things out.
const (
	ExcludeArchived ArchivedFilter = iota
	IncludeArchived
	OnlyArchived
)

// Keeps reports whether a list with the filter shows a thing.
func (f ArchivedFilter) Keeps(archived bool) bool {
	return f == IncludeArchived || archived == (f == OnlyArchived)
}

// SubscriptionQuery chooses among an organization's subscriptions. Zero fields
// do not restrict.
type SubscriptionQuery struct {
	Version     string
	EventTypeID uuid.UUID // those that list this event type by its id
	Archived    ArchivedFilter
	Page
}

// HistoryQuery chooses among the attempts or deliveries of a subscription. The
// first two fields are required; further ones that are zero do not restrict.
type HistoryQuery struct {
	OrganizationID uuid.UUID
	SubscriptionID uuid.UUID
	EventTypeID    uuid.UUID
	Status         StatusFilter
	Page
}

// StatusFilter restricts a list of attempts or deliveries by state.
type StatusFilter int

// The filters. AnyStatus is the zero value; OnlyPending includes what is being
// sent.
const (
	AnyStatus StatusFilter = iota
	OnlySucceeded
	OnlyFailed
	OnlyPending
)

// Keeps reports whether a list with the filter shows a thing.
func (f StatusFilter) Keeps(s Status) bool {
	switch f {
	case OnlySucceeded:
		return s == Succeeded
	case OnlyFailed:
		return s == Failed
	case OnlyPending:
		return !s.Finished()
	default:
		return true
	}
}
