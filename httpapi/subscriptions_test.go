package httpapi_test

import (
	"strings"
	"testing"
)

const subs = "/api/organizations/{a}/webhook-subscriptions"

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const s = subs + "/{sub}"
		f.run([]step{
			{as: "secrets", do: "GET " + s, status: 200, want: subscriptionWith("{sub}", "{secret}"), has: `ETag: "1"`},
			{as: "admin", do: "GET " + s, status: 200, want: subscriptionWith("{sub}", "{secret}")},
			{as: "read", do: "GET " + s, status: 200, want: subscriptionWith("{sub}", "<=masked>")},
			{as: "secrets", do: "GET " + subs, status: 200, want: `{"items": [` + subscriptionWith("{sub}", "{masked}") + `],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1}`},
			{as: "read", do: "GET " + subs + "?version=v1&eventId={event}", status: 200, want: `{"items": ["<any>"],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1}`},
			{as: "read", do: "GET " + subs + "?eventId={event2}", status: 200, want: `{"items": [],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0}`},
			{as: "read", do: "GET " + subs + "?eventId=00000000-0000-0000-0000-000000000000", status: 200, want: `{"items": [],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0}`},
			{as: "read", do: "GET " + subs + "?search=HTTPS&state=enabled", status: 200, want: `{"items": ["<any>"],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1}`},
			{as: "read", do: "GET " + subs + "?state=failing", status: 200, want: `{"items": [],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 0, "totalPages": 0}`},
			{as: "read", do: "GET " + subs + "?state=broken", status: 400, code: "validation_failed", has: `"parameter":"state"`},
			{as: "read", do: "GET " + subs + "?search=%00", status: 400, code: "validation_failed", has: `"parameter":"search"`},
			{as: "write", do: "POST " + s + "/deactivate", status: 200, want: `{"value": true}`},
			{as: "write", do: "POST " + s + "/deactivate", status: 200, want: `{"value": true}`},
			{as: "write", do: "POST " + s + "/archive", status: 200, want: `{"value": true}`},
			{as: "write", do: "POST " + s + "/activate", status: 409, code: "archived"},
			{as: "write", do: "PATCH " + s, body: `[]`, status: 409, code: "archived"},
			{as: "write", do: "POST " + s + "/restore", status: 200, want: `{"value": true}`},
			{as: "write", do: "POST " + s + "/activate", status: 200, want: `{"value": true}`},
			{as: "read", do: "GET /api/webhook-events/vitals.measured/subscriptions", status: 200, want: `["<any>"]`},
			{as: "everywhere", do: "GET /api/webhook-events/vitals.measured/subscriptions", status: 200, want: `["<any>"]`},
			{as: "read", do: "GET /api/webhook-events/vitals.measured/subscriptions?version=v2", status: 404, code: "not_found"},
			{as: "other", do: "GET /api/webhook-events/vitals.measured/subscriptions", status: 200, want: `[]`},
			{as: "nowhere", do: "GET /api/webhook-events/vitals.measured/subscriptions", status: 200, want: `[]`},
			{as: "read", do: "GET /api/webhook-events/nothing/subscriptions", status: 404, code: "not_found"},
			{as: "write", do: "DELETE " + s + "/events/{event2}", status: 404, code: "not_found"},
			{as: "write", do: "DELETE " + s + "/events/{event}", header: `If-Match: "1"`, status: 412, code: "precondition_failed"},
			{as: "write", do: "DELETE " + s + "/events/{event}", status: 200, want: `{"value": true}`},
			{as: "write", do: "DELETE " + s + "/events/{event}", status: 404, code: "not_found"},
			{as: "write", do: "DELETE " + s, header: `If-Match: "1"`, status: 412, code: "precondition_failed"},
			{as: "write", do: "DELETE " + s, status: 200, want: `{"value": true}`},
			{as: "write", do: "DELETE " + s, status: 404, code: "not_found"},
			{as: "read", do: "GET " + s + "/activity", status: 404, code: "not_found"},
			{as: "secrets", do: "GET " + s + "/secrets", status: 404, code: "not_found"},
		})
		if want := "••••" + f.vars["secret"][len(f.vars["secret"])-4:]; f.vars["masked"] != want {
			f.Errorf("masked secret is %q, want %q", f.vars["masked"], want)
		}
	})
}

