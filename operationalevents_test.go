package webhooks_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
)

// operational is a world with operational events, and a sender whose answer depends on the endpoint.
type operational struct {
	*world
	mu     sync.Mutex
	answer map[string]int // by URL; 200 by default
	told   map[string][]toldOf
}

// toldOf is an operational event as an endpoint got it.
type toldOf struct {
	Type string
	Data struct {
		OrganizationID, SubscriptionID, EventID, RecoveryID uuid.UUID
		State, Reason, EventType, Class                     string
		Failures, Attempts, Matched, Queued, HTTPStatus     int
		Since, NextProbeAt                                  time.Time
	}
	data json.RawMessage
}

func newOperational(t *testing.T, change ...func(*webhooks.Config)) *operational {
	t.Helper()
	o := &operational{answer: map[string]int{}, told: map[string][]toldOf{}}
	change = append([]func(*webhooks.Config){func(c *webhooks.Config) { c.Sender, c.OperationalEvents.Enabled = o, true }}, change...)
	o.world = newWorld(t, change...)
	return o
}

// Post implements [webhooks.Sender].
func (o *operational) Post(_ context.Context, r guard.Request) guard.Result {
	o.mu.Lock()
	defer o.mu.Unlock()
	url := r.URL.String()
	status := o.answer[url]
	if status != 0 {
		return guard.Result{Status: status}
	}
	var told toldOf
	var raw struct{ Data json.RawMessage }
	if json.Unmarshal(r.Body, &told) == nil && strings.HasPrefix(told.Type, "webhooks.") && json.Unmarshal(r.Body, &raw) == nil {
		told.data = raw.Data
		o.told[url] = append(o.told[url], told)
	}
	return guard.Result{Status: http.StatusOK}
}

func (o *operational) setAnswer(url string, status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer[url] = status
}

// news returns the operational events that an endpoint took so far, except for those of the given types.
func (o *operational) news(url string, except ...string) []toldOf {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.told[url]), func(n toldOf) bool { return slices.Contains(except, n.Type) })
}

// wantNews checks the types of the operational events that an endpoint took.
func (o *operational) wantNews(url string, want ...string) []toldOf {
	o.t.Helper()
	got := o.news(url)
	types := make([]string, len(got))
	for i, n := range got {
		types[i] = strings.TrimPrefix(n.Type, "webhooks.")
	}
	if !slices.Equal(types, want) {
		o.t.Fatalf("%s was told of %v, want %v", url, types, want)
	}
	return got
}

// listen adds a subscription of an organization.
func (o *operational) listen(org uuid.UUID, url string, events ...string) webhooks.Subscription {
	o.t.Helper()
	s, _, err := o.Subscriptions.Create(context.Background(), org, webhooks.SubscriptionInput{PostURI: url, Events: events})
	o.must(err)
	return s
}

const (
	brokenURL   = "https://example.com/broken"
	alertURL    = "https://example.com/alert"
	operatorURL = "https://example.com/operator"
)

func minutely(n int) func(*webhooks.Config) {
	return func(c *webhooks.Config) { c.RetrySchedule = slices.Repeat([]time.Duration{time.Minute}, n) }
}

