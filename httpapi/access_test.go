package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

// allowed says which scopes open which operations, by their ids; any one of the scopes does.
var allowed = map[string]string{
	"": "getHealth getOpenAPI getDocs receiveSuccess receiveFailure",

	"read manage write secrets catalog admin": `listCategories getCategory listEvents getEvent getSamplePayload getSamplePayloadExample
		listSeedVersions getRandomPayload listSigningKeys getDeliveryDefaults getCatalogOpenAPI getCatalogAsyncAPI`,
	"catalog admin": `createCategory patchCategory deleteCategory activateCategory deactivateCategory archiveCategory restoreCategory
		createEvent patchEvent deleteEvent activateEvent deactivateEvent archiveEvent restoreEvent
		createSamplePayload patchSamplePayload deleteSamplePayload`,
	"read manage write secrets admin": `listSubscribers listSubscriptions getSubscription listActivations getActivation listActivity
		getActivity getStats getRecovery getHash validateHash testFilter listPublishedEvents getPublishedEvent explainPublishedEvent
		listOrganizationAudit`,
	"manage write admin": `createSubscription patchSubscription deleteSubscription activateSubscription deactivateSubscription
		archiveSubscription restoreSubscription removeEvent testSubscription startRecovery stopRecovery retryActivity saveOutcome
		createPortalLink`,
	"admin":         "listAudit eraseOrganization getErasure getOverview listUnhealthy getBacklog listRecoveries getStorage",
	"write admin":   "publishEvent publishEvents addActivity makePayload removePayload", // which sign data of the caller's
	"secrets admin": "getSecret rotateSecret setSecret listSecretHistory",
}

// Every operation of the interface, and the scopes that allow it.
func TestScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	ids := map[string]string{"organization": orgA}
	for _, kind := range []string{"category", "event", "subscription", "activity", "activation", "recovery", "message", "erasure"} {
		ids[kind] = uuid.NewString()
	}
	open := map[string][]string{} // the scopes by the operation
	for who, ids := range allowed {
		for _, id := range strings.Fields(ids) {
			if _, twice := open[id]; twice {
				t.Errorf("%s is in the table twice", id)
			}
			open[id] = strings.Fields(who)
		}
	}
	for _, o := range operations(t) {
		scopes, known := open[o.id]
		delete(open, o.id)
		if !known {
			t.Errorf("%s is not in the table: say which scopes open it", o.id)
			continue
		}
		does := o.request(t, ids, idPlace{}, "").do
		documented := make([]string, len(scopes))
		for i, scope := range scopes {
			documented[i] = "webhooks:" + scope
		}
		if !slices.Equal(o.scopes, documented) {
			t.Errorf("%s is documented for %v, want %v", o.id, o.scopes, documented)
		}
		for _, as := range []string{"read", "manage", "write", "secrets", "catalog", "admin", "nothing"} {
			got := f.send(step{as: as, do: does}).Code
			if may := len(scopes) == 0 || slices.Contains(scopes, as); may == (got == 403) || got == 401 || got == 500 && o.id != "receiveFailure" {
				t.Errorf("%s, %s as %s: %d", o.id, does, as, got)
			}
		}
		for _, as := range []string{"", "unheard-of"} {
			if got := f.send(step{as: as, do: does}); (got.Code == 401) != (len(scopes) > 0) ||
				got.Code == 401 && got.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s as %q: %d %v", does, as, got.Code, got.Header())
			}
		}
		if !strings.Contains(does, orgA) {
			continue
		}
		if got := f.send(step{as: "other", do: does}).Code; got != 404 && got != 403 {
			t.Errorf("%s of another organization: %d", does, got)
		}
	}
	for id := range open {
		t.Errorf("%s is in the table alone", id)
	}
}

