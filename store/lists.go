package store

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Page chooses a part of a list. The order is that of the ids.
type Page struct {
	Skip       int       // items to pass over
	Take       int       // items at most; 0 for none
	Descending bool      // newest first
	After      uuid.UUID // start behind this id; zero for the beginning. Skip counts from there

	// MaxTotal bounds List.Total, so that the cost of counting does not grow with the list: a Total that reaches it means
	// "MaxTotal or more". 0 for no bound.
	MaxTotal int

	// MaxBytes bounds the large members of the items together, in bytes as the store keeps
	// them; 0 for no bound. Large members are Body, Source, Response and ResponseHeaders of
	// attempts and deliveries, Schema of event types, Payload of samples, and Selectors, Headers and
	// Filter of subscriptions. Other lists ignore it. The first item is always whole. From
	// the item on that would exceed the bound, items come without their large members, which
	// the store does not read: see List.Truncated.
	MaxBytes int
}

// TotalOf returns the Total of a list of n items.
func (p Page) TotalOf(n int) int {
	if p.MaxTotal > 0 {
		return min(n, p.MaxTotal)
	}
	return n
}

// List is a part of a list and the length of the whole.
type List[T any] struct {
	Items     []T // the page, in the order that it asks for; nil or empty for none
	Total     int // of everything that the query matches, whatever the page: see Page.MaxTotal
	Truncated int // how many of Items, from the last one backwards, lack their large members: see Page.MaxBytes
}

// ListOf returns the page of things, which are in the order of their ids. Size returns the
// bytes of a thing's large members, and read its record, without the large members unless it
// is to be whole.
func ListOf[T, R any](
	things []T, p Page, id func(T) uuid.UUID, size func(T) int, read func(thing T, whole bool) R,
) List[R] {
	out := List[R]{Total: p.TotalOf(len(things))}
	if p.After != uuid.Nil {
		i, found := slices.BinarySearchFunc(things, p.After, func(thing T, after uuid.UUID) int {
			return compareIDs(id(thing), after)
		})
		switch {
		case p.Descending:
			things = things[:i]
		case found:
			things = things[i+1:]
		default:
			things = things[i:]
		}
	}
	total := 0
	for i := max(p.Skip, 0); i < len(things) && len(out.Items) < p.Take; i++ {
		thing := things[i]
		if p.Descending {
			thing = things[len(things)-1-i]
		}
		total += size(thing)
		if p.MaxBytes > 0 && total > p.MaxBytes && len(out.Items) > 0 {
			out.Truncated++
		}
		out.Items = append(out.Items, read(thing, out.Truncated == 0))
	}
	return out
}

// ArchivedFilter includes archived things in a list, or excludes them.
type ArchivedFilter int

// The filters. The zero value leaves archived things out.
const (
	ExcludeArchived ArchivedFilter = iota // records that are not archived
	IncludeArchived                       // all records
	OnlyArchived                          // archived records
)

// Keeps reports whether a list with the filter shows a thing.
func (f ArchivedFilter) Keeps(archived bool) bool {
	return f == IncludeArchived || archived == (f == OnlyArchived)
}

// SubscriptionQuery chooses among an organization's subscriptions. Zero fields
// do not restrict.
type SubscriptionQuery struct {
	Version     string         // only subscriptions with this Version
	EventTypeID uuid.UUID      // only subscriptions that select this event type by its id
	Archived    ArchivedFilter // the zero value leaves archived subscriptions out

	// Search keeps subscriptions that have this text in PostURI or Description. A–Z equal a–z; the case of other
	// letters counts. It is UTF-8 without NUL.
	Search string
	State  SubscriptionState // only subscriptions in this state

	Page // the part of the list
}

// Keeps reports whether a list for the query shows a subscription of the organization with this health.
func (q SubscriptionQuery) Keeps(s Subscription, h Health) bool {
	return q.Archived.Keeps(s.Archived) && (q.Version == "" || q.Version == s.Version) &&
		(q.EventTypeID == uuid.Nil || slices.Contains(s.EventTypeIDs(), q.EventTypeID)) &&
		(q.State == "" || q.State == s.State(h)) &&
		(strings.Contains(FoldCase(s.PostURI), FoldCase(q.Search)) || strings.Contains(FoldCase(s.Description), FoldCase(q.Search)))
}

// FoldCase replaces A–Z by a–z, as a comparison for SubscriptionQuery.Search does. Further letters stay, because
// databases disagree about their case.
func FoldCase(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// HistoryQuery chooses among the attempts or deliveries of a subscription. The
// first two fields are required; further ones that are zero do not restrict.
type HistoryQuery struct {
	OrganizationID uuid.UUID    // the owner of the subscription; required
	SubscriptionID uuid.UUID    // required
	EventTypeID    uuid.UUID    // only messages of this event type; zero for all
	Status         StatusFilter // of attempts their own status, of deliveries that of the chain
	Class          StatusClass  // of the HTTPStatus
	Since          time.Time    // with an id from FirstID of this time on; zero for all
	Until          time.Time    // with an id before FirstID of this time; zero for all
	Page                        // the part of the list
}

// Keeps reports whether a list for the query shows an attempt of the subscription, or the delivery
// whose [Delivery] embeds the attempt.
func (q HistoryQuery) Keeps(a *Attempt) bool {
	return q.Status.Keeps(a.Status) && q.Class.Keeps(a.HTTPStatus) &&
		(q.EventTypeID == uuid.Nil || q.EventTypeID == a.EventTypeID) &&
		(q.Since.IsZero() || compareIDs(a.ID, FirstID(q.Since)) >= 0) &&
		(q.Until.IsZero() || compareIDs(a.ID, FirstID(q.Until)) < 0)
}

// FirstID returns the least id of version 7 that is made in the millisecond of the time, or after it.
func FirstID(at time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], uint64(max(at.UnixMilli(), 0))<<16)
	return id
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// StatusFilter restricts a list of attempts or deliveries by state.
type StatusFilter int

// The filters. AnyStatus is the zero value; OnlyPending includes attempts
// that are being sent.
const (
	AnyStatus     StatusFilter = iota // everything
	OnlySucceeded                     // Succeeded
	OnlyFailed                        // Failed
	OnlyPending                       // Pending and Sending
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

// StatusClass restricts a list of attempts or deliveries by the HTTP status of the answer. A class
// with a digit keeps the statuses that begin with the digit.
type StatusClass int

// The classes. AnyClass is the zero value.
const (
	AnyClass   StatusClass = 0 // everything
	NoResponse StatusClass = 1 // no answer, or none yet
	Class2xx   StatusClass = 2 // success
	Class3xx   StatusClass = 3 // redirection
	Class4xx   StatusClass = 4 // client error
	Class5xx   StatusClass = 5 // server error
)

// Range returns the least status that a list with the class shows, and the status after the last.
// AnyClass has no range.
func (c StatusClass) Range() (from, to int) {
	if c == NoResponse {
		return 0, 1
	}
	return int(c) * 100, int(c)*100 + 100
}

// Keeps reports whether a list with the class shows a thing with the HTTP status, 0 for none.
func (c StatusClass) Keeps(httpStatus int) bool {
	from, to := c.Range()
	return c == AnyClass || from <= httpStatus && httpStatus < to
}
