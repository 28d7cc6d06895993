package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func uuidOf(s string) uuid.UUID { return uuid.MustParse(s) }

const events = "/api/organizations/{a}/events"

// No resource can be made for the nil organization. Its lists are empty, like the lists of every
// organization without resources.
const (
	nobody        = "00000000-0000-0000-0000-000000000000"
	nobodyRefused = `{
		"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", "requestId": "<uuid>",
		"errors": [{"parameter": "organizationId", "detail": "must be the id of an organization, not the nil UUID"}]}`
	none = `{"items": [], "currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0}`
)

func TestPublish(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		f.run([]step{
			{
				as: "write", do: "POST " + events, status: 202,
				body: `{"eventType": "vitals.measured", "data": {"n": 1.50, "a": "\u00e9", "z": [ ]}, "idempotencyKey": "k"}`,
				want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
			},
			{
				as: "write", do: "POST " + events, status: 202, header: "Idempotency-Key: k",
				body: `{"eventType": "vitals.measured", "data": {"n": 1.50, "a": "\u00e9", "z": []}}`,
				want: `{"id": "{message}", "deliveries": 1, "duplicate": true}`,
			},
			{
				as: "write", do: "POST " + events, status: 409, header: "Idempotency-Key: k", body: `{"eventType": "vitals.measured", "data": 1}`,
				code: "idempotency_mismatch",
			},
			{
				as: "write", do: "POST " + events, status: 400, header: "Idempotency-Key: k",
				body: `{"eventType": "vitals.measured", "data": 1, "idempotencyKey": "l"}`, code: "validation_failed",
			},
			{
				as: "write", do: "POST " + events, status: 400, header: "Idempotency-Key: k\nIdempotency-Key: l",
				body: `{"eventType": "vitals.measured", "data": 1}`, code: "validation_failed",
			},
			{
				as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": null}`,
				want: `{"id": "<uuid>", "deliveries": 1, "duplicate": false}`,
			},
			{as: "write", do: "POST " + events, status: 400, body: `{"eventType": "vitals.measured"}`, code: "validation_failed"},
			{as: "write", do: "POST " + events, status: 422, body: `{"eventType": "vitals.unknown", "data": 1}`, code: "unknown_reference"},
			{as: "write", do: "POST " + events, status: 422, body: `{"eventType": "vitals.deleted", "data": 1}`, want: `{
				"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "<text>", "code": "schema_mismatch",
					"requestId": "<uuid>",
				"errors": [{"pointer": "/data", "detail": "<text>"}]}`},
			{
				as: "other", do: "POST /api/organizations/{b}/events", status: 202,
				body: `{"eventType": "vitals.measured", "data": 1, "idempotencyKey": "k"}`,
				want: `{"id": "<uuid>", "deliveries": 0, "duplicate": false}`,
			},
			{
				as: "admin", do: "POST /api/organizations/" + nobody + "/events", status: 400, body: `{"eventType": "vitals.measured", "data": 1}`,
				want: nobodyRefused,
			},
			{
				as: "admin", do: "POST /api/organizations/" + nobody + "/events/batch", status: 400,
				body: `{"events": [{"eventType": "vitals.measured", "data": 1}]}`, want: nobodyRefused,
			},
			{
				as: "admin", do: "POST /api/organizations/" + nobody + "/webhook-subscriptions", status: 400,
				body: `{"postUri": "https://example.com/hook", "isDevelopment": false, "events": ["*"], "version": "v1"}`, want: nobodyRefused,
			},
			{as: "admin", do: "GET /api/organizations/" + nobody + "/webhook-subscriptions", status: 200, want: none},
			{
				as: "write", do: "POST " + events + "/batch", status: 202, header: "Idempotency-Key: b",
				body: `{"events": [{"eventType": "vitals.deleted", "data": {}}, {"eventType": "vitals.measured", "data": 1}]}`,
				want: `{"items": [{"id": "<=first>", "deliveries": 0, "duplicate": false}, {"id": "<=second>", "deliveries": 1, "duplicate": false}]}`,
			},
			{
				as: "write", do: "POST " + events + "/batch", status: 202, header: "Idempotency-Key: b",
				body: `{"events": [{"eventType": "vitals.deleted", "data": {}}, {"eventType": "vitals.measured", "data": 1}]}`,
				want: `{"items": [{"id": "{first}", "deliveries": 0, "duplicate": true}, {"id": "{second}", "deliveries": 1, "duplicate": true}]}`,
			},
			{
				as: "write", do: "POST " + events + "/batch", status: 422,
				body: `{"events": [{"eventType": "vitals.measured", "data": 1}, {"eventType": "vitals.deleted", "data": 1}]}`, want: `{
				"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "<text>", "code": "schema_mismatch",
					"requestId": "<uuid>",
				"errors": [{"pointer": "/events/1/data", "detail": "<text>"}]}`,
			},
			{
				as: "write", do: "POST " + events + "/batch", status: 400,
				body: `{"events": [{"eventType": "vitals.measured", "data": 1}, {"eventType": "vitals.measured", "Data": 1}]}`, want: `{
				"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", "requestId": "<uuid>",
				"errors": [{"pointer": "/events/1/Data", "detail": "is not known"}, {"pointer": "/events/1/data", "detail": "is required"}]}`,
			},
			{
				as: "write", do: "POST " + events + "/batch", status: 409,
				body: `{"events": [{"eventType": "vitals.measured", "data": 7, "idempotencyKey": "k"}]}`, want: `{
				"type": "about:blank", "title": "Conflict", "status": 409, "detail": "<text>", "code": "idempotency_mismatch", "requestId": "<uuid>",
				"errors": [{"pointer": "/events/0", "detail": "<text>"}]}`,
			},
			{as: "write", do: "POST " + events + "/batch", status: 400, body: `{"events": []}`, code: "validation_failed"},
			{as: "write", do: "POST " + events + "/batch", status: 400, body: `{"events": [1]}`, code: "validation_failed"},
		})
		m, err := f.store.Message(f.Context(), uuidOf(orgA), uuidOf(f.vars["message"]))
		if want := `{"n":1.50,"a":"\u00e9","z":[]}`; err != nil || string(m.Data()) != want {
			f.Errorf("data is %s, want %s, %v", m.Data(), want, err)
		}
	})
}

