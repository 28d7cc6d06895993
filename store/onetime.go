package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// OneTime keeps the ids that were used: an id can be used once, in all processes that share the
// store.
type OneTime interface {
	// UseOnce uses an id, and reports whether this call is its first use. Of concurrent calls with
	// an id one is the first. The store keeps the id at least until the time; a later call does not
	// change that time.
	UseOnce(ctx context.Context, id uuid.UUID, until time.Time) (first bool, err error)
	// Used reports whether an id was used and is still kept.
	Used(ctx context.Context, id uuid.UUID) (bool, error)
	// PruneUsed removes ids that were to be kept until a time before the given one, at most max.
	// It returns the number of removed ids.
	PruneUsed(ctx context.Context, before time.Time, max int) (int, error)
}