// A customer with webhooks:manage looks after its own subscriptions, and sees no secret.
// At its request nothing is signed but data that the service published, or a sample of the catalog.
func TestSelfService(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.catalog()
	const sub = subs + "/{sub}"
	f.run([]step{
		{
			as: "manage", do: "POST " + subs, status: 201, want: subscriptionWith("<=sub>", "<=masked>"),
			body: `{"postUri": "https://example.com/hook", "events": ["vitals.measured"], "isDevelopment": false}`,
		},
		{as: "manage", do: "GET " + sub, status: 200, want: subscriptionWith("{sub}", "{masked}")},
		{
			as: "manage", do: "PATCH " + sub, status: 200, want: subscriptionWith("{sub}", "{masked}"),
			body: `[{"op": "replace", "path": "/isDevelopment", "value": false}]`,
		},
		{
			as: "manage", do: "PATCH " + sub, status: 403, code: "read_only",
			body: `[{"op": "replace", "path": "/secretKey", "value": "a-secret-of-our-own"}]`,
		},
		{
			as: "manage", do: "POST " + subs, status: 400, code: "validation_failed",
			body: `{"isDevelopment": false, "secretKey": "a-secret-of-our-own"}`,
		},

		{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": {"ours": 1}}`},
	})
	if masked := f.vars["masked"]; !strings.HasPrefix(masked, "••••") {
		t.Errorf("with webhooks:manage alone the secret is shown: %s", masked)
	}
	f.finish(500, 0)
	own := f.make("POST "+sub+"/test", "") // as admin
	list, err := f.store.Attempts(t.Context(), historyOf(f))
	if err != nil || len(list.Items) != 2 {
		t.Fatal(list, err)
	}
	sent := map[string]bool{}
	for _, a := range list.Items {
		sent[string(webhooks.Message{Body: a.Body}.Data())] = true
		if a.ID.String() != own {
			f.vars["failed"] = a.ID.String()
		}
	}
	f.finish(200, 0)
	f.run([]step{
		{as: "manage", do: "POST " + sub + "/test", status: 400, code: "validation_failed", body: `{"payload": {"mine": 1}}`},
		{as: "manage", do: "POST " + sub + "/test", status: 400, code: "validation_failed", body: `{"data": {"mine": 1}}`},
		{as: "manage", do: "POST " + sub + "/test", status: 201},
		{as: "manage", do: "POST " + sub + "/activity/{failed}/retry", status: 201},
		{as: "manage", do: "POST " + sub + "/activity/{failed}/retry", status: 201, body: `{"payload": {"mine": 1}}`},
		{as: "manage", do: "POST " + sub + "/recover", status: 202, body: `{"since": "2026-01-01T00:00:00Z", "status": "all"}`},
	})
	if list, err = f.store.Attempts(t.Context(), historyOf(f)); err != nil || len(list.Items) != 5 {
		t.Fatal(list, err)
	}
	for _, a := range list.Items {
		if data := string(webhooks.Message{Body: a.Body}.Data()); !sent[data] {
			t.Errorf("with webhooks:manage alone %s is signed", data)
		}
	}
}

// A request for a resource of another organization is answered, byte for byte, like a request for
// a resource that does not exist.
func TestAnotherOrganization(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	f.run([]step{{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`}})
	list, err := f.store.Attempts(t.Context(), historyOf(f))
	if err != nil || len(list.Items) != 1 {
		t.Fatal(list, err)
	}
	f.vars["attempt"] = list.Items[0].ID.String()
	const own = "/api/organizations/{b}/webhook-subscriptions" // of the token other
	for _, pair := range [][2]string{
		{"GET " + subs + "/{sub}", "GET " + subs + "/{none}"},
		{"GET " + subs, "GET /api/organizations/{none}/webhook-subscriptions"},
		{"DELETE " + subs + "/{sub}", "DELETE " + own + "/{none}"},
		{"GET " + own + "/{sub}", "GET " + own + "/{none}"},
		{"DELETE " + own + "/{sub}", "DELETE " + own + "/{none}"},
		{"POST " + own + "/{sub}/archive", "POST " + own + "/{none}/archive"},
		{"GET " + own + "/{sub}/secrets", "GET " + own + "/{none}/secrets"},
		{"PUT " + own + "/{sub}/secrets", "PUT " + own + "/{none}/secrets"},
		{"GET " + own + "/{sub}/activity", "GET " + own + "/{none}/activity"},
		{"GET " + own + "/{sub}/activity/{attempt}?mode=flat", "GET " + own + "/{sub}/activity/{none}?mode=flat"},
		{"POST " + own + "/{sub}/activity/{attempt}/retry", "POST " + own + "/{none}/activity/{none}/retry"},
		{"GET " + own + "/{sub}/activations/{attempt}", "GET " + own + "/{none}/activations/{none}"},
		{"POST " + events, "POST /api/organizations/not-a-uuid/events"},
	} {
		theirs := f.send(step{as: "other", do: pair[0], header: "X-Request-Id: same"})
		absent := f.send(step{as: "other", do: pair[1], header: "X-Request-Id: same"})
		if theirs.Code != 404 || absent.Code != 404 || theirs.Body.String() != absent.Body.String() {
			t.Errorf("%s: %d %s, absent: %d %s", pair[0], theirs.Code, theirs.Body, absent.Code, absent.Body)
		}
	}
	f.run([]step{
		{as: "everywhere", do: "GET " + subs + "/{sub}", status: 200},
		{as: "everywhere", do: "GET /api/organizations/{none}/webhook-subscriptions", status: 200},
		{as: "admin", do: "GET /api/organizations/{none}/webhook-subscriptions", status: 200},
		{as: "nowhere", do: "GET " + subs + "/{sub}", status: 404, code: "not_found"},
	})
}