func TestSubscriptionInput(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stores["memory"](t))
	f.catalog()
	f.run([]step{
		{
			as: "write", do: "POST " + subs, status: 201,
			body: `{"isDevelopment": true, "postUri": "http://example.com/", "events": ["{event}", "vitals.*", "vitals.measured"],
			"description": "d", "headers": {"x-key": "a secret value", "X-None": null}, "timeoutMs": 1500, "retrySchedule": ["5s", "5m", "2h",
				"1h30m"],
			"rateLimit": 2.5, "ordered": true, "filter": [{"pointer": "/ward", "op": "in", "value": [ 1.0, "b" ]}]}`,
			want: `{"id": "<=sub>", "organizationId": "{a}", "postUri": "http://example.com/", "version": "v1", "secretKey": "<=masked>",
				"events": [{"id": "{event}", "name": "Measured", "code": "vitals.measured", "version": "v1"}, {"pattern": "vitals.*"}],
				"isDevelopment": true, "description": "d", "headers": {"X-Key": "••••alue"}, "timeoutMs": 1500, "retrySchedule": ["5s",
					"5m", "2h", "1h30m"],
				"rateLimit": 2.5, "ordered": true, "filter": [{"pointer": "/ward", "op": "in", "value": [1.0, "b"]}],
				"status": {"state": "enabled", "reason": null, "since": "<time>", "circuit": null, "backPressure": null},
				"auditInfo": ` + audit + `, "activeInfo": ` + active + `, "archiveInfo": ` + present + `}`,
		},
		{
			as: "write", do: "POST " + subs, status: 400, body: `{}`,
			want: `{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>",
			"code": "validation_failed", "requestId": "<uuid>", "errors": [{"pointer": "/isDevelopment", "detail": "is required"}]}`,
		},
		{
			as: "write", do: "POST " + subs, status: 400,
			body: `{"isDevelopment": "true", "events": "x", "timeoutMs": 1.5, "a~/b": 1, "rateLimit": "5"}`, want: `{
			"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed",
				"requestId": "<uuid>", "errors": [
			{"pointer": "/a~0~1b", "detail": "is not known"}, {"pointer": "/events", "detail": "must be an array"},
			{"pointer": "/isDevelopment", "detail": "must be true or false"}, {"pointer": "/rateLimit", "detail": "must be a number"},
			{"pointer": "/timeoutMs", "detail": "must be an integer"}]}`,
		},
		{
			as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "events": [{"id": "{event}"}], "headers": {"A": 1}}`,
			want: `{
			"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed",
				"requestId": "<uuid>", "errors": [
			{"pointer": "/events", "detail": "must be an array of strings"}, {"pointer": "/headers", "detail": "must be an object of strings"}]}`,
		},
		{as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "timeoutMs": 0}`, code: "validation_failed"},
		{
			as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "timeoutMs": 9223372036854775807}`,
			code: "validation_failed",
		},
		{as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "retrySchedule": ["soon"]}`, code: "validation_failed"},
		{as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "rateLimit": 0}`, code: "validation_failed"},
		{
			as: "write", do: "POST " + subs, status: 400,
			body: `{"isDevelopment": false, "filter": [{"pointer": "", "op": "eq", "value": 1}, {"pointer": "/a", "op": "like", "value": 1}]}`,
			want: `{
			"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", "requestId": "<uuid>",
			"errors": [{"pointer": "/filter/1/op", "detail": "must be eq, ne, in, prefix, exists, lt or gt"}]}`,
		},
		{
			as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "filter": [{"pointer": "ward", "op": "eq", "value": 1}]}`,
			code: "validation_failed",
		},
		{
			as: "write", do: "POST " + subs, status: 400,
			body: `{"isDevelopment": false, "filter": [{"pointer": "/ward", "op": "exists", "value": "true"}]}`, code: "validation_failed",
		},
		{
			as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "filter": [{"pointer": "/ward", "op": "eq"}]}`,
			code: "validation_failed",
		},
		{as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "Version": "v1"}`, code: "validation_failed"},
		{
			as: "write", do: "POST " + subs, status: 422, body: `{"isDevelopment": false, "postUri": "https://127.0.0.1/"}`, code: "address_blocked",
		},
		{
			as: "write", do: "POST " + subs, status: 400, body: `{"isDevelopment": false, "postUri": "http://example.com/"}`,
			code: "validation_failed",
		},
		{as: "write", do: "POST " + subs, status: 422, body: `{"isDevelopment": false, "events": ["{none}"]}`, code: "unknown_reference"},
		{as: "write", do: "POST " + subs, status: 201, body: `{"isDevelopment": false, "postUri": "", "events": null}`, want: `{
			"id": "<=bare>", "organizationId": "{a}", "postUri": null, "version": "v1", "secretKey": "<text>", "events": [], "isDevelopment": false,
			"description": null, "headers": null, "timeoutMs": null, "retrySchedule": null, "rateLimit": null, "ordered": false,
				"filter": null, "status": {"state": "paused", "reason": null, "since": "<time>", "circuit": null, "backPressure": null},
			"auditInfo": ` + audit + `, "activeInfo": {"active": false, "activeStatusChangedAt": "<time>"}, "archiveInfo": ` + present + `}`},
		{as: "write", do: "POST " + subs + "/{bare}/activate", status: 409, code: "post_uri_missing"},

		{as: "write", do: "PATCH " + subs + "/{sub}", status: 200, body: `[{"op": "test", "path": "/events/0", "value": "{event}"},
			{"op": "add", "path": "/events/-", "value": "vitals.deleted"}, {"op": "remove", "path": "/events/1"},
			{"op": "add", "path": "/headers/X-More", "value": "more of it"}, {"op": "replace", "path": "/timeoutMs", "value": null},
			{"op": "remove", "path": "/rateLimit"}, {"op": "add", "path": "/filter/-", "value": {"pointer": "", "op": "exists", "value": true}},
			{"op": "test", "path": "/status/state", "value": "enabled"}]`, want: `{
			"id": "{sub}", "organizationId": "{a}", "postUri": "http://example.com/", "version": "v1", "secretKey": "{masked}",
			"events": [{"id": "{event}", "name": "Measured", "code": "vitals.measured", "version": "v1"},
				{"id": "{event2}", "name": "Deleted", "code": "vitals.deleted", "version": "v1"}],
			"isDevelopment": true, "description": "d", "headers": {"X-Key": "••••alue", "X-More": "••••f it"}, "timeoutMs": null,
			"retrySchedule": ["5s", "5m", "2h", "1h30m"], "rateLimit": null, "ordered": true,
			"filter": [{"pointer": "/ward", "op": "in", "value": [1.0, "b"]}, {"pointer": "", "op": "exists", "value": true}],
				"status": "<any>", "auditInfo": "<any>", "activeInfo": "<any>", "archiveInfo": "<any>"}`},
		{
			as: "write", do: "PATCH " + subs + "/{sub}", status: 422, code: "validation_failed",
			body: `[{"op": "copy", "from": "/headers/X-Key", "path": "/headers/X-Copy"}]`,
		},
		{
			as: "write", do: "PATCH " + subs + "/{sub}", status: 409, code: "test_failed",
			body: `[{"op": "test", "path": "/headers/X-Key", "value": "a secret value"}]`,
		},
		{
			as: "admin", do: "PATCH " + subs + "/{sub}", status: 403, code: "read_only", body: `[{"op": "test", "path": "/secretKey", "value": ""}]`,
		},
		{as: "admin", do: "PATCH " + subs + "/{sub}", status: 403, code: "read_only", body: `[{"op": "test", "path": "", "value": {}}]`},
		{
			as: "admin", do: "PATCH " + subs + "/{sub}", status: 403, code: "read_only",
			body: `[{"op": "copy", "from": "/secretKey", "path": "/description"}]`,
		},
		{
			as: "admin", do: "PATCH " + subs + "/{sub}", status: 403, code: "read_only",
			body: `[{"op": "replace", "path": "/status/state", "value": "enabled"}]`,
		},
		{
			as: "admin", do: "PATCH " + subs + "/{sub}", status: 422, code: "validation_failed",
			body: `[{"op": "remove", "path": "/isDevelopment"}]`,
		},
		{
			as: "admin", do: "PATCH " + subs + "/{sub}", status: 422, code: "address_blocked",
			body: `[{"op": "replace", "path": "/postUri", "value": "https://localhost/"}]`,
		},
		{
			as: "admin", do: "PATCH " + subs + "/{sub}", status: 422, code: "unknown_reference",
			body: `[{"op": "add", "path": "/events/0", "value": "nothing.here"}]`,
		},
	})
	kept, err := f.store.Subscription(t.Context(), uuidOf(orgA), uuidOf(f.vars["sub"]))
	if err != nil || kept.Headers["X-Key"] != "a secret value" {
		t.Errorf("the header is %q after patches of others, %v", kept.Headers["X-Key"], err)
	}
}