func TestOwnersAreToldOfEachStageOfAnEndpointOnceOverAllHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(30))
		second, err := webhooks.New(o.store, webhooks.Config{
			Sender: o, OperationalEvents: webhooks.OperationalEvents{Enabled: true}, RetrySchedule: slices.Repeat([]time.Duration{time.Minute}, 30),
		})
		o.must(err)
		o.must(o.Dispatcher.Start(t.Context()))
		o.must(second.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "vitals.*")
		o.listen(o.org, alertURL, "webhooks.*")
		o.listen(uuid.New(), operatorURL, "*") // of another organization
		o.setAnswer(brokenURL, http.StatusServiceUnavailable)
		for range 3 {
			o.publish("1")
			_, err := second.Dispatcher.Publish(t.Context(), o.org, event("2"))
			o.must(err)
			pass(time.Second)
		}
		pass(20 * time.Second)
		failing := o.wantNews(alertURL, "endpoint.failing")[0].Data
		if failing.OrganizationID != o.org || failing.SubscriptionID != sub.ID || failing.State != "enabled" || failing.Failures != 3 ||
			failing.HTTPStatus != 503 || failing.Class != "http_5xx" || failing.Since.IsZero() {
			t.Errorf("told %+v", failing)
		}
		pass(10 * time.Minute)
		opened := o.wantNews(alertURL, "endpoint.failing", "endpoint.circuit_opened")[1].Data
		if opened.State != "failing" || opened.Failures != 10 || opened.NextProbeAt.IsZero() || !opened.Since.Equal(failing.Since) {
			t.Errorf("told %+v", opened)
		}
		o.setAnswer(brokenURL, 0)
		pass(time.Hour)
		recovered := o.wantNews(alertURL, "endpoint.failing", "endpoint.circuit_opened", "endpoint.recovered")[2].Data
		if recovered.State != "enabled" || recovered.Failures < 10 || !recovered.Since.Equal(failing.Since) {
			t.Errorf("told %+v", recovered)
		}
		o.wantNews(operatorURL)
		o.must(o.Dispatcher.Stop(t.Context()))
		o.must(second.Dispatcher.Stop(t.Context()))
	})
}

