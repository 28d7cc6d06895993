package memstore

import (
	"context"

	"github.com/ecg-api/webhooks/store"
)

// Measure counts attempts, circuits and recoveries. It looks at each record, because all of them are in memory.
func (s *Store) Measure(ctx context.Context, most int) (store.Measures, error) {
	m := store.Measures{DaysAhead: -1}
	if err := s.lock(ctx); err != nil {
		return m, err
	}
	defer s.unlock()
	now := s.clock.Now()
	for _, a := range s.due {
		switch {
		case !a.due.After(now):
			m.Due++
			m.OldestDue = max(m.OldestDue, now.Sub(a.due))
		case a.Status == store.Sending:
			m.Sending++
		case !a.HeldUntil.IsZero():
			m.Held++
		default:
			m.Scheduled++
		}
	}
	for _, sub := range s.subscriptions {
		if !sub.health.ProbeAt.IsZero() {
			m.OpenCircuits++
		}
	}
	for _, r := range s.recoveries {
		if r.State == store.RecoveryRunning {
			m.RunningRecoveries++
		}
	}
	for _, n := range []*int{&m.Due, &m.Scheduled, &m.Held, &m.Sending, &m.OpenCircuits, &m.RunningRecoveries} {
		*n = min(*n, most)
	}
	return m, nil
}

// Pool returns zero: there is none.
func (s *Store) Pool() store.Pool { return store.Pool{} }
