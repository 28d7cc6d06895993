// Package memstore is a store in memory, for tests and demos. What it holds ends
// with the process: Durable says so.
//
// It starts no goroutines and takes the time from package time, so it works in a
// testing/synctest bubble.
package memstore

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Store is a store in memory. Create it with New.
type Store struct {
	mu sync.Mutex // guards everything below

	categories     map[uuid.UUID]*category // the deleted ones too, for history
	categoryCodes  map[string]*category
	eventTypes     map[uuid.UUID]*eventType // the deleted ones too, for history
	eventTypeCodes map[eventTypeKey]*eventType
	samples        map[sampleKey]*store.Sample
	seeds          []store.SeedVersion

	subscriptions map[uuid.UUID]*subscription // the deleted ones too, for history
	topics        map[topic]map[*subscription]struct{}

	messages map[uuid.UUID]*message
	byAge    []*message // by CreatedAt, then id
	keys     map[idempotencyKey]keyUse
	attempts map[uuid.UUID]*attempt
	due      dueHeap
	lines    map[line][]*attempt // what is queued, in the order of the deliveries
	token    int64               // the latest given out

	recoveries map[uuid.UUID]*recovery

	listeners map[*func()]struct{}
	wake      bool // when the lock is released
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{
		categories:     map[uuid.UUID]*category{},
		categoryCodes:  map[string]*category{},
		eventTypes:     map[uuid.UUID]*eventType{},
		eventTypeCodes: map[eventTypeKey]*eventType{},
		samples:        map[sampleKey]*store.Sample{},
		subscriptions:  map[uuid.UUID]*subscription{},
		topics:         map[topic]map[*subscription]struct{}{},
		messages:       map[uuid.UUID]*message{},
		keys:           map[idempotencyKey]keyUse{},
		attempts:       map[uuid.UUID]*attempt{},
		lines:          map[line][]*attempt{},
		recoveries:     map[uuid.UUID]*recovery{},
		listeners:      map[*func()]struct{}{},
	}
}

// Ping fails only when ctx is done.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Abilities implements store.Store: the store needs no upkeep.
func (s *Store) Abilities() store.Abilities { return store.Abilities{Notifier: s, Transactor: s} }

// Durable returns false.
func (s *Store) Durable() bool { return false }

// Listen calls wake when attempts were added that are due, until ctx is done.
func (s *Store) Listen(ctx context.Context, wake func()) error {
	s.mu.Lock()
	s.listeners[&wake] = struct{}{}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	delete(s.listeners, &wake)
	s.mu.Unlock()
	return ctx.Err()
}

// lock takes the lock, unless ctx is done: a store on a database would fail too.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	return nil
}

// unlock releases the lock, then wakes those who listen if work was added.
func (s *Store) unlock() {
	var wakes []func()
	if s.wake {
		s.wake = false
		for w := range s.listeners {
			wakes = append(wakes, *w)
		}
	}
	s.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

// queue makes an attempt due at the time.
func (s *Store) queue(a *attempt, due time.Time) {
	a.Status, a.due, a.held = store.Pending, due.UTC(), false
	s.schedule(a)
	if !due.After(time.Now()) {
		s.wake = true
	}
}

// notBefore returns the time, or the present if that is later.
func notBefore(t time.Time) time.Time {
	if now := time.Now(); t.Before(now) {
		return now
	}
	return t
}

// schedule puts an attempt where its due time wants it in the queue.
func (s *Store) schedule(a *attempt) {
	if a.place < 0 {
		heap.Push(&s.due, a)
	} else {
		heap.Fix(&s.due, a.place)
	}
}

// finish gives an attempt its final state, and takes it out of the queue if it is
// there.
func (s *Store) finish(a *attempt, status store.Status) {
	if a.queued() {
		heap.Remove(&s.due, a.place)
		s.leaveLine(a)
		a.message.queued--
	}
	a.Status = status
}

func notFound(what string, id uuid.UUID) error {
	return fmt.Errorf("%s %s: %w", what, id, store.ErrNotFound)
}
