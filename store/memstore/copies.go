package memstore

import (
	"bytes"
	"maps"
	"slices"

	"github.com/ecg-api/webhooks/store"
)

// The functions here make the copies that go in and out. They also give times the
// form that the contract promises.

func storedAudit(a store.Audit) store.Audit {
	a.CreatedAt, a.UpdatedAt = store.WholeMilliseconds(a.CreatedAt), store.WholeMilliseconds(a.UpdatedAt)
	return a
}

func storedLifecycle(l store.Lifecycle) store.Lifecycle {
	l.ActiveChangedAt, l.ArchivedChangedAt = store.WholeMilliseconds(l.ActiveChangedAt), store.WholeMilliseconds(l.ArchivedChangedAt)
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
	s.ValidFrom, s.ValidTo = store.WholeMilliseconds(s.ValidFrom), store.WholeMilliseconds(s.ValidTo)
	s.Audit, s.Key = storedAudit(s.Audit), slices.Clone(s.Key)
	return s
}

func copyMessage(m store.Message) store.Message {
	m.CreatedAt = store.WholeMilliseconds(m.CreatedAt)
	m.Body, m.Source = slices.Clone(m.Body), slices.Clone(m.Source)
	return m
}

// copyAttempt leaves out the large members unless the attempt is to be whole.
func copyAttempt(a store.Attempt, whole bool) store.Attempt {
	if !whole {
		a.Body, a.Source, a.Response, a.ResponseHeaders = nil, nil, nil, ""
		return a
	}
	a.Body, a.Source, a.Response = bytes.Clone(a.Body), bytes.Clone(a.Source), bytes.Clone(a.Response)
	return a
}
