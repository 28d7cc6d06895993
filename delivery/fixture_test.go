package delivery_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/testlog"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// world is a store with an event type, and the record of an engine over it.
type world struct {
	t       *testing.T
	store   store.Store
	typ     store.EventType
	mu      sync.Mutex
	notices []delivery.Notice
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: memstore.New()}
	on := store.Lifecycle{Active: true, ActiveChangedAt: now()}
	c := store.Category{ID: newID(), Name: "c", Code: "c", Lifecycle: on}
	w.typ = store.EventType{ID: newID(), CategoryID: c.ID, Name: "e", Code: "a.b", Version: "v1", Lifecycle: on}
	w.must(w.store.CreateCategory(t.Context(), c))
	w.must(w.store.CreateEventType(t.Context(), w.typ))
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// subscribe adds a subscription of the organization to everything.
func (w *world) subscribe(org uuid.UUID, change ...func(*store.Subscription)) store.Subscription {
	w.t.Helper()
	s := store.Subscription{
		ID: newID(), OrganizationID: org, PostURI: "https://example.com/" + org.String(), Version: "v1",
		Selectors: []store.Selector{{Pattern: "*"}}, Lifecycle: store.Lifecycle{Active: true, ActiveChangedAt: now()},
	}
	for _, f := range change {
		f(&s)
	}
	secret := store.Secret{ID: newID(), OrganizationID: org, SubscriptionID: s.ID, Key: []byte(signing.NewSecret()), ValidFrom: now()}
	w.must(w.store.CreateSubscription(context.Background(), s, secret))
	return s
}

func (w *world) message(org uuid.UUID) store.NewMessage {
	id := newID()
	return store.NewMessage{
		Message: store.Message{
			ID: id, OrganizationID: org, EventTypeID: w.typ.ID, Type: w.typ.Code, Version: "v1",
			Body: []byte(`{"id":"` + id.String() + `","data":1}`), CreatedAt: now(),
		},
		Topics: store.Topics(w.typ.ID, w.typ.Code, "v1"), ExpiresAt: now().Add(96 * time.Hour),
	}
}

func (w *world) publish(org uuid.UUID, n int, opts ...func(*store.PublishOptions)) []store.Published {
	w.t.Helper()
	messages := make([]store.NewMessage, n)
	for i := range messages {
		messages[i] = w.message(org)
	}
	o := store.PublishOptions{NewID: newID}
	for _, f := range opts {
		f(&o)
	}
	out, err := w.store.Publish(context.Background(), nil, messages, o)
	w.must(err)
	return out
}

// publishInTx publishes messages in a transaction, to be committed later: their attempts
// are due from now on.
func (w *world) publishInTx(messages ...store.NewMessage) (commit func()) {
	w.t.Helper()
	tx, err := w.store.(store.Transactor).Begin(context.Background())
	w.must(err)
	_, err = w.store.Publish(context.Background(), tx, messages, store.PublishOptions{NewID: newID})
	w.must(err)
	return func() { w.must(tx.Commit()) }
}

// publishLate publishes a message with attempts that become visible only some time after they are
// due.
func (w *world) publishLate(late time.Duration, m store.NewMessage) {
	w.t.Helper()
	commit := w.publishInTx(m)
	pass(late)
	commit()
}

// settle lets the engine claim published attempts, at the next poll at the latest, and waits until
// nothing more happens without time passing.
func settle() {
	time.Sleep(time.Second) // of the bubble's clock
	synctest.Wait()
}

// engine makes an engine over the world. It is stopped when the test ends.
func (w *world) engine(sender delivery.Sender, change ...func(*delivery.Config)) *delivery.Engine {
	w.t.Helper()
	c := delivery.Config{
		Store: w.store, Sender: sender, Schedule: delivery.Schedule{10 * time.Second, 100 * time.Second},
		Workers: 8, PerSubscription: 4,
		Signer: func(t store.Target) (signing.Signer, error) {
			key, err := signing.ParseSecret(string(t.Secrets[0].Key))
			if err != nil {
				return nil, err
			}
			return signing.NewKeySet([]signing.Key{key}, signing.PrivateKey{})
		},
		Observe: func(n delivery.Notice) {
			w.mu.Lock()
			w.notices = append(w.notices, n)
			w.mu.Unlock()
		},
	}
	for _, f := range change {
		f(&c)
	}
	handler := slog.DiscardHandler
	if c.Logger != nil {
		handler = c.Logger.Handler()
	}
	c.Logger = slog.New(testlog.Checked(w.t, handler))
	e, err := delivery.New(c)
	w.must(err)
	w.t.Cleanup(func() { _ = e.Stop(context.Background()) })
	return e
}

func (w *world) count(kind delivery.NoticeKind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, notice := range w.notices {
		if notice.Kind == kind {
			n++
		}
	}
	return n
}

func (w *world) attempts(s store.Subscription) []store.Attempt {
	w.t.Helper()
	list, err := w.store.Attempts(context.Background(), store.HistoryQuery{
		OrganizationID: s.OrganizationID, SubscriptionID: s.ID, Page: store.Page{Take: 10_000},
	})
	w.must(err)
	return list.Items
}

// sender is a scripted [delivery.Sender].
type sender func(ctx context.Context, r guard.Request) guard.Result

func (f sender) Post(ctx context.Context, r guard.Request) guard.Result { return f(ctx, r) }

func answer(status int) sender {
	return func(context.Context, guard.Request) guard.Result { return guard.Result{Status: status} }
}

// script answers one status after the other, and counts the requests.
type script struct {
	mu       sync.Mutex
	statuses []int
	requests []http.Header
	at       []time.Time
}

func (s *script) Post(_ context.Context, r guard.Request) guard.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Header.Clone())
	s.at = append(s.at, time.Now())
	return guard.Result{Status: s.statuses[min(len(s.requests), len(s.statuses))-1]}
}
