package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Erasures removes data: all records of an organization by a job, and the content of one message
// at once. The progress of a job is in the store, so that any process continues it.
type Erasures interface {
	// CreateErasure begins a job. In the same transaction all subscriptions of the organization
	// are deleted as by DeleteSubscription, except that their queued attempts stay until the job
	// removes them: none of them can be sent. If a job of the organization is running, nothing
	// changes, and that job is returned. CreateSubscription fails with ErrErasing while the job
	// of its organization runs.
	CreateErasure(ctx context.Context, e Erasure) (Erasure, error)
	// Erasure returns a job with its progress. It fails with ErrNotFound if there is none.
	Erasure(ctx context.Context, id uuid.UUID) (Erasure, error)
	// AdvanceErasure takes the oldest running job that no other caller advances, and removes
	// about max records of its organization in one transaction. If the process dies here, nothing
	// has happened. The attempts and messages go first, then idempotency keys, subscriptions with
	// their recoveries, and audit entries except for those of ActionOrganizationErased. A job that
	// finds no record is done at the time. AdvanceErasure reports whether it found a job.
	AdvanceErasure(ctx context.Context, at time.Time, max int) (bool, error)

	// ExpungeMessage removes Body and Source of a message of the organization, and the Response and ResponseHeaders
	// of each of its attempts. Attempts of the message without an outcome are cancelled, by e.By
	// at e.At; the lease on an attempt that is being sent is lost. The message and its attempts
	// then have Expunged. ExpungeMessage of such a message changes nothing but finishes an
	// interrupted call. It may take several transactions: the first one removes the body.
	ExpungeMessage(ctx context.Context, org, message uuid.UUID, e Expunged) error
}

// ErasureState is the state of an erasure.
type ErasureState int

// The states.
const (
	ErasureRunning ErasureState = iota // records of the organization may remain
	ErasureDone                        // no record remains
)

// String returns the lower-case name of the state.
func (s ErasureState) String() string {
	switch s {
	case ErasureRunning:
		return "running"
	case ErasureDone:
		return "done"
	default:
		return "unknown"
	}
}

// Erasure is a job that removes all records of an organization.
type Erasure struct {
	ID             uuid.UUID // given by the creator; it never changes
	OrganizationID uuid.UUID // the organization
	CreatedAt      time.Time // when it was asked for
	CreatedBy      string    // the caller's subject; "" if unknown

	// Kept by the store from here.

	State         ErasureState // ErasureRunning at first
	Attempts      int          // removed so far
	Messages      int          // removed so far
	Subscriptions int          // removed so far, including formerly deleted ones
	AuditEntries  int          // removed so far
	FinishedAt    time.Time    // zero while it is running
}

// Expunged says when the content of a message was removed, and by whom. It is zero for a message with content.
type Expunged struct {
	At time.Time // when it was removed; zero if it is there
	By string    // the caller's subject; "" if unknown
}

// Is reports whether the content was removed.
func (e Expunged) Is() bool { return !e.At.IsZero() }
