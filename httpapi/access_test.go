package httpapi_test

import (
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/store/memstore"
)

// Each route of the interface, and who may call it.
func TestScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.vars["sub"], f.vars["category"], f.vars["event"] = f.vars["none"], f.vars["none"], f.vars["none"]
	catalogRead, catalogWrite := "read write secrets catalog admin", "catalog admin"
	tenantRead, tenantWrite, tenantSecrets := "read write secrets admin", "write admin", "secrets admin"
	const c, e, s = "/api/webhook-categories", "/api/webhook-categories/{category}/webhook-events", subs + "/{sub}"
	const one, sample = e + "/{event}", e + "/{event}/sample-payloads?version=v1"
	for does, who := range map[string]string{
		"GET " + c: catalogRead, "GET " + c + "/{category}": catalogRead, "POST " + c: catalogWrite, "PATCH " + c + "/{category}": catalogWrite,
		"DELETE " + c + "/{category}": catalogWrite, "POST " + c + "/{category}/archive": catalogWrite, "POST " + c + "/{category}/restore": catalogWrite,
		"POST " + c + "/{category}/activate": catalogWrite, "POST " + c + "/{category}/deactivate": catalogWrite,
		"GET " + e: catalogRead, "GET " + one: catalogRead, "POST " + e: catalogWrite, "PATCH " + one: catalogWrite, "DELETE " + one: catalogWrite,
		"POST " + one + "/archive": catalogWrite, "POST " + one + "/restore": catalogWrite, "POST " + one + "/activate": catalogWrite, "POST " + one + "/deactivate": catalogWrite,
		"GET " + sample: catalogRead, "POST " + sample: catalogWrite, "PATCH " + sample: catalogWrite, "DELETE " + sample: catalogWrite,
		"GET /api/seed-data/versions": catalogRead, "GET /api/webhook-events/x/subscriptions": tenantRead,
		"GET " + subs: tenantRead, "GET " + s: tenantRead, "POST " + subs: tenantWrite, "PATCH " + s: tenantWrite, "DELETE " + s: tenantWrite,
		"POST " + s + "/archive": tenantWrite, "POST " + s + "/restore": tenantWrite, "POST " + s + "/activate": tenantWrite, "POST " + s + "/deactivate": tenantWrite,
		"DELETE " + s + "/events/{event}": tenantWrite, "POST " + events: tenantWrite, "POST " + events + "/batch": tenantWrite,
		"GET " + s + "/activity": tenantRead, "GET " + s + "/activity/{none}?mode=flat": tenantRead, "POST " + s + "/activity/{none}/retry": tenantWrite,
		"GET " + s + "/activations": tenantRead, "GET " + s + "/activations/{none}": tenantRead,
		"GET " + hashPath + "/activity/{none}/get-hash": tenantRead, "POST " + hashPath + "/validate-hash": tenantRead,
		"GET " + s + "/secrets": tenantSecrets, "PUT " + s + "/secrets": tenantSecrets,
		"GET " + s + "/webhook-secret-histories": tenantSecrets, "POST " + s + "/webhook-secret-histories": tenantSecrets,
	} {
		for _, as := range []string{"read", "write", "secrets", "catalog", "admin", "nothing"} {
			got := f.send(step{as: as, do: does}).Code
			if allowed := strings.Contains(" "+who+" ", " "+as+" "); allowed == (got == 403) || got == 401 || got == 500 {
				t.Errorf("%s as %s: %d", does, as, got)
			}
		}
		for _, as := range []string{"", "unheard-of"} {
			f.step(does, step{as: as, do: does, status: 401, code: "unauthorized", has: "WWW-Authenticate: Bearer"})
		}
		if !strings.Contains(does, "{a}") {
			continue
		}
		if got := f.send(step{as: "other", do: does}).Code; got != 404 && got != 403 {
			t.Errorf("%s of another organization: %d", does, got)
		}
	}
}

// What another organization owns is answered byte for byte as what does not exist.
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
