package client_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// Every operation is called over HTTP against the real handler, with every parameter of the query
// and every member of the bodies that the document has.
func TestEveryOperationAgainstTheHost(t *testing.T) {
	t.Parallel()
	t.Run("UUID", func(t *testing.T) {
		t.Parallel()
		callEveryOperation(newHost(t))
	})
	for rule, name := range map[string]string{
		"Slug": "acme", "Slash": "north/south", "Space": "two words", "Unicode": "Žluť 🐴", "Escape": "50%2F", "Dots": "../..",
		"Delimiters": "a?b#c;d,e=f&g:h@i+j'k",
	} {
		t.Run("NamedBy"+rule, func(t *testing.T) {
			t.Parallel()
			callEveryOperation(newHostWith(t, name, directory(name)))
		})
	}
}

func callEveryOperation(h *host) {
	h.Helper()
	w := &walk{host: h, operations: readDocument(h.T).operations(h.T), called: map[string]bool{}}
	w.aboutTheHost()
	w.catalog()
	w.samples()
	w.subscriptions()
	w.secrets()
	w.publish()
	w.history()
	w.external()
	w.recover()
	w.audit()
	w.portal()
	w.operate()
	w.remove()
	w.erase()
	w.compare(readDocument(h.T))
}

// walk calls the operations.
type walk struct {
	*host
	operations map[string]operation
	called     map[string]bool

	category     client.Category
	eventType    client.EventType
	subscription client.Subscription
	message      uuid.UUID
}

// did says that the latest request was for the operation.
func (w *walk) did(operation string) {
	w.Helper()
	latest := w.traffic.sent[len(w.traffic.sent)-1]
	if got := latest.operationOf(w.operations); got != operation {
		w.Errorf("%s called %s (%s %s)", methods[operation], got, latest.method, latest.path)
	}
	w.called[operation] = true
}

// require stops the test where a result is not as it has to be.
func (w *walk) require(holds bool, format string, args ...any) {
	w.Helper()
	if !holds {
		w.Fatalf(format, args...)
	}
}

func (w *walk) aboutTheHost() {
	ctx, c := client.WithRequestID(w.Context(), "walk-1"), w.client
	health := must(c.Health(ctx))
	w.did("getHealth")
	w.require(health.Status == "ok" && health.Details["database"].Status == "up", "the health is %+v", health)
	w.require(strings.HasPrefix(string(must(c.OpenAPI(ctx))), "{"), "the document is no object")
	w.did("getOpenAPI")
	w.require(strings.Contains(string(must(c.Docs(ctx))), "<html"), "the documentation is no HTML")
	w.did("getDocs")
	check(c.ReceiveSuccess(ctx))
	w.did("receiveSuccess")
	failure, _ := errors.AsType[*client.Error](c.ReceiveFailure(ctx, 418))
	w.require(failure != nil && failure.Status == 418, "the test receiver that fails answers %v", failure)
	w.did("receiveFailure")
	versions := must(c.Registry.SeedVersions(ctx))
	w.did("listSeedVersions")
	w.require(len(versions) == 1 && versions[0].Version == "1" && !versions[0].AppliedAt.IsZero(), "the seeds are %+v", versions)
	w.require(strings.Contains(string(must(c.Registry.CatalogOpenAPI(ctx))), `"webhooks"`), "the catalog's document has no webhooks")
	w.did("getCatalogOpenAPI")
	w.require(strings.Contains(string(must(c.Registry.CatalogAsyncAPI(ctx))), `"asyncapi"`), "the catalog's document is no AsyncAPI")
	w.did("getCatalogAsyncAPI")
	w.require(len(must(c.Signer.Keys(ctx))) == 0, "the host has a key")
	w.did("listSigningKeys")
	defaults := must(c.Subscriptions.Defaults(ctx))
	w.did("getDeliveryDefaults")
	w.require(defaults.TimeoutMs > 0 && len(defaults.RetrySchedule) > 0 && defaults.SecretOverlap == "24h", "the defaults are %+v", defaults)
}

