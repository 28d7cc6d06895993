package client

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Subscription says which events an organization wants, and where they are sent.
type Subscription struct {
	ID             uuid.UUID       `json:"id"`               // given by the host
	OrganizationID string          `json:"organizationId"`   // the owner, as the host names it
	PostURI        string          `json:"postUri"`          // "": none, and the subscription is inactive
	Version        string          `json:"version"`          // of the codes and patterns in Events
	SecretKey      Secret          `json:"secretKey"`        // masked, unless the caller may see secrets
	Events         []EventSelector `json:"events"`           // the event types that it gets; empty: none
	IsDevelopment  bool            `json:"isDevelopment"`    // PostURI may be http, where the host allows it
	Description    string          `json:"description"`      // "": none
	Headers        Headers         `json:"headers"`          // masked, unless the caller may see secrets
	TimeoutMs      int64           `json:"timeoutMs"`        // 0: that of the host
	RetrySchedule  []string        `json:"retrySchedule"`    // nil: that of the host
	RateLimit      float64         `json:"rateLimit"`        // requests in a second; 0: no limit
	Ordered        bool            `json:"ordered"`          // one attempt at a time for each ordering key, in the order of publishing
	Filter         []Condition     `json:"filter"`           // nil: all events
	Status         Status          `json:"status"`           // whether events are sent
	Recent         *Recent         `json:"recent,omitempty"` // in lists with IncludeRecent; nil elsewhere
	AuditInfo      AuditInfo       `json:"auditInfo"`        // times and callers
	ActiveInfo     ActiveInfo      `json:"activeInfo"`       // whether it is active
	ArchiveInfo    ArchiveInfo     `json:"archiveInfo"`      // whether it is archived
	Damaged        []string        `json:"damaged"`          // members with stored values that cannot be read
	Truncated      bool            `json:"truncated"`        // the page was too large for Events, Headers and Filter

	ETag string `json:"-"` // for [IfMatch]; "" in lists
}

// Recent summarizes the newest 1,000 deliveries of a subscription, or all if there are fewer.
type Recent struct {
	Deliveries    int       `json:"deliveries"`    // that are summarized
	Pending       int       `json:"pending"`       // of these, deliveries that have not ended
	LastSuccessAt time.Time `json:"lastSuccessAt"` // when the last of these that succeeded was posted; zero: none
}

// EventSelector selects one event type, or all that match a pattern.
type EventSelector struct {
	EventReference
	Pattern string `json:"pattern"` // "": the event type; * is every event type, vitals.* all event types below vitals
}

// Op is the operator of a [Condition].
type Op string

// The operators.
const (
	Equal       Op = "eq"     // both are the same JSON value
	NotEqual    Op = "ne"     // the opposite of Equal; also if there is nothing at Pointer
	In          Op = "in"     // the value is an array
	Prefix      Op = "prefix" // the value is a text
	Exists      Op = "exists" // the value is true or false
	LessThan    Op = "lt"     // the data is less than the value; both are numbers, or both are texts
	GreaterThan Op = "gt"     // the data is greater than the value; both are numbers, or both are texts
)

// Condition is a part of a filter. An event passes the filter if all conditions hold on its data.
type Condition struct {
	Pointer string          `json:"pointer"` // JSON Pointer into the data
	Op      Op              `json:"op"`      // how the values are compared
	Value   json.RawMessage `json:"value"`   // the JSON value that is compared with the data
}

// State says whether events are sent to a subscription.
type State string

// The states.
const (
	Enabled  State = "enabled"  // events are sent
	Failing  State = "failing"  // the circuit is open
	Paused   State = "paused"   // deactivated by a caller, or without a PostURI
	Disabled State = "disabled" // deactivated by the dispatcher, or archived
)

// Status says whether events are sent to a subscription, and why not.
type Status struct {
	State        State         `json:"state"`        // the state in one word
	Reason       string        `json:"reason"`       // for a person; "" while events are sent, or for a plain pause
	Since        time.Time     `json:"since"`        // when the state began
	Circuit      *Circuit      `json:"circuit"`      // nil: the circuit is closed
	BackPressure *BackPressure `json:"backPressure"` // nil: the endpoint takes requests
}

// Circuit is an open circuit: attempts wait, except for one probe at a time.
type Circuit struct {
	Since       time.Time `json:"since"`       // start of the first failure after the last success
	Failures    int       `json:"failures"`    // since then; attempts at the same time count as one
	NextProbeAt time.Time `json:"nextProbeAt"` // an attempt that is due then is sent; it may be in the past
}

// BackPressure is the wait that an endpoint asked for by 429, or by 503 with Retry-After.
type BackPressure struct {
	Since time.Time `json:"since"` // start of the first attempt that was pushed back after the last success
	Until time.Time `json:"until"` // no attempt is sent before this time
}

// DeliveryDefaults are the settings of the host for subscriptions without their own.
type DeliveryDefaults struct {
	TimeoutMs     int64    `json:"timeoutMs"`     // of an attempt
	RetrySchedule []string `json:"retrySchedule"` // waits between attempts, such as 5s, 5m or 2h
	SecretOverlap string   `json:"secretOverlap"` // how long a replaced secret still signs, such as 24h
}

// SubscriptionInput is a subscription to be made.
type SubscriptionInput struct {
	PostURI       string   `json:"postUri,omitempty"`       // "": inactive until there is one
	Events        []string `json:"events,omitempty"`        // IDs, codes or patterns of event types
	Version       string   `json:"version,omitempty"`       // of the codes and patterns; default: v1
	IsDevelopment bool     `json:"isDevelopment"`           // http is allowed, where the host allows it
	Description   string   `json:"description,omitempty"`   // at most 2,000 characters
	Headers       Headers  `json:"headers,omitempty"`       // at most 20 static request headers; default: none
	TimeoutMs     int64    `json:"timeoutMs,omitempty"`     // 1,000–30,000; default: that of the host
	RetrySchedule []string `json:"retrySchedule,omitempty"` // waits such as 5s, 5m or 2h; default: that of the host
	RateLimit     float64  `json:"rateLimit,omitempty"`     // requests in a second; default: no limit
	Ordered       bool     `json:"ordered,omitempty"`       // one attempt at a time, in the order of publishing
	// Filter selects events by their data. Default: all.
	Filter []ConditionInput `json:"filter,omitempty"`
}

// ConditionInput is a condition of a filter to be made.
type ConditionInput struct {
	Pointer string `json:"pointer"` // JSON Pointer into the data
	Op      Op     `json:"op"`      // how the values are compared
	Value   any    `json:"value"`   // is encoded as JSON
}
