package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store"
)

const (
	acts     = subs + "/{sub}/activity"
	outcomes = "/outcomes"
)

// external is an activity of {event} that somebody else posts.
func external(id, kind, rest string) string {
	return `{"id": "` + id + `", "type": ` + kind +
		`, "payload": {"n": 1}, "rawMessage": {"MSH": 1}, "subscription": {"id": "{sub}"}, "event": {"id": "{event}"},
		"auditInfo": ` + audit + `, ` + rest + `}`
}

func TestAddActivity(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const body = `"payload": {"n": 1}, "rawMessage": {"MSH": 1}, "eventId": "{event}"`
		posted := strings.Replace(queued, `"postedAt": null`, `"postedAt": "2022-08-18T10:03:03.750Z"`, 1)
		f.run([]step{
			{
				as: "write", do: "POST " + acts, status: 201, body: `{"type": 0, ` + body + `, "postedAt": "2022-08-18T12:03:03.75+02:00"}`,
				want: external("<=first>", "0", `"attempt": 1, "retryingFromPostId": null, `+posted),
			},
			{
				as: "write", do: "POST " + acts, status: 409, body: `{"type": 1, ` + body + `, "retryingFromPostId": "{first}", "postedAt": ""}`,
				code: "not_finished",
			},
			{as: "write", do: "POST " + acts, status: 400, body: `{"type": 1, ` + body + `}`, code: "validation_failed"},
			{as: "write", do: "POST " + acts, status: 400, body: `{"type": 4, ` + body + `}`, code: "validation_failed"},
			{as: "write", do: "POST " + acts, status: 400, body: `{"type": 0, ` + body + `, "postedAt": "yesterday"}`, code: "validation_failed"},
			{
				as: "write", do: "POST " + acts, status: 400, body: `{"type": 0, "payload": [], "rawMessage": {}, "eventId": "{event}"}`,
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts, status: 400, body: `{"type": 0, "payload": {}, "rawMessage": "MSH|", "eventId": "{event}"}`,
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts, status: 400, body: `{"type": 0, "payload": {}, "rawMessage": {}, "eventId": "vitals.measured"}`,
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts, status: 422, body: `{"type": 0, "payload": {}, "rawMessage": {}, "eventId": "{none}"}`,
				code: "unknown_reference",
			},
			{
				as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event2}", status: 200,
				body: `[{"op": "add", "path": "/schema/properties", "value": {"n": {"type": "integer"}}}]`,
			},
			{
				as: "write", do: "POST " + acts, status: 422, body: `{"type": 0, "payload": {"n": "one"}, "rawMessage": {}, "eventId": "{event2}"}`,
				want: `{
				"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "<text>", "code": "schema_mismatch",
					"requestId": "<uuid>",
				"errors": [{"pointer": "/payload/n", "detail": "<text>"}]}`,
			},
			{
				as: "write", do: "POST " + acts, status: 422, body: `{"type": 2, ` + body + `, "retryingFromPostId": "{none}"}`,
				code: "unknown_reference",
			},
			{
				as: "other", do: "POST /api/organizations/{b}/webhook-subscriptions/{sub}/activity", status: 404, body: `{"type": 0, ` + body + `}`,
				code: "not_found",
			},
			{as: "read", do: "POST " + acts, status: 403, body: `{"type": 0, ` + body + `}`, code: "forbidden"},
		})
		f.idle("an external activity")
		f.run([]step{
			{
				as: "write", do: "POST " + acts, status: 201, body: `{"type": 0, ` + body + `, "postedAt": "", "retryingFromPostId": ""}`,
				want: external("<=queued>", "0", `"attempt": 1, "retryingFromPostId": null, `+queued),
			},
			{as: "write", do: "POST " + subs + "/{sub}/archive", status: 200},
			{as: "write", do: "POST " + acts, status: 409, body: `{"type": 0, ` + body + `}`, code: "archived"},
		})
	})
}

