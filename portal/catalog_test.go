package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// event returns the path of an event type below the catalog.
func (s *site) event(code string) string {
	s.t.Helper()
	all, err := s.service.Hooks.Registry.Snapshot(s.t.Context(), 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range all.EventTypes {
		if e.Code == code {
			return "catalog/" + e.CategoryID.String() + "/" + e.ID.String()
		}
	}
	s.t.Fatalf("no event type %s", code)
	return ""
}

// addEvent adds an event type to a new category, and returns its path below the catalog.
func (s *site) addEvent(in webhooks.EventTypeInput, sample string) string {
	s.t.Helper()
	registry := s.service.Hooks.Registry
	c, err := registry.CreateCategory(s.t.Context(), webhooks.CategoryInput{Name: in.Name, Code: in.Code, Description: in.Description})
	if err != nil {
		s.t.Fatal(err)
	}
	e, err := registry.CreateEventType(s.t.Context(), c.ID, in)
	if err != nil {
		s.t.Fatal(err)
	}
	if sample != "" {
		if _, err := registry.CreateSample(s.t.Context(), c.ID, e.ID, webhooks.SampleInput{Payload: []byte(sample)}); err != nil {
			s.t.Fatal(err)
		}
	}
	return "catalog/" + c.ID.String() + "/" + e.ID.String()
}

func TestTheCatalogShowsCategoriesEventsAndVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeRead}
	s.get(s.acme("catalog")).is(http.StatusOK, "Orders", "order.paid", "The life of an order", "customer.created", `aria-current="true"`)
	event := s.acme(s.event("order.paid"))
	s.get(event[:strings.LastIndex(event, "/")]).is(http.StatusOK, "order.shipped").lacks("customer.created")
	s.get(event).lacks("<textarea").
		is(http.StatusOK, "<h1>", "Order paid", "orderId", "Number on the invoice", "required", "&#34;EUR&#34;", "129.90")
	s.get(s.acme(s.event("order.shipped"))).is(http.StatusOK, "has not described the data")
	none := uuid.NewString()
	s.get(s.acme("catalog", none)).is(http.StatusNotFound)
	s.get(s.acme("catalog", none, none)).is(http.StatusNotFound)
	s.get(s.acme("catalog", "x", "y")).is(http.StatusNotFound)
	s.get("/organizations/" + s.service.Other.String() + "/catalog").is(http.StatusNotFound)
}

func TestVersionsOfAnEventLinkToEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.event("order.paid")
	category := uuid.MustParse(strings.Split(first, "/")[1])
	next := webhooks.EventTypeInput{Name: "Order paid", Code: "order.paid", Version: "v2"}
	second, err := s.service.Hooks.Registry.CreateEventType(t.Context(), category, next)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.service.Hooks.Registry.DeactivateEventType(t.Context(), category, second.ID); err != nil {
		t.Fatal(err)
	}
	s.get(s.acme(first)).is(http.StatusOK, s.acme("catalog", category.String(), second.ID.String()), `aria-current="page">v1`)
	s.get(s.acme("catalog", category.String(), second.ID.String())).
		is(http.StatusOK, "inactive", "does not publish this event", `aria-current="page">v2`)
	s.get(s.acme("catalog")).is(http.StatusOK, `aria-label="order.paid v2"`)
}

func TestTheCatalogShowsHostileTextsAsText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	schema := `{"properties":{` + quote(hostile) + `:{"description":` + quote(hostile) + `,"enum":[` + quote(hostile) + `]}}}`
	name, _, _ := strings.Cut(hostile, "\u202e")
	description := strings.ReplaceAll(hostile, "\u009b", "") + "\n" + strings.Repeat("B", 1000)
	event := s.acme(s.addEvent(webhooks.EventTypeInput{
		Name: name, Code: "a.b", Version: "v1", Description: description, Schema: []byte(schema),
	}, `{`+quote(hostile)+`:`+quote(hostile)+`}`))
	for _, address := range []string{s.acme("catalog"), event[:strings.LastIndex(event, "/")], event} {
		s.get(address).is(http.StatusOK, "&lt;img").lacks("<img", "<script>", "\u202e")
	}
}

