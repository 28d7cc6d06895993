package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

var errDuplicateID = fmt.Errorf("memstore: %w: the id is in use", store.ErrConflict)

type message struct {
	store.Message
	attempts []*attempt
	queued   int // attempts that are queued
}

func messageID(m *message) uuid.UUID { return m.ID }

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

// message finds a message of an organization.
func (s *Store) message(org, id uuid.UUID) (*message, error) {
	m := s.messages[id]
	if m == nil || m.OrganizationID != org {
		return nil, notFound("message", id)
	}
	return m, nil
}

// Message returns a message.
func (s *Store) Message(ctx context.Context, org, id uuid.UUID) (store.Message, error) {
	return read(ctx, s, func() (*message, error) { return s.message(org, id) },
		func(m *message) store.Message { return copyMessage(m.Message) })
}

// Messages lists the messages that an organization published.
func (s *Store) Messages(ctx context.Context, org uuid.UUID, page store.Page) (store.List[store.MessageSummary], error) {
	return locked(ctx, s, func() (store.List[store.MessageSummary], error) {
		published := func(m *message) bool { return m.OrganizationID == org && m.SubscriptionID == uuid.Nil }
		return list(chosen(maps.Values(s.messages), published, messageID), page, messageID, summarize), nil
	})
}

func summarize(m *message) store.MessageSummary {
	out := store.MessageSummary{Message: m.Message, Deliveries: m.tally()}
	out.Body, out.Source = nil, nil
	return out
}

// tally counts the deliveries that the message began.
func (m *message) tally() (t store.Tally) {
	for _, a := range m.attempts {
		if a.Number == 1 {
			t.Add(a.delivery.chain.Status(), 1)
		}
	}
	return t
}

// MessageTally counts the deliveries of a message.
func (s *Store) MessageTally(ctx context.Context, org, id uuid.UUID) (store.Tally, error) {
	return read(ctx, s, func() (*message, error) { return s.message(org, id) }, (*message).tally)
}

// deliveries returns the deliveries that the message began, in the order of their ids.
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
	ctx context.Context, org, id uuid.UUID, to []uuid.UUID, page store.Page,
) (store.List[store.Delivery], error) {
	return locked(ctx, s, func() (out store.List[store.Delivery], err error) {
		m, err := s.message(org, id)
		if err != nil {
			return out, err
		}
		size := func(d *delivery) int { return answerSize(d.chain.Outcome()) }
		deliveries := m.deliveries()
		if to != nil {
			deliveries = slices.DeleteFunc(deliveries, func(d *delivery) bool { return !slices.Contains(to, d.chain[0].SubscriptionID) })
		}
		return store.ListOf(deliveries, page, deliveryID, size, func(d *delivery, whole bool) store.Delivery {
			out := readDelivery(d, whole)
			out.Body, out.Source = nil, nil
			return out
		}), nil
	})
}
