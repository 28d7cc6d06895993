package memstore

import (
	"context"
	"slices"
	"time"
)

// Prune removes messages, with their attempts, and idempotency keys.
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
	return len(old), nil
}

// joined reports whether a delivery of the message has attempts of other messages.
func (m *message) joined() bool {
	return slices.ContainsFunc(m.deliveries(), func(d *delivery) bool {
		return slices.ContainsFunc(d.attempts, func(a *attempt) bool { return a.message != m })
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
			a.delivery.attempts = slices.DeleteFunc(a.delivery.attempts, pruned)
			subs[a.subscription] = true
		}
	}
	s.byAge = slices.DeleteFunc(s.byAge, func(m *message) bool { return s.messages[m.ID] == nil })
	for sub := range subs {
		sub.attempts = slices.DeleteFunc(sub.attempts, pruned)
		sub.deliveries = slices.DeleteFunc(sub.deliveries, func(d *delivery) bool { return len(d.attempts) == 0 })
	}
}
