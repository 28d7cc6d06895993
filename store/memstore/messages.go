package memstore

import (
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
	attempts   []*attempt
	unfinished int // attempts that are pending or being sent
}

// A delivery is the chain of the attempts for one message and subscription.
type delivery struct {
	id       uuid.UUID
	attempts []*attempt // by number
}

func deliveryID(d *delivery) uuid.UUID { return d.id }

type attempt struct {
	store.Attempt // without Body and Source
	message       *message
	subscription  *subscription
	delivery      *delivery
	step          int
	expiresAt     time.Time
	due           time.Time // when it is due, or its lease ends
	place         int       // in the queue; -1 outside
	token         int64     // of the latest claim
	pruned        bool
}

func attemptID(a *attempt) uuid.UUID { return a.ID }

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

// add stores an attempt, and makes it due at the time.
func (s *Store) add(a *attempt, due time.Time) {
	m, sub, d := a.message, a.subscription, a.delivery
	if len(d.attempts) == 0 {
		sub.deliveries = insert(sub.deliveries, d, deliveryID)
	}
	a.DeliveryID, a.Number, a.place = d.id, len(d.attempts)+1, -1
	a.MessageID, a.OrganizationID, a.EventTypeID = m.ID, m.OrganizationID, m.EventTypeID
	a.SubscriptionID = sub.ID
	s.attempts[a.ID] = a
	d.attempts = append(d.attempts, a)
	m.attempts = append(m.attempts, a)
	m.unfinished++
	sub.attempts = insert(sub.attempts, a, attemptID)
	s.queue(a, due)
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
	removed, affected := 0, map[*subscription]bool{}
	s.byAge = slices.DeleteFunc(s.byAge, func(m *message) bool {
		if removed >= limit || m.unfinished > 0 || !m.CreatedAt.Before(before) {
			return false
		}
		removed++
		delete(s.messages, m.ID)
		for _, a := range m.attempts {
			a.pruned = true
			delete(s.attempts, a.ID)
			affected[a.subscription] = true
		}
		return true
	})
	for sub := range affected {
		sub.attempts = slices.DeleteFunc(sub.attempts, func(a *attempt) bool { return a.pruned })
		sub.deliveries = slices.DeleteFunc(sub.deliveries, func(d *delivery) bool { return d.attempts[0].pruned })
	}
	return removed, nil
}
