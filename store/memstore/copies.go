package memstore

import (
	"maps"
	"slices"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// The functions here make the copies that go in and out. They also give times the
// form that the contract promises.

// stored is a time in UTC with millisecond precision.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

func storedAudit(a store.Audit) store.Audit {
	a.CreatedAt, a.UpdatedAt = stored(a.CreatedAt), stored(a.UpdatedAt)
	return a
}

func storedLifecycle(l store.Lifecycle) store.Lifecycle {
	l.ActiveChangedAt, l.ArchivedChangedAt = stored(l.ActiveChangedAt), stored(l.ArchivedChangedAt)
	return l
}

func copyCategory(c store.Category) store.Category {
	c.Lifecycle, c.Audit = storedLifecycle(c.Lifecycle), storedAudit(c.Audit)
	return c
}

func copyEventType(e store.EventType) store.EventType {
	e.Lifecycle, e.Audit = storedLifecycle(e.Lifecycle), storedAudit(e.Audit)
	e.Schema = slices.Clone(e.Schema)
	return e
}

func copySample(s store.Sample) store.Sample {
	s.Audit, s.Payload = storedAudit(s.Audit), slices.Clone(s.Payload)
	return s
}

func copySubscription(s store.Subscription) store.Subscription {
	s.Lifecycle, s.Audit = storedLifecycle(s.Lifecycle), storedAudit(s.Audit)
	s.Selectors, s.RetrySchedule = slices.Clone(s.Selectors), slices.Clone(s.RetrySchedule)
	s.Headers, s.Filter, s.Damaged = maps.Clone(s.Headers), slices.Clone(s.Filter), nil
	for i, c := range s.Filter {
		s.Filter[i].Value = slices.Clone(c.Value)
	}
	return s
}

func copySecret(s store.Secret) store.Secret {
	s.ValidFrom, s.ValidTo = stored(s.ValidFrom), stored(s.ValidTo)
	s.Audit, s.Key = storedAudit(s.Audit), slices.Clone(s.Key)
	return s
}

func copyMessage(m store.Message) store.Message {
	m.CreatedAt = stored(m.CreatedAt)
	m.Body, m.Source = slices.Clone(m.Body), slices.Clone(m.Source)
	return m
}
