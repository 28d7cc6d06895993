package bunstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// walk uses the public interface with texts that a statement could take for its own.
type walk struct {
	*webhooks.Webhooks
	t   *testing.T
	s   *bunstore.Store
	org uuid.UUID
}

var difficultTexts = []string{
	`\'); CREATE TABLE injected (); --`,
	`O'Neil "quoted" \ $1 ? {} 😀`,
	`\`, `'`, `\'`, `\\'`, `é\`, `é\'`,
	`'; CREATE TABLE injected (); --`,
	`\x41 \u0041 \n \101 %s NULL`,
	`$1 $2::int ? ?0 ?name ?TableName {} {part} {now} {us}`,
	`{a,"b\"",NULL}`,
	`E'x' U&'\0041' $$x$$ /* -- */`,
}

func newWalk(t *testing.T, s *bunstore.Store) *walk {
	t.Helper()
	hooks, err := webhooks.New(s, webhooks.Config{})
	check(t, err)
	return &walk{hooks, t, s, uuid.New()}
}

// all stores each text in each field that takes one, and reads it back.
func (w *walk) all() {
	w.t.Helper()
	defer func() {
		var injected int
		check(w.t, w.s.DB().QueryRowContext(w.t.Context(), "SELECT count(*) FROM pg_class WHERE relname = 'injected'").Scan(&injected))
		if injected > 0 {
			w.t.Error("SQL in a text was run")
		}
	}()
	for i, text := range difficultTexts {
		category, event := w.catalog(fmt.Sprintf("vitals%d", i), text)
		sub := w.subscription(event, text)
		w.delivery(category, event, sub, text)
	}
	w.refusesNUL()
}

func (w *walk) same(field, got, want string) {
	w.t.Helper()
	if got != want {
		w.t.Errorf("%s: got %q, want %q", field, got, want)
	}
}

func object(text string) []byte {
	out, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		panic(err)
	}
	return out
}

func (w *walk) catalog(code, text string) (webhooks.Category, webhooks.EventType) {
	w.t.Helper()
	ctx := webhooks.WithActor(w.t.Context(), text)
	made, err := w.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: text, Code: code, Description: text})
	check(w.t, err)
	check(w.t, w.Registry.ActivateCategory(ctx, made.ID))
	c, err := w.Registry.Category(ctx, made.ID)
	check(w.t, err)
	w.same("category.Name", c.Name, text)
	w.same("category.Description", c.Description, text)
	w.same("category.CreatedBy", c.CreatedBy, text)
	w.same("category.UpdatedBy", c.UpdatedBy, text)

	schema, err := json.Marshal(map[string]string{"description": text})
	check(w.t, err)
	event, err := w.Registry.CreateEventType(ctx, c.ID, webhooks.EventTypeInput{
		Name: text, Code: code + ".created", Version: "v1",
		Description: text, Schema: schema,
	})
	check(w.t, err)
	check(w.t, w.Registry.ActivateEventType(ctx, c.ID, event.ID))
	e, err := w.Registry.EventType(ctx, c.ID, event.ID)
	check(w.t, err)
	w.same("eventType.Name", e.Name, text)
	w.same("eventType.Description", e.Description, text)
	w.same("eventType.Schema", string(e.Schema), string(schema))

	_, err = w.Registry.CreateSample(ctx, c.ID, e.ID, webhooks.SampleInput{Payload: object(text)})
	check(w.t, err)
	sample, err := w.Registry.Sample(ctx, c.ID, e.ID, "v1")
	check(w.t, err)
	w.same("sample.Payload", string(sample.Payload), string(object(text)))
	return c, e
}

func (w *walk) subscription(e webhooks.EventType, text string) webhooks.Subscription {
	w.t.Helper()
	value, err := json.Marshal(text)
	check(w.t, err)
	made, secret, err := w.Subscriptions.Create(w.t.Context(), w.org, webhooks.SubscriptionInput{
		PostURI: "https://example.com/?q='x'&y={}$1", Events: []string{e.Code}, Description: text, Ordered: true, RateLimit: 0.1,
		Headers: map[string]string{"X-Text": text},
		Filter:  webhooks.Filter{{Pointer: "/text", Op: store.OpEqual, Value: value}},
	})
	check(w.t, err)
	sub, err := w.Subscriptions.Get(w.t.Context(), w.org, made.ID)
	check(w.t, err)
	w.same("subscription.PostURI", sub.PostURI, made.PostURI)
	w.same("subscription.Description", sub.Description, text)
	w.same("subscription.Headers", sub.Headers["X-Text"], text)
	w.same("subscription.Filter", string(sub.Filter[0].Value), string(value))
	w.same("subscription.RateLimit", fmt.Sprint(sub.RateLimit), "0.1")
	w.same("subscription.CreatedAt", sub.CreatedAt.String(), made.CreatedAt.String())
	stored, err := w.Subscriptions.SecretAt(w.t.Context(), w.org, sub.ID, time.Now())
	check(w.t, err)
	w.same("secret", stored.Key, secret)
	return sub
}

