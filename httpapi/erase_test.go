package httpapi_test

import (
	"fmt"
	"testing"
	"time"
)

// erasure is the progress of a removal.
func erasure(org, state string, subscriptions, messages, attempts, entries int, finished string) string {
	if finished != "null" {
		finished = `"` + finished + `"`
	}
	return fmt.Sprintf(`{"id": "{erasure}", "organizationId": %q, "state": %q, "subscriptions": %d, "messages": %d, "attempts": %d,
		"auditEntries": %d, "createdAt": "<time>", "createdBy": "admin", "finishedAt": %s}`,
		org, state, subscriptions, messages, attempts, entries, finished)
}

func TestEraseOrganization(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const data = "/api/organizations/{a}/data"
		publish := step{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": {"n": 1}}`}
		wrong := `{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed",
			"requestId": "<uuid>", "errors": [{"parameter": "confirm", "detail": "<text>"}]}`
		f.run([]step{
			publish, publish,
			{as: "write", do: "DELETE " + data + "?confirm={a}", status: 403, code: "forbidden"},
			{as: "admin", do: "DELETE " + data, status: 400, want: wrong},
			{as: "admin", do: "DELETE " + data + "?confirm={b}", status: 400, want: wrong},
			{as: "admin", do: "DELETE " + data + "?confirm={a}&confirm={a}", status: 400, want: wrong},
			{as: "admin", do: "GET " + subs + "/{sub}", status: 200},
			{as: "admin", do: "DELETE " + data + "?confirm={a}", status: 202, want: `{"id": "<=erasure>"}`},
			{as: "admin", do: "DELETE " + data + "?confirm={a}", status: 202, want: `{"id": "{erasure}"}`},
			{as: "admin", do: "GET /api/erasures/{erasure}", status: 200, want: erasure("{a}", "running", 0, 0, 0, 0, "null")},
			{as: "write", do: "GET /api/erasures/{erasure}", status: 403, code: "forbidden"},
			{as: "admin", do: "GET /api/erasures/{none}", status: 404, code: "not_found"},
			{as: "admin", do: "GET " + subs + "/{sub}", status: 404, code: "not_found"},
			{as: "admin", do: "POST " + subs, status: 409, code: "erasing", body: `{"isDevelopment": false}`},
		})
		f.erase()
		f.run([]step{
			{as: "admin", do: "GET /api/erasures/{erasure}", status: 200, want: erasure("{a}", "done", 1, 2, 2, 1, "<time>")},
			{as: "read", do: "GET " + events, status: 200, want: page(`[]`, 0, "null")},
			{as: "read", do: "GET " + auditOfA, status: 200, want: page(`[{`+entry+`, "actor": "admin", "action": "organization.erased",
				"organizationId": "{a}", "resource": {"type": "organization", "id": "{a}"}, "changes": []}]`, 1, "null")},
			{as: "admin", do: "POST " + subs, status: 201, body: `{"isDevelopment": false}`},
		})
	})
}

// erase takes steps until no erasure is running.
func (f *fixture) erase() {
	f.Helper()
	for more := true; more; {
		var err error
		if more, err = f.store.AdvanceErasure(f.Context(), time.Now(), 100); err != nil {
			f.Fatal(err)
		}
	}
}

func TestRemovePayload(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const gone = `{"at": "<time>", "by": "write"}`
		f.run([]step{{
			as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": {"patient": "Smith"}}`,
			want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
		}})
		f.finish(500, time.Hour)
		list := f.send(step{as: "read", do: "GET " + subs + "/{sub}/activations"}).Body.String()
		f.vars["activation"] = parse(f.T, list).(map[string]any)["items"].([]any)[0].(map[string]any)["id"].(string)
		const message, activity = events + "/{message}", subs + "/{sub}/activity/{activation}"
		attempt := func(id, status, more string) string {
			return `{"id": "` + id + `", "type": "<any>", "status": "` + status + `", "attempt": "<any>", "postedAt": "<any>",
				"durationMs": "<any>", "httpStatusCode": "<any>", "payload": null, "rawMessage": null, "subscription": {"id": "{sub}"},
				"event": {"id": "{event}"}, "retryingFromPostId": "<any>", "nextRetryAt": "<any>", "heldUntil": null, "rawResponse": null,
				"rawResponseEncoding": null, "responseHeaders": [],
				"error": "<any>", "success": "<any>", "auditInfo": "<any>", "expunged": ` + gone + more + `}`
		}
		f.run([]step{
			{as: "read", do: "DELETE " + message + "/payload", status: 403, code: "forbidden"},
			{as: "manage", do: "DELETE " + message + "/payload", status: 403, code: "forbidden"},
			{as: "write", do: "DELETE " + events + "/{none}/payload", status: 404, code: "not_found"},
			{as: "other", do: "DELETE /api/organizations/{b}/events/{message}/payload", status: 404, code: "not_found"},
			{as: "write", do: "DELETE " + message + "/payload", status: 200, want: `{"value": true}`},
			{as: "write", do: "DELETE " + message + "/payload", status: 200, want: `{"value": true}`},
			{
				as: "read", do: "GET " + message, status: 200,
				want: `{"id": "{message}", "eventType": "vitals.measured", "version": "v1", "orderingKey": null, "createdAt": "<time>",
					"deliveries": {"total": 1, "pending": 0, "succeeded": 0, "failed": 0, "cancelled": 1}, "data": null, "expunged": ` + gone + `,
					"activations": [` + attempt("{activation}", "cancelled", `, "attempts": 2`) + `]}`,
			},
			{
				as: "read", do: "GET " + subs + "/{sub}/activations/{activation}", status: 200,
				want: attempt("{activation}", "cancelled", `, "attempts": 2`),
			},
			{as: "read", do: "GET " + acts + "?order_by=ASC&take=1", status: 200, want: `{"items": [` + attempt("{activation}", "failed", "") + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": "<text>"}`},
			{as: "read", do: "GET /api/organizations/{a}/subscriptions/{sub}/activity/{activation}/get-hash", status: 409, code: "payload_removed"},
			{as: "write", do: "POST " + activity + "/retry", status: 409, code: "payload_removed"},
			{as: "read", do: "GET " + message + "/explain", status: 409, code: "payload_removed"},
			{
				as: "write", do: "POST " + subs + "/{sub}/recover", status: 202, body: `{"since": "2020-01-01T00:00:00Z", "status": "all"}`,
				want: `{"id": "<uuid>", "matched": 0}`,
			},
		})
	})
}
