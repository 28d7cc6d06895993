package bench_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testpg"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
	"github.com/ecg-api/webhooks/store/bunstore/postgres"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

const (
	eventType = "bench.happened"
	bodySize  = 1024
	wrapping  = 140 // of data in a body of ours, so that the bodies of both are equally long
)

// library is the library as one process uses it.
type library struct {
	*webhooks.Webhooks
	b         testing.TB
	recorded  *tally // of successful deliveries; several libraries may share it
	succeeded atomic.Int64
	failed    atomic.Int64
}

func newLibrary(b testing.TB, st store.Store, change ...func(*webhooks.Config)) *library {
	b.Helper()
	l := &library{b: b, recorded: newTally()}
	c := webhooks.Config{AllowHTTP: true, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Observer: l}
	for _, f := range change {
		f(&c)
	}
	var err error
	l.Webhooks, err = webhooks.New(st, c)
	check(b, err)
	return l
}

// Observe implements [webhooks.Observer].
func (l *library) Observe(n webhooks.Notice) {
	switch {
	case n.Kind == webhooks.AttemptEnded && n.Status == store.Succeeded:
		l.succeeded.Add(1)
		l.recorded.add(1)
	case n.Kind == webhooks.AttemptEnded:
		l.failed.Add(1)
	}
}

// start starts to deliver, until the function that it returns is called.
func (l *library) start() (stop func()) {
	l.b.Helper()
	check(l.b, l.Dispatcher.Start(context.Background()))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = l.Dispatcher.Stop(ctx) // attempts that hang are cut off
	}
}

// catalog makes the event type that the benchmarks publish.
func (l *library) catalog() webhooks.EventType {
	l.b.Helper()
	c, err := l.Registry.CreateCategory(l.b.Context(), webhooks.CategoryInput{Name: "Bench", Code: "bench"})
	check(l.b, err)
	e, err := l.Registry.CreateEventType(l.b.Context(), c.ID, webhooks.EventTypeInput{Name: "Happened", Code: eventType, Version: "v1"})
	check(l.b, err)
	return e
}

func (l *library) subscribe(org uuid.UUID, url string) webhooks.Subscription {
	l.b.Helper()
	s, _, err := l.Subscriptions.Create(l.b.Context(), org, webhooks.SubscriptionInput{
		PostURI: url, Events: []string{eventType}, IsDevelopment: true,
	})
	check(l.b, err)
	return s
}

func (l *library) publish(org uuid.UUID, n int) {
	events := make([]webhooks.Event, n)
	for i := range events {
		events[i] = webhooks.Event{Type: eventType, Data: json.RawMessage(payload(bodySize - wrapping))}
	}
	var err error
	if n == 1 {
		_, err = l.Dispatcher.Publish(context.Background(), org, events[0])
	} else {
		_, err = l.Dispatcher.PublishBatch(context.Background(), org, events)
	}
	if err != nil {
		panic(err) // also in goroutines, which must not call FailNow
	}
}

// openPostgres opens a store in the schema, with a pool of its own.
func openPostgres(b testing.TB, schema string) *bunstore.Store {
	b.Helper()
	s, err := postgres.Open(b.Context(), testpg.DSN(b), postgres.Options{Options: bunstore.Options{Schema: schema}})
	check(b, err)
	b.Cleanup(func() { check(b, s.Close()) })
	return s.Store
}

// newPostgres makes a store in a fresh schema.
func newPostgres(b testing.TB) *bunstore.Store {
	b.Helper()
	schema := newSchema(b)
	s := openPostgres(b, schema)
	check(b, s.Migrate(b.Context()))
	return s
}

func newSQLite(b testing.TB) *bunstore.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "webhooks.db"), sqlite.Options{})
	check(b, err)
	b.Cleanup(func() { check(b, s.Close()) })
	check(b, s.Migrate(b.Context()))
	return s.Store
}

// load is the number of goroutines that publish, and the number of events in a call.
type load struct{ publishers, batch int }

// run publishes n events, rounded up to whole batches.
func (l load) run(n int, publish func(batch int)) {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range l.publishers {
		all.Go(func() {
			for left.Add(int64(-l.batch)) >= 0 {
				publish(l.batch)
			}
		})
	}
	all.Wait()
}
