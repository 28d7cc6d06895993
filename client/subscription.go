package client

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Subscription says which events an organization wants, and where they are sent.
type Subscription struct {
	ID             uuid.UUID       `json:"id"`
	OrganizationID uuid.UUID       `json:"organizationId"`
	PostURI        string          `json:"postUri"` // "": none, and the subscription is inactive
	Version        string          `json:"version"`
	SecretKey      Secret          `json:"secretKey"` // masked, unless the caller may see secrets
	Events         []EventSelector `json:"events"`
	IsDevelopment  bool            `json:"isDevelopment"`
	Description    string          `json:"description"`
	Headers        Headers         `json:"headers"`       // masked, unless the caller may see secrets
	TimeoutMs      int64           `json:"timeoutMs"`     // 0: that of the host
	RetrySchedule  []string        `json:"retrySchedule"` // nil: that of the host
	RateLimit      float64         `json:"rateLimit"`     // requests in a second; 0: no limit
	Ordered        bool            `json:"ordered"`
	Filter         []Condition     `json:"filter"` // nil: all events
	Status         Status          `json:"status"`
	AuditInfo      AuditInfo       `json:"auditInfo"`
	ActiveInfo     ActiveInfo      `json:"activeInfo"`
	ArchiveInfo    ArchiveInfo     `json:"archiveInfo"`
	Damaged        []string        `json:"damaged"`   // members with stored values that cannot be read
	Truncated      bool            `json:"truncated"` // the page was too large for Events, Headers and Filter

	ETag string `json:"-"` // for [IfMatch]; "" in lists
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
	Equal       Op = "eq"
	NotEqual    Op = "ne"
	In          Op = "in"     // the value is an array
	Prefix      Op = "prefix" // the value is a text
	Exists      Op = "exists" // the value is true or false
	LessThan    Op = "lt"
	GreaterThan Op = "gt"
)

// Condition is a part of a filter. An event passes the filter if all conditions hold on its data.
type Condition struct {
	Pointer string          `json:"pointer"` // JSON Pointer into the data
	Op      Op              `json:"op"`
	Value   json.RawMessage `json:"value"`
}

// State says whether events are sent to a subscription.
type State string

// The states.
const (
	Enabled  State = "enabled"
	Failing  State = "failing"  // the circuit is open
	Paused   State = "paused"   // deactivated by a caller, or without a PostURI
	Disabled State = "disabled" // deactivated by the dispatcher, or archived
)

// Status says whether events are sent to a subscription, and why not.
type Status struct {
	State        State         `json:"state"`
	Reason       string        `json:"reason"` // for a person
	Since        time.Time     `json:"since"`
	Circuit      *Circuit      `json:"circuit"`      // nil: the circuit is closed
	BackPressure *BackPressure `json:"backPressure"` // nil: the endpoint takes requests
}

// Circuit is an open circuit: attempts wait, except for one probe at a time.
type Circuit struct {
	Since       time.Time `json:"since"`
	Failures    int       `json:"failures"`
	NextProbeAt time.Time `json:"nextProbeAt"`
}

// BackPressure is the wait that an endpoint asked for by 429, or by 503 with Retry-After.
type BackPressure struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// SubscriptionInput is a subscription to be made.
type SubscriptionInput struct {
	PostURI       string   `json:"postUri,omitempty"` // "": inactive until there is one
	Events        []string `json:"events,omitempty"`  // IDs, codes or patterns of event types
	Version       string   `json:"version,omitempty"` // of the codes and patterns; default: v1
	IsDevelopment bool     `json:"isDevelopment"`
	Description   string   `json:"description,omitempty"`
	Headers       Headers  `json:"headers,omitempty"`
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
	Op      Op     `json:"op"`
	Value   any    `json:"value"` // is encoded as JSON
}
