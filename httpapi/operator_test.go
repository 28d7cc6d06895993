package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// operated makes a fixture with failures of an organization, a failing and a paused subscription, and a recovery.
func (f *fixture) operated() {
	f.Helper()
	f.catalog()
	f.subscribe()
	f.vars["failing"] = f.vars["sub"]
	f.run([]step{{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`}})
	f.finish(500, 0)
	f.subscribe()
	f.run([]step{
		{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`},
		{as: "write", do: "POST " + subs + "/{sub}/deactivate", status: 200},
		{
			as: "write", do: "POST " + subs + "/{failing}/recover", status: 202, want: `{"id": "<=recovery>", "matched": 1}`,
			body: `{"since": "2026-01-01T00:00:00Z", "status": "failed", "ratePerSecond": 5}`,
		},
	})
	failing := uuid.MustParse(f.vars["failing"])
	err := f.store.UpdateHealth(f.Context(), []uuid.UUID{failing}, func(_ uuid.UUID, h *store.Health) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		h.Failures, h.Since, h.ProbeAt = 12, at, at
	})
	if err != nil {
		f.Fatal(err)
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.operated()
		f.run([]step{
			{as: "admin", do: "GET /api/operations/overview", status: 200, want: `{"asOf": "<time>", "unknown": [], "capped": false,
				"queue": {"due": 2, "scheduled": 0, "held": 0, "sending": 0, "oldestDueSeconds": "<any>"},
				"circuitsOpen": 1, "recoveriesRunning": 1, "rates": "<any>", "mostFailures": [{"organizationId": "{a}", "failed": 1}],
				"dispatching": false, "inFlight": 0, "workers": 0,
				"store": {"kind": "<text>", "up": true, "schemaVersion": "<any>"}, "hosts": []}`},
			{as: "admin", do: "GET /api/operations/unhealthy", status: 200, want: `{"asOf": "<time>", "total": 2, "capped": false,
				"nextCursor": null, "items": [
				{"subscriptionId": "{sub}", "organizationId": "{a}", "postUri": "https://example.com/hook", "state": "paused", "reason": null,
					"since": "<time>", "failures": 0, "nextProbeAt": null},
				{"subscriptionId": "{failing}", "organizationId": "{a}", "postUri": "https://example.com/hook", "state": "failing",
					"reason": "nothing but failures", "since": "2026-01-02T03:04:05.000Z", "failures": 12,
					"nextProbeAt": "2026-01-02T03:04:05.000Z"}]}`},
			{as: "admin", do: "GET /api/operations/unhealthy?state=failing", status: 200, want: `{"asOf": "<time>", "items": "<any>",
				"total": 1, "capped": false, "nextCursor": null}`},
			{as: "admin", do: "GET /api/operations/unhealthy?take=1", status: 200, want: `{"asOf": "<time>", "items": "<any>", "total": 2,
				"capped": false, "nextCursor": "<=cursor>"}`},
			{as: "admin", do: "GET /api/operations/unhealthy?take=1&cursor={cursor}", status: 200, want: `{"asOf": "<time>", "total": 2,
				"capped": false, "nextCursor": null, "items": [{"subscriptionId": "{failing}", "organizationId": "{a}", "postUri": "<text>",
				"state": "failing", "reason": "<text>", "since": "<time>", "failures": 12, "nextProbeAt": "<time>"}]}`},
			{as: "admin", do: "GET /api/operations/backlog", status: 200, want: `{"asOf": "<time>", "capped": false,
				"organizations": [{"organizationId": "{a}", "subscriptionId": null, "waiting": 2, "held": 0, "oldestDueSeconds": "<any>"}],
				"subscriptions": "<any>"}`},
			{as: "admin", do: "GET /api/operations/recoveries?state=running", status: 200, want: `{"asOf": "<time>", "total": 1, "capped": false,
				"nextCursor": null, "items": [{"id": "{recovery}", "state": "running", "matched": 1, "queued": 0, "createdAt": "<time>",
				"finishedAt": null, "organizationId": "{a}", "subscriptionId": "{failing}", "scope": "failed",
				"since": "2026-01-01T00:00:00.000Z", "until": "<time>", "ratePerSecond": 5, "createdBy": "write"}]}`},
			{as: "admin", do: "GET /api/operations/recoveries?state=stopped", status: 200, want: `{"asOf": "<time>", "items": [], "total": 0,
				"capped": false, "nextCursor": null}`},
			{as: "admin", do: "GET /api/operations/storage", status: 200, want: `{"asOf": "<time>", "unknown": [], "kind": "<text>",
				"schemaVersion": "<any>", "newestSchemaVersion": "<any>", "firstDay": "<text>", "lastDay": "<text>", "daysAhead": "<any>",
				"bytes": "<any>", "erasuresRunning": 0, "retentionSeconds": 2592000, "auditRetentionSeconds": 34560000, "keys": [],
				"keysInUse": []}`},
		})
	})
}

func TestOperationsCheckTheirParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	for _, list := range []string{"unhealthy", "recoveries"} {
		for query, parameter := range map[string]string{"take=0": "take", "take=101": "take", "cursor=!": "cursor", "state=lost": "state"} {
			w := f.send(step{as: "admin", do: "GET /api/operations/" + list + "?" + query})
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"parameter":"`+parameter+`"`) {
				t.Errorf("%s?%s: %d %s", list, query, w.Code, w.Body)
			}
		}
	}
}

// For 10 s the answers are those of the first request.
func TestOperationsAreSharedFor10Seconds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	for _, path := range []string{"overview", "unhealthy", "backlog", "recoveries", "storage"} {
		var times [2]struct{ AsOf string }
		for i := range times {
			w := f.send(step{as: "admin", do: "GET /api/operations/" + path})
			if err := json.Unmarshal(w.Body.Bytes(), &times[i]); err != nil || w.Code != http.StatusOK {
				t.Fatal(path, w.Code, w.Body)
			}
		}
		if times[0].AsOf == "" || times[0] != times[1] {
			t.Errorf("%s: as of %v, then %v", path, times[0], times[1])
		}
	}
}

// unable is a store without optional abilities.
type unable struct{ store.Store }

func (unable) Abilities() store.Abilities { return store.Abilities{} }

func TestAStoreWithoutOperationsSaysSo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, unable{memstore.New()})
	f.run([]step{
		{as: "admin", do: "GET /api/operations/overview", status: 200, want: `{"asOf": "<time>",
			"unknown": ["queue", "rates", "hosts", "store"], "capped": false, "queue": null, "circuitsOpen": null, "recoveriesRunning": null,
			"rates": null, "mostFailures": [], "dispatching": false, "inFlight": 0, "workers": 0,
			"store": {"kind": null, "up": true, "schemaVersion": null}, "hosts": []}`},
		{as: "admin", do: "GET /api/operations/storage", status: 200, want: `{"asOf": "<time>", "unknown": ["store", "queue", "keys"],
			"kind": null, "schemaVersion": null, "newestSchemaVersion": null, "firstDay": null, "lastDay": null, "daysAhead": null,
			"bytes": null, "erasuresRunning": null, "retentionSeconds": 2592000, "auditRetentionSeconds": 34560000, "keys": [],
			"keysInUse": null}`},
	})
	for _, list := range []string{"unhealthy", "backlog", "recoveries"} {
		f.run([]step{{as: "admin", do: "GET /api/operations/" + list, status: 501, code: "not_supported"}})
	}
}

func TestOperationsNameOrganizationsAsTheHostDoes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.operated()
	f.name(newDirectory())
	for _, path := range []string{"overview", "unhealthy", "backlog", "recoveries"} {
		w := f.send(step{as: "admin", do: "GET /api/operations/" + path})
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"organizationId":"acme"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