func (w *walk) catalog() {
	ctx, r := w.Context(), w.client.Registry
	w.category = must(r.CreateCategory(ctx, client.CategoryInput{Name: "Vital signs", Code: "vitals", Description: "Monitors"}))
	w.did("createCategory")
	id := w.category.ID
	w.require(w.category.ETag != "" && w.category.AuditInfo.CreatedBy == "tester", "the category is %+v", w.category)
	for command, call := range map[string]func() error{
		"deactivateCategory": func() error { return r.DeactivateCategory(ctx, id) },
		"activateCategory":   func() error { return r.ActivateCategory(ctx, id) },
		"archiveCategory":    func() error { return r.ArchiveCategory(ctx, id) },
		"restoreCategory":    func() error { return r.RestoreCategory(ctx, id) },
	} {
		if command == "activateCategory" {
			check(r.RestoreCategory(ctx, id))
		}
		check(call())
		w.did(command)
	}
	check(r.RestoreCategory(ctx, id))
	check(r.ActivateCategory(ctx, id))
	w.category = must(r.Category(ctx, id))
	w.did("getCategory")
	changed := must(r.UpdateCategory(ctx, id, client.Patch{client.Set("/description", nil)}, client.IfMatch(w.category.ETag)))
	w.did("patchCategory")
	w.require(changed.Description == "" && changed.Name == "Vital signs", "the category is %+v", changed)
	page := must(r.ListCategories(ctx, client.CatalogQuery{
		ListQuery: client.ListQuery{Order: client.NewestFirst, Skip: 1, Take: 1}, Archived: client.IncludeArchived,
	}))
	w.did("listCategories")
	w.require(page.TotalRecords == 1 && len(page.Items) == 0 && page.CurrentPageNumber == 1, "the page is %+v", page)

	schema := json.RawMessage(`{"type": "object", "required": ["value"]}`)
	w.eventType = must(r.CreateEventType(ctx, id, client.EventTypeInput{
		Name: "Measured", Code: "vitals.measured", Description: "A value", Version: "v1", Schema: schema,
	}))
	w.did("createEvent")
	w.require(w.eventType.Category.ID == id && w.eventType.ETag != "", "the event type is %+v", w.eventType)
	w.eventTypes()
}

func (w *walk) eventTypes() {
	ctx, r, category, id := w.Context(), w.client.Registry, w.category.ID, w.eventType.ID
	check(r.DeactivateEventType(ctx, category, id))
	w.did("deactivateEvent")
	check(r.ActivateEventType(ctx, category, id))
	w.did("activateEvent")
	check(r.ArchiveEventType(ctx, category, id))
	w.did("archiveEvent")
	check(r.RestoreEventType(ctx, category, id))
	w.did("restoreEvent")
	w.eventType = must(r.EventType(ctx, category, id))
	w.did("getEvent")
	w.eventType = must(r.UpdateEventType(ctx, category, id, client.Patch{
		client.Test("/version", "v1"), client.Add("/description", "One value"), client.Copy("/description", "/name"),
	}, client.IfMatch(w.eventType.ETag)))
	w.did("patchEvent")
	w.require(w.eventType.Name == "One value", "the event type is %+v", w.eventType)
	page := must(r.ListEventTypes(ctx, category, client.CatalogQuery{
		ListQuery: client.ListQuery{Order: client.OldestFirst, Skip: 1, Take: 2}, Archived: client.OnlyArchived,
	}))
	w.did("listEvents")
	w.require(page.TotalRecords == 0, "the page is %+v", page)
}

func (w *walk) samples() {
	ctx, r, category, id := w.Context(), w.client.Registry, w.category.ID, w.eventType.ID
	made := must(r.CreateSample(ctx, category, id, client.SampleInput{Payload: map[string]int{"value": 72}, Version: "v1"}))
	w.did("createSamplePayload")
	w.require(made.ETag != "" && string(made.Payload) == `{"value":72}`, "the sample is %+v", made)
	found := must(r.Sample(ctx, category, id, "v1"))
	w.did("getSamplePayload")
	found = must(r.UpdateSample(ctx, category, id, "v1", client.Patch{client.Set("/payload/value", 73)}, client.IfMatch(found.ETag)))
	w.did("patchSamplePayload")
	w.require(string(found.Payload) == `{"value":73}`, "the sample is %+v", found)
	body := must(r.RandomPayload(ctx))
	w.did("getRandomPayload")
	w.require(string(body.Data) == `{"value":73}` && body.Type == "vitals.measured", "the body is %+v", body)
	example := must(r.Example(ctx, category, id, client.ExampleVitals))
	w.did("getSamplePayloadExample")
	w.require(json.Valid(example) && len(example) > 10, "the example is %s", example)
}

