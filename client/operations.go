package client

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Operations shows an operator the state of all organizations. Results are up to 10 s old. Each method needs the scope
// webhooks:admin.
type Operations struct{ c *Client }

// Overview is the state of the queue, the hosts and the store.
type Overview struct {
	AsOf              time.Time        `json:"asOf"`              // when the store was read
	Unknown           []string         `json:"unknown"`           // parts that the store did not tell, such as queue
	Capped            bool             `json:"capped"`            // a count ended at its bound
	Queue             *Queue           `json:"queue"`             // nil: unknown
	CircuitsOpen      *int             `json:"circuitsOpen"`      // subscriptions; nil: unknown
	RecoveriesRunning *int             `json:"recoveriesRunning"` // nil: unknown
	Rates             *Rates           `json:"rates"`             // of all hosts, over the last minute; nil: unknown
	MostFailures      []FailureCount   `json:"mostFailures"`      // of the last minute, the largest first, at most 10
	Dispatching       bool             `json:"dispatching"`       // the dispatcher runs in the process that answers
	InFlight          int              `json:"inFlight"`          // attempts under way in the process that answers
	Workers           int              `json:"workers"`           // the most of them; 0: it has no dispatcher
	Store             OperationsStore  `json:"store"`             // the store
	Hosts             []OperationsHost `json:"hosts"`             // the latest first, at most 100; empty without PostgreSQL
}

// Queue counts attempts, each count up to 100,000.
type Queue struct {
	Due              int     `json:"due"`              // can be sent now
	Scheduled        int     `json:"scheduled"`        // are due later
	Held             int     `json:"held"`             // wait for an open circuit, or because the receiver asked for it
	Sending          int     `json:"sending"`          // a dispatcher has taken them
	OldestDueSeconds float64 `json:"oldestDueSeconds"` // how long the first has been due
}

// Rates are numbers per second.
type Rates struct {
	Published float64 `json:"published"` // events
	Delivered float64 `json:"delivered"` // attempts that succeeded
	Failed    float64 `json:"failed"`    // attempts that failed
	Capped    bool    `json:"capped"`    // the rates are higher
}

// FailureCount counts the failed attempts of an organization.
type FailureCount struct {
	OrganizationID string `json:"organizationId"` // as the host names it
	Failed         int    `json:"failed"`         // attempts
}

// OperationsStore is the state of the store.
type OperationsStore struct {
	Kind          string `json:"kind"`          // postgres, sqlite or memory, or another word; "": unknown
	Up            bool   `json:"up"`            // it answers and can be written
	SchemaVersion int    `json:"schemaVersion"` // 0: unknown, or it has no versions
}

// OperationsHost is a dispatcher that the store has seen.
type OperationsHost struct {
	Number        int64   `json:"number"`        // given by the store
	SilentSeconds float64 `json:"silentSeconds"` // since its last sign of life
	Dead          bool    `json:"dead"`          // another host found it dead
}

// UnhealthySubscription is a subscription that gets nothing but probes, or nothing.
type UnhealthySubscription struct {
	SubscriptionID uuid.UUID `json:"subscriptionId"` // the subscription
	OrganizationID string    `json:"organizationId"` // the owner, as the host names it
	PostURI        string    `json:"postUri"`        // the URL; "": none
	State          State     `json:"state"`          // failing, paused or disabled
	Reason         string    `json:"reason"`         // one line for a person; "": a plain pause
	Since          time.Time `json:"since"`          // start of the state
	Failures       int       `json:"failures"`       // since the last success
	NextProbeAt    time.Time `json:"nextProbeAt"`    // zero: the circuit is not open
}

// Backlogs are the largest backlogs.
type Backlogs struct {
	AsOf          time.Time `json:"asOf"`          // when the store was read
	Capped        bool      `json:"capped"`        // the queue has more attempts than were counted
	Organizations []Backlog `json:"organizations"` // without SubscriptionID, the largest first, at most 20
	Subscriptions []Backlog `json:"subscriptions"` // the largest first, at most 20
}

// Backlog counts the waiting attempts of an organization or a subscription.
type Backlog struct {
	OrganizationID   string    `json:"organizationId"`   // as the host names it
	SubscriptionID   uuid.UUID `json:"subscriptionId"`   // zero: all of the organization
	Waiting          int       `json:"waiting"`          // attempts that are not being sent
	Held             int       `json:"held"`             // of these, attempts that are held back
	OldestDueSeconds float64   `json:"oldestDueSeconds"` // how long the first has been due
}

// RecoveryJob is a recovery among the recoveries of all organizations.
type RecoveryJob struct {
	Recovery
	OrganizationID string        `json:"organizationId"` // the owner of the subscription, as the host names it
	SubscriptionID uuid.UUID     `json:"subscriptionId"` // whose deliveries are queued
	Scope          RecoveryScope `json:"scope"`          // failed deliveries, missed events, or both
	Since          time.Time     `json:"since"`          // of the deliveries or events
	Until          time.Time     `json:"until"`          // exclusive
	RatePerSecond  int           `json:"ratePerSecond"`  // 0: no limit
	CreatedBy      string        `json:"createdBy"`      // the subject of the caller; "": unknown
}

