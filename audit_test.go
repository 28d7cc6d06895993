package webhooks_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// audited are the methods of a store whose changes the trail keeps; of UpdateHealth only the circuit that a caller closes.
var audited = strings.Fields(`CreateCategory UpdateCategory DeleteCategory CreateEventType UpdateEventType DeleteEventType
	CreateSample UpdateSample DeleteSample ApplySeed CreateSubscription UpdateSubscription DeleteSubscription AddSecret
	ReplaceKeys ReplaceHeaders AddAttempt Report CreateRecovery StopRecovery CreateErasure ExpungeMessage AddAuditEntry
	UpdateHealth`)

// unaudited are all other methods: reads, publishes, and the work of dispatchers.
var unaudited = strings.Fields(`Abilities AuditEntries Attempt Attempts Categories Category Chain CountRecoverable Deliveries Delivery
	Durable Durations Erasure EventType EventTypeByCode EventTypes HistoricEventTypes Message MessageDeliveries MessageTally Messages Ping
	RecentDeliveries Recovery Sample
	Samples SecretAt Secrets SecretsExcept SeedVersions Subscribers Subscription SubscriptionHeaders Subscriptions Targets
	Publish Claim Record Defer Release Prune PruneAudit AdvanceRecovery AdvanceErasure UseOnce Used PruneUsed`)

// A new method of a store is in one of the lists.
func TestEveryMethodOfAStoreIsAuditedOrNot(t *testing.T) {
	t.Parallel()
	known := append(slices.Clone(audited), unaudited...)
	of := reflect.TypeFor[store.Store]()
	for i := range of.NumMethod() {
		name := of.Method(i).Name
		at := slices.Index(known, name)
		if at < 0 {
			t.Errorf("store.Store has the method %s: let auditedStore audit it, and say so here", name)
			continue
		}
		known = slices.Delete(known, at, at+1)
	}
	if len(known) > 0 {
		t.Errorf("store.Store has no %v", known)
	}
}

// entries are the entries of the trail, oldest first.
func (w *world) entries() []webhooks.AuditEntry {
	w.t.Helper()
	list, err := w.AuditTrail(context.Background(), webhooks.AuditQuery{Page: webhooks.Page{Take: 1000}})
	w.must(err)
	return list.Items
}

// change is a call that changes something, with the action of its entry.
type change struct {
	action  store.AuditAction
	changes string // the names, with blanks between them
	call    func(ctx context.Context) error
}

// no drops a result.
func no[T any](_ T, err error) error { return err }

