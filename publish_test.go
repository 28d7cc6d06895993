package webhooks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store/memstore"
	"github.com/ecg-api/webhooks/webhookstest"
)

func TestPublishedEventArrivesSigned(t *testing.T) {
	t.Parallel()
	kit, org := webhookstest.New(t), uuid.New()
	kit.EventType("vitals.observation.created")
	receiver := kit.Subscribe(org, "*")
	p, err := kit.Hooks.Dispatcher.Publish(t.Context(), org, event("{ \"a\" : 1.0,\"b\":9007199254740993 }"))
	check(err)
	got, signer, sub := receiver.Next(t.Context()), kit.Hooks.Signer, receiver.Subscription.ID
	want := `{"id":"` + p.ID.String() + `","type":"vitals.observation.created","version":"v1",` +
		`"timestamp":"` + kit.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z") + `","data":{"a":1.0,"b":9007199254740993}}`
	if string(got.Body) != want || p.Deliveries != 1 || receiver.Verified() != 1 {
		t.Errorf("%d of %d deliveries verified, body %s\nwant %s", receiver.Verified(), p.Deliveries, got.Body, want)
	}
	kit.WaitIdle(t)
	list, err := kit.Hooks.Subscriptions.Attempts(t.Context(), webhooks.HistoryQuery{
		OrganizationID: org, SubscriptionID: sub, Page: webhooks.Page{Take: 1},
	})
	check(err)
	hash, createdAt, err := signer.Hash(t.Context(), org, sub, list.Items[0].ID)
	check(err)
	if hash != got.Header.Get(signing.HeaderHash) {
		t.Errorf("Hash says %s, sent was %s", hash, got.Header.Get(signing.HeaderHash))
	}
	for body, want := range map[string]bool{string(got.Body): true, "{}": false} {
		ok, err := signer.ValidateHash(t.Context(), org, sub, []byte(body), hash, createdAt)
		if err != nil || ok != want {
			t.Errorf("ValidateHash of %.20s… is %v, %v, want %v", body, ok, err, want)
		}
	}
}

func TestPublishRefusesWrongEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *webhooks.Config) { c.MaxData = 100 })
	for name, c := range map[string]struct {
		event   webhooks.Event
		problem webhooks.Problem
		pointer string
	}{
		"no type":                {webhooks.Event{Data: 1}, webhooks.Invalid, "/eventType"},
		"a type with a space":    {webhooks.Event{Type: "a b", Data: 1}, webhooks.Invalid, "/eventType"},
		"an unknown type":        {webhooks.Event{Type: "nobody.knows", Data: 1}, webhooks.UnknownReference, "/eventType"},
		"an unknown version":     {webhooks.Event{Type: w.typ.Code, Version: "v9", Data: 1}, webhooks.UnknownReference, "/eventType"},
		"a version with a slash": {webhooks.Event{Type: w.typ.Code, Version: "v/1", Data: 1}, webhooks.Invalid, "/version"},
		"data that is no JSON":   {event(`{"a":}`), webhooks.Invalid, "/data/a"},
		"no data at all":         {event(``), webhooks.Invalid, "/data"},
		"a member twice":         {event(`{"a":1,"a":2}`), webhooks.Invalid, "/data"},
		"a lone surrogate":       {event(`"\ud800"`), webhooks.Invalid, "/data"},
		"broken UTF-8":           {event("\"\xff\""), webhooks.Invalid, "/data"},
		"nesting too deep":       {event(strings.Repeat("[", 45) + strings.Repeat("]", 45)), "", ""},
		"data too large":         {event(`"` + strings.Repeat("x", 100) + `"`), webhooks.Invalid, "/data"},
		"a Go value JSON cannot": {webhooks.Event{Type: w.typ.Code, Data: func() {}}, webhooks.Invalid, "/data"},
		"a key too long": {
			webhooks.Event{Type: w.typ.Code, Data: 1, IdempotencyKey: strings.Repeat("k", 256)},
			webhooks.Invalid,
			"/idempotencyKey",
		},
		"a key with a newline": {webhooks.Event{Type: w.typ.Code, Data: 1, OrderingKey: "a\nb"}, webhooks.Invalid, "/orderingKey"},
	} {
		_, err := w.Dispatcher.Publish(t.Context(), w.org, c.event)
		if c.problem == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		t.Log(name)
		wantFault(t, err, c.problem, c.pointer)
	}
}

func TestPublishNestingIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for depth, ok := range map[int]bool{64: true, 65: false} {
		_, err := w.Dispatcher.Publish(t.Context(), w.org, event(strings.Repeat("[", depth)+strings.Repeat("]", depth)))
		if (err == nil) != ok {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

func TestInactiveEventTypesTakeNoEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.Registry
	ctx := t.Context()
	for name, c := range map[string]struct{ off, on func() error }{
		"type inactive": {
			func() error { return r.DeactivateEventType(ctx, w.category.ID, w.typ.ID) },
			func() error { return r.ActivateEventType(ctx, w.category.ID, w.typ.ID) },
		},
		"type archived": {
			func() error { return r.ArchiveEventType(ctx, w.category.ID, w.typ.ID) },
			func() error { return r.RestoreEventType(ctx, w.category.ID, w.typ.ID) },
		},
		"category inactive": {
			func() error { return r.DeactivateCategory(ctx, w.category.ID) },
			func() error { return r.ActivateCategory(ctx, w.category.ID) },
		},
		"category archived": {
			func() error { return r.ArchiveCategory(ctx, w.category.ID) },
			func() error { return r.RestoreCategory(ctx, w.category.ID) },
		},
	} {
		w.publish("1")
		w.must(c.off())
		w.must(c.off()) // repeated
		_, err := w.Dispatcher.Publish(ctx, w.org, event("1"))
		t.Log(name)
		wantErr(t, err, webhooks.ErrEventInactive)
		_, _, err = w.Subscriptions.Create(ctx, w.org, webhooks.SubscriptionInput{PostURI: "https://example.com", Events: []string{w.typ.Code}})
		wantErr(t, err, webhooks.ErrEventInactive)
		w.must(c.on())
	}
	w.publish("1")
}

// An idempotency key is bound to every field of the event.
func TestIdempotencyKeyIsForOneContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v2, other := w.newType(w.typ.Code, "v2"), w.newType("vitals.other", "v1")
	first := webhooks.Event{Type: w.typ.Code, Version: "v1", Data: json.RawMessage(`{"a":1}`), OrderingKey: "o", IdempotencyKey: "k"}
	_, err := w.Dispatcher.Publish(t.Context(), w.org, first)
	w.must(err)
	for name, change := range map[string]func(*webhooks.Event){
		"Type":          func(e *webhooks.Event) { e.Type = other.Code },
		"Version":       func(e *webhooks.Event) { e.Version = v2.Version },
		"Data":          func(e *webhooks.Event) { e.Data = json.RawMessage(`{"a":2}`) },
		"OrderingKey":   func(e *webhooks.Event) { e.OrderingKey = "p" },
		"NoOrderingKey": func(e *webhooks.Event) { e.OrderingKey = "" },
	} {
		e := first
		change(&e)
		_, err := w.Dispatcher.Publish(t.Context(), w.org, e)
		if !errors.Is(err, webhooks.ErrIdempotencyMismatch) {
			t.Errorf("%s: got %v, want ErrIdempotencyMismatch", name, err)
		}
		_, err = w.Dispatcher.PublishBatch(t.Context(), uuid.New(), []webhooks.Event{first, e})
		if !errors.Is(err, webhooks.ErrIdempotencyMismatch) {
			t.Errorf("%s, in a batch: got %v, want ErrIdempotencyMismatch", name, err)
		}
	}
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.subscribe("*")
	keyed := func(key, data string) webhooks.Event {
		e := event(data)
		e.IdempotencyKey = key
		return e
	}
	first, err := w.Dispatcher.Publish(t.Context(), w.org, keyed("k", "1"))
	w.must(err)
	again, err := w.Dispatcher.Publish(t.Context(), w.org, keyed("k", " 1 "))
	w.must(err)
	if again.ID != first.ID || !again.Duplicate || again.Deliveries != 1 || first.Duplicate {
		t.Errorf("first %+v, again %+v", first, again)
	}
	_, err = w.Dispatcher.Publish(t.Context(), w.org, keyed("k", "2"))
	wantErr(t, err, webhooks.ErrIdempotencyMismatch)
	other, err := w.Dispatcher.Publish(t.Context(), uuid.New(), keyed("k", "2"))
	if err != nil || other.Duplicate {
		t.Errorf("another organization's key: %+v, %v", other, err)
	}

	batch, err := w.Dispatcher.PublishBatch(t.Context(), w.org, []webhooks.Event{
		keyed("b", "1"), event("3"), keyed("b", "1"), keyed("k", "1"), event("3"),
	})
	w.must(err)
	if batch[0].ID != batch[2].ID || batch[0].Duplicate || !batch[2].Duplicate || batch[3].ID != first.ID ||
		batch[1].ID == batch[4].ID || batch[4].Duplicate {
		t.Errorf("batch %+v", batch)
	}
	for index, events := range map[int][]webhooks.Event{
		1: {event("0"), keyed("k", "other")},
		2: {event("0"), keyed("n", "1"), keyed("n", "2")},
		3: {event("0"), event("0"), event("0"), {Type: "no.such", Data: 1}},
	} {
		_, err := w.Dispatcher.PublishBatch(t.Context(), w.org, events)
		if e, ok := errors.AsType[*webhooks.EventError](err); !ok || e.Index != index {
			t.Errorf("got %v, want an EventError at %d", err, index)
		}
	}
	p, err := w.Dispatcher.Publish(t.Context(), w.org, keyed("n", "3"))
	if err != nil || p.Duplicate {
		t.Errorf("a refused batch left its key: %+v, %v", p, err)
	}
	_, err = w.Dispatcher.PublishBatch(t.Context(), w.org, nil)
	wantFault(t, err, webhooks.Invalid, "/events")
	_, err = w.Dispatcher.PublishBatch(t.Context(), w.org, make([]webhooks.Event, 1001))
	wantFault(t, err, webhooks.Invalid, "/events")
}

func TestIdempotencyKeysAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := event("1")
		e.IdempotencyKey = "k"
		_, err := w.Dispatcher.Publish(t.Context(), w.org, e)
		w.must(err)
		for wait, duplicate := range map[time.Duration]bool{23 * time.Hour: true} {
			time.Sleep(wait)
			p, err := w.Dispatcher.Publish(t.Context(), w.org, e)
			if err != nil || p.Duplicate != duplicate {
				t.Errorf("after %v: %+v, %v", wait, p, err)
			}
		}
		time.Sleep(2 * time.Hour)
		if p, err := w.Dispatcher.Publish(t.Context(), w.org, e); err != nil || p.Duplicate {
			t.Errorf("after 25h: %+v, %v", p, err)
		}
	})
}

func TestPublishTx(t *testing.T) {
	t.Parallel()
	st := memstore.New()
	hooks, err := webhooks.New(st, webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Webhooks: hooks, t: t, org: uuid.New()}
	w.category, err = w.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	w.must(err)
	w.newType("vitals.observation.created", "v1")
	sub := w.subscribe("*")
	for commit, want := range map[bool]int{false: 0, true: 1} {
		tx, err := st.Begin(t.Context())
		w.must(err)
		before := len(w.attempts(sub))
		p, err := w.Dispatcher.PublishTx(t.Context(), tx, w.org, event("1"))
		if err != nil || p.Deliveries != 1 {
			t.Fatalf("PublishTx: %+v, %v", p, err)
		}
		if n := len(w.attempts(sub)); n != before {
			t.Errorf("%d attempts before the transaction ended", n-before)
		}
		end := tx.Rollback
		if commit {
			end = tx.Commit
		}
		w.must(end())
		if n := len(w.attempts(sub)) - before; n != want {
			t.Errorf("committed %v: %d attempts, want %d", commit, n, want)
		}
	}
	_, err = w.Dispatcher.PublishTx(t.Context(), nil, w.org, event("1"))
	if err == nil {
		t.Error("a nil transaction is accepted")
	}
	_, err = w.Dispatcher.PublishTx(t.Context(), foreignTx{}, w.org, event("1"))
	wantErr(t, err, webhooks.ErrForeignTx)
}

type foreignTx struct{}

func (foreignTx) Commit() error   { return nil }
func (foreignTx) Rollback() error { return nil }

func TestSchemaIsCheckedAtPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	schema := `{"type":"object","required":["code"],"properties":{"code":{"type":"string"},"value":{"type":"number"}}}`
	_, err := w.Registry.UpdateEventType(t.Context(), w.category.ID, w.typ.ID, func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
		in.Schema = []byte(schema)
		return nil
	})
	w.must(err)
	w.publish(`{"code":"hr","value":7}`)
	_, err = w.Dispatcher.Publish(t.Context(), w.org, event(`{"code":"hr","value":"x"}`))
	wantFault(t, err, webhooks.SchemaMismatch, "/data/value")
	_, err = w.Dispatcher.Publish(t.Context(), w.org, event(`{}`))
	wantFault(t, err, webhooks.SchemaMismatch, "/data")
	for _, bad := range []string{`{"type":"nonsense"}`, `[]`, `{"$ref":"https://example.com/s.json"}`, `{"$ref":"file:///etc/passwd"}`, `{`} {
		_, err = w.Registry.UpdateEventType(t.Context(), w.category.ID, w.typ.ID, func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
			in.Schema = []byte(bad)
			return nil
		})
		wantFault(t, err, webhooks.Invalid, "/schema")
	}
}
