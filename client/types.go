package client

import (
	"time"

	"github.com/google/uuid"
)

// AuditInfo names the callers that made and changed a resource.
type AuditInfo struct {
	CreatedAt time.Time `json:"createdAt"` // when it was made
	CreatedBy string    `json:"createdBy"` // "": unknown
	UpdatedAt time.Time `json:"updatedAt"` // when it was last changed; at first CreatedAt
	UpdatedBy string    `json:"updatedBy"` // "": unknown
}

// ActiveInfo says whether a resource is active.
type ActiveInfo struct {
	Active    bool      `json:"active"`                // true for a new resource
	ChangedAt time.Time `json:"activeStatusChangedAt"` // when Active last changed; at first the time of creation
}

// ArchiveInfo says whether a resource is archived.
type ArchiveInfo struct {
	Archived  bool      `json:"archived"`                // it is left out of lists and can only be restored or deleted
	ChangedAt time.Time `json:"archivedStatusChangedAt"` // zero: never archived
}

// EventReference names an event type.
type EventReference struct {
	ID      uuid.UUID `json:"id"`      // as in EventType
	Name    string    `json:"name"`    // as in EventType
	Code    string    `json:"code"`    // as in EventType
	Version string    `json:"version"` // as in EventType
}