func (w *walk) subscriptions() {
	ctx, s := w.Context(), w.client.Subscriptions
	w.subscription = must(s.Create(ctx, w.org, client.SubscriptionInput{
		PostURI: "https://example.com/hook", Events: []string{"vitals.measured", "vitals.*"}, Version: "v1", IsDevelopment: true,
		Description: "Ward 7",
		Headers:     client.Headers{"X-Tenant": "tenant-7"}, TimeoutMs: 5000, RetrySchedule: []string{"5s", "5m"}, RateLimit: 1000, Ordered: true,
		Filter: []client.ConditionInput{{Pointer: "/value", Op: client.GreaterThan, Value: 1}},
	}))
	w.did("createSubscription")
	got, id := w.subscription, w.subscription.ID
	w.require(got.Status.State == client.Enabled && len(got.Events) == 2 && got.Headers["X-Tenant"] == "tenant-7" && got.TimeoutMs == 5000 &&
		got.Ordered && string(got.Filter[0].Value) == "1" && strings.HasPrefix(string(got.SecretKey), "whsec_"), "the subscription is %+v", got)
	i := slices.IndexFunc(got.Events, func(e client.EventSelector) bool { return e.Pattern == "vitals.*" })
	w.require(i >= 0 && got.Events[1-i].ID == w.eventType.ID, "the events are %+v", got.Events)
	check(s.Deactivate(ctx, w.org, id))
	w.did("deactivateSubscription")
	check(s.Activate(ctx, w.org, id))
	w.did("activateSubscription")
	check(s.Archive(ctx, w.org, id))
	w.did("archiveSubscription")
	check(s.Restore(ctx, w.org, id))
	w.did("restoreSubscription")
	got = must(s.Get(ctx, w.org, id))
	w.did("getSubscription")
	patch := client.Patch{client.Set("/description", nil), client.Remove("/rateLimit"), client.Set("/ordered", false)}
	got = must(s.Update(ctx, w.org, id, patch, client.IfMatch(got.ETag)))
	w.did("patchSubscription")
	w.require(got.Description == "" && got.RateLimit == 0 && !got.Ordered && got.PostURI != "", "the subscription is %+v", got)
	page := must(s.List(ctx, w.org, client.SubscriptionQuery{
		ListQuery: client.ListQuery{Order: client.NewestFirst, Take: 1, Skip: 1}, Archived: client.IncludeArchived,
		Version: "v1", EventTypeID: w.eventType.ID, Search: "HTTPS://", State: client.Enabled, Include: []client.Include{client.IncludeRecent},
	}))
	w.did("listSubscriptions")
	w.require(page.TotalRecords == 1, "the page is %+v", page)
	live := must(s.Subscribers(ctx, "vitals.measured", "v1"))
	w.did("listSubscribers")
	w.require(len(live) == 1 && live[0].ID == id, "the subscribers are %+v", live)
	for _, shown := range []client.Subscription{w.subscription, got, live[0]} {
		w.require(shown.OrganizationID == w.org, "the organization is %q, want %q", shown.OrganizationID, w.org)
	}
}