func TestOwnersAreToldOfDeliveriesThatFailForGoodAndOfDeactivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(1))
		o.must(o.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "vitals.*")
		o.listen(o.org, alertURL, "webhooks.*")
		o.setAnswer(brokenURL, http.StatusBadRequest)
		published := o.publish("1")
		pass(5 * time.Minute)
		exhausted := o.wantNews(alertURL, "message.exhausted")[0].Data
		if exhausted.EventID != published.ID || exhausted.EventType != o.typ.Code || exhausted.SubscriptionID != sub.ID ||
			exhausted.Attempts != 2 || exhausted.HTTPStatus != 400 || exhausted.Reason == "" {
			t.Errorf("told %+v", exhausted)
		}
		_, err := o.Dispatcher.Retry(t.Context(), o.org, sub.ID, o.attempts(sub)[1].ID)
		o.must(err)
		_, err = o.Dispatcher.Test(t.Context(), o.org, sub.ID, "", "")
		o.must(err)
		pass(5 * time.Minute)
		o.setAnswer(brokenURL, http.StatusGone)
		o.publish("2")
		pass(5 * time.Minute)
		off := o.news(alertURL, "webhooks.message.exhausted", "webhooks.endpoint.failing")
		if len(off) != 1 || off[0].Type != "webhooks.endpoint.deactivated" || off[0].Data.State != "disabled" ||
			off[0].Data.Reason != "the endpoint answered 410 Gone" || off[0].Data.Since.IsZero() {
			t.Errorf("told %+v", off)
		}
		if n := len(o.news(alertURL, "webhooks.endpoint.failing", "webhooks.endpoint.deactivated")); n != 3 {
			t.Errorf("told of %d failed deliveries, want 3: two events and the test, and not the manual retry", n)
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

func TestOwnersAreToldOfTheEndOfARecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(1))
		o.must(o.Dispatcher.Start(t.Context()))
		start := time.Now()
		sub := o.listen(o.org, brokenURL, "vitals.*")
		o.setAnswer(brokenURL, http.StatusBadRequest)
		for range 5 {
			o.publish("1")
		}
		pass(5 * time.Minute)
		o.listen(o.org, alertURL, "webhooks.recover.*")
		o.setAnswer(brokenURL, 0)
		in := webhooks.RecoveryInput{Since: start, Scope: webhooks.RecoverFailed, RatePerSecond: 1}
		stopped, err := o.Dispatcher.Recover(t.Context(), o.org, sub.ID, in)
		o.must(err)
		o.must(o.Dispatcher.StopRecovery(t.Context(), o.org, sub.ID, stopped.ID))
		o.must(o.Dispatcher.StopRecovery(t.Context(), o.org, sub.ID, stopped.ID))
		pass(time.Minute)
		done, err := o.Dispatcher.Recover(t.Context(), o.org, sub.ID, in)
		o.must(err)
		pass(time.Minute)
		told := o.wantNews(alertURL, "recover.finished", "recover.finished")
		first, second := told[0].Data, told[1].Data
		if first.RecoveryID != stopped.ID || first.State != "stopped" || first.Matched != 5 {
			t.Errorf("told %+v", first)
		}
		if second.RecoveryID != done.ID || second.State != "done" || second.Matched != done.Matched || second.Queued != done.Matched {
			t.Errorf("told %+v", second)
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

// All endpoints fail, also those that are told: the events about the one customer event end, however long it goes on.
func TestOperationalEventsMakeNoOperationalEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		operator := uuid.New()
		o := newOperational(t, minutely(4), func(c *webhooks.Config) { c.OperationalEvents.Operator = operator })
		o.must(o.Dispatcher.Start(t.Context()))
		silent := o.listen(o.org, alertURL, "webhooks.*")
		all := o.listen(o.org, brokenURL, "*")
		o.listen(operator, operatorURL, "*")
		for _, url := range []string{alertURL, brokenURL, operatorURL} {
			o.setAnswer(url, http.StatusInternalServerError)
		}
		o.publish("1")
		pass(48 * time.Hour)
		for _, org := range []uuid.UUID{o.org, operator} {
			list, err := o.Dispatcher.Messages(t.Context(), org, webhooks.Page{Take: 100})
			o.must(err)
			about := map[string]int{}
			for _, m := range list.Items {
				about[m.Type]++
			}
			for _, code := range []string{"webhooks.endpoint.failing", "webhooks.message.exhausted"} {
				if about[code] != 1 {
					t.Errorf("%d events %s, want 1", about[code], code)
				}
			}
			if n := about["webhooks.endpoint.circuit_opened"]; n > 1 || list.Total > 4 {
				t.Errorf("%d events in all: %v", list.Total, about)
			}
		}
		for i, url := range []string{alertURL, operatorURL} { // an endpoint that is back tells of nothing either
			o.setAnswer(url, 0)
			pass(5 * time.Hour)
			for _, n := range o.news(url) {
				if n.Data.SubscriptionID != all.ID {
					t.Errorf("endpoint %d: told of %s about %s; the silent one is %s", i, n.Type, n.Data.SubscriptionID, silent.ID)
				}
			}
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

func TestOperatorGetsACopyOfTheEventsAboutAllOrganizations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		operator, other := uuid.New(), uuid.New()
		o := newOperational(t, minutely(1), func(c *webhooks.Config) { c.OperationalEvents.Operator = operator })
		o.must(o.Dispatcher.Start(t.Context()))
		o.listen(o.org, alertURL, "webhooks.*")
		o.listen(operator, operatorURL, "webhooks.*")
		o.setAnswer(brokenURL, http.StatusBadRequest)
		for _, org := range []uuid.UUID{o.org, other, operator} {
			o.listen(org, brokenURL, "vitals.*")
			_, err := o.Dispatcher.Publish(t.Context(), org, event("1"))
			o.must(err)
			pass(5 * time.Minute)
		}
		o.wantNews(alertURL, "message.exhausted")
		for i, n := range o.wantNews(operatorURL, "message.exhausted", "message.exhausted", "message.exhausted") {
			if want := []uuid.UUID{o.org, other, operator}[i]; n.Data.OrganizationID != want {
				t.Errorf("copy %d is about %s, want %s", i, n.Data.OrganizationID, want)
			}
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

func TestOperationalEventsAreOffByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(1), func(c *webhooks.Config) { c.OperationalEvents.Enabled = false })
		o.must(o.Dispatcher.Start(t.Context()))
		o.listen(o.org, brokenURL, "*")
		o.setAnswer(brokenURL, http.StatusGone)
		o.publish("1")
		pass(time.Hour)
		list, err := o.Dispatcher.Messages(t.Context(), o.org, webhooks.Page{Take: 10})
		if err != nil || list.Total != 1 {
			t.Errorf("%d events, want the published one, %v", list.Total, err)
		}
		categories, err := o.Registry.Categories(t.Context(), webhooks.IncludeArchived, webhooks.Page{Take: 10})
		if err != nil || categories.Total != 1 {
			t.Errorf("%d categories, want that of the test, %v", categories.Total, err)
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

func TestOperationalEventsMatchTheirSchemas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOperational(t, minutely(20))
		o.must(o.Dispatcher.Start(t.Context()))
		sub := o.listen(o.org, brokenURL, "vitals.*")
		o.listen(o.org, alertURL, "webhooks.*")
		o.setAnswer(brokenURL, http.StatusBadRequest)
		o.publish("1")
		pass(24 * time.Hour)
		o.setAnswer(brokenURL, 0)
		pass(24 * time.Hour)
		in := webhooks.RecoveryInput{Since: time.Now().Add(-time.Hour), Scope: webhooks.RecoverAll}
		_, err := o.Dispatcher.Recover(t.Context(), o.org, sub.ID, in)
		o.must(err)
		o.setAnswer(brokenURL, http.StatusGone)
		o.publish("2")
		pass(time.Hour)
		seen := map[string]bool{}
		for _, n := range o.news(alertURL) {
			seen[n.Type] = true
			builtIn, err := o.store.EventTypeByCode(t.Context(), nil, n.Type, "v1")
			o.must(err)
			like, err := o.Registry.CreateEventType(t.Context(), o.category.ID, webhooks.EventTypeInput{
				Name: "like", Code: "like." + n.Type, Version: "v1", Schema: builtIn.Schema,
			})
			if errors.Is(err, webhooks.ErrCodeTaken) {
				continue
			}
			o.must(err)
			if _, err := o.Registry.CreateSample(t.Context(), o.category.ID, like.ID, webhooks.SampleInput{Payload: n.data}); err != nil {
				t.Errorf("%s: %s: %v", n.Type, n.data, err)
			}
		}
		if len(seen) != 6 {
			t.Errorf("told of %v, want 6 types", seen)
		}
		o.must(o.Dispatcher.Stop(t.Context()))
	})
}

