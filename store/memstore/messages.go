package memstore

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var errDuplicateID = errors.New("memstore: the id is in use")

type message struct {
	store.Message
	attempts []*attempt
	queued   int // attempts that are
}

func messageID(m *message) uuid.UUID { return m.ID }

// A delivery is a chain of attempts for one subscription.
type delivery struct {
	id       uuid.UUID
	attempts []*attempt // by number
	line     *line      // nil for none
}

func deliveryID(d *delivery) uuid.UUID { return d.id }

// latest returns the latest attempt, or nil.
func (d *delivery) latest() *attempt {
	if len(d.attempts) == 0 {
		return nil
	}
	return d.attempts[len(d.attempts)-1]
}

type attempt struct {
	store.Attempt // without Body and Source
	message       *message
	subscription  *subscription
	delivery      *delivery
	expiresAt     time.Time
	due           time.Time // when it is due, or its lease ends
	held          bool      // until due, or released
	place         int       // in the queue; -1 outside
	token         int64     // of the latest claim
	pruned        bool
}

func attemptID(a *attempt) uuid.UUID { return a.ID }

// queued reports whether the attempt is pending or being sent, and no external one.
func (a *attempt) queued() bool { return a.place >= 0 }

// pending reports whether it is waiting to be claimed.
func (a *attempt) pending() bool { return a.queued() && a.Status == store.Pending }

type idempotencyKey struct {
	org uuid.UUID
	key string
}

// A keyUse is the first use of an idempotency key.
type keyUse struct {
	result      store.Published
	fingerprint []byte
	at          time.Time
}

// addMessage stores a message.
func (s *Store) addMessage(m *message) {
	s.messages[m.ID] = m
	i, _ := slices.BinarySearchFunc(s.byAge, m, older)
	s.byAge = slices.Insert(s.byAge, i, m)
}

func older(a, b *message) int {
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
		return c
	}
	return compare(a.ID, b.ID)
}

// add stores an attempt, and makes it due at the time unless it is external.
func (s *Store) add(a *attempt, due time.Time) {
	m, sub, d := a.message, a.subscription, a.delivery
	a.Number = 1
	if latest := d.latest(); latest != nil {
		a.Number = latest.Number + 1
	} else {
		if sub.Ordered && a.Type == store.FirstPost && !a.External {
			d.line = &line{sub, m.OrderingKey}
		}
		sub.deliveries = insert(sub.deliveries, d, deliveryID)
	}
	a.DeliveryID, a.MessageID, a.EventTypeID = d.id, m.ID, m.EventTypeID
	a.OrganizationID, a.SubscriptionID = sub.OrganizationID, sub.ID
	s.attempts[a.ID] = a
	d.attempts = append(d.attempts, a)
	m.attempts = append(m.attempts, a)
	sub.attempts = insert(sub.attempts, a, attemptID)
	if !a.External {
		m.queued++
		s.lineUp(a)
		s.queue(a, due)
	}
}

// Message returns a message.
func (s *Store) Message(ctx context.Context, org, id uuid.UUID) (store.Message, error) {
	if err := s.lock(ctx); err != nil {
		return store.Message{}, err
	}
	defer s.unlock()
	m := s.messages[id]
	if m == nil || m.OrganizationID != org {
		return store.Message{}, notFound("message", id)
	}
	return copyMessage(m.Message), nil
}

// Messages lists what an organization published.
func (s *Store) Messages(ctx context.Context, org uuid.UUID, page store.Page) (store.List[store.MessageSummary], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.MessageSummary]{}, err
	}
	defer s.unlock()
	var matching []*message
	for _, m := range s.messages {
		if m.OrganizationID == org && m.SubscriptionID == uuid.Nil {
			matching = append(matching, m)
		}
	}
	sortByID(matching, messageID)
	return list(matching, messageID, page, summarize), nil
}

func summarize(m *message) store.MessageSummary {
	out := store.MessageSummary{Message: m.Message}
	out.Body, out.Source = nil, nil
	for _, d := range m.deliveries() {
		out.Deliveries.Total++
		switch d.status() {
		case store.Succeeded:
			out.Deliveries.Succeeded++
		case store.Failed:
			out.Deliveries.Failed++
		case store.Cancelled:
			out.Deliveries.Cancelled++
		default:
			out.Deliveries.Pending++
		}
	}
	return out
}

// deliveries returns the deliveries that the message began, in the order of their
// ids.
func (m *message) deliveries() []*delivery {
	var out []*delivery
	for _, a := range m.attempts {
		if a.Number == 1 {
			out = append(out, a.delivery)
		}
	}
	sortByID(out, deliveryID)
	return out
}

// MessageDeliveries lists the deliveries of a message.
func (s *Store) MessageDeliveries(
	ctx context.Context, org, id uuid.UUID, page store.Page,
) (store.List[store.Delivery], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.Delivery]{}, err
	}
	defer s.unlock()
	m := s.messages[id]
	if m == nil || m.OrganizationID != org {
		return store.List[store.Delivery]{}, notFound("message", id)
	}
	return boundedList(m.deliveries(), deliveryID, page, func(d *delivery) int { return len(d.outcome().Response) },
		func(d *delivery, whole bool) store.Delivery {
			out := readDeliveryAs(d, false)
			if whole {
				out.Response = bytes.Clone(d.outcome().Response)
			}
			return out
		}), nil
}
