package client

import (
	"time"

	"github.com/google/uuid"
)

// AuditInfo names the callers that made and changed a resource.
type AuditInfo struct {
	CreatedAt time.Time `json:"createdAt"`
	CreatedBy string    `json:"createdBy"` // "": unknown
	UpdatedAt time.Time `json:"updatedAt"`
	UpdatedBy string    `json:"updatedBy"` // "": unknown
}

// ActiveInfo says whether a resource is active.
type ActiveInfo struct {
	Active    bool      `json:"active"`
	ChangedAt time.Time `json:"activeStatusChangedAt"`
}

// ArchiveInfo says whether a resource is archived.
type ArchiveInfo struct {
	Archived  bool      `json:"archived"`
	ChangedAt time.Time `json:"archivedStatusChangedAt"` // zero: never archived
}

// EventReference names an event type.
type EventReference struct {
	ID      uuid.UUID `json:"id"`
	Name    string    `json:"name"`
	Code    string    `json:"code"`
	Version string    `json:"version"`
}
