package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// AuditEntry records one change, without values.
type AuditEntry struct {
	ID             uuid.UUID     `json:"id"`             // given by the host
	At             time.Time     `json:"at"`             // when the change was made
	Actor          string        `json:"actor"`          // subject of the caller; webhooks: the dispatcher; "": unknown
	Action         string        `json:"action"`         // such as subscription.updated
	Resource       AuditResource `json:"resource"`       // the changed record
	OrganizationID string        `json:"organizationId"` // the owner of the record, as the host names it; "": the operator
	RequestID      string        `json:"requestId"`      // of the request; "": none
	Changes        []string      `json:"changes"`        // the names of the changed members
}

// AuditResource names the changed record of an [AuditEntry].
type AuditResource struct {
	Type string `json:"type"` // such as subscription
	ID   string `json:"id"`   // of the record; of a seed its version; "": all records of the type
}

// AuditQuery asks for entries of the audit trail.
type AuditQuery struct {
	CursorQuery
	Actor        string    `query:"actor"`        // "": any
	ResourceType string    `query:"resourceType"` // "": any
	ResourceID   string    `query:"resourceId"`   // "": any
	Since        time.Time `query:"since"`        // zero: from the beginning
	Until        time.Time `query:"until"`        // exclusive; zero: to the end
}

// Audit yields all entries of the audit trail that the query selects, of all organizations and of the
// catalog. It needs the scope webhooks:admin.
func (c *Client) Audit(ctx context.Context, q AuditQuery) iter.Seq2[AuditEntry, error] {
	return byCursor(q.CursorQuery, func(page CursorQuery) (Page[AuditEntry], error) {
		q.CursorQuery = page
		return c.ListAudit(ctx, q)
	})
}

// ListAudit returns one page of [Client.Audit].
func (c *Client) ListAudit(ctx context.Context, q AuditQuery) (Page[AuditEntry], error) {
	return get[Page[AuditEntry]](ctx, c, []string{"api", "audit"}, q)
}

// AuditOf yields all entries of an organization's audit trail that the query selects.
func (c *Client) AuditOf(ctx context.Context, org string, q AuditQuery) iter.Seq2[AuditEntry, error] {
	return byCursor(q.CursorQuery, func(page CursorQuery) (Page[AuditEntry], error) {
		q.CursorQuery = page
		return c.ListAuditOf(ctx, org, q)
	})
}

// ListAuditOf returns one page of [Client.AuditOf].
func (c *Client) ListAuditOf(ctx context.Context, org string, q AuditQuery) (Page[AuditEntry], error) {
	return get[Page[AuditEntry]](ctx, c, organizationPath(org, "audit"), q)
}

// Expunged says when the payload of an event was removed.
type Expunged struct {
	At time.Time `json:"at"` // when it was removed
	By string    `json:"by"` // the subject of the caller; "": unknown
}

// ErasureState is the state of an erasure.
type ErasureState string

// The states.
const (
	ErasureRunning ErasureState = "running" // records of the organization may remain
	ErasureDone    ErasureState = "done"    // no record remains
	ErasureUnknown ErasureState = "unknown" // the stored value cannot be read
)

// ErasureStarted is an erasure that has begun.
type ErasureStarted struct {
	ID uuid.UUID `json:"id"` // for Client.Erasure
}

// Erasure is the progress of the removal of an organization.
type Erasure struct {
	ID             uuid.UUID    `json:"id"`             // given by the host
	OrganizationID string       `json:"organizationId"` // as the host names it
	State          ErasureState `json:"state"`          // ErasureRunning at first
	Subscriptions  int          `json:"subscriptions"`  // removed so far
	Messages       int          `json:"messages"`       // removed so far
	Attempts       int          `json:"attempts"`       // removed so far
	AuditEntries   int          `json:"auditEntries"`   // removed so far
	CreatedAt      time.Time    `json:"createdAt"`      // when it was asked for
	CreatedBy      string       `json:"createdBy"`      // the subject of the caller; "": unknown
	FinishedAt     time.Time    `json:"finishedAt"`     // zero: it is running
}

type eraseQuery struct {
	Confirm string `query:"confirm"`
}

// Erase starts a durable job that removes everything of an organization. While it runs, Erase
// returns the same job. It needs the scope webhooks:admin.
func (c *Client) Erase(ctx context.Context, org string) (ErasureStarted, error) {
	return call[ErasureStarted](ctx, c, request{
		method: http.MethodDelete, path: organizationPath(org, "data"), query: eraseQuery{org}, repeat: true,
	})
}

// Erasure returns the progress of an erasure. It needs the scope webhooks:admin.
func (c *Client) Erasure(ctx context.Context, id uuid.UUID) (Erasure, error) {
	return get[Erasure](ctx, c, []string{"api", "erasures", id.String()}, nil)
}

// Expunge removes the payload of a message, and the bodies of the answers to its attempts. Queued
// deliveries are cancelled. It can be repeated.
func (d *Dispatcher) Expunge(ctx context.Context, org string, message uuid.UUID) error {
	return command(ctx, d.c, request{
		method: http.MethodDelete, path: organizationPath(org, "events", message.String(), "payload"), repeat: true,
	})
}