// Storage says where the records are, and for how long.
type Storage struct {
	AsOf                  time.Time `json:"asOf"`                  // when the store was read
	Unknown               []string  `json:"unknown"`               // parts that the store did not tell
	Kind                  string    `json:"kind"`                  // postgres, sqlite or memory, or another word; "": unknown
	SchemaVersion         int       `json:"schemaVersion"`         // 0: unknown, or none
	NewestSchemaVersion   int       `json:"newestSchemaVersion"`   // that the program needs; 0: unknown, or none
	FirstDay              string    `json:"firstDay"`              // in UTC, such as 2026-08-18; "": none, or unknown
	LastDay               string    `json:"lastDay"`               // in UTC; "": none, or unknown
	DaysAhead             *int      `json:"daysAhead"`             // that have partitions; nil: none, or unknown
	Bytes                 int64     `json:"bytes"`                 // of all tables; 0: unknown
	ErasuresRunning       *int      `json:"erasuresRunning"`       // nil: unknown
	RetentionSeconds      *int64    `json:"retentionSeconds"`      // of history; nil: for ever
	AuditRetentionSeconds *int64    `json:"auditRetentionSeconds"` // of the audit trail; nil: for ever
	Keys                  []string  `json:"keys"`                  // ids of the host's keys: the first one encrypts
	KeysInUse             []string  `json:"keysInUse"`             // ids of keys that encrypt secrets in the store; nil: unknown
}

// Snapshot is one page of a list, as it was at a time.
type Snapshot[T any] struct {
	AsOf       time.Time `json:"asOf"`       // when the store was read
	Items      []T       `json:"items"`      // the page
	Total      int       `json:"total"`      // items of the whole list, up to a bound
	Capped     bool      `json:"capped"`     // Total ended at its bound
	NextCursor string    `json:"nextCursor"` // goes on behind this page; "": it is the last one
}

// UnhealthyQuery asks for unhealthy subscriptions, the newest first.
type UnhealthyQuery struct {
	State  State  `query:"state"`  // failing, paused or disabled; "": all of them
	Take   int    `query:"take"`   // items of a page, 1–100; default: 10
	Cursor string `query:"cursor"` // a NextCursor of this list; "": the first page
}

// RecoveryQuery asks for recoveries, the newest first.
type RecoveryQuery struct {
	State  RecoveryState `query:"state"`  // running, done or stopped; "": all of them
	Take   int           `query:"take"`   // items of a page, 1–100; default: 10
	Cursor string        `query:"cursor"` // a NextCursor of this list; "": the first page
}

func operationsPath(name string) []string { return []string{"api", "operations", name} }

// Overview returns the state of the queue, the hosts and the store.
func (o *Operations) Overview(ctx context.Context) (Overview, error) {
	return get[Overview](ctx, o.c, operationsPath("overview"), nil)
}

// Storage says where the records are, and for how long.
func (o *Operations) Storage(ctx context.Context) (Storage, error) {
	return get[Storage](ctx, o.c, operationsPath("storage"), nil)
}

// Backlog returns the organizations and subscriptions with the most waiting attempts.
func (o *Operations) Backlog(ctx context.Context) (Backlogs, error) {
	return get[Backlogs](ctx, o.c, operationsPath("backlog"), nil)
}

// Unhealthy yields the subscriptions of all organizations whose circuit is open, or that are switched off.
func (o *Operations) Unhealthy(ctx context.Context, q UnhealthyQuery) iter.Seq2[UnhealthySubscription, error] {
	return byCursor(CursorQuery{Take: q.Take, Cursor: q.Cursor}, func(page CursorQuery) (Page[UnhealthySubscription], error) {
		q.Take, q.Cursor = page.Take, page.Cursor
		return pageOf(o.ListUnhealthy(ctx, q))
	})
}

// ListUnhealthy returns one page of [Operations.Unhealthy].
func (o *Operations) ListUnhealthy(ctx context.Context, q UnhealthyQuery) (Snapshot[UnhealthySubscription], error) {
	return get[Snapshot[UnhealthySubscription]](ctx, o.c, operationsPath("unhealthy"), q)
}

// Recoveries yields the recoveries of all organizations.
func (o *Operations) Recoveries(ctx context.Context, q RecoveryQuery) iter.Seq2[RecoveryJob, error] {
	return byCursor(CursorQuery{Take: q.Take, Cursor: q.Cursor}, func(page CursorQuery) (Page[RecoveryJob], error) {
		q.Take, q.Cursor = page.Take, page.Cursor
		return pageOf(o.ListRecoveries(ctx, q))
	})
}

// ListRecoveries returns one page of [Operations.Recoveries].
func (o *Operations) ListRecoveries(ctx context.Context, q RecoveryQuery) (Snapshot[RecoveryJob], error) {
	return get[Snapshot[RecoveryJob]](ctx, o.c, operationsPath("recoveries"), q)
}

// pageOf returns a snapshot as a page for an iterator.
func pageOf[T any](s Snapshot[T], err error) (Page[T], error) {
	return Page[T]{Items: s.Items, NextCursor: s.NextCursor}, err
}
