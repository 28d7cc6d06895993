package memstore

import (
	"container/heap"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// A delivery is a chain of attempts for one subscription.
type delivery struct {
	id       uuid.UUID
	chain    store.Chain  // of the attempts in Store.attempts
	sequence *sequenceKey // nil for none
}

func deliveryID(d *delivery) uuid.UUID { return d.id }

// A sequenceKey names a sequence: the queued attempts of a subscription that was ordered when
// their deliveries began, and an ordering key.
type sequenceKey struct {
	subscription *subscription
	orderingKey  string
}

type attempt struct {
	store.Attempt // its slices are shared with the message
	message       *message
	subscription  *subscription
	delivery      *delivery
	expiresAt     time.Time
	due           time.Time // when it is due, or its lease ends
	place         int       // in the queue; -1 outside
	token         int64     // of the latest claim
	pruned        bool
}

func attemptID(a *store.Attempt) uuid.UUID { return a.ID }

// add stores an attempt, and makes it due at the time unless it is external.
func (s *Store) add(a *attempt, due time.Time) {
	m, sub, d := a.message, a.subscription, a.delivery
	if len(d.chain) == 0 {
		if a.InSequence(sub.Ordered) {
			d.sequence = &sequenceKey{sub, m.OrderingKey}
		}
		sub.deliveries = insert(sub.deliveries, d, deliveryID)
	}
	s.attempts[a.ID] = a
	d.chain = append(d.chain, &a.Attempt)
	m.attempts = append(m.attempts, a)
	sub.attempts = insert(sub.attempts, a, func(a *attempt) uuid.UUID { return a.ID })
	if a.External {
		return
	}
	m.queued++
	if d.sequence != nil {
		s.sequences[*d.sequence] = s.sequences[*d.sequence].With(&a.Attempt)
	}
	s.queue(a, due)
}

// queue makes an attempt pending, and due at the time.
func (s *Store) queue(a *attempt, due time.Time) {
	s.schedule(a, store.Pending, due.UTC())
}

// schedule puts an attempt into the queue, or moves it there.
func (s *Store) schedule(a *attempt, status store.Status, due time.Time) {
	a.Status, a.due, a.HeldUntil = status, due, time.Time{}
	if a.place < 0 {
		heap.Push(&s.due, a)
	} else {
		heap.Fix(&s.due, a.place)
	}
	s.wakeAt(due)
}

// unqueue removes an attempt from the queue, if it is there: it ends.
func (s *Store) unqueue(a *attempt) {
	if a.place < 0 {
		return
	}
	heap.Remove(&s.due, a.place)
	a.message.queued--
	key := a.delivery.sequence
	if key == nil {
		return
	}
	if s.sequences[*key] = s.sequences[*key].Without(&a.Attempt); len(s.sequences[*key]) == 0 {
		delete(s.sequences, *key)
	}
}

// hasTurn reports whether an attempt waits for no other one of its sequence.
func (s *Store) hasTurn(a *attempt) bool {
	return a.delivery.sequence == nil || s.sequences[*a.delivery.sequence].HasTurn(&a.Attempt)
}

// notBefore returns the time, or the present if that is later.
func (s *Store) notBefore(t time.Time) time.Time {
	if now := s.clock.Now(); t.Before(now) {
		return now
	}
	return t
}