// Header values are secrets: they are shown and hidden together with secretKey.
func TestHeaderValuesAreShownWhereTheSecretIs(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const s = subs + "/{sub}"
		shows := func(headers, secret string) string {
			return strings.Replace(subscriptionWith("{sub}", secret), `"headers": null`, `"headers": `+headers, 1)
		}
		const first = `{"Authorization": "Bearer canary", "X-Short": "abc"}`
		full, masked := shows(first, "{secret}"), shows(`{"Authorization": "••••nary", "X-Short": "••••"}`, "{masked}")
		f.vars["masked"] = "••••" + f.vars["secret"][len(f.vars["secret"])-4:]
		f.run([]step{
			{
				as: "admin", do: "POST " + subs, status: 201, body: `{"isDevelopment": false, "headers": ` + first + `}`,
				want: `{"id": "<any>", "organizationId": "{a}", "postUri": null,
				"version": "v1", "secretKey": "<text>", "events": [], "isDevelopment": false, "description": null, "headers": ` + first +
					`, "timeoutMs": null, "retrySchedule": null,
				"rateLimit": null, "ordered": false, "filter": null, "status": "<any>", "auditInfo": "<any>", "activeInfo": "<any>",
					"archiveInfo": "<any>"}`,
			},
			{as: "admin", do: "PATCH " + s, status: 200, body: `[{"op": "add", "path": "/headers", "value": ` + first + `}]`, want: full},
			{as: "secrets", do: "GET " + s, status: 200, want: full},
			{as: "admin", do: "GET " + s, status: 200, want: full},
			{as: "read", do: "GET " + s, status: 200, want: masked},
			{as: "write", do: "GET " + s, status: 200, want: masked},
			{
				as: "secrets", do: "GET " + s + "/webhook-secret-histories?include=subscription", status: 200,
				want: `{"items": [{"id": "<uuid>", "secretKey": "{secret}",
				"validFrom": "<time>", "validTo": null, "auditInfo": "<any>", "subscription": ` + masked + `}],
				"currentPageNumber": 0, "recordsPerPage": 10, "totalRecords": 1, "totalPages": 1, "nextCursor": null}`,
			},
			{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`},
		})
		for _, list := range []string{
			subs, s + "/activity?include=subscription", s + "/activations?include=subscription", "/api/webhook-events/vitals.measured/subscriptions",
		} {
			for _, as := range []string{"secrets", "admin", "read"} {
				body := f.send(step{as: as, do: "GET " + list}).Body.String()
				if !strings.Contains(body, `"Authorization":"••••nary"`) || strings.Contains(body, "Bearer canary") ||
					strings.Contains(body, f.vars["secret"]) {
					f.Errorf("%s as %s: %s", list, as, body)
				}
			}
		}

		// The patched document is the one that the caller sees.
		const test, copied = `{"op": "test", "path": "/headers/Authorization", "value": `, `{"op": "copy", ` +
			`"from": "/headers/Authorization", "path": "/headers/X-Copy"}`
		f.run([]step{
			{
				as: "admin", do: "PATCH " + s, status: 200, body: `[` + test + `"Bearer canary"}, ` + copied + `]`,
				want: shows(`{"Authorization": "Bearer canary", "X-Copy": "Bearer canary", "X-Short": "abc"}`, "{secret}"),
			},
			{as: "admin", do: "PATCH " + s, status: 409, code: "test_failed", body: `[` + test + `"••••nary"}]`},
			{
				as: "write", do: "PATCH " + s, status: 200, body: `[` + test + `"••••nary"}, {"op": "remove", "path": "/headers/X-Copy"}]`,
				want: masked,
			},
			{as: "write", do: "PATCH " + s, status: 409, code: "test_failed", body: `[` + test + `"Bearer canary"}]`},
			{as: "write", do: "PATCH " + s, status: 422, code: "validation_failed", body: `[` + copied + `]`},
			{
				as: "admin", do: "PATCH " + s, status: 422, code: "validation_failed",
				body: `[{"op": "add", "path": "/headers/X-Copy", "value": "••••nary"}]`,
			},
			{
				as: "admin", do: "PATCH " + s, status: 200,
				body: `[{"op": "replace", "path": "/headers", "value": {"Authorization": "••••nary", "X-Short": "abc"}}]`, want: full,
			},
		})
	})
}

func TestPostURIIsStoredInOneForm(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		patch := func(as, uri string, status int, want string) step {
			return step{
				as: as, do: "PATCH " + subs + "/{sub}", status: status, body: `[{"op": "replace", "path": "/postUri", "value": "` + uri + `"}]`,
				want: want,
			}
		}
		stored := func(uri string) string {
			return strings.Replace(subscriptionWith("{sub}", "{secret}"), "https://example.com/hook", uri, 1)
		}
		f.run([]step{
			patch("admin", "https://Web_Hooks.example.com:443/ü?q=ü&r=%20", 200, stored("https://web_hooks.example.com/%C3%BC?q=%C3%BC&r=%20")),
			patch("admin", "https://example.com:80/", 200, stored("https://example.com:80/")),
			patch("admin", "https://example.com:8443", 200, stored("https://example.com:8443")),
		})
	})
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const s = subs + "/{sub}"
		f.run([]step{
			{as: "secrets", do: "GET " + s + "/secrets", status: 200, want: `{"secretKey": "{secret}"}`, has: `ETag: "1"`},
			{as: "secrets", do: "GET " + s + "/secrets?createdAt=2001-01-01T00:00:00Z", status: 404, code: "not_found"},
			{as: "secrets", do: "GET " + s + "/secrets?createdAt=0001-01-01T00:00:00Z", status: 404, code: "not_found"},
			{as: "secrets", do: "GET " + s + "/secrets?createdAt=2001-01-01t00:00:00z", status: 404, code: "not_found"},
			{as: "secrets", do: "GET " + s + "/secrets?createdAt=2001-01-01T00:00:00,5Z", status: 400, code: "validation_failed"},
			{as: "secrets", do: "GET " + s + "/secrets?createdAt=yesterday", status: 400, code: "validation_failed"},
			{as: "secrets", do: "PUT " + s + "/secrets", header: `If-Match: "9"`, status: 412, code: "precondition_failed"},
			{as: "secrets", do: "PUT " + s + "/secrets", header: `If-Match: "1"`, status: 200, want: `{"value": true}`},
			{as: "secrets", do: "POST " + s + "/webhook-secret-histories", body: `{"secretKey": "ecg-secret-key"}`, status: 201, want: `{
				"id": "<uuid>", "secretKey": "ecg-secret-key", "validFrom": "<time>", "validTo": null, "auditInfo": ` + audit + `}`},
			{
				as: "secrets", do: "POST " + s + "/webhook-secret-histories", body: `{"secretKey": "ecg-secret-key"}`, status: 409,
				code: "secret_unchanged",
			},
			{as: "secrets", do: "POST " + s + "/webhook-secret-histories", body: `{"secretKey": "short"}`, status: 400, code: "validation_failed"},
			{as: "secrets", do: "POST " + s + "/webhook-secret-histories", body: `{"secretKey": "v1,{secret}"}`, status: 400, want: `{
				"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed",
					"requestId": "<uuid>", "errors": [{"pointer": "/secretKey",
				"detail": "must have whsec_ as its first characters, in small letters and with nothing before it, or not at all"}]}`},
			{as: "secrets", do: "GET " + s + "/secrets", status: 200, want: `{"secretKey": "ecg-secret-key"}`, has: `ETag: "3"`},
			{as: "secrets", do: "GET " + s + "/webhook-secret-histories?take=1", status: 200, want: `{
				"items": [{"id": "<uuid>", "secretKey": "ecg-secret-key", "validFrom": "<time>", "validTo": null, "auditInfo": ` + audit + `}],
				"currentPageNumber": 0, "recordsPerPage": 1, "totalRecords": 3, "totalPages": 3, "nextCursor": "<=cursor>"}`},
			{as: "secrets", do: "GET " + s + "/webhook-secret-histories?take=2&cursor={cursor}&include=subscription", status: 200, want: `{
				"items": [{"id": "<uuid>", "secretKey": "<text>", "validFrom": "<time>", "validTo": "<time>", "auditInfo": ` + audit +
				`, "subscription": "<any>"},
					{"id": "<uuid>", "secretKey": "{secret}", "validFrom": "<time>", "validTo": "<time>", "auditInfo": ` + audit + `,
					"subscription": ` + strings.Replace(subscriptionWith("{sub}", "••••-key"), audit, `"<any>"`, 1) + `}],
				"currentPageNumber": 0, "recordsPerPage": 2, "totalRecords": 3, "totalPages": 2, "nextCursor": null}`},
		})
	})
}
