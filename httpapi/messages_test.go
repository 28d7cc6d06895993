package httpapi_test

import (
	"strings"
	"testing"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const one = events + "/{message}"
		tally := func(total, pending, failed string) string {
			return `{"total": ` + total + `, "pending": ` + pending + `, "succeeded": 0, "failed": ` + failed + `, "cancelled": 0}`
		}
		message := func(id, key, deliveries, more string) string {
			return `{"id": "` + id + `", "eventType": "vitals.measured", "version": "v1", "orderingKey": ` + key +
				`, "createdAt": "<time>", "deliveries": ` + deliveries + more + `}`
		}
		f.run([]step{
			{
				as: "read", do: "GET " + events, status: 200,
				want: `{"items": [], "currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0, "nextCursor": null}`,
			},
			{
				as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1, "orderingKey": "ward-7"}`,
				want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
			},
			{
				as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.deleted", "data": {"n": 1.50}}`,
				want: `{"id": "<=other>", "deliveries": 0, "duplicate": false}`,
			},
			{
				as: "read", do: "GET " + events + "?take=1", status: 200,
				want: `{"items": [{"id": "{other}", "eventType": "vitals.deleted", "version": "v1", "orderingKey": null, "createdAt": "<time>",
				"deliveries": ` + tally("0", "0", "0") +
					`}], "currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": "<=cursor>"}`,
			},
			{
				as: "read", do: "GET " + events + "?take=1&cursor={cursor}", status: 200,
				want: `{"items": [` + message("{message}", `"ward-7"`, tally("1", "1", "0"), "") + `],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2, "nextCursor": null}`,
			},
			{as: "other", do: "GET /api/organizations/{b}/events/{message}", status: 404, code: "not_found"},
			{as: "read", do: "GET " + events + "/{none}", status: 404, code: "not_found"},
			{
				as: "read", do: "GET " + events + "/{other}", status: 200,
				want: `{"id": "{other}", "eventType": "vitals.deleted", "version": "v1", "orderingKey": null, "createdAt": "<time>",
				"deliveries": ` + tally("0", "0", "0") + `, "data": {"n": 1.50}, "activations": []}`,
			},
		})
		f.finish(503, 0)
		first := `"type": 0, "attempt": 1, "retryingFromPostId": null, "attempts": 1, ` +
			strings.Replace(failed, `"nextRetryAt": "<time>"`, `"nextRetryAt": null`, 1)
		f.run([]step{
			{
				as: "read", do: "GET " + one, status: 200,
				want: message("{message}", `"ward-7"`, tally("1", "0", "1"), `, "data": 1, "activations": [`+activityOf("<=first>", first)+`]`),
			},
		})
		f.explain()
	})
}

// explain checks the reasons for {message}, which has the delivery {first}.
func (f *fixture) explain() {
	f.Helper()
	for name, body := range map[string]string{
		"later":   `{"isDevelopment": false, "postUri": "https://example.com/later", "events": ["vitals.measured"]}`,
		"nothing": `{"isDevelopment": false, "postUri": "https://example.com/nothing", "events": []}`,
	} {
		f.run([]step{{as: "write", do: "POST " + subs, status: 201, body: body}})
		f.vars[name] = f.newest()
	}
	f.run([]step{
		{
			as: "write", do: "PATCH " + subs + "/{later}", status: 200,
			body: `[{"op": "add", "path": "/filter", "value": [{"pointer": "/n", "op": "gt", "value": 5}]}]`,
		},
		{
			as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": {"n": 5}}`,
			want: `{"id": "<=second>", "deliveries": 1, "duplicate": false}`,
		},
		{as: "read", do: "GET " + events + "/{message}/explain", status: 200, want: `{"items": [
			{"subscriptionId": "{sub}", "postUri": "https://example.com/hook", "matched": true, "reason": null, "activationId": "{first}",
				"status": "failed", "heldUntil": null},
			"<any>", "<any>"], "nextCursor": null}`},
		{as: "read", do: "GET " + events + "/{message}/explain?take=2", status: 200, want: `{"items": ["<any>", {
			"subscriptionId": "<any>", "postUri": "<text>", "matched": false, "reason": "created_later", "activationId": null,
			"status": null, "heldUntil": null}], "nextCursor": "<=cursor>"}`},
		{
			as: "read", do: "GET " + events + "/{message}/explain?take=2&cursor={cursor}", status: 200,
			want: `{"items": ["<any>"], "nextCursor": null}`,
		},
		{as: "read", do: "GET " + events + "/{message}/explain?subscriptionId={sub}", status: 200, want: `{"items": [
			{"subscriptionId": "{sub}", "postUri": "https://example.com/hook", "matched": true, "reason": null, "activationId": "{first}",
				"status": "failed", "heldUntil": null}], "nextCursor": null}`},
		{as: "read", do: "GET " + events + "/{message}/explain?subscriptionId={message}", status: 404},
		{as: "read", do: "GET " + events + "/{message}/explain?take=0", status: 400, code: "validation_failed"},
		{as: "read", do: "GET " + events + "/{message}/explain?cursor=x", status: 400, code: "validation_failed"},
		{as: "read", do: "GET " + events + "/{message}/explain?subscriptionId=x", status: 400, code: "validation_failed"},
	})
	reasons := func(message string) map[string]string {
		w := f.send(step{as: "read", do: "GET " + events + "/{" + message + "}/explain"})
		out := map[string]string{}
		for _, item := range parse(f.T, w.Body.String()).(map[string]any)["items"].([]any) {
			e := item.(map[string]any)
			reason, _ := e["reason"].(string)
			out[e["subscriptionId"].(string)] = reason
		}
		return out
	}
	check := func(message, sub, want string) {
		f.Helper()
		if got := reasons(message)[f.vars[sub]]; got != want {
			f.Errorf("%s: %s did not get it because %q, want %q", message, sub, got, want)
		}
	}
	check("message", "later", "created_later")
	check("second", "sub", "")
	check("second", "later", "filtered")
	check("second", "nothing", "not_subscribed")
	f.run([]step{{
		as: "write", do: "PATCH " + subs + "/{nothing}", status: 200,
		body: `[{"op": "add", "path": "/events/-", "value": "vitals.*"}, {"op": "replace", "path": "/version", "value": "v2"}]`,
	}})
	check("second", "nothing", "version")
	f.run([]step{{as: "write", do: "POST " + subs + "/{later}/deactivate", status: 200}})
	check("second", "later", "inactive")
	f.run([]step{{as: "write", do: "POST " + subs + "/{later}/archive", status: 200}})
	check("second", "later", "archived")
}

// newest is the id of the subscription that was made last.
func (f *fixture) newest() string {
	f.Helper()
	w := f.send(step{as: "read", do: "GET " + subs + "?order_by=DESC&take=1"})
	return parse(f.T, w.Body.String()).(map[string]any)["items"].([]any)[0].(map[string]any)["id"].(string)
}
