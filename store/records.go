package store

import (
	"time"

	"github.com/google/uuid"
)

// Audit has the times and authors of a record's creation and of its last change. The two
// pairs are equal until the first change. The authors are subjects as the caller gave them,
// "" if unknown.
type Audit struct {
	CreatedAt time.Time
	CreatedBy string
	UpdatedAt time.Time
	UpdatedBy string
}

// Lifecycle is the state of a record that can be switched off and archived. A new record is
// active and not archived.
type Lifecycle struct {
	Active            bool
	ActiveChangedAt   time.Time
	Archived          bool
	ArchivedChangedAt time.Time // zero until the first change
}

// Category groups event types. Its Code is unique.
type Category struct {
	ID          uuid.UUID
	Name        string
	Code        string
	Description string
	Lifecycle
	Audit
	Revision int64 // counts the changes, from 1; kept by the store
}

// EventType is a kind of event that can be published. The pair of Code and
// Version is unique over all categories.
type EventType struct {
	ID          uuid.UUID
	CategoryID  uuid.UUID
	Name        string
	Code        string
	Version     string
	Description string
	Schema      []byte // JSON Schema (2020-12) of an event's data; nil for none
	Lifecycle
	Audit
	Revision int64

	// Category is filled in by the store when it reads, and ignored when it writes.
	Category CategoryRef
}

// CategoryRef is the part of a category that its event types show.
type CategoryRef struct {
	Name     string
	Code     string
	Active   bool
	Archived bool
}

// Publishable reports whether the event type takes new events and new
// subscriptions: it and its category are active and not archived.
func (e EventType) Publishable() bool {
	return e.Active && !e.Archived && e.Category.Active && !e.Category.Archived
}

// Sample is an example of an event's data.
type Sample struct {
	ID          uuid.UUID
	EventTypeID uuid.UUID
	Version     string
	Payload     []byte // a JSON object
	Audit
	Revision int64
}

// SeedVersion records a seed document that was applied.
type SeedVersion struct {
	Version     string
	Description string
	Checksum    string
	AppliedAt   time.Time
}

// Seed is a seed document in the form of records. The store gives a category
// (by code), event type (by code and version) or sample (by event type and
// version) that already exists the new content and keeps its id, lifecycle and
// creation; an event type moves to the category that the seed gives it.
type Seed struct {
	SeedVersion
	Categories []Category
	EventTypes []EventType // CategoryID is the id of one of Categories
	Samples    []Sample    // EventTypeID is the id of one of EventTypes
}

// Subscription is an organization's wish to have certain events posted to a URL.
type Subscription struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	PostURI        string `log:"host"` // "" for none; such a subscription is inactive
	Version        string // the version that codes and patterns mean
	Selectors      []Selector
	IsDevelopment  bool
	Description    string
	Headers        map[string]string `log:"names"` // static request headers, canonical names
	Timeout        time.Duration     // of one attempt; 0 for the default
	RetrySchedule  []time.Duration   // waits between attempts; nil for the default
	Ordered        bool              // one attempt at a time for each ordering key, in the order of publishing
	RateLimit      float64           // attempts per second of each process that dispatches; 0 for no limit
	Filter         Filter            // of the events that match; empty for all
	InactiveReason string            // why the dispatcher switched it off; "" otherwise
	Damaged        []Member          // members with unreadable stored values: their fields are zero
	Lifecycle
	Audit
	Revision int64
}

// Member is a member of a subscription that a store may find damaged, by the name that it
// has in the REST interface. See [Subscriptions] for the consequences.
type Member string

// The members that a store decodes.
const (
	MemberSelectors     Member = "events"
	MemberHeaders       Member = "headers"
	MemberRetrySchedule Member = "retrySchedule"
	MemberRateLimit     Member = "rateLimit"
	MemberFilter        Member = "filter"
)

// Live reports whether published events are fanned out to the subscription.
func (s Subscription) Live() bool { return s.Active && !s.Archived }

// Selector chooses event types: one, by its id, or all of the subscription's
// version that match a pattern ("*", or "vitals.*").
type Selector struct {
	EventTypeID uuid.UUID // zero for a pattern
	Pattern     string    // "" for an event type

	// EventType is filled in by the store when it reads a selector with an id,
	// and ignored when it writes.
	EventType EventTypeRef
}

// EventTypeRef is the part of an event type that subscriptions and samples show.
type EventTypeRef struct {
	Name    string
	Code    string
	Version string
}

// Secret is a signing secret of a subscription and the time in which it was, or
// is, the newest.
type Secret struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	SubscriptionID uuid.UUID
	Key            []byte `log:"size"` // as the caller wants it kept, usually encrypted
	ValidFrom      time.Time
	ValidTo        time.Time // zero for the current one
	Audit
}