func (w *walk) delivery(c webhooks.Category, e webhooks.EventType, sub webhooks.Subscription, text string) {
	w.t.Helper()
	event := webhooks.Event{Type: e.Code, Data: json.RawMessage(object(text)), IdempotencyKey: text, OrderingKey: text}
	first, err := w.Dispatcher.Publish(w.t.Context(), w.org, event)
	check(w.t, err)
	again, err := w.Dispatcher.Publish(w.t.Context(), w.org, event)
	check(w.t, err)
	if first.Deliveries != 1 || !again.Duplicate || again.ID != first.ID {
		w.t.Errorf("%q was published as %+v, and again as %+v", text, first, again)
	}
	jobs, _, err := w.s.Claim(w.t.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
	check(w.t, err)
	if len(jobs) != 1 || jobs[0].MessageID != first.ID || !strings.HasSuffix(string(jobs[0].Body), `"data":`+string(object(text))+"}") {
		w.t.Fatalf("%q: claimed %+v", text, jobs)
	}
	response := []byte(text + "\x00\xff")
	lost, err := w.s.Record(w.t.Context(), []store.Outcome{{
		Lease: jobs[0].Lease, Status: store.Failed, Error: text, Response: response, At: time.Now(), PostedAt: time.Now(),
	}})
	check(w.t, err)
	a, err := w.Subscriptions.Attempt(w.t.Context(), w.org, sub.ID, jobs[0].AttemptID)
	check(w.t, err)
	w.same("attempt.Error", a.Error, text)
	w.same("attempt.Response", string(a.Response), string(response))
	w.same("attempt.Body", string(a.Body), string(jobs[0].Body))

	posted, err := w.Dispatcher.Post(w.t.Context(), w.org, sub.ID,
		webhooks.PostInput{EventTypeID: e.ID, Data: json.RawMessage(object(text)), Source: object(text), External: true})
	check(w.t, err)
	a, err = w.Dispatcher.Report(webhooks.WithActor(w.t.Context(), text), w.org, sub.ID, posted.ID,
		webhooks.ReportInput{DeliveryID: posted.DeliveryID, Error: text, Response: response})
	check(w.t, err)
	w.same("reported Error", a.Error, text)
	w.same("reported Response", string(a.Response), string(response))
	w.same("reported Source", string(a.Source), string(object(text)))
	w.same("reported UpdatedBy", a.UpdatedBy, text)
	if len(lost) > 0 {
		w.t.Errorf("%q: the outcome was lost", text)
	}
	_, err = w.Registry.UpdateCategory(w.t.Context(), c.ID, func(_ webhooks.Category, in *webhooks.CategoryInput) error { return nil })
	check(w.t, err)
}

// refusesNUL shows that a NUL, which PostgreSQL's texts cannot hold, does not get to it.
func (w *walk) refusesNUL() {
	w.t.Helper()
	const nul = "a\x00b"
	c, e := w.catalog("nul", "NUL")
	sub := w.subscription(e, "NUL")
	_, category := w.Registry.CreateCategory(w.t.Context(), webhooks.CategoryInput{Name: "x", Code: "x", Description: nul})
	_, event := w.Registry.CreateEventType(w.t.Context(), c.ID, webhooks.EventTypeInput{Name: nul, Code: "x", Version: "v1"})
	_, _, subscription := w.Subscriptions.Create(w.t.Context(), w.org, webhooks.SubscriptionInput{Description: nul})
	_, _, header := w.Subscriptions.Create(w.t.Context(), w.org, webhooks.SubscriptionInput{Headers: map[string]string{"X-A": nul}})
	_, key := w.Dispatcher.Publish(w.t.Context(), w.org, webhooks.Event{Type: e.Code, Data: 1, IdempotencyKey: nul})
	_, order := w.Dispatcher.Publish(w.t.Context(), w.org, webhooks.Event{Type: e.Code, Data: 1, OrderingKey: nul})
	_, report := w.Dispatcher.Report(w.t.Context(), w.org, sub.ID, uuid.New(), webhooks.ReportInput{Error: nul})
	for name, err := range map[string]error{
		"category": category, "event type": event, "subscription": subscription, "header": header,
		"idempotency key": key, "ordering key": order, "report": report,
	} {
		if _, ok := errors.AsType[*webhooks.ValidationError](err); !ok {
			w.t.Errorf("%s with NUL: got %v, want a ValidationError", name, err)
		}
	}
}