// changes are calls of every method that changes something, in an order in which they work.
func (w *world) changes() []change {
	r, s, d := w.Registry, w.Subscriptions, w.Dispatcher
	var category, typ, sub, failed, external, recovery uuid.UUID
	newSecret := "a-secret-of-our-own"
	in := webhooks.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"*"}, Headers: map[string]string{"X-Key": "top secret"},
	}
	return []change{
		{store.ActionCategoryCreated, "name code", func(ctx context.Context) error {
			c, err := r.CreateCategory(ctx, webhooks.CategoryInput{Name: "Labs", Code: "labs"})
			category = c.ID
			return err
		}},
		{store.ActionCategoryUpdated, "name description", func(ctx context.Context) error {
			return no(r.UpdateCategory(ctx, category, func(_ webhooks.Category, in *webhooks.CategoryInput) error {
				in.Name, in.Description = "Laboratory", "Results"
				return nil
			}))
		}},
		{store.ActionCategoryDeactivated, "active", func(ctx context.Context) error { return r.DeactivateCategory(ctx, category) }},
		{store.ActionCategoryActivated, "active", func(ctx context.Context) error { return r.ActivateCategory(ctx, category) }},
		{store.ActionCategoryArchived, "archived", func(ctx context.Context) error { return r.ArchiveCategory(ctx, category) }},
		{store.ActionCategoryRestored, "archived", func(ctx context.Context) error { return r.RestoreCategory(ctx, category) }},
		{store.ActionEventTypeCreated, "name code version schema", func(ctx context.Context) error {
			in := webhooks.EventTypeInput{Name: "Result", Code: "labs.result", Version: "v1", Schema: []byte(`{}`)}
			e, err := r.CreateEventType(ctx, category, in)
			typ = e.ID
			return err
		}},
		{store.ActionEventTypeUpdated, "schema", func(ctx context.Context) error {
			return no(r.UpdateEventType(ctx, category, typ, func(_ webhooks.EventType, in *webhooks.EventTypeInput) error {
				in.Schema = nil
				return nil
			}))
		}},
		{store.ActionEventTypeDeactivated, "active", func(ctx context.Context) error { return r.DeactivateEventType(ctx, category, typ) }},
		{store.ActionEventTypeActivated, "active", func(ctx context.Context) error { return r.ActivateEventType(ctx, category, typ) }},
		{store.ActionEventTypeArchived, "archived", func(ctx context.Context) error { return r.ArchiveEventType(ctx, category, typ) }},
		{store.ActionEventTypeRestored, "archived", func(ctx context.Context) error { return r.RestoreEventType(ctx, category, typ) }},
		{store.ActionSampleCreated, "payload version", func(ctx context.Context) error {
			return no(r.CreateSample(ctx, category, typ, webhooks.SampleInput{Payload: []byte(`{"n": 1}`)}))
		}},
		{store.ActionSampleUpdated, "payload", func(ctx context.Context) error {
			return no(r.UpdateSample(ctx, category, typ, "v1", func(_ webhooks.Sample, in *webhooks.SampleInput) error {
				in.Payload = []byte(`{"n": 2}`)
				return nil
			}))
		}},
		{store.ActionSeedApplied, "", func(ctx context.Context) error {
			return no(r.Seed(ctx, fstest.MapFS{"a.json": {Data: []byte(`{"version": "2026-01", "categories": []}`)}}))
		}},
		{store.ActionSubscriptionCreated, "postUri events version headers", func(ctx context.Context) error {
			created, _, err := s.Create(ctx, w.org, in)
			sub = created.ID
			return err
		}},
		{store.ActionSubscriptionUpdated, "postUri headers", func(ctx context.Context) error {
			return no(s.Update(ctx, w.org, sub, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
				in.PostURI, in.Headers = "https://example.com/other", map[string]string{"X-Key": "another secret"}
				return nil
			}))
		}},
		{store.ActionSubscriptionUpdated, "events", func(ctx context.Context) error {
			return no(s.Update(ctx, w.org, sub, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
				in.Events = append(in.Events, w.typ.ID.String())
				return nil
			}))
		}},
		{store.ActionSubscriptionUpdated, "events", func(ctx context.Context) error { return s.RemoveEvent(ctx, w.org, sub, w.typ.ID, nil) }},
		{store.ActionSubscriptionDeactivated, "active", func(ctx context.Context) error { return s.Deactivate(ctx, w.org, sub) }},
		{store.ActionSubscriptionActivated, "active", func(ctx context.Context) error { return s.Activate(ctx, w.org, sub) }},
		{store.ActionSubscriptionSecretChanged, "secretKey", func(ctx context.Context) error { return no(s.RotateSecret(ctx, w.org, sub, nil)) }},
		{store.ActionSubscriptionSecretChanged, "secretKey", func(ctx context.Context) error {
			return no(s.SetSecret(ctx, w.org, sub, newSecret))
		}},
		{store.ActionActivityCreated, "", func(ctx context.Context) error {
			a, err := d.Post(ctx, w.org, sub, webhooks.PostInput{Type: "labs.result", Data: 1, External: true})
			external = a.ID
			return err
		}},
		{store.ActionActivityReported, "", func(ctx context.Context) error {
			failed = external
			return no(d.Report(ctx, w.org, sub, external, webhooks.ReportInput{DeliveryID: external, Error: "refused"}))
		}},
		{store.ActionActivityRetried, "", func(ctx context.Context) error { return no(d.Retry(ctx, w.org, sub, failed)) }},
		{store.ActionActivityTested, "", func(ctx context.Context) error { return no(d.Test(ctx, w.org, sub, "labs.result", "")) }},
		{store.ActionRecoveryCreated, "", func(ctx context.Context) error {
			job, err := d.Recover(ctx, w.org, sub, webhooks.RecoveryInput{Since: time.Now().Add(-time.Hour), Scope: webhooks.RecoverAll})
			recovery = job.ID
			return err
		}},
		{store.ActionRecoveryStopped, "", func(ctx context.Context) error { return d.StopRecovery(ctx, w.org, sub, recovery) }},
		{store.ActionEventPayloadRemoved, "", func(ctx context.Context) error {
			p, err := d.Publish(ctx, w.org, event("1"))
			return errors.Join(err, d.Expunge(ctx, w.org, p.ID))
		}},
		{store.ActionSubscriptionArchived, "archived", func(ctx context.Context) error { return s.Archive(ctx, w.org, sub) }},
		{store.ActionSubscriptionRestored, "archived", func(ctx context.Context) error { return s.Restore(ctx, w.org, sub) }},
		{store.ActionSubscriptionDeleted, "", func(ctx context.Context) error { return s.Delete(ctx, w.org, sub, nil) }},
		{store.ActionSampleDeleted, "", func(ctx context.Context) error { return r.DeleteSample(ctx, category, typ, "v1", nil) }},
		{store.ActionEventTypeDeleted, "", func(ctx context.Context) error { return r.DeleteEventType(ctx, category, typ, nil) }},
		{store.ActionCategoryDeleted, "", func(ctx context.Context) error { return r.DeleteCategory(ctx, category, nil) }},
		{store.ActionPortalLinkCreated, "", func(ctx context.Context) error { return w.RecordPortalLink(ctx, uuid.New(), w.org) }},
		{store.ActionOrganizationErased, "", func(ctx context.Context) error { return no(w.Erase(ctx, w.org)) }},
	}
}