// idle demands that nothing is due.
func (f *fixture) idle(why string) {
	f.Helper()
	jobs, _, err := f.store.Claim(f.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
	if err != nil || len(jobs) > 0 {
		f.Fatalf("%s: %d jobs are due, %v", why, len(jobs), err)
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const body = `"payload": {"n": 1}, "rawMessage": {"MSH": 1}, "eventId": "{event}"`
		const fine = `{"originalActivityId": "{first}", "success": "true", "httpStatusCode": "200", "error": null, "rawResponse": "{vitals:100}"}`
		done := func(status, code, success, fault, next, response string) string {
			return `"status": "` + status + `", "postedAt": "<time>", "durationMs": 0, "httpStatusCode": ` + code + `, "success": ` + success +
				`, "error": ` + fault + `,
				"nextRetryAt": ` + next + `, "heldUntil": null, "rawResponse": ` + response + `, "rawResponseEncoding": null, "responseHeaders": []`
		}
		first := external(
			"<=first>", "0", `"attempt": 1, "retryingFromPostId": null, `+strings.Replace(queued, `"postedAt": null`, `"postedAt": "<time>"`, 1),
		)
		ended := external(
			"{first}", "0", `"attempt": 1, "retryingFromPostId": null, `+done("succeeded", "200", "true", "null", "null", `"{vitals:100}"`),
		)
		f.run([]step{
			{as: "write", do: "POST " + acts, status: 201, body: `{"type": 0, ` + body + `, "postedAt": "2026-01-01T00:00:00Z"}`, want: first},
			{
				as: "write", do: "POST " + acts, status: 201, body: `{"type": 0, ` + body + `, "postedAt": "2026-01-01T00:00:00Z"}`,
				want: strings.Replace(first, "first", "stranger", 1),
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 422, body: strings.Replace(fine, "first", "none", 1),
				code: "unknown_reference",
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 409, body: strings.Replace(fine, "first", "stranger", 1),
				code: "not_in_chain",
			},
			{as: "write", do: "POST " + acts + "/{none}" + outcomes, status: 404, body: fine, code: "not_found"},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400, body: strings.Replace(fine, `"true"`, `"yes"`, 1),
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400, body: strings.Replace(fine, `"200"`, `"OK"`, 1),
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400, body: strings.Replace(fine, `"200"`, `99`, 1),
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400, body: strings.Replace(fine, `"200"`, `"+200"`, 1),
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400, body: strings.Replace(fine, `"true"`, `false`, 1),
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400, body: strings.Replace(fine, `"error": null, `, ``, 1),
				code: "validation_failed",
			},
			{as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 201, body: fine, want: ended},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 201,
				body: strings.NewReplacer(`"true"`, `true`, `"200"`, `200`, `null`, `""`).Replace(fine), want: ended,
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 409, body: strings.Replace(fine, `200`, `201`, 1),
				code: "outcome_exists",
			},
			{
				as: "write", do: "POST " + acts + "/{stranger}" + outcomes, status: 201,
				body: `{"originalActivityId": "{stranger}", "success": false, "httpStatusCode": null, "error": "connect: connection refused", ` +
					`"rawResponse": {"a": [ ]}}`,
				want: external(
					"{stranger}", "0",
					`"attempt": 1, "retryingFromPostId": null, `+done(
						"failed", "null", "false", `"connect: connection refused"`, `"<time>"`, `"{\"a\":[]}"`,
					),
				),
			},
		})
		f.idle("the failure of an external activity")
		// A retry that somebody else made too, and one that is taken out of the queue.
		f.run([]step{
			{
				as: "write", do: "POST " + acts, status: 201,
				body: `{"type": 1, ` + body + `, "retryingFromPostId": "{stranger}", "postedAt": "2026-01-01T00:00:01Z"}`,
				want: external("<=again>", "1",
					`"attempt": 2, "retryingFromPostId": "{stranger}", `+strings.Replace(queued, `"postedAt": null`, `"postedAt": "<time>"`, 1)),
			},
			{
				as: "write", do: "POST " + acts + "/{again}" + outcomes, status: 409, body: strings.Replace(fine, "first", "first", 1),
				code: "not_in_chain",
			},
			{
				as: "write", do: "POST " + acts + "/{again}" + outcomes, status: 201, body: strings.Replace(fine, "first", "stranger", 1),
				want: external(
					"{again}", "1",
					`"attempt": 2, "retryingFromPostId": "{stranger}", `+done("succeeded", "200", "true", "null", "null", `"{vitals:100}"`),
				),
			},
			{
				as: "write", do: "POST " + acts, status: 201, body: `{"type": 0, ` + body + `}`,
				want: external("<=first>", "0", `"attempt": 1, "retryingFromPostId": null, `+queued),
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 201,
				body: `{"originalActivityId": "{first}", "success": false, "httpStatusCode": 503, "error": "busy", "rawResponse": null}`,
				want: external(
					"{first}", "0", `"attempt": 1, "retryingFromPostId": null, `+done("failed", "503", "false", `"busy"`, `"<time>"`, `null`),
				),
			},
			{
				as: "read", do: "GET " + acts + "?take=1", status: 200,
				want: `{"items": [` + strings.Replace(
					external("<=next>", "1", `"attempt": 2, "retryingFromPostId": "{first}", `+queued), audit, `"<any>"`, 1,
				) + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 5, "totalPages": 5, "nextCursor": "<=cursor>"}`,
			},
			{
				as: "write", do: "POST " + acts, status: 201, body: `{"type": 0, ` + body + `}`,
				want: external("<=first>", "0", `"attempt": 1, "retryingFromPostId": null, `+queued),
			},
		})
		if jobs, _, err := f.store.Claim(f.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute}); err != nil || len(jobs) != 2 {
			f.Fatalf("%d jobs are due, want this one and the retry of the one before, %v", len(jobs), err)
		}
		f.run([]step{{as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 409, body: fine, code: "sending"}})
	})
}

func TestTest(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const path = subs + "/{sub}/test"
		sent := func(event, payload string) string {
			return `{"id": "<uuid>", "type": 3, "attempt": 1, "retryingFromPostId": null, "payload": ` + payload + `, "rawMessage": "<any>",
				"subscription": {"id": "{sub}"}, "event": {"id": "` + event + `"}, "auditInfo": ` + audit + `, ` + queued + `}`
		}
		f.run([]step{
			{as: "write", do: "POST " + path, status: 201, want: sent("{event}", `"<any>"`)},
			{as: "write", do: "POST " + path, status: 201, body: `{}`, want: sent("{event}", `"<any>"`)},
			{
				as: "catalog", do: "POST /api/webhook-categories/{category}/webhook-events/{event}/sample-payloads", status: 201,
				body: `{"payload": {"sample": 1.0}}`,
			},
			{as: "write", do: "POST " + path, status: 201, body: `{}`, want: sent("{event}", `{"sample": 1.0}`)},
			{as: "write", do: "POST " + path, status: 201, body: `{"eventType": "vitals.deleted"}`, want: sent("{event2}", `"<any>"`)},
			{as: "write", do: "POST " + path, status: 422, body: `{"eventType": "vitals.measured", "version": "v2"}`, code: "unknown_reference"},
			{as: "write", do: "POST " + path, status: 400, body: `{"eventType": "not a code"}`, code: "validation_failed"},
			{as: "write", do: "POST " + path, status: 400, body: `{"event": "x"}`, code: "validation_failed"},
			{as: "read", do: "POST " + path, status: 403, code: "forbidden"},
			{as: "catalog", do: "POST /api/webhook-categories/{category}/webhook-events/{event}/deactivate", status: 200},
			{as: "write", do: "POST " + path, status: 409, code: "no_events"},
			{as: "write", do: "POST " + path, status: 409, body: `{"eventType": "vitals.measured"}`, code: "event_inactive"},
			{as: "write", do: "PATCH " + subs + "/{sub}", status: 200, body: `[{"op": "add", "path": "/events/-", "value": "vitals.*"}]`},
			{as: "write", do: "POST " + path, status: 201, want: sent("{event2}", `"<any>"`)},
			{
				as: "read", do: "GET " + events, status: 200,
				want: `{"items": [], "currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0, "nextCursor": null}`,
			},
		})
	})
}
