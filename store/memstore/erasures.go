package memstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// erasing returns the running erasure of an organization, or nil.
func (s *Store) erasing(org uuid.UUID) *store.Erasure {
	for _, e := range s.erasures {
		if e.OrganizationID == org && e.State == store.ErasureRunning {
			return e
		}
	}
	return nil
}

// CreateErasure begins to remove an organization.
func (s *Store) CreateErasure(ctx context.Context, e store.Erasure) (store.Erasure, error) {
	return locked(ctx, s, func() (store.Erasure, error) {
		if running := s.erasing(e.OrganizationID); running != nil {
			return *running, nil
		}
		if s.erasures[e.ID] != nil {
			return store.Erasure{}, errDuplicateID
		}
		for _, sub := range s.subscriptions {
			if sub.OrganizationID == e.OrganizationID && !sub.deleted {
				sub.Revision++
				s.markDeleted(sub)
			}
		}
		e = store.Erasure{
			ID: e.ID, OrganizationID: e.OrganizationID, CreatedAt: store.WholeMilliseconds(e.CreatedAt), CreatedBy: e.CreatedBy,
		}
		s.erasures[e.ID] = &e
		s.audit(ctx)
		return e, nil
	})
}

// Erasure returns a job.
func (s *Store) Erasure(ctx context.Context, id uuid.UUID) (store.Erasure, error) {
	return locked(ctx, s, func() (store.Erasure, error) {
		if e := s.erasures[id]; e != nil {
			return *e, nil
		}
		return store.Erasure{}, notFound("erasure", id)
	})
}

// AdvanceErasure removes the next records of a job.
func (s *Store) AdvanceErasure(ctx context.Context, at time.Time, limit int) (bool, error) {
	return locked(ctx, s, func() (bool, error) {
		var e *store.Erasure
		for _, other := range s.erasures {
			if other.State == store.ErasureRunning && (e == nil || compare(other.ID, e.ID) < 0) {
				e = other
			}
		}
		if e == nil {
			return false, nil
		}
		removed := 0
		for _, next := range []func(*store.Erasure, int) int{s.eraseMessages, s.eraseKeys, s.eraseSubscriptions, s.eraseTrail} {
			if removed < limit {
				removed += next(e, limit-removed)
			}
		}
		if removed == 0 {
			e.State, e.FinishedAt = store.ErasureDone, store.WholeMilliseconds(at)
		}
		return true, nil
	})
}

// eraseMessages removes messages, each with all its attempts.
func (s *Store) eraseMessages(e *store.Erasure, limit int) (n int) {
	var erased []*message
	for _, m := range s.byAge {
		if m.OrganizationID != e.OrganizationID {
			continue
		}
		if n >= limit {
			break
		}
		for _, a := range m.attempts {
			s.unqueue(a)
		}
		erased = append(erased, m)
		e.Attempts += len(m.attempts)
		n += 1 + len(m.attempts)
	}
	s.remove(erased)
	e.Messages += len(erased)
	return n
}

func (s *Store) eraseKeys(e *store.Erasure, limit int) (n int) {
	maps.DeleteFunc(s.keys, func(key idempotencyKey, _ keyUse) bool {
		if key.org != e.OrganizationID || n == limit {
			return false
		}
		n++
		return true
	})
	return n
}

func (s *Store) eraseSubscriptions(e *store.Erasure, limit int) (n int) {
	for id, sub := range s.subscriptions {
		if sub.OrganizationID == e.OrganizationID && n < limit {
			delete(s.subscriptions, id)
			n++
		}
	}
	maps.DeleteFunc(s.recoveries, func(_ uuid.UUID, r *recovery) bool { return s.subscriptions[r.SubscriptionID] == nil })
	e.Subscriptions += n
	return n
}

func (s *Store) eraseTrail(e *store.Erasure, limit int) (n int) {
	s.trail = slices.DeleteFunc(s.trail, func(entry store.AuditEntry) bool {
		if entry.OrganizationID != e.OrganizationID || entry.Action == store.ActionOrganizationErased || n == limit {
			return false
		}
		n++
		return true
	})
	e.AuditEntries += n
	return n
}

// ExpungeMessage removes the content of a message and of its attempts.
func (s *Store) ExpungeMessage(ctx context.Context, org, id uuid.UUID, e store.Expunged) error {
	_, err := locked(ctx, s, func() (none struct{}, err error) {
		m, err := s.message(org, id)
		if err != nil || m.Expunged.Is() {
			return none, err
		}
		e.At = store.WholeMilliseconds(e.At)
		m.Body, m.Source, m.Expunged = nil, nil, e
		for _, a := range m.attempts {
			if !a.Status.Finished() {
				s.unqueue(a)
				a.delivery.chain.Cancel(&a.Attempt, e.At, e.By)
			}
			a.Body, a.Source, a.Response, a.ResponseHeaders, a.Expunged = nil, nil, nil, "", e
		}
		s.audit(ctx)
		return none, nil
	})
	return err
}