// builtIn starts a dispatcher, which adds the built-in event types.
func builtIn(t *testing.T) (w *world, category webhooks.Category, typ webhooks.EventType) {
	t.Helper()
	w = newWorld(t, func(c *webhooks.Config) { c.OperationalEvents.Enabled = true })
	for range 2 {
		w.must(w.Dispatcher.Start(t.Context()))
		w.must(w.Dispatcher.Stop(context.Background()))
	}
	typ, err := w.store.EventTypeByCode(t.Context(), nil, "webhooks.endpoint.failing", "v1")
	w.must(err)
	category, err = w.Registry.Category(t.Context(), typ.CategoryID)
	w.must(err)
	return w, category, typ
}

func TestBuiltInEventTypesAreListedWithSamples(t *testing.T) {
	t.Parallel()
	w, category, _ := builtIn(t)
	types, err := w.Registry.EventTypes(t.Context(), category.ID, webhooks.ExcludeArchived, webhooks.Page{Take: 100})
	if err != nil || category.Code != "webhooks" || len(types.Items) != 6 {
		t.Fatalf("category %q has %d event types, %v", category.Code, len(types.Items), err)
	}
	for _, e := range types.Items {
		if _, err := w.Registry.Sample(t.Context(), category.ID, e.ID, "v1"); err != nil || e.Schema == nil {
			t.Errorf("%s: %v", e.Code, err)
		}
	}
	entries, err := w.AuditTrail(t.Context(), webhooks.AuditQuery{Page: webhooks.Page{Take: 100}})
	w.must(err)
	if last := entries.Items[len(entries.Items)-1]; last.Actor != "webhooks" || last.Action != "seed.applied" || len(entries.Items) != 3 {
		t.Errorf("the audit trail has %v", entries.Items)
	}
}