// openCircuitOf opens the circuit of a subscription.
func (w *world) openCircuitOf(sub uuid.UUID) {
	w.t.Helper()
	w.must(w.store.UpdateHealth(context.Background(), []uuid.UUID{sub}, func(_ uuid.UUID, h *store.Health) {
		*h = store.Health{Failures: 10, Since: time.Now(), ProbeAt: time.Now().Add(time.Hour)}
	}))
}

func TestActivateMakesOneEntryAlsoWhereItClosesACircuit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe("*")
	ctx := webhooks.WithActor(t.Context(), "dora")
	activate := func() error { return w.Subscriptions.Activate(ctx, w.org, sub.ID) }
	for _, c := range []struct {
		rule, want string
		before     func()
	}{
		{"NothingToDo", "", func() {}},
		{"CircuitOnly", "subscription.activated [circuit] dora", func() { w.openCircuitOf(sub.ID) }},
		{"Again", "", func() {}},
		{"StateOnly", "subscription.activated [active] dora", func() { w.must(w.Subscriptions.Deactivate(ctx, w.org, sub.ID)) }},
		{"Both", "subscription.activated [active] dora", func() {
			w.openCircuitOf(sub.ID)
			w.must(w.Subscriptions.Deactivate(ctx, w.org, sub.ID))
		}},
	} {
		c.before()
		before := len(w.entries())
		w.must(activate())
		got := ""
		for _, e := range w.entries()[before:] {
			got += fmt.Sprint(e.Action, " ", e.Changes, " ", e.Actor)
		}
		if got != c.want {
			t.Errorf("%s: the entries are %q, want %q", c.rule, got, c.want)
		}
	}
}

// idName is the name that the id of a resource has in all lines of the log.
func idName(r store.AuditResource) string {
	names := map[store.AuditResource]string{
		"subscription": "subscriptionId", "activity": "attemptId", "recovery": "recoveryId", "event": "messageId",
		"organization": "organizationId",
	}
	return cmp.Or(names[r], "resourceId")
}