func (w *walk) secrets() {
	ctx, s, id := w.Context(), w.client.Subscriptions, w.subscription.ID
	first := must(s.Secret(ctx, w.org, id, time.Time{}))
	w.require(first.SecretKey == w.subscription.SecretKey && first.ETag != "", "the secret is %+v", first)
	check(s.RotateSecret(ctx, w.org, id, client.IfMatch(first.ETag)))
	w.did("rotateSecret")
	set := must(s.SetSecret(ctx, w.org, id, "a secret of the caller's"))
	w.did("setSecret")
	w.require(set.SecretKey == "a secret of the caller's", "the entry is %+v", set)
	then := must(s.Secret(ctx, w.org, id, set.ValidFrom))
	w.did("getSecret")
	w.require(then.SecretKey == set.SecretKey, "the secret of the time is %+v", then)
	page := must(s.ListSecrets(ctx, w.org, id, client.SecretQuery{
		CursorQuery: client.CursorQuery{Order: client.OldestFirst, Take: 1, Skip: 1}, Include: []client.Include{client.IncludeSubscription},
	}))
	w.require(page.TotalRecords == 3 && page.Items[0].Subscription.ID == id && page.NextCursor != "", "the page is %+v", page)
	page = must(s.ListSecrets(ctx, w.org, id, client.SecretQuery{CursorQuery: behind(page.NextCursor)}))
	w.did("listSecretHistory")
	w.require(len(page.Items) == 1 && page.Items[0].ID == set.ID, "the page behind the cursor is %+v", page)
}

func (w *walk) remove() {
	ctx, s, r, id := w.Context(), w.client.Subscriptions, w.client.Registry, w.subscription.ID
	etag := func() client.IfMatch { return client.IfMatch(must(s.Get(ctx, w.org, id)).ETag) }
	check(s.RemoveEvent(ctx, w.org, id, w.eventType.ID, etag()))
	w.did("removeEvent")
	w.require(errors.Is(s.Delete(ctx, w.org, id, `"0"`), client.ErrPreconditionFailed), "an old ETag is no obstacle")
	check(s.Delete(ctx, w.org, id, `"0"`, etag()))
	w.did("deleteSubscription")
	sample := must(r.Sample(ctx, w.category.ID, w.eventType.ID, "v1"))
	check(r.DeleteSample(ctx, w.category.ID, w.eventType.ID, "v1", client.IfMatch(sample.ETag)))
	w.did("deleteSamplePayload")
	check(r.DeleteEventType(ctx, w.category.ID, w.eventType.ID, client.IfMatch(w.eventType.ETag)))
	w.did("deleteEvent")
	category := must(r.Category(ctx, w.category.ID))
	check(r.DeleteCategory(ctx, w.category.ID, client.IfMatch(category.ETag)))
	w.did("deleteCategory")
}

// elsewhere are the parameters that the client sends in another way.
var elsewhere = map[string]string{"Idempotency-Key": "the member idempotencyKey"}

// compare reports the operations, parameters and members that no request had.
func (w *walk) compare(d document) {
	seen, written := map[string]map[string]bool{}, map[string]map[string]bool{}
	for _, s := range w.traffic.sent {
		id := s.operationOf(w.operations)
		if seen[id] == nil {
			seen[id], written[id] = map[string]bool{}, map[string]bool{}
		}
		for name := range s.query {
			seen[id][name] = true
		}
		for name := range s.header {
			seen[id][strings.ToLower(name)] = true
		}
		if len(s.body) > 0 {
			for name := range members(w.T, s.body) {
				written[id][name] = true
			}
		}
	}
	for id, o := range w.operations {
		if !w.called[id] {
			w.Errorf("%s was not called", id)
		}
		for _, p := range o.Parameters {
			if p.In == "path" || elsewhere[p.Name] != "" || p.Name == "X-Request-Id" || seen[id][p.Name] || seen[id][strings.ToLower(p.Name)] {
				continue
			}
			w.Errorf("%s was never called with %s %s", id, p.In, p.Name)
		}
		if o.RequestBody == nil {
			continue
		}
		name := strings.TrimPrefix(o.RequestBody.Content["application/json"].Schema.Ref, "#/components/schemas/")
		for member := range d.Components.Schemas[name].Properties {
			if !written[id][member] {
				w.Errorf("%s was never called with the member %s", id, member)
			}
		}
	}
	w.require(w.traffic.sent[0].header.Get("X-Request-Id") == "walk-1", "the first request has no id")
	if testing.Verbose() {
		w.Logf("%d operations, %d requests", len(w.called), len(w.traffic.sent))
	}
}
