// Package memstore keeps everything in memory, for tests and demos. It does what
// every store does, and forgets it when the process ends.
package memstore

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Store is a [store.Store] in memory. It starts no goroutines, and its clock is
// time.Now, so it can be used inside testing/synctest.
type Store struct {
	mu sync.Mutex

	categories map[uuid.UUID]store.Category
	types      map[uuid.UUID]*eventType // the deleted ones too: history shows them
	samples    map[sampleKey]store.Sample
	seeds      []store.SeedVersion

	subscriptions map[uuid.UUID]*subscription
	topics        map[string]map[uuid.UUID]*subscription

	messages map[uuid.UUID]*message
	order    []*message // by id
	keys     map[idempotencyKey]keyUse
	attempts map[uuid.UUID]*attempt
	due      queue

	listeners map[*func()]struct{}
}

var (
	_ store.Store      = (*Store)(nil)
	_ store.Transactor = (*Store)(nil)
	_ store.Notifier   = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{
		categories:    map[uuid.UUID]store.Category{},
		types:         map[uuid.UUID]*eventType{},
		samples:       map[sampleKey]store.Sample{},
		subscriptions: map[uuid.UUID]*subscription{},
		topics:        map[string]map[uuid.UUID]*subscription{},
		messages:      map[uuid.UUID]*message{},
		keys:          map[idempotencyKey]keyUse{},
		attempts:      map[uuid.UUID]*attempt{},
		listeners:     map[*func()]struct{}{},
	}
}

// Ping reports the error of ctx, if any.
func (s *Store) Ping(ctx context.Context) error { return ctx.Err() }

// Durable returns false: what the store holds ends with the process.
func (s *Store) Durable() bool { return false }

// Listen calls wake whenever attempts may have become due.
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

// wake tells the listeners that there may be work.
func (s *Store) wake() {
	for l := range s.listeners {
		(*l)()
	}
}

// lock locks the store, unless ctx is over. Call the function it returns to unlock.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	return s.mu.Unlock, nil
}

// list returns the page of the items that keep, in the order of their ids.
func list[T any](items []T, id func(T) uuid.UUID, page store.Page) store.List[T] {
	slices.SortFunc(items, func(a, b T) int { return compare(id(a), id(b)) })
	out := store.List[T]{Total: len(items)}
	if page.Descending {
		slices.Reverse(items)
	}
	if page.After != uuid.Nil {
		items = slices.DeleteFunc(items, func(v T) bool {
			c := compare(id(v), page.After)
			return c == 0 || (c < 0) != page.Descending
		})
	}
	from := min(max(page.Skip, 0), len(items))
	to := min(from+max(page.Take, 0), len(items))
	out.Items = slices.Clone(items[from:to])
	return out
}

func compare(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// now is the store's clock, by which leases run.
func now() time.Time { return time.Now() }