// The line names the record as all lines do, each fact once, and nothing that is empty.
func TestEveryChangeMakesAnEntryAndALogLine(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := newWorld(t, func(c *webhooks.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	ctx := webhooks.WithRequestID(webhooks.WithActor(t.Context(), "dora"), "request-7")
	seen := map[store.AuditAction]bool{store.ActionKeysRotated: true} // TestRotationMakesAnEntry
	for _, c := range w.changes() {
		before := len(w.entries())
		log.Reset()
		if err := c.call(ctx); err != nil {
			t.Fatalf("%s: %v", c.action, err)
		}
		added := w.entries()[before:]
		if len(added) != 1 {
			t.Fatalf("%s made %d entries: %+v", c.action, len(added), added)
		}
		e := added[0]
		if e.Action != c.action || e.Actor != "dora" || e.RequestID != "request-7" || strings.Join(e.Changes, " ") != c.changes ||
			e.ResourceID == "" || !strings.HasPrefix(string(c.action), string(e.Resource)+".") || time.Since(e.At) > time.Minute {
			t.Errorf("%s of %q made %+v", c.action, c.changes, e)
		}
		owned := slices.Contains(strings.Fields("subscription activity recovery event organization portal_link"), string(e.Resource))
		if owned != (e.OrganizationID == w.org) {
			t.Errorf("%s names the organization %v", c.action, e.OrganizationID)
		}
		if line := log.String(); strings.Count(line, "webhooks: audit") != 1 || !strings.Contains(line, "level=INFO") ||
			!strings.Contains(line, string(c.action)) || !strings.Contains(line, "actor=dora") || !strings.Contains(line, "requestId=request-7") ||
			strings.Count(line, " "+idName(e.Resource)+"="+e.ResourceID) != 1 || strings.Contains(line, "changes=[]") ||
			strings.Contains(line, `=""`) || owned != strings.Contains(line, "organizationId="+w.org.String()) {
			t.Errorf("%s logs %q", c.action, line)
		}
		for _, value := range []string{"top secret", "another secret", "example.com", "a-secret-of-our-own", "Laboratory"} {
			if strings.Contains(log.String(), value) {
				t.Errorf("%s logs a value: %s", c.action, log.String())
			}
		}
		seen[c.action] = true
	}
	for _, action := range store.AuditActions() {
		if !seen[action] {
			t.Errorf("no call has the action %s", action)
		}
	}
	if len(seen) != len(store.AuditActions()) {
		t.Errorf("AuditActions lacks some of %v", slices.Sorted(maps.Keys(seen)))
	}
}

func TestCallThatChangesNothingMakesNoEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe("*")
	before := len(w.entries())
	ctx := t.Context()
	w.must(w.Subscriptions.Activate(ctx, w.org, sub.ID))
	w.must(w.Registry.ActivateCategory(ctx, w.category.ID))
	_, err := w.Subscriptions.Update(ctx, w.org, sub.ID, func(webhooks.Subscription, *webhooks.SubscriptionInput) error { return nil })
	w.must(err)
	_, err = w.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	wantErr(t, err, webhooks.ErrCodeTaken)
	w.publish("1")
	if added := w.entries()[before:]; len(added) > 0 {
		t.Errorf("there are %+v", added)
	}
}

func TestDispatcherIsTheActorOfItsOwnChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		sub := w.subscribe("*")
		w.answer(410)
		w.must(w.Dispatcher.Start(t.Context()))
		pollOnce()
		w.publish("1")
		pass(time.Second)
		w.must(w.Dispatcher.Stop(t.Context()))
		all := w.entries()
		e := all[len(all)-1]
		if e.Action != store.ActionSubscriptionDeactivated || e.Actor != "webhooks" || e.ResourceID != sub.ID.String() ||
			e.OrganizationID != w.org {
			t.Errorf("the entry is %+v", e)
		}
	})
}

func TestRotationMakesAnEntry(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	k.subscribe(k.open(key(1)))
	w := k.open(key(2), key(1))
	if _, err := w.Keys().Rotate(webhooks.WithActor(t.Context(), "dora")); err != nil {
		t.Fatal(err)
	}
	list, err := w.AuditTrail(t.Context(), webhooks.AuditQuery{Resource: store.AuditKeys, Page: webhooks.Page{Take: 9}})
	if err != nil || len(list.Items) != 1 || list.Items[0].Action != store.ActionKeysRotated || list.Items[0].Actor != "dora" {
		t.Errorf("the entries are %+v, %v", list.Items, err)
	}
}

// An entry is part of the change: where the store refuses the change, there is neither.
func TestFailedChangeIsNotLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	st := &refusing{Store: memstore.New()}
	w, err := webhooks.New(st, webhooks.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Registry.CreateCategory(t.Context(), webhooks.CategoryInput{Name: "Vitals", Code: "vitals"})
	if !errors.Is(err, store.ErrUnavailable) || strings.Contains(log.String(), "audit") {
		t.Errorf("%v, logged %q", err, log.String())
	}
}

// refusing is a store whose transaction fails after the entry was asked for.
type refusing struct{ store.Store }

func (*refusing) CreateCategory(ctx context.Context, _ store.Category) error {
	store.AuditOf(ctx)
	return store.ErrUnavailable
}
