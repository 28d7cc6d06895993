package memstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Prune removes messages, with their attempts, idempotency keys, and deleted records that
// have no history any more.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.unlock()
	for key, use := range s.keys {
		if use.at.Before(before) {
			delete(s.keys, key)
		}
	}
	var old []*message
	for _, m := range s.byAge {
		if len(old) >= limit || !m.CreatedAt.Before(before) {
			break
		}
		if m.queued == 0 && !m.joined() {
			old = append(old, m)
		}
	}
	s.remove(old)
	if len(old) < limit {
		s.removeDeleted(before)
	}
	return len(old), nil
}

// joined reports whether a delivery of the message has attempts of other messages.
func (m *message) joined() bool {
	return slices.ContainsFunc(m.deliveries(), func(d *delivery) bool {
		return slices.ContainsFunc(d.chain, func(a *store.Attempt) bool { return a.MessageID != m.ID })
	})
}

// remove removes messages with their attempts.
func (s *Store) remove(messages []*message) {
	subs, pruned := map[*subscription]bool{}, func(a *attempt) bool { return a.pruned }
	for _, m := range messages {
		delete(s.messages, m.ID)
		for _, a := range m.attempts {
			a.pruned = true
			delete(s.attempts, a.ID)
			a.delivery.chain = slices.DeleteFunc(a.delivery.chain, func(b *store.Attempt) bool { return b == &a.Attempt })
			subs[a.subscription] = true
		}
	}
	s.byAge = slices.DeleteFunc(s.byAge, func(m *message) bool { return s.messages[m.ID] == nil })
	for sub := range subs {
		sub.attempts = slices.DeleteFunc(sub.attempts, pruned)
		sub.deliveries = slices.DeleteFunc(sub.deliveries, func(d *delivery) bool { return len(d.chain) == 0 })
	}
}

// removeDeleted removes deleted subscriptions, event types and categories that have no
// history any more.
func (s *Store) removeDeleted(before time.Time) {
	maps.DeleteFunc(s.subscriptions, func(_ uuid.UUID, sub *subscription) bool { return sub.deleted && len(sub.attempts) == 0 })
	maps.DeleteFunc(s.recoveries, func(_ uuid.UUID, r *recovery) bool { return s.subscriptions[r.SubscriptionID] == nil })
	referenced := map[uuid.UUID]bool{} // by messages and by event types
	for _, m := range s.byAge {
		if !m.CreatedAt.Before(before) {
			break
		}
		referenced[m.EventTypeID] = true
	}
	maps.DeleteFunc(s.eventTypes, func(id uuid.UUID, e *eventType) bool {
		return !e.deletedAt.IsZero() && e.deletedAt.Before(before) && !referenced[id]
	})
	for _, e := range s.eventTypes {
		referenced[e.CategoryID] = true
	}
	maps.DeleteFunc(s.categories, func(id uuid.UUID, c *category) bool { return c.deleted && !referenced[id] })
}
