package store

import (
	"time"

	"github.com/google/uuid"
)

// Audit has the times and authors of a record's creation and of its last change. The two
// pairs are equal until the first change. The authors are subjects as the caller gave them,
// "" if unknown.
type Audit struct {
	CreatedAt time.Time // when the record was created
	CreatedBy string    // the creator
	UpdatedAt time.Time // when the record was last changed
	UpdatedBy string    // the author of the last change
}

// Lifecycle is the state of a record that can be switched off and archived. A new record is
// active and not archived.
type Lifecycle struct {
	Active            bool      // the record takes part in publishing, unless it is archived
	ActiveChangedAt   time.Time // when Active last changed; at first the time of creation
	Archived          bool      // the record is kept, but is left out of lists and can only be restored or deleted
	ArchivedChangedAt time.Time // when Archived last changed; zero until the first change
}

// Category groups event types. Its Code is unique.
type Category struct {
	ID          uuid.UUID // given by the creator; it never changes
	Name        string    // for people
	Code        string    // the short name, unique among categories; letter case counts
	Description string    // for people; "" for none
	Lifecycle             // while a category is inactive or archived, its event types are not Publishable
	Audit                 // times and authors
	Revision    int64     // counts the changes, from 1; kept by the store
}

// EventType is a kind of event that can be published. The pair of Code and
// Version is unique over all categories.
type EventType struct {
	ID          uuid.UUID // given by the creator; it never changes
	CategoryID  uuid.UUID // the category that it belongs to
	Name        string    // for people
	Code        string    // by which events are published, such as order.paid
	Version     string    // of the form of the data, such as v1
	Description string    // for people; "" for none
	Schema      []byte    // JSON Schema (2020-12) of an event's data; nil for none
	Lifecycle             // an inactive or archived event type is not Publishable
	Audit                 // times and authors
	Revision    int64     // counts the changes, from 1; kept by the store

	// Category is filled in by the store when it reads, and ignored when it writes.
	Category CategoryRef
}

// CategoryRef is the part of a category that its event types show.
type CategoryRef struct {
	Name     string // as in Category
	Code     string // as in Category
	Active   bool   // as in Lifecycle
	Archived bool   // as in Lifecycle
}

// Publishable reports whether the event type takes new events and new
// subscriptions: it and its category are active and not archived.
func (e EventType) Publishable() bool {
	return e.Active && !e.Archived && e.Category.Active && !e.Category.Archived
}

// Sample is an example of an event's data.
type Sample struct {
	ID          uuid.UUID // given by the creator; it never changes
	EventTypeID uuid.UUID // the event type that it is an example of
	Version     string    // unique among the samples of the event type
	Payload     []byte    // the data, a JSON object
	Audit                 // times and authors
	Revision    int64     // counts the changes, from 1; kept by the store
}

// SeedVersion records a seed document that was applied.
type SeedVersion struct {
	Version     string    // of the document, which identifies it
	Description string    // of the document; "" for none
	Checksum    string    // lower-case hex of the SHA-256 of the document
	AppliedAt   time.Time // when a host applied it
}

// Seed is a seed document in the form of records. The store gives a category
// (by code), event type (by code and version) or sample (by event type and
// version) that already exists the new content and keeps its id, lifecycle and
// creation; an event type moves to the category that the seed gives it.
type Seed struct {
	SeedVersion             // the record of the document
	Categories  []Category  // with the codes that the document declares
	EventTypes  []EventType // CategoryID is the id of one of Categories
	Samples     []Sample    // EventTypeID is the id of one of EventTypes
}

// Subscription is an organization's wish to have certain events posted to a URL.
type Subscription struct {
	ID             uuid.UUID         // given by the creator; it never changes
	OrganizationID uuid.UUID         // the owner; it never changes
	PostURI        string            `log:"host"` // the URL that gets the POSTs; "" for none, and then it is inactive
	Version        string            // the version that codes and patterns mean
	Selectors      []Selector        // the event types that it wants; empty for none
	IsDevelopment  bool              // the endpoint is under development: PostURI may be http where the host allows it
	Description    string            // for people; "" for none
	Headers        map[string]string `log:"names"` // static request headers, canonical names
	Timeout        time.Duration     // of one attempt; 0 for the default
	RetrySchedule  []time.Duration   // waits between attempts; nil for the default
	Ordered        bool              // one attempt at a time for each ordering key, in the order of publishing
	RateLimit      float64           // attempts per second of each process that dispatches; 0 for no limit
	Filter         Filter            // of the events that match; empty for all
	InactiveReason string            // why the dispatcher switched it off; "" otherwise
	Damaged        []Member          // members with unreadable stored values: their fields are zero
	Lifecycle                        // see Live
	Audit                            // times and authors
	Revision       int64             // counts the changes, from 1; kept by the store
}

// Member is a member of a subscription that a store may find damaged, by the name that it
// has in the REST interface. See [Subscriptions] for the consequences.
type Member string

// The members that a store decodes.
const (
	MemberSelectors     Member = "events"        // Subscription.Selectors
	MemberHeaders       Member = "headers"       // Subscription.Headers
	MemberRetrySchedule Member = "retrySchedule" // Subscription.RetrySchedule
	MemberRateLimit     Member = "rateLimit"     // Subscription.RateLimit
	MemberFilter        Member = "filter"        // Subscription.Filter
)

// Live reports whether published events are fanned out to the subscription.
func (s Subscription) Live() bool { return s.Active && !s.Archived }

// SubscriptionState says in one word whether the deliveries of a subscription are sent. REST uses the same words.
type SubscriptionState string

// The states.
const (
	SubscriptionEnabled  SubscriptionState = "enabled"  // deliveries are sent
	SubscriptionFailing  SubscriptionState = "failing"  // the circuit is open: deliveries wait, except one probe at a time
	SubscriptionPaused   SubscriptionState = "paused"   // it was deactivated, or never had a URL
	SubscriptionDisabled SubscriptionState = "disabled" // the dispatcher deactivated it, or it is archived
)

// State returns the state of a subscription with this health.
func (s Subscription) State(h Health) SubscriptionState {
	switch {
	case s.Archived, !s.Active && s.InactiveReason != "":
		return SubscriptionDisabled
	case !s.Active:
		return SubscriptionPaused
	case !h.ProbeAt.IsZero():
		return SubscriptionFailing
	}
	return SubscriptionEnabled
}

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
	Name    string // as in EventType
	Code    string // as in EventType
	Version string // as in EventType
}

// Secret is a signing secret of a subscription and the time in which it was, or
// is, the newest.
type Secret struct {
	ID             uuid.UUID // given by the creator; it never changes
	OrganizationID uuid.UUID // the owner of the subscription
	SubscriptionID uuid.UUID // the subscription that it signs for
	Key            []byte    `log:"size"` // as the caller wants it kept, usually encrypted
	ValidFrom      time.Time // when it became the current one
	ValidTo        time.Time // when its successor became the current one; zero for the current one
	Audit                    // of this record; the creator of the successor updates it
}
