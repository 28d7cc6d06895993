package memstore

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// UseOnce uses an id, and reports whether that is its first use.
func (s *Store) UseOnce(ctx context.Context, id uuid.UUID, until time.Time) (bool, error) {
	return locked(ctx, s, func() (bool, error) {
		if _, used := s.usedIDs[id]; used {
			return false, nil
		}
		s.usedIDs[id] = until
		s.audit(ctx)
		return true, nil
	})
}

// Used reports whether an id was used.
func (s *Store) Used(ctx context.Context, id uuid.UUID) (bool, error) {
	return locked(ctx, s, func() (bool, error) {
		_, used := s.usedIDs[id]
		return used, nil
	})
}

// PruneUsed removes expired ids.
func (s *Store) PruneUsed(ctx context.Context, before time.Time, limit int) (int, error) {
	return locked(ctx, s, func() (n int, _ error) {
		for id, until := range s.usedIDs {
			if n < limit && until.Before(before) {
				delete(s.usedIDs, id)
				n++
			}
		}
		return n, nil
	})
}
