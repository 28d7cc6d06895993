// Package memstore is a store in memory, for tests and demos. Its records end with the
// process: Durable says so.
//
// Attempts become due, and leases end, by the store's clock. It starts no goroutines, so it works in a
// testing/synctest bubble.
package memstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/store"
)

// Store is a store in memory. Create it with New.
type Store struct {
	clock clock.Clock
	alarm bool // the listeners are woken when an attempt becomes due, not only when a due one is added

	mu sync.Mutex // guards everything below

	categories     map[uuid.UUID]*category // the deleted ones too, for history
	categoryCodes  map[string]*category
	eventTypes     map[uuid.UUID]*eventType // the deleted ones too, for history
	eventTypeCodes map[eventTypeKey]*eventType
	samples        map[sampleKey]*store.Sample
	seeds          []store.SeedVersion

	subscriptions map[uuid.UUID]*subscription // the deleted ones too, for history
	topics        map[topic]map[*subscription]struct{}

	messages  map[uuid.UUID]*message
	byAge     []*message // by CreatedAt, then id
	keys      map[idempotencyKey]keyUse
	attempts  map[uuid.UUID]*attempt
	due       dueHeap
	sequences map[sequenceKey]store.Sequence
	token     int64 // of the latest claim

	recoveries map[uuid.UUID]*recovery
	trail      []store.AuditEntry // in the order of a list
	erasures   map[uuid.UUID]*store.Erasure
	usedIDs    map[uuid.UUID]time.Time // ids of OneTime, with the time until which they are kept

	listeners map[*func()]struct{}
	wake      bool        // when the lock is released
	timer     clock.Timer // wakes the listeners at the time armed, if that is not zero; nil if it never ran
	armed     time.Time
}

var _ store.Store = (*Store)(nil)

// An Option changes what [New] makes.
type Option func(*Store)

// WithClock sets the clock of the store. Default: clock.System. Give the same clock to webhooks.Config. The store then
// also wakes its listeners when attempts become due and leases end, so that a dispatcher need not poll until the clock is
// moved. Without WithClock it leaves that to polls, as databases do: each wake-up costs a claim.
func WithClock(c clock.Clock) Option { return func(s *Store) { s.clock, s.alarm = c, true } }

// New returns an empty store.
func New(options ...Option) *Store {
	s := &Store{
		clock:          clock.System,
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
		sequences:      map[sequenceKey]store.Sequence{},
		recoveries:     map[uuid.UUID]*recovery{},
		erasures:       map[uuid.UUID]*store.Erasure{},
		usedIDs:        map[uuid.UUID]time.Time{},
		listeners:      map[*func()]struct{}{},
	}
	for _, o := range options {
		o(s)
	}
	return s
}

// Ping fails only when ctx is done.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Abilities implements store.Store: the store needs no upkeep.
func (s *Store) Abilities() store.Abilities {
	return store.Abilities{Notifier: s, Transactor: s, Measurer: s, Operations: s}
}

// Durable returns false.
func (s *Store) Durable() bool { return false }

// Listen calls wake when it begins, and when attempts become due, until ctx is done.
func (s *Store) Listen(ctx context.Context, wake func()) error {
	s.mu.Lock()
	s.listeners[&wake] = struct{}{}
	if len(s.due) > 0 {
		s.wakeAt(s.due[0].due)
	}
	s.wake = true
	s.unlock()
	<-ctx.Done()
	s.mu.Lock()
	delete(s.listeners, &wake)
	if len(s.listeners) == 0 && s.timer != nil {
		s.timer.Stop()
		s.armed = time.Time{}
	}
	s.mu.Unlock()
	return ctx.Err()
}

// wakeAt has the listeners woken when an attempt becomes due, if they are not woken before. Without an alarm they are
// woken only if it is due now.
func (s *Store) wakeAt(due time.Time) {
	if len(s.listeners) == 0 || !s.armed.IsZero() && !due.Before(s.armed) {
		return
	}
	switch wait := due.Sub(s.clock.Now()); {
	case wait <= 0:
		s.wake = true
		return
	case !s.alarm:
		return
	case s.timer == nil:
		s.timer = s.clock.AfterFunc(wait, s.becameDue)
	default:
		s.timer.Reset(wait)
	}
	s.armed = due
}

// becameDue wakes the listeners. The claim that follows sets the next time.
func (s *Store) becameDue() {
	s.mu.Lock()
	defer s.unlock()
	s.armed, s.wake = time.Time{}, true
}

// lock takes the lock, unless ctx is done: a store on a database would fail too.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	return nil
}

// locked returns the result of f, which holds the lock.
func locked[R any](ctx context.Context, s *Store, f func() (R, error)) (R, error) {
	if err := s.lock(ctx); err != nil {
		return *new(R), err
	}
	defer s.unlock()
	return f()
}

// read returns a copy of the thing that find returns.
func read[T, R any](ctx context.Context, s *Store, find func() (T, error), copied func(T) R) (R, error) {
	return locked(ctx, s, func() (R, error) {
		thing, err := find()
		if err != nil {
			return *new(R), err
		}
		return copied(thing), nil
	})
}

// unlock releases the lock, then wakes the listeners if work was added.
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

// allow asks a caller's check about a record that is about to be deleted; nil for none.
func allow[T any](check func(T) error, record T) error {
	if check == nil {
		return nil
	}
	return check(record)
}

func notFound(what string, id uuid.UUID) error {
	return fmt.Errorf("%s %s: %w", what, id, store.ErrNotFound)
}
