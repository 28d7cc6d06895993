package client

import (
	"iter"
	"time"

	"github.com/google/uuid"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T `json:"items"` // the page; empty behind the end of the list
	// CurrentPageNumber is the Skip that was asked for.
	CurrentPageNumber int `json:"currentPageNumber"`
	RecordsPerPage    int `json:"recordsPerPage"` // the Take that was asked for
	TotalRecords      int `json:"totalRecords"`   // items of the whole list; see CursorQuery.MaxTotal
	TotalPages        int `json:"totalPages"`     // 0 for an empty list
	// NextCursor goes on behind this page. "": it is the last one, or the list has no cursors.
	NextCursor string `json:"nextCursor"`
}

// Order is the order of a list, by the time at which its items were made.
type Order string

// The orders.
const (
	OldestFirst Order = "ASC"  // the default of ListQuery
	NewestFirst Order = "DESC" // the default of CursorQuery
)

// ArchivedFilter says whether a list has archived items.
type ArchivedFilter string

// The filters.
const (
	ExcludeArchived ArchivedFilter = "exclude" // items that are not archived
	IncludeArchived ArchivedFilter = "include" // all items
	OnlyArchived    ArchivedFilter = "only"    // archived items
)

// StatusFilter selects attempts and deliveries.
type StatusFilter string

// The filters.
const (
	AnyStatus     StatusFilter = "all"       // every state
	OnlySucceeded StatusFilter = "succeeded" // attempts and deliveries that are Succeeded
	OnlyFailed    StatusFilter = "failed"    // attempts and deliveries that are Failed
	OnlyPending   StatusFilter = "pending"   // attempts and deliveries that are Pending or Sending
)

// StatusClass selects attempts and deliveries by the HTTP status of the response.
type StatusClass string

// The classes.
const (
	Class2xx   StatusClass = "2xx"  // 200–299
	Class3xx   StatusClass = "3xx"  // 300–399
	Class4xx   StatusClass = "4xx"  // 400–499
	Class5xx   StatusClass = "5xx"  // 500–599
	NoResponse StatusClass = "none" // no response, or none yet
)

// Include names a resource that is shown in full inside another one, which otherwise has its ID
// alone, or a member that is left out otherwise.
type Include string

// The resources.
const (
	IncludeSubscription Include = "subscription" // the subscription of an attempt, delivery or secret
	IncludeEventType    Include = "event"        // the event type of an attempt or delivery
	IncludeRecent       Include = "recent"       // a summary of the newest deliveries of a subscription
)

// ListQuery asks for a page of a list. An iterator reads pages of 100 items unless Take says
// otherwise. An item that is made or deleted while an iterator reads can move another one across
// the border of a page, so that the iterator yields it twice or not at all.
type ListQuery struct {
	Order Order `query:"order_by"` // default: OldestFirst
	Skip  int   `query:"skip"`     // how many pages to leave out
	Take  int   `query:"take"`     // items of a page, 1–100; default: 10
}

// CatalogQuery asks for categories or event types.
type CatalogQuery struct {
	ListQuery
	Archived ArchivedFilter `query:"archived"` // default: ExcludeArchived
}

// SubscriptionQuery asks for subscriptions.
type SubscriptionQuery struct {
	ListQuery
	Archived    ArchivedFilter `query:"archived"` // default: ExcludeArchived
	Version     string         `query:"version"`  // "": any
	EventTypeID uuid.UUID      `query:"eventId"`  // zero: any
	Search      string         `query:"search"`   // a text in PostURI or Description, at most 200 characters; A–Z equal a–z; "": any
	State       State          `query:"state"`    // "": any
	Include     []Include      `query:"include"`  // IncludeRecent adds Recent; default: none
}

// CursorQuery asks for a page of a list that has cursors. A page costs the same at any depth, and
// an iterator yields every item once.
type CursorQuery struct {
	Order  Order  `query:"order_by"` // default: NewestFirst
	Skip   int    `query:"skip"`     // how many pages to leave out; not together with Cursor
	Take   int    `query:"take"`     // items of a page, 1–100; default: 10
	Cursor string `query:"cursor"`   // the NextCursor of a page of the same list

	// MaxTotal ends the counting: TotalRecords that reach it mean so many or more. 0 for the exact number, which
	// takes longer the longer the list is.
	MaxTotal int `query:"maxTotal"`
}

// AttemptQuery asks for attempts.
type AttemptQuery struct {
	CursorQuery
	Status      StatusFilter `query:"status"`      // default: AnyStatus
	Class       StatusClass  `query:"statusClass"` // "": any
	EventTypeID uuid.UUID    `query:"eventId"`     // zero: any
	Since       time.Time    `query:"since"`       // created at this time or later; zero: any
	Until       time.Time    `query:"until"`       // created before this time; zero: any
	Include     []Include    `query:"include"`     // resources to show in full; default: none
}

// DeliveryQuery asks for deliveries.
type DeliveryQuery struct {
	CursorQuery
	Status      StatusFilter `query:"status"`      // default: AnyStatus
	Class       StatusClass  `query:"statusClass"` // "": any
	EventTypeID uuid.UUID    `query:"eventId"`     // zero: any
	Since       time.Time    `query:"since"`       // created at this time or later; zero: any
	Until       time.Time    `query:"until"`       // created before this time; zero: any
	Include     []Include    `query:"include"`     // resources to show in full; default: none
}

// SecretQuery asks for the secrets of a subscription.
type SecretQuery struct {
	CursorQuery
	Include []Include `query:"include"` // IncludeSubscription shows the subscription; default: none
}

// MessageQuery asks for messages.
type MessageQuery struct{ CursorQuery }

// iteratorTake is the size of a page that an iterator asks for.
const iteratorTake = 100

// byNumber yields the items of all pages, which list reads by their number.
func byNumber[T any](q ListQuery, list func(ListQuery) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := q // an iterator can be used twice
		if q.Take == 0 {
			q.Take = iteratorTake
		}
		for ; ; q.Skip++ {
			page, err := list(q)
			if !yieldPage(page, err, yield) || q.Skip+1 >= page.TotalPages {
				return
			}
		}
	}
}

// byCursor yields the items of all pages, which list reads one behind the other.
func byCursor[T any](q CursorQuery, list func(CursorQuery) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		q := q // an iterator can be used twice
		if q.Take == 0 {
			q.Take = iteratorTake
		}
		for {
			page, err := list(q)
			if !yieldPage(page, err, yield) || page.NextCursor == "" {
				return
			}
			q.Skip, q.Cursor = 0, page.NextCursor
		}
	}
}

// yieldPage yields the items or the error. It reports whether the next page is wanted.
func yieldPage[T any](page Page[T], err error, yield func(T, error) bool) bool {
	if err != nil {
		var none T
		yield(none, err)
		return false
	}
	for _, item := range page.Items {
		if !yield(item, nil) {
			return false
		}
	}
	return true
}