func TestBuiltInEventTypesRefuseChanges(t *testing.T) {
	t.Parallel()
	w, category, typ := builtIn(t)
	r, ctx := w.Registry, t.Context()
	input := webhooks.EventTypeInput{Name: "a", Code: "webhooks.mine", Version: "v1"}
	for name, call := range map[string]func() error{
		"UpdateCategory": func() error {
			return second(r.UpdateCategory(ctx, category.ID, func(webhooks.Category, *webhooks.CategoryInput) error { return nil }))
		},
		"DeleteCategory":     func() error { return r.DeleteCategory(ctx, category.ID, nil) },
		"ArchiveCategory":    func() error { return r.ArchiveCategory(ctx, category.ID) },
		"DeactivateCategory": func() error { return r.DeactivateCategory(ctx, category.ID) },
		"CreateEventType":    func() error { return second(r.CreateEventType(ctx, category.ID, input)) },
		"UpdateEventType": func() error {
			return second(r.UpdateEventType(ctx, category.ID, typ.ID, func(webhooks.EventType, *webhooks.EventTypeInput) error { return nil }))
		},
		"DeleteEventType":     func() error { return r.DeleteEventType(ctx, category.ID, typ.ID, nil) },
		"DeactivateEventType": func() error { return r.DeactivateEventType(ctx, category.ID, typ.ID) },
		"CreateSample": func() error {
			return second(r.CreateSample(ctx, category.ID, typ.ID, webhooks.SampleInput{Payload: []byte(`{}`)}))
		},
		"DeleteSample": func() error { return r.DeleteSample(ctx, category.ID, typ.ID, "v1", nil) },
	} {
		if err := call(); !errors.Is(err, webhooks.ErrBuiltIn) || !errors.Is(err, webhooks.ErrConflict) {
			t.Errorf("%s: got %v, want ErrBuiltIn", name, err)
		}
	}
	_, err := r.Seed(ctx, fstest.MapFS{"a.json": {Data: []byte(
		`{"version":"1","categories":[{"name":"Mine","code":"webhooks","events":[]}]}`,
	)}})
	wantFault(t, err, webhooks.Invalid, "/categories/0/code")
	_, err = r.Seed(ctx, fstest.MapFS{"a.json": {Data: []byte(
		`{"version":"1","categories":[{"name":"Mine","code":"mine","events":[{"name":"a","code":"webhooks.endpoint.failing","version":"v1"}]}]}`,
	)}})
	wantFault(t, err, webhooks.Invalid, "/categories")
}

func second[T any](_ T, err error) error { return err }

func TestBuiltInEventTypesAreNotPublishedByCallers(t *testing.T) {
	t.Parallel()
	w, _, typ := builtIn(t)
	_, err := w.Dispatcher.Publish(t.Context(), w.org, webhooks.Event{Type: typ.Code, Data: json.RawMessage(`{}`)})
	wantFault(t, err, webhooks.Invalid, "/eventType")
	sub := w.subscribe("webhooks.*")
	_, err = w.Dispatcher.Post(t.Context(), w.org, sub.ID, webhooks.PostInput{EventTypeID: typ.ID, Data: json.RawMessage(`{}`)})
	wantFault(t, err, webhooks.Invalid, "/eventType")
	_, err = w.Dispatcher.Test(t.Context(), w.org, sub.ID, typ.Code, "")
	w.must(err)
}

func TestStartRefusesACatalogWithItsOwnOperationalTypes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"webhooks", "mine"} {
		w := newWorld(t, func(c *webhooks.Config) { c.OperationalEvents.Enabled = true })
		category, err := w.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "Mine", Code: code, Description: "of my own"})
		w.must(err)
		if code == "mine" {
			w.category = category
			w.newType("webhooks.recover.finished", "v1")
		}
		err = w.Dispatcher.Start(t.Context())
		wantErr(t, err, webhooks.ErrCodeTaken)
		if err == nil || !strings.Contains(err.Error(), "Config.OperationalEvents") {
			t.Errorf("%v does not name the setting", err)
		}
		if now, err := w.Registry.Category(t.Context(), category.ID); err != nil || now.Description != "of my own" {
			t.Errorf("the category is %+v, %v", now, err)
		}
	}
}
