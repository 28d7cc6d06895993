package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

const (
	auditOfA = "/api/organizations/{a}/audit"
	entry    = `"id": "<uuid>", "at": "<time>", "requestId": "<text>"`
)

func TestAuditTrail(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		created := `{` + entry + `, "actor": "admin", "action": "subscription.created", "organizationId": "{a}",
			"resource": {"type": "subscription", "id": "{sub}"}, "changes": ["postUri", "events", "version"]}`
		updated := `{"id": "<=entry>", "at": "<=then>", "actor": "write", "action": "subscription.updated", "organizationId": "{a}",
			"resource": {"type": "subscription", "id": "{sub}"}, "requestId": "order-7", "changes": ["description", "headers"]}`
		f.run([]step{
			{
				as: "write", do: "PATCH " + subs + "/{sub}", status: 200, header: "X-Request-Id: order-7",
				body: `[{"op": "replace", "path": "/description", "value": "d"},
					{"op": "replace", "path": "/headers", "value": {"X-Key": "credential"}}]`,
			},
			{as: "read", do: "GET " + auditOfA, status: 200, want: page(`[`+updated+`, `+created+`]`, 2, "null")},
			{as: "read", do: "GET " + auditOfA + "?take=1", status: 200, want: `{"items": "<any>", "currentPageNumber": 0, "recordsPerPage": 1,
				"totalRecords": 2, "totalPages": 2, "nextCursor": "<=cursor>"}`},
			{as: "read", do: "GET " + auditOfA + "?take=1&cursor={cursor}", status: 200, want: `{"items": [` + created + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": null}`},
			{as: "read", do: "GET " + auditOfA + "?order_by=ASC&actor=admin", status: 200, want: page(`[`+created+`]`, 1, "null")},
			{as: "read", do: "GET " + auditOfA + "?actor=nobody", status: 200, want: page(`[]`, 0, "null")},
			{as: "read", do: "GET " + auditOfA + "?since={then}&until={then}", status: 200, want: page(`[]`, 0, "null")},
			{as: "read", do: "GET " + auditOfA + "?since={then}", status: 200, want: page("<any>", 1, "null")},
			{as: "read", do: "GET " + auditOfA + "?until={then}", status: 200, want: page(`[`+created+`]`, 1, "null")},
			{as: "admin", do: "GET /api/audit?resourceType=event_type", status: 200, want: page("<any>", 2, "null")},
			{as: "admin", do: "GET /api/audit?resourceId={category}", status: 200, want: page(`[{`+entry+`, "actor": "catalog",
				"action": "category.created", "organizationId": null, "resource": {"type": "category", "id": "{category}"},
				"changes": ["name", "code"]}]`, 1, "null")},
			{as: "admin", do: "GET /api/audit", status: 200, want: page("<any>", 5, "null")},
			{as: "read", do: "GET /api/audit", status: 403, code: "forbidden"},
			{as: "other", do: "GET /api/organizations/{a}/audit", status: 404, code: "not_found"},
			{as: "other", do: "GET /api/organizations/{b}/audit", status: 200, want: page(`[]`, 0, "null")},
		})
		upper := strings.ToUpper(f.vars["sub"])
		f.run([]step{{as: "read", do: "GET " + auditOfA + "?resourceId=" + upper, status: 200, want: page("<any>", 2, "null")}})
	})
}

// page is a list with a cursor.
func page(items string, total int, cursor string) string {
	if !strings.HasPrefix(items, "[") {
		items = `"` + items + `"`
	}
	pages := `1`
	if total == 0 {
		pages = `0`
	}
	return `{"items": ` + items + `, "currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": ` + string(rune('0'+total)) +
		`, "totalPages": ` + pages + `, "nextCursor": ` + cursor + `}`
}

