package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/store"
)

// heardEvent is a published event, or a delivery, as a receiver gets it.
type heardEvent struct {
	client.DeliveryBody
	body     []byte
	attempts int // to forward it
}

func (e *heardEvent) matches(patterns []string) bool {
	return slices.ContainsFunc(store.Patterns(e.Type), func(p string) bool { return slices.Contains(patterns, p) })
}

// The bounds of one look at a list.
const (
	lookBack = 10 * time.Second // a record can become visible that much later than a newer one
	lookMost = 1000             // records
)

// tail finds the new records of a list, newest first. Records become visible out of the order of their
// times, so it looks back by lookBack, and remembers the records of that time.
type tail struct {
	began  bool
	newest time.Time
	seen   map[uuid.UUID]time.Time
}

// fresh returns the records that the list had not at the former call, oldest first. The first call
// returns none.
func fresh[T any](t *tail, list iter.Seq2[T, error], key func(T) (uuid.UUID, time.Time)) ([]T, error) {
	var found []T
	seen, newest, n := map[uuid.UUID]time.Time{}, t.newest, 0
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		id, at := key(item)
		if at.After(newest) {
			newest = at
		}
		if n++; at.Before(t.floor(newest)) || n > lookMost {
			break
		}
		if _, known := t.seen[id]; !known && t.began {
			found = append(found, item)
		}
		seen[id] = at
	}
	for id, at := range t.seen {
		if !at.Before(newest.Add(-lookBack)) {
			seen[id] = at
		}
	}
	t.seen, t.newest, t.began = seen, newest, true
	slices.Reverse(found)
	return found, nil
}

// floor is the time before which no record can be new. At the first call it depends on the newest
// record that the list has.
func (t *tail) floor(newest time.Time) time.Time {
	if t.began {
		newest = t.newest
	}
	return newest.Add(-lookBack)
}

// eventSource reads the events of an organization.
type eventSource struct {
	*client.Dispatcher
	tail
	org, version string
	events       []string
	waiting      []client.Message // that were found, and not read yet
}

// next returns the events that were published since the last call.
func (s *eventSource) next(ctx context.Context) (found []*heardEvent, err error) {
	list := s.Messages(ctx, s.org, client.MessageQuery{CursorQuery: client.CursorQuery{Order: client.NewestFirst}})
	more, err := fresh(&s.tail, list, func(m client.Message) (uuid.UUID, time.Time) { return m.ID, m.CreatedAt })
	if err != nil {
		return nil, err
	}
	s.waiting = append(s.waiting, more...)
	for len(s.waiting) > 0 {
		m := s.waiting[0]
		e := &heardEvent{DeliveryBody: client.DeliveryBody{ID: m.ID, Type: m.EventType, Version: m.Version, Timestamp: m.CreatedAt}}
		if m.Version == s.version && e.matches(s.events) {
			detail, err := s.Message(ctx, s.org, m.ID)
			if err != nil {
				return found, err
			}
			e.Data = detail.Data
			e.body = bodyOf(e.DeliveryBody)
			found = append(found, e)
		}
		s.waiting = s.waiting[1:]
	}
	return found, nil
}

// bodyOf returns the body that the host sends. Codes and versions need no escapes.
func bodyOf(d client.DeliveryBody) []byte {
	head := fmt.Sprintf(`{"id":"%s","type":"%s","version":"%s","timestamp":"%s","data":`, d.ID, d.Type, d.Version, moment(d.Timestamp))
	return append(append([]byte(head), d.Data...), '}')
}

// deliverySource reads the deliveries to a subscription.
type deliverySource struct {
	*client.Subscriptions
	tail
	org    string
	id     uuid.UUID
	events []string
}

// next returns the attempts that were made since the last call, without automatic retries.
func (s *deliverySource) next(ctx context.Context) (found []*heardEvent, err error) {
	list := s.Attempts(ctx, s.org, s.id, client.AttemptQuery{CursorQuery: client.CursorQuery{Order: client.NewestFirst}})
	attempts, err := fresh(&s.tail, list, func(a client.Attempt) (uuid.UUID, time.Time) { return a.ID, a.AuditInfo.CreatedAt })
	for _, a := range attempts {
		if a.Truncated {
			detail, err := s.Attempt(ctx, s.org, s.id, a.ID, client.Flat)
			if err != nil {
				return found, err
			}
			a = detail.Attempt
		}
		e := &heardEvent{body: a.RawMessage}
		if a.Type == client.AutomaticRetry || json.Unmarshal(a.RawMessage, &e.DeliveryBody) != nil {
			continue // a later attempt of a delivery, or the message of a caller, which is never sent
		}
		if e.ID != uuid.Nil && e.matches(s.events) {
			found = append(found, e)
		}
	}
	return found, err
}