func quote(text string) string {
	quoted, _ := json.Marshal(text) // a string has no error
	return string(quoted)
}

func TestASchemaOfAnyFormIsShownInBounds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wide := strings.TrimSuffix(strings.Repeat(`{"$ref":"#/$defs/a"},`, 40), ",")
	for name, schema := range map[string]string{
		"recursive": `{"$defs":{"a":{"type":"object","properties":{"next":{"$ref":"#/$defs/a"}}}},"$ref":"#/$defs/a"}`,
		"exploding": `{"$defs":{"a":{"properties":{"x":{"anyOf":[` + wide + `]}}}},"$ref":"#/$defs/a"}`,
	} {
		p := s.get(s.acme(s.addEvent(webhooks.EventTypeInput{Name: name, Code: name, Version: "v1", Schema: []byte(schema)}, "")))
		if p.is(http.StatusOK, "More is in the JSON Schema"); len(p.text) > 300_000 {
			t.Errorf("%s: the page has %d bytes", name, len(p.text))
		}
	}
	s.get(s.acme(s.addEvent(webhooks.EventTypeInput{Name: "all", Code: "all", Version: "v1", Schema: []byte(`{
		"allOf":[{"required":["a"]},{"properties":{"a":{"type":["string","null"],"maxLength":5,"deprecated":true}}}],
		"patternProperties":{"^x-":true},"additionalProperties":{"const":1},
		"properties":{"list":{"prefixItems":[{"type":"integer"}],"items":{"oneOf":[{"type":"boolean"},{"format":"date"}]}}}}`)}, ""))).
		is(http.StatusOK, "string | null", "maxLength", "required", "deprecated", "/^x-/", "exactly one of:", "item in this position:", "date")
}

func TestASampleIsSentToAnEndpointOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeWrite}
	event := s.acme(s.event("order.paid"))
	form := url.Values{
		"endpoint": {s.service.Healthy.String()}, "payload": {"{\r\n \"orderId\": \"mine\", \"amount\": 1.50, \"currency\": \"EUR\"}"},
		"once": {uuid.NewString()},
	}
	s.get(event).is(http.StatusOK, "https://hooks.acme.example/orders", "<textarea", "129.90")
	before := s.attempts()
	to := s.post(event, form).leadsTo(event + "?done=sample_sent&sent=" + s.service.Healthy.String())
	s.get(to[:strings.Index(to, "#")]).is(http.StatusOK, "on its way", s.acme("endpoints", s.service.Healthy.String(), "deliveries"))
	s.post(event, form).leadsTo(event + "?done=sent_before")
	if got := s.attempts() - before; got != 1 {
		t.Errorf("%d deliveries were made of a form that was sent twice", got)
	}
}

// attempts counts the attempts of the healthy endpoint.
func (s *site) attempts() int {
	s.t.Helper()
	list, err := s.service.Hooks.Subscriptions.Attempts(s.t.Context(), webhooks.HistoryQuery{
		OrganizationID: s.service.Acme, SubscriptionID: s.service.Healthy, Page: webhooks.Page{Take: 1},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return list.Total
}

func TestFaultsOfASampleStandBesideTheField(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeWrite}
	event, endpoint := s.acme(s.event("order.paid")), s.service.Healthy.String()
	const mine = `{"orderId":"typed"}`
	s.post(event, url.Values{"payload": {mine}}).is(http.StatusBadRequest, `href="#endpoint"`, `id="endpoint-fault"`, "Choose one", "typed")
	s.post(event, url.Values{"endpoint": {uuid.NewString()}, "payload": {mine}}).is(http.StatusBadRequest, `id="endpoint-fault"`, "typed")
	s.post(event, url.Values{"endpoint": {endpoint}, "payload": {" "}}).is(http.StatusBadRequest, `id="payload-fault"`, "Fill it in")
	s.post(event, url.Values{"endpoint": {endpoint}, "payload": {"{\n\"typed\":,}"}}).
		is(http.StatusBadRequest, "mistake in line 2", "typed", `aria-invalid="true"`)
	s.post(event, url.Values{"endpoint": {endpoint}, "payload": {mine}}).
		is(http.StatusUnprocessableEntity, `id="payload-fault"`, "does not match", "typed", `value="`+endpoint+`" selected`)
	s.post(event, url.Values{"endpoint": {endpoint}, "payload": {`{"orderId":"a","amount":-1,"currency":"EUR"}`}}).
		is(http.StatusUnprocessableEntity, "/amount: does not match")
}

func TestWhoMayNotPublishSendsTheStoredSample(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	event, endpoint := s.acme(s.event("order.paid")), s.service.Healthy.String()
	s.get(event).is(http.StatusOK, "The sample is sent as it is").lacks("<textarea")
	s.post(event, url.Values{"endpoint": {endpoint}, "payload": {`{"orderId":"forged"}`}}).leadsTo(event + "?done=sample_sent")
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeRead}
	s.get(event).is(http.StatusOK).lacks("Send me this")
	s.post(event, url.Values{"endpoint": {endpoint}}).is(http.StatusForbidden)
}

func TestThePublicCatalogNeedsNoSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.failure = httpapi.ErrUnauthorized
	s.get("/catalog").is(http.StatusNotFound)
	s = newSite(t, func(c *portal.Config) { c.PublicCatalog, c.Path = true, "/docs" })
	s.failure = httpapi.ErrUnauthorized
	event := "/docs/" + s.event("order.paid")
	s.get("/docs/catalog").is(http.StatusOK, event, "order.paid").lacks("aria-current", "/organizations/")
	s.get(event).is(http.StatusOK, "orderId", "129.90").lacks("Send me this", "acme.example", "/organizations/")
	s.get(event[:strings.LastIndex(event, "/")]).is(http.StatusOK, "order.shipped")
	s.post(event, url.Values{}).is(http.StatusNotFound)
	s.get("/docs/catalog").is(http.StatusOK, `class="brand" href="/docs/catalog"`)
	s.post("/docs/preferences", url.Values{"theme": {"dark"}, "back": {"/catalog"}}).leadsTo("/docs/catalog")
	s.get("/docs" + s.acme("endpoints")).is(http.StatusUnauthorized)
	ids := strings.Split(event, "/")[3:]
	if err := s.service.Hooks.Registry.ArchiveEventType(t.Context(), uuid.MustParse(ids[0]), uuid.MustParse(ids[1])); err != nil {
		t.Fatal(err)
	}
	s.get(event).is(http.StatusNotFound)
}

// slowStore does not read event types while it is down.
type slowStore struct {
	store.Store
	down atomic.Bool
}

func (s *slowStore) EventTypes(
	ctx context.Context, category uuid.UUID, a store.ArchivedFilter, p store.Page,
) (store.List[store.EventType], error) {
	if s.down.Load() {
		<-ctx.Done()
		return store.List[store.EventType]{}, ctx.Err()
	}
	return s.Store.EventTypes(ctx, category, a, p)
}

func TestTheCatalogComesWithoutTheEventTypesThatAreNotReadInTime(t *testing.T) {
	t.Parallel()
	db := &slowStore{Store: memstore.New()}
	s := newSiteOn(t, db, sample.Data{})
	event := s.acme(s.event("order.paid"))
	db.down.Store(true)
	s.get(s.acme("catalog")).is(http.StatusOK, "Orders", "could not be read in time")
	s.get(event).is(http.StatusOK, "orderId", "could not be read in time")
}

func TestACategoryWithManyEventTypesHasPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	event := s.addEvent(webhooks.EventTypeInput{Name: "many", Code: "many.00", Version: "v1"}, "")
	category := strings.Split(event, "/")[1]
	for i := range 60 {
		_, err := s.service.Hooks.Registry.CreateEventType(t.Context(), uuid.MustParse(category), webhooks.EventTypeInput{
			Name: "many", Code: fmt.Sprintf("many.%02d", i+1), Version: "v1",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.get(s.acme("catalog")).is(http.StatusOK, "many.19", "41 more event types").lacks("many.20")
	s.get(s.acme("catalog", category)).is(http.StatusOK, "many.49", "Page 1 of 2", "?page=2").lacks("many.50")
	s.get(s.acme("catalog", category)+"?page=2").is(http.StatusOK, "many.60").lacks("many.49")
}