func TestAuditParametersAreChecked(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		for parameter, values := range map[string][]string{
			"actor": {"a\x00b", "a\nb", "\xff", strings.Repeat("a", 1001)}, "resourceId": {"\x00", "\xff", strings.Repeat("a", 1001)},
			"resourceType": {"categories", "Category"}, "since": {"yesterday", "2026-01-01"}, "until": {"0"},
			"cursor": {"!"}, "take": {"101"}, "order_by": {"asc"},
		} {
			for _, value := range values {
				w := f.send(step{as: "read", do: "GET " + auditOfA + "?" + url.Values{parameter: {value}}.Encode()})
				if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"parameter":"`+parameter+`"`) {
					f.Errorf("%s=%.20q: %d %s", parameter, value, w.Code, w.Body)
				}
			}
		}
	})
}

// Whatever succeeds with another method than GET made one entry, unless it is a publish or changes
// nothing.
func TestEveryWriteOverRESTMakesAnEntry(t *testing.T) {
	t.Parallel()
	silent := map[string]bool{
		"publishEvent": true, "publishEvents": true, // history
		"validateHash": true, "testFilter": true, "receiveSuccess": true, "receiveFailure": true, // nothing is stored
		"createPortalLink": true, // package portal makes the entry, and tests it
	}
	// These change nothing on the resources of the fixture, which are active and not archived.
	first := map[string]string{
		"activateCategory": "deactivate", "activateEvent": "deactivate", "activateSubscription": "deactivate",
		"restoreCategory": "archive", "restoreEvent": "archive", "restoreSubscription": "archive",
	}
	conflicts := map[string]bool{"deleteCategory": true, "deleteEvent": true, "deleteSamplePayload": false} // in use
	tried := 0
	for _, o := range operations(t) {
		if o.method == http.MethodGet || silent[o.id] || conflicts[o.id] {
			continue
		}
		tried++
		f := newFixture(t, memstore.New())
		w := newTenants(f)
		own := w.a
		if o.id == "saveOutcome" {
			own["activity"], own["activation"] = own["external"], own["external"]
		}
		s := o.request(t, own, idPlace{}, "")
		if command, ok := first[o.id]; ok {
			f.make(s.do[:strings.LastIndex(s.do, "/")+1]+command, "")
		}
		if o.id == "removeEvent" {
			f.make("PATCH "+subs+"/"+own["subscription"], `[{"op": "replace", "path": "/events", "value": ["{event}"]}]`)
		}
		before := f.trail()
		if got := w.sendBody(s, s.body); got.Code/100 != 2 {
			t.Errorf("%s: %d %s", o.id, got.Code, got.Body)
			continue
		}
		added := f.trail()
		if len(added) != len(before)+1 {
			t.Errorf("%s made %d entries", o.id, len(added)-len(before))
			continue
		}
		if e := added[len(before)]; e.RequestID != "same" || e.Actor != s.as {
			t.Errorf("%s made %+v", o.id, e)
		}
	}
	if tried < 30 {
		t.Errorf("only %d operations", tried)
	}
}

// trail returns all entries, oldest first.
func (f *fixture) trail() []store.AuditEntry {
	f.Helper()
	list, err := f.store.AuditEntries(f.Context(), store.AuditQuery{Page: store.Page{Take: 10_000}})
	if err != nil {
		f.Fatal(err)
	}
	return list.Items
}

// Where organizations have names, the trail shows them, and a removal repeats them.
func TestAuditAndErasureWithNamedOrganizations(t *testing.T) {
	t.Parallel()
	f := newNamedFixture(t, newDirectory())
	f.catalog()
	f.subscribe()
	f.run([]step{
		{as: "read", do: "GET /api/organizations/acme/audit", status: 200, want: page(`[{`+entry+`, "actor": "admin",
			"action": "subscription.created", "organizationId": "acme", "resource": {"type": "subscription", "id": "{sub}"}, "changes": "<any>"}]`,
			1, "null")},
		{as: "admin", do: "DELETE /api/organizations/acme/data?confirm=" + orgA, status: 400, code: "validation_failed"},
		{as: "admin", do: "DELETE /api/organizations/acme/data?confirm=acme", status: 202, want: `{"id": "<=erasure>"}`},
		{as: "admin", do: "GET /api/erasures/{erasure}", status: 200, want: erasure("acme", "running", 0, 0, 0, 0, "null")},
		{as: "admin", do: "GET /api/audit?actor=admin&resourceType=organization", status: 200, want: page(`[{`+entry+`, "actor": "admin",
			"action": "organization.erased", "organizationId": "acme", "resource": {"type": "organization", "id": "acme"}, "changes": []}]`,
			1, "null")},
	})
}
