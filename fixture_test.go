package webhooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the library over a memory store, with a category, an event type, and a sender that keeps
// the requests.
type world struct {
	*webhooks.Webhooks
	t        *testing.T
	store    store.Store
	category webhooks.Category
	typ      webhooks.EventType
	org      uuid.UUID

	mu     sync.Mutex
	status int
	posted []guard.Request
}

func newWorld(t *testing.T, change ...func(*webhooks.Config)) *world {
	t.Helper()
	w := &world{t: t, org: uuid.New(), status: 200}
	c := webhooks.Config{Sender: w, RetrySchedule: []time.Duration{time.Minute, time.Hour}}
	for _, f := range change {
		f(&c)
	}
	var err error
	w.store = memstore.New()
	w.Webhooks, err = webhooks.New(w.store, c)
	w.must(err)
	w.category, err = w.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	w.must(err)
	w.typ = w.newType("vitals.observation.created", "v1")
	return w
}

func (w *world) newType(code, version string) webhooks.EventType {
	w.t.Helper()
	e, err := w.Registry.CreateEventType(context.Background(), w.category.ID, webhooks.EventTypeInput{
		Name: code, Code: code, Version: version,
	})
	w.must(err)
	return e
}

func (w *world) subscribe(events ...string) webhooks.Subscription {
	w.t.Helper()
	s, _, err := w.Subscriptions.Create(context.Background(), w.org, webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: events,
	})
	w.must(err)
	return s
}

func (w *world) publish(data string) webhooks.Published {
	w.t.Helper()
	p, err := w.Dispatcher.Publish(context.Background(), w.org, event(data))
	w.must(err)
	return p
}

func event(data string) webhooks.Event {
	return webhooks.Event{Type: "vitals.observation.created", Data: json.RawMessage(data)}
}

func (w *world) attempts(s webhooks.Subscription) []webhooks.Attempt {
	w.t.Helper()
	list, err := w.Subscriptions.Attempts(context.Background(), webhooks.HistoryQuery{
		OrganizationID: s.OrganizationID, SubscriptionID: s.ID, Page: webhooks.Page{Take: 100},
	})
	w.must(err)
	return list.Items
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Post implements [webhooks.Sender].
func (w *world) Post(_ context.Context, r guard.Request) guard.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.Header = r.Header.Clone()
	w.posted = append(w.posted, r)
	return guard.Result{Status: w.status}
}

// sent returns the requests so far.
func (w *world) sent() []guard.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.posted)
}

// answer sets the status that posts get from now on.
func (w *world) answer(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

// wantFault checks that err is a ValidationError of the problem at the pointer.
func wantFault(t *testing.T, err error, problem webhooks.Problem, pointer string) {
	t.Helper()
	e, ok := errors.AsType[*webhooks.ValidationError](err)
	if !ok || e.Problem != problem || len(e.Fields) == 0 || e.Fields[0].Pointer != pointer || e.Fields[0].Detail == "" {
		t.Errorf("got %v, want %s at %s", err, problem, pointer)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// pass advances the fake clock and waits until every goroutine waits.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// pollOnce lets the dispatcher look for due attempts once. An event that is published later is handed
// over or wakes it.
func pollOnce() { pass(time.Second) }