// activityOf is an activity of {event} with data 1.
func activityOf(id, rest string) string {
	return `{"id": "` + id + `", "payload": 1, "subscription": {"id": "{sub}"}, "event": {"id": "{event}"}, "auditInfo": "<any>",
		"rawMessage": {"id": "{message}", "type": "vitals.measured", "version": "v1", "timestamp": "<time>", "data": 1}, ` + rest + `}`
}

const (
	queued = `"status": "pending", "postedAt": null, "durationMs": null, "httpStatusCode": null, "success": null, "error": null,
		"nextRetryAt": null, "heldUntil": null, "rawResponse": null, "rawResponseEncoding": null, "responseHeaders": []`
	failed = `"status": "failed", "postedAt": "<time>", "durationMs": 12, "httpStatusCode": 503, "success": false, "error": "HTTP 503",
		"nextRetryAt": "<time>", "heldUntil": null, "rawResponse": "thanks", "rawResponseEncoding": null,
		"responseHeaders": [{"name": "Server", "value": "s"}]`
)

func TestActivity(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const s, one = subs + "/{sub}", subs + "/{sub}/activity/{first}"
		first := `"type": 0, "attempt": 1, "retryingFromPostId": null, `
		f.run([]step{
			{
				as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`,
				want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
			},
			{as: "read", do: "GET " + s + "/activity", status: 200, want: `{"items": [` + activityOf("<=first>", first+queued) + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1, "nextCursor": null}`},
			{as: "write", do: "POST " + one + "/retry", status: 409, code: "not_finished"},
		})
		f.finish(503, time.Hour)
		second := `"type": 1, "attempt": 2, "retryingFromPostId": "{first}", `
		f.run([]step{
			{
				as: "read", do: "GET " + s + "/activity?order_by=ASC", status: 200,
				want: `{"items": [` + activityOf("{first}", first+failed) + `, ` + activityOf("<=second>", second+queued) + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 2, "totalPages": 1, "nextCursor": null}`,
			},
			{as: "read", do: "GET " + s + "/activity?take=1", status: 200, want: `{"items": [` + activityOf("{second}", second+queued) + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": "<=cursor>"}`},
			{as: "read", do: "GET " + s + "/activity?take=1&maxTotal=1", status: 200, want: `{
				"items": [` + activityOf("{second}", second+queued) + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 1, "totalPages": 1, "nextCursor": "{cursor}"}`},
			{
				as: "read", do: "GET " + s + "/activity?take=1&cursor={cursor}", status: 200,
				want: `{"items": [` + activityOf("{first}", first+failed) + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": null}`,
			},
			{
				as: "read", do: "GET " + s + "/activity?status=failed&eventId={event}", status: 200,
				want: `{"items": [` + activityOf("{first}", first+failed) + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1, "nextCursor": null}`,
			},
			{as: "read", do: "GET " + s + "/activity?status=succeeded", status: 200, want: `{"items": [],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0, "nextCursor": null}`},
			{
				as: "read", do: "GET " + s + "/activity?statusClass=5xx&since=2000-01-01T00:00:00Z&until=2999-01-01T00:00:00Z", status: 200,
				want: `{"items": [` + activityOf("{first}", first+failed) + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1, "nextCursor": null}`,
			},
			{
				as: "read", do: "GET " + s + "/activations?statusClass=5xx&eventId={event}&until=2999-01-01T00:00:00Z", status: 200,
				has: `"totalRecords":1`,
			},
			{
				as: "read", do: "POST " + subs + "/filter-test", status: 200, body: `{"filter": [{"pointer": "", "op": "gt", "value": 1}]}`,
				want: `{"items": [{"eventId": "{message}", "eventType": "vitals.measured", "version": "v1", "createdAt": "<time>",
				"matched": false, "reason": "filtered"}]}`,
			},
			{
				as: "read", do: "POST " + subs + "/filter-test", status: 200, body: `{"filter": [], "events": ["vitals.measured"]}`,
				has: `"matched":true,"reason":null`,
			},
			{
				as: "read", do: "POST " + subs + "/filter-test", status: 400, body: `{"filter": [{"pointer": "x", "op": "eq", "value": 1}]}`,
				has: `"pointer":"/filter/0/pointer"`,
			},
			{as: "read", do: "POST " + subs + "/filter-test", status: 400, body: `{"events": ["*"]}`, has: `"pointer":"/filter"`},
			{as: "read", do: "GET " + s + "/activity?statusClass=none", status: 200, has: `"totalRecords":1`},
			{as: "read", do: "GET " + s + "/activity?since=2999-01-01T00:00:00Z", status: 200, has: `"totalRecords":0`},
			{as: "read", do: "GET " + s + "/activations?statusClass=none", status: 200, has: `"totalRecords":0`},
			{as: "read", do: "GET " + s + "/activations?eventId={none}", status: 200, has: `"totalRecords":0`},
			{as: "read", do: "GET " + s + "/activations?until=2000-01-01T00:00:00Z", status: 200, has: `"totalRecords":0`},
			{as: "read", do: "GET " + s + "/activations?include=event", status: 200, want: `{"items": [` +
				strings.Replace(
					activityOf("{first}", `"attempts": 2, `+first+strings.Replace(failed, `"failed"`, `"pending"`, 1)), `{"id": "{event}"}`, `"<any>"`, 1,
				) + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1, "nextCursor": null}`},
			{
				as: "read", do: "GET " + s + "/activations/{first}", status: 200,
				want: activityOf("{first}", `"attempts": 2, `+first+strings.Replace(failed, `"failed"`, `"pending"`, 1)),
			},
			{as: "read", do: "GET " + s + "/activations/{second}", status: 404, code: "not_found"},
			{
				as: "write", do: "POST " + one + "/retry", status: 201,
				want: activityOf("<=third>", `"type": 2, "attempt": 3, "retryingFromPostId": "{first}", `+queued),
			},
		})
		f.finish(200, 0)
		cancelled := `"status": "cancelled", "postedAt": null, "durationMs": null, "httpStatusCode": null, "success": null, "error": null,
			"nextRetryAt": null, "heldUntil": null, "rawResponse": null, "rawResponseEncoding": null, "responseHeaders": []`
		succeeded := `"status": "succeeded", "postedAt": "<time>", "durationMs": 12, "httpStatusCode": 200, "success": true, "error": null,
			"nextRetryAt": null, "heldUntil": null, "rawResponse": "thanks", "rawResponseEncoding": null,
		"responseHeaders": [{"name": "Server", "value": "s"}]`
		f.run([]step{{
			as: "write", do: "POST " + subs + "/{sub}/activity/{third}/retry", status: 201,
			want: activityOf("<=fourth>", `"type": 2, "attempt": 4, "retryingFromPostId": "{third}", `+queued),
		}})
		level := func(n, children string) string {
			return `, "level": ` + n + `, "posted_at": "<any>", "messageId": "<any>", "external": false, "requestHeaders": "<any>",
				"childPostHistory": ` + children
		}
		two := activityOf("{second}", second+cancelled+level("2", "[]"))
		three := func(children string) string {
			return activityOf("{third}", `"type": 2, "attempt": 3, "retryingFromPostId": "{first}", `+succeeded+level("2", children))
		}
		four := activityOf("{fourth}", `"type": 2, "attempt": 4, "retryingFromPostId": "{third}", `+queued+level("3", "[]"))
		f.run([]step{
			{
				as: "read", do: "GET " + one + "?mode=nested", status: 200,
				want: activityOf("{first}", first+failed+level("1", `[`+two+`, `+three(`[`+four+`]`)+`]`)),
			},
			{
				as: "read", do: "GET " + one + "?mode=flat", status: 200,
				want: activityOf("{first}", first+failed+level("1", `[`+two+`, `+three(`[]`)+`, `+four+`]`)),
			},
			{as: "read", do: "GET " + one + "?mode=flat", status: 200, has: `{"name":"X-Webhook-Attempt","value":"1"}`},
			{as: "read", do: "GET " + subs + "/{sub}/activity/{fourth}?mode=flat", status: 200, has: `"requestHeaders":[]`},
			{as: "read", do: "GET " + one, status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + one + "?mode=tree", status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + s + "/activity?status=failed&include=subscription,event&include=event", status: 200, want: `{"items": [` +
				strings.NewReplacer(
					`{"id": "{sub}"}`, subscriptionWith("{sub}", "<text>"), `{"id": "{event}"}`, `"<any>"`,
				).Replace(activityOf("{first}", first+failed)) + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1, "nextCursor": null}`},
			{
				as: "read", do: "GET " + hashPath + "/activity/{first}/get-hash", status: 200,
				want: `{"hash": "<=hash>", "createdAt": "<=at>", "algorithm": "HMAC-SHA256"}`,
			},
			{as: "read", do: "GET " + hashPath + "/activity/{none}/get-hash", status: 404, code: "not_found"},
		})
		m, err := f.store.Message(f.Context(), uuidOf(orgA), uuidOf(f.vars["message"]))
		if err != nil {
			f.Fatal(err)
		}
		f.vars["body"] = string(m.Body)
		f.vars["quoted"] = strings.ReplaceAll(string(m.Body), `"`, `\"`)
		f.run([]step{
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": {body}, "hash": "{hash}", "createdAt": {at}}`, status: 200,
				want: `{"value": true}`,
			},
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": "{quoted}", "hash": "{hash}", "createdAt": {at}}`,
				status: 200, want: `{"value": true}`,
			},
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": {}, "hash": "{hash}", "createdAt": {at}}`, status: 200,
				want: `{"value": false}`,
			},
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": {}, "hash": "what", "createdAt": 0}`, status: 200,
				want: `{"value": false}`,
			},
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": {}, "hash": "{hash}", "createdAt": 1000000000000000000}`,
				status: 200, want: `{"value": false}`,
			},
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": {}, "hash": "{hash}", "createdAt": -9223372036854775808}`,
				status: 200, want: `{"value": false}`,
			},
			{as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": {}}`, status: 400, code: "validation_failed"},
			{
				as: "read", do: "POST " + hashPath + "/validate-hash", body: `{"payload": 5, "hash": "", "createdAt": 1}`, status: 400,
				code: "validation_failed",
			},
		})
	})
}

const hashPath = "/api/organizations/{a}/subscriptions/{sub}"
