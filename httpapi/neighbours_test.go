package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The actions of one organization are invisible to the other: in lists and totals, statistics,
// explanations and jobs.
func TestOrganizationsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	all := operations(t)
	eachStore(t, func(f *fixture) {
		w := newTenants(f)
		before := w.everything(all)
		f.belongings(orgB)
		at := "/api/organizations/" + orgB
		f.make(
			"POST "+at+"/events/batch", `{"events": [{"eventType": "vitals.measured", "data": 1}, {"eventType": "vitals.deleted", "data": {}}]}`,
		)
		f.make("POST "+at+"/webhook-subscriptions/"+w.b["subscription"]+"/recover", `{"since": "2026-01-01T00:00:00Z", "status": "all"}`)
		f.make("DELETE "+at+"/webhook-subscriptions/"+w.b["subscription"]+"/recover/"+w.b["recovery"], "")
		for _, of := range []map[string]string{w.a, w.other} { // their jobs are not to run
			f.make("DELETE /api/organizations/"+orgA+"/webhook-subscriptions/"+of["subscription"]+"/recover/"+of["recovery"], "")
			for _, answer := range []string{"getRecovery", "listOrganizationAudit"} {
				before[answer+" of A"], before[answer+" of the other of A"] = "", ""
			}
		}
		for more := true; more; {
			var err error
			if more, err = f.store.AdvanceRecovery(f.Context(), store.AdvanceOptions{Max: 100, At: time.Now().UTC(), NewID: uuid.New}); err != nil {
				f.Fatal(err)
			}
		}
		after := w.everything(all)
		for what := range before {
			if before[what] != after[what] && before[what] != "" && !strings.HasSuffix(what, "of B") {
				f.Errorf("%s has changed:\n%s\n%s", what, before[what], after[what])
			}
		}
		jobs, _, err := f.store.Claim(f.Context(), store.ClaimOptions{Max: 100, Lease: time.Minute})
		if err != nil || len(jobs) == 0 {
			f.Errorf("nothing was queued: %v", err)
		}
		for _, j := range jobs {
			if j.OrganizationID != uuid.MustParse(orgB) {
				f.Errorf("queued for %s", j.OrganizationID)
			}
		}
	})
}

// idOfItem is the id of an item of a list; of an explanation, that of its subscription.
func idOfItem(item any) any {
	m := item.(map[string]any)
	if id, ok := m["id"]; ok {
		return id
	}
	return m["subscriptionId"]
}

// A cursor of another organization is a position in time and no more: the page behind it holds the
// caller's own items.
func TestCursorsLeadToOnesOwn(t *testing.T) {
	t.Parallel()
	all := operations(t)
	eachStore(t, func(f *fixture) {
		w := newTenants(f)
		f.belongings(orgB)
		lists := 0
		for _, o := range all {
			if !o.hasCursor || strings.HasPrefix(o.path, "/api/operations/") { // of all organizations
				continue
			}
			lists++
			get := func(of map[string]string, query string) map[string]any {
				s := o.request(f.T, of, idPlace{}, "")
				s.as, s.do = "admin", s.do+"?"+query
				got := f.send(s)
				if got.Code != http.StatusOK {
					f.Fatal(s.do, got.Code, got.Body)
				}
				return parse(f.T, got.Body.String()).(map[string]any)
			}
			own, known := get(w.a, "take=100"), map[any]bool{}
			for _, item := range own["items"].([]any) {
				known[idOfItem(item)] = true
			}
			theirs := get(w.b, "take=1&order_by=ASC")["nextCursor"]
			if theirs == nil {
				f.Fatalf("%s: B has no second page", o.id)
			}
			for _, order := range []string{"ASC", "DESC"} {
				got := get(w.a, "take=100&order_by="+order+"&cursor="+theirs.(string))
				if got["totalRecords"] != own["totalRecords"] {
					f.Errorf("%s: %v records, not %v", o.id, got["totalRecords"], own["totalRecords"])
				}
				for _, item := range got["items"].([]any) {
					if !known[idOfItem(item)] {
						f.Errorf("%s: %v is not A's", o.id, item)
					}
				}
			}
		}
		if lists != 7 {
			f.Errorf("%d lists have cursors", lists)
		}
	})
}

// Idempotency keys belong to their organization, and entity tags to their resource.
func TestKeysAndTagsOfAnotherMeanNothing(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		w := newTenants(f)
		f.vars["key"], f.vars["subA"], f.vars["subB"] = w.b["subscription"], w.a["subscription"], w.b["subscription"]
		const first, other = `{"eventType": "vitals.measured", "data": {"n": 1}}`, `{"eventType": "vitals.measured", "data": {"n": 2}}`
		const b = "/api/organizations/{b}"
		fresh := func(id string) string { return `{"id": "` + id + `", "deliveries": "<any>", "duplicate": false}` }
		f.run([]step{
			{as: "write", do: "POST " + events, header: "Idempotency-Key: {key}", body: other, status: 202, want: fresh("<=mine>")},
			{
				as: "write", do: "POST " + events + "/batch", header: "Idempotency-Key: batch", body: `{"events": [` + first + `]}`, status: 202,
				want: `{"items": [` + fresh("<=batched>") + `]}`,
			},
			{
				as: "other", do: "POST " + b + "/events/batch", header: "Idempotency-Key: batch", body: `{"events": [` + other + `]}`, status: 202,
				want: `{"items": [` + fresh("<uuid>") + `]}`,
			},
			{
				as: "other", do: "POST " + b + "/events", header: "Idempotency-Key: {key}", body: first, status: 202,
				want: `{"id": "` + w.b["message"] + `", "deliveries": 1, "duplicate": true}`,
			},
			{
				as: "write", do: "POST " + events, header: "Idempotency-Key: {key}", body: other, status: 202,
				want: `{"id": "{mine}", "deliveries": "<any>", "duplicate": true}`,
			},

			{
				as: "other", do: "PATCH " + b + "/webhook-subscriptions/{subB}", body: `[{"op": "replace", "path": "/description", "value": "d"}]`,
				status: 200, has: `ETag: "3"`,
			},
			{as: "read", do: "GET " + subs + "/{subA}", status: 200, has: `ETag: "2"`},
			{as: "write", do: "DELETE " + subs + "/{subA}", header: `If-Match: "3"`, status: 412, code: "precondition_failed"},
			{
				as: "write", do: "PATCH " + subs + "/{subA}", header: `If-Match: "3"`,
				body: `[{"op": "replace", "path": "/description", "value": "d"}]`, status: 412, code: "precondition_failed",
			},
			{as: "write", do: "DELETE " + subs + "/{subB}", header: `If-Match: "1"`, status: 404, code: "not_found"}, // not 412
			{as: "write", do: "DELETE " + subs + "/{subB}", header: `If-Match: *`, status: 404, code: "not_found"},
		})
	})
}
