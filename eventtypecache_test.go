package webhooks_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// slowCatalog is a store that takes a while to read an event type by its code.
type slowCatalog struct {
	store.Store
	takes time.Duration
	reads atomic.Int64
}

func (s *slowCatalog) EventTypeByCode(ctx context.Context, tx store.Tx, code, version string) (store.EventType, error) {
	s.reads.Add(1)
	time.Sleep(s.takes)
	return s.Store.EventTypeByCode(ctx, tx, code, version)
}

// Publishers that read the event type all at once would take every connection of a pool, once a second.
func TestOnePublisherReadsAnEventTypeAgainWhileTheOthersUseTheCachedOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		catalog := &slowCatalog{Store: memstore.New()}
		hooks, err := webhooks.New(catalog, webhooks.Config{})
		check(err)
		category, err := hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "n", Code: "c"})
		check(err)
		_, err = hooks.Registry.CreateEventType(t.Context(), category.ID, webhooks.EventTypeInput{Name: "n", Code: "a.b", Version: "v1"})
		check(err)
		org := uuid.New()
		publish := func() {
			_, err := hooks.Dispatcher.Publish(t.Context(), org, webhooks.Event{Type: "a.b", Data: 1})
			check(err)
		}
		publish()
		catalog.takes = 100 * time.Millisecond
		before := catalog.reads.Load()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for began := time.Now(); time.Since(began) < 3*time.Second; time.Sleep(10 * time.Millisecond) {
					publish()
				}
			})
		}
		all.Wait()
		if n := catalog.reads.Load() - before; n < 3 || n > 4 {
			t.Errorf("the event type was read %d times in 3 s, want once in every 0.75 s", n)
		}
	})
}
