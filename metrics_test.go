package webhooks_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/internal/testmeter"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func newMeteredWorld(t *testing.T) (*world, *testmeter.Sink) {
	t.Helper()
	sink := new(testmeter.Sink)
	return newWorld(t, func(c *webhooks.Config) { c.Metrics = sink }), sink
}

func wantValue(t *testing.T, sink *testmeter.Sink, want float64, i *measure.Instrument, labels ...string) {
	t.Helper()
	if got := sink.Value(i, labels...); got != want {
		t.Errorf("%s %q is %v, want %v", i.Name, labels, got, want)
	}
}

func TestPublishedEventsAreCountedByResult(t *testing.T) {
	t.Parallel()
	w, sink := newMeteredWorld(t)
	w.subscribe("*")
	w.subscribe("*")
	w.publish("1")
	keyed := event("1")
	keyed.IdempotencyKey = "k"
	batch := []webhooks.Event{keyed, keyed, event("2")}
	_, err := w.Dispatcher.PublishBatch(t.Context(), w.org, batch)
	w.must(err)
	_, err = w.Dispatcher.Publish(t.Context(), w.org, webhooks.Event{Type: "unknown"})
	wantFault(t, err, webhooks.UnknownReference, "/eventType")
	changed := keyed
	changed.Data = 2
	_, err = w.Dispatcher.Publish(t.Context(), w.org, changed)
	wantErr(t, err, webhooks.ErrIdempotencyMismatch)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.Dispatcher.Publish(gone, w.org, event("1"))
	wantErr(t, err, context.Canceled)

	for result, want := range map[string]float64{
		measure.Stored: 3, measure.Duplicate: 1, measure.Refused: 2, measure.Canceled: 1, measure.Unavailable: 0, measure.Failed: 0,
	} {
		wantValue(t, sink, want, measure.PublishEvents.Instrument, result)
	}
	if n, deliveries := sink.Count(measure.PublishFanOut.Instrument); n != 3 || deliveries != 6 {
		t.Errorf("%d events with %v deliveries, want 3 with 6", n, deliveries)
	}
	if n, _ := sink.Count(measure.PublishDuration.Instrument); n != 5 {
		t.Errorf("%d durations, want 5, one for each call", n)
	}
	if n, events := sink.Count(measure.BatchSize.Instrument, "publish"); n != 3 || events != 4 {
		t.Errorf("%d transactions with %v events", n, events)
	}
}

// away is a store that answers as a test says.
type away struct {
	store.Store
	mu   sync.Mutex
	ping func(context.Context) error
	asks atomic.Int32
}

func (a *away) Ping(ctx context.Context) error {
	a.mu.Lock()
	a.asks.Add(1)
	ping := a.ping
	a.mu.Unlock()
	return ping(ctx)
}

func (a *away) answer(ping func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ping = ping
}

func (a *away) Publish(context.Context, store.Tx, []store.NewMessage, store.PublishOptions) ([]store.Published, error) {
	return nil, store.ErrUnavailable
}

func TestStoreUpIsMeasuredWhenItIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sink := new(testmeter.Sink)
		works := func(context.Context) error { return nil }
		hangs := func(context.Context) error { <-t.Context().Done(); return nil } // beyond the end of its ctx
		st := &away{Store: memstore.New(), ping: works}
		_, err := webhooks.New(st, webhooks.Config{Metrics: sink})
		if err != nil {
			t.Fatal(err)
		}
		up := func() float64 { return sink.Value(measure.StoreUp.Instrument) }
		for range 3 {
			if up() != 1 {
				t.Error("a store that answers is down")
			}
		}
		if st.asks.Load() != 1 {
			t.Errorf("%d calls for three readings within a second, want one", st.asks.Load())
		}
		for name, ping := range map[string]func(context.Context) error{
			"an error": func(context.Context) error { return store.ErrUnavailable },
			"a panic":  func(context.Context) error { panic("the driver's") },
		} {
			pass(time.Second)
			st.answer(ping)
			if up() != 0 {
				t.Errorf("up after %s", name)
			}
		}
		pass(time.Second)
		st.answer(hangs)
		before := st.asks.Load()
		for range 3 {
			began := time.Now()
			if up() != 0 || time.Since(began) > time.Second {
				t.Errorf("up while the store hangs, after %v", time.Since(began))
			}
		}
		if st.asks.Load() != before+1 {
			t.Errorf("%d calls hang, want one", st.asks.Load()-before)
		}
	})
}

func TestPublishesAreCountedAsUnavailable(t *testing.T) {
	t.Parallel()
	sink := new(testmeter.Sink)
	st := &away{Store: memstore.New()}
	hooks, err := webhooks.New(st, webhooks.Config{Metrics: sink})
	if err != nil {
		t.Fatal(err)
	}
	c, err := hooks.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "c", Code: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = hooks.Registry.CreateEventType(t.Context(), c.ID, webhooks.EventTypeInput{Name: "e", Code: "a.b", Version: "v1"}); err != nil {
		t.Fatal(err)
	}
	_, err = hooks.Dispatcher.Publish(t.Context(), uuid.New(), webhooks.Event{Type: "a.b", Data: 1})
	wantErr(t, err, webhooks.ErrUnavailable)
	wantValue(t, sink, 1, measure.PublishEvents.Instrument, measure.Unavailable)
	wantValue(t, sink, 1, measure.StoreErrors.Instrument, "publish", measure.Unavailable)
}

func TestMetricsNameTheBuild(t *testing.T) {
	t.Parallel()
	_, sink := newMeteredWorld(t)
	wantValue(t, sink, 1, measure.BuildInfo.Instrument, webhooks.Version, runtime.Version())
}

// pooled is a store with a pool of connections.
type pooled struct{ store.Store }

func (p pooled) Abilities() store.Abilities { return store.Abilities{Measurer: p} }

func (pooled) Measure(context.Context, int) (store.Measures, error) {
	return store.Measures{}, errors.New("not called when the metrics are read")
}

func (pooled) Pool() store.Pool {
	return store.Pool{InUse: 3, Idle: 2, Limit: 16, Waits: 40, Waited: 1500 * time.Millisecond}
}

func TestThePoolIsShown(t *testing.T) {
	t.Parallel()
	sink := new(testmeter.Sink)
	if _, err := webhooks.New(pooled{memstore.New()}, webhooks.Config{Metrics: sink}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, sink, 3, measure.PoolConnections.Instrument, "in_use")
	wantValue(t, sink, 2, measure.PoolConnections.Instrument, "idle")
	wantValue(t, sink, 16, measure.PoolLimit.Instrument)
	wantValue(t, sink, 40, measure.PoolWaits.Instrument)
	wantValue(t, sink, 1.5, measure.PoolWaitTime.Instrument)
	if n, _ := sink.Count(measure.StoreDuration.Instrument, "measure"); n != 0 {
		t.Error("reading the metrics measures the queue")
	}
}
