package memstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// audit stores the entry of the change that was just made with ctx, if it has one.
func (s *Store) audit(ctx context.Context) {
	e, ok := store.AuditOf(ctx)
	if !ok {
		return
	}
	e = copyEntry(e)
	i, _ := slices.BinarySearchFunc(s.trail, e, earlier)
	s.trail = slices.Insert(s.trail, i, e)
}

// earlier is the order of the entries in a list.
func earlier(a, b store.AuditEntry) int { return cmp.Or(a.At.Compare(b.At), compare(a.ID, b.ID)) }

func copyEntry(e store.AuditEntry) store.AuditEntry {
	e.At, e.Changes = store.WholeMilliseconds(e.At), slices.Clone(e.Changes)
	return e
}

// AuditEntries lists entries of the audit trail.
func (s *Store) AuditEntries(ctx context.Context, q store.AuditQuery) (store.List[store.AuditEntry], error) {
	return locked(ctx, s, func() (out store.List[store.AuditEntry], err error) {
		kept := slices.DeleteFunc(slices.Clone(s.trail), func(e store.AuditEntry) bool { return !q.Keeps(e) })
		out.Total = q.TotalOf(len(kept))
		if q.Descending {
			slices.Reverse(kept)
		}
		if q.After != uuid.Nil {
			kept = s.behind(kept, q.Page)
		}
		kept = kept[min(max(q.Skip, 0), len(kept)):]
		for _, e := range kept[:min(max(q.Take, 0), len(kept))] {
			out.Items = append(out.Items, copyEntry(e))
		}
		return out, nil
	})
}

// behind returns the entries behind the entry with the id p.After, which the filter need not keep.
func (s *Store) behind(kept []store.AuditEntry, p store.Page) []store.AuditEntry {
	i := slices.IndexFunc(s.trail, func(e store.AuditEntry) bool { return e.ID == p.After })
	switch {
	case i < 0 && p.Descending: // it was pruned with all entries before it
		return nil
	case i < 0:
		return kept
	}
	return slices.DeleteFunc(kept, func(e store.AuditEntry) bool {
		order := earlier(e, s.trail[i])
		return order == 0 || (order > 0) == p.Descending
	})
}

// AddAuditEntry stores the entry of ctx.
func (s *Store) AddAuditEntry(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	s.audit(ctx)
	return nil
}

// PruneAudit removes old entries and erasures.
func (s *Store) PruneAudit(ctx context.Context, before time.Time, limit int) (int, error) {
	return locked(ctx, s, func() (n int, err error) {
		for n < min(limit, len(s.trail)) && s.trail[n].At.Before(before) {
			n++
		}
		s.trail = slices.Delete(s.trail, 0, n)
		for id, e := range s.erasures {
			if e.State == store.ErasureDone && e.FinishedAt.Before(before) {
				delete(s.erasures, id)
			}
		}
		return n, nil
	})
}
