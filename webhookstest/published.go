package webhookstest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

// Event is a published event, as receivers get it.
type Event struct {
	ID      uuid.UUID       `json:"id"`        // also the webhook-id of each request
	Type    string          `json:"type"`      // code of the event type
	Version string          `json:"version"`   // of the event type
	At      time.Time       `json:"timestamp"` // when it was published
	Data    json.RawMessage `json:"data"`      // as it was published
}

// Decode unmarshals the data of the event into the value that v points to.
func (e Event) Decode(v any) error { return json.Unmarshal(e.Data, v) }

// Published returns the events that an organization has published, as far as they are committed, in their order.
func Published(t TB, hooks *webhooks.Webhooks, org uuid.UUID) []Event {
	t.Helper()
	var out []Event
	for page := (webhooks.Page{Take: 100}); ; {
		list, err := hooks.Dispatcher.Messages(t.Context(), org, page)
		if err != nil {
			t.Fatalf("webhookstest: Published: %v", err)
		}
		for _, m := range list.Items {
			whole, err := hooks.Dispatcher.Message(t.Context(), org, m.ID)
			if err != nil {
				t.Fatalf("webhookstest: Published: %v", err)
			}
			out, page.After = append(out, eventOf(whole.Message)), m.ID
		}
		if len(list.Items) < page.Take {
			return out
		}
	}
}

func eventOf(m webhooks.Message) Event {
	return Event{ID: m.ID, Type: m.Type, Version: m.Version, At: m.CreatedAt, Data: m.Data()}
}

// Begin begins a transaction of the store. On a database it is on a connection of its own.
func (k *Kit) Begin() webhooks.Tx {
	k.t.Helper()
	begins := k.Store.Abilities().Transactor
	if begins == nil {
		k.t.Fatalf("webhookstest: the store cannot begin a transaction; begin it on your own handle")
	}
	tx, err := begins.Begin(k.t.Context())
	k.must(err)
	return tx
}

// PublishedTx returns the events that an organization has published in a transaction, in their order, also while it is
// open. Wrap the transaction of a library with bunstore.Tx or bunstore.PgxTx, here as where it publishes.
func (k *Kit) PublishedTx(tx webhooks.Tx, org uuid.UUID) []Event {
	k.outboxes.mu.Lock()
	defer k.outboxes.mu.Unlock()
	var out []Event
	for _, m := range k.outboxes.published[handleOf(tx)] {
		if m.OrganizationID == org {
			out = append(out, eventOf(m))
		}
	}
	return out
}

// txRecorder is the store of a kit. It remembers the messages of each transaction of a caller.
type txRecorder struct {
	store.Store

	mu        sync.Mutex
	published map[any][]webhooks.Message // by the handle of the transaction
}

// Publish implements store.Messages.
func (r *txRecorder) Publish(
	ctx context.Context, tx store.Tx, messages []store.NewMessage, opts store.PublishOptions,
) ([]store.Published, error) {
	results, err := r.Store.Publish(ctx, tx, messages, opts)
	if tx == nil || err != nil {
		return results, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.published == nil {
		r.published = map[any][]webhooks.Message{}
	}
	for i, m := range messages {
		if !results[i].Duplicate {
			r.published[handleOf(tx)] = append(r.published[handleOf(tx)], m.Message)
		}
	}
	return results, nil
}

// handleOf returns a value that is the same for all wrappers of a transaction.
func handleOf(tx store.Tx) any {
	if wrapper, ok := tx.(interface{ Handle() any }); ok {
		return wrapper.Handle()
	}
	return tx
}

// Outbox is the events that an organization publishes from a moment on. See [Kit.Outbox].
type Outbox struct {
	kit    *Kit
	org    uuid.UUID
	before int // events at that moment
}

// Outbox returns the outbox of an organization: the events that it publishes from now on, once they are committed.
func (k *Kit) Outbox(org uuid.UUID) *Outbox {
	k.t.Helper()
	return &Outbox{k, org, len(Published(k.t, k.Hooks, org))}
}

// Events returns the events of the outbox, in their order.
func (o *Outbox) Events() []Event {
	o.kit.t.Helper()
	return Published(o.kit.t, o.kit.Hooks, o.org)[o.before:]
}

// RequireNothing fails the test if an event was published, for instance in a transaction that was rolled back.
func (o *Outbox) RequireNothing() {
	o.kit.t.Helper()
	o.Require()
}

// Require fails the test unless exactly the events were published, in this order. Their type and data are compared.
func (o *Outbox) Require(want ...webhooks.Event) {
	o.kit.t.Helper()
	got := o.Events()
	wanted := make([]string, len(want))
	for i, w := range want {
		wanted[i] = w.Type
	}
	if types := typesOf(got); !slices.Equal(types, wanted) {
		o.kit.t.Fatalf("webhookstest: published [%s], want [%s]", strings.Join(types, " "), strings.Join(wanted, " "))
	}
	for i, w := range want {
		if d := diff("data", got[i].Data, w.Data); d != "" {
			o.kit.t.Fatalf("webhookstest: event %d, %s:\n%s", i+1, w.Type, d)
		}
	}
}

func typesOf(events []Event) []string {
	types := make([]string, len(events))
	for i, e := range events {
		types[i] = e.Type
	}
	return types
}

// RequireEvent returns the first of the events that has the type and the data, which is compared as JSON. Otherwise it
// fails the test and says how the last event of the type differs.
func RequireEvent(t TB, events []Event, eventType string, data any) Event {
	t.Helper()
	nearest := ""
	for _, e := range events {
		if e.Type != eventType {
			continue
		}
		if nearest = diff("data", e.Data, data); nearest == "" {
			return e
		}
	}
	if nearest == "" {
		t.Fatalf("webhookstest: no event %s; published: [%s]", eventType, strings.Join(typesOf(events), " "))
	}
	t.Fatalf("webhookstest: no such event %s:\n%s", eventType, nearest)
	return Event{}
}
