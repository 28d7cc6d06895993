package httpapi_test

import (
	"testing"
	"time"
)

func TestStats(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const path = subs + "/{sub}/stats"
		publish := step{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`}
		f.run([]step{publish, publish, publish})
		f.finish(200, 0)
		f.run([]step{publish})
		f.finish(500, 0)
		f.run([]step{publish}) // this one has no outcome
		now := time.Now().UTC().Truncate(24 * time.Hour)
		f.vars["from"], f.vars["to"] = now.Add(-24*time.Hour).Format(time.RFC3339), now.Add(48*time.Hour).Format(time.RFC3339)
		const span = "?from={from}&to={to}"
		none := func(from string) string {
			return `{"from": "` + from +
				`", "attempts": 0, "succeeded": 0, "failed": 0, "successRate": null, "p50Ms": null, "p95Ms": null, "p99Ms": null}`
		}
		all := func(from string) string {
			return `{"from": "` + from + `", "attempts": 4, "succeeded": 3, "failed": 1, "successRate": 0.75, "p50Ms": 12, "p95Ms": 12, "p99Ms": 12}`
		}
		f.run([]step{
			{
				as: "read", do: "GET " + path + span + "&bucket=day", status: 200,
				want: `{"items": [` + none("<time>") + `, ` + all("<time>") + `, ` + none("<time>") + `], "total": ` + all("<time>") + `}`,
			},
			{as: "read", do: "GET " + path, status: 200},
			{as: "read", do: "GET " + path + span + "&bucket=week", status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + path + span + "&bucket=minute", status: 400, want: `{
				"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", "requestId": "<uuid>",
				"errors": [{"parameter": "from", "detail": "<text>"}]}`},
			{as: "read", do: "GET " + path + "?from={to}&to={from}", status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + path + "?from=yesterday", status: 400, code: "validation_failed"},
			// more than a time.Duration holds
			{
				as: "read", do: "GET " + path + "?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&bucket=minute", status: 400,
				code: "validation_failed",
			},
			{as: "read", do: "GET " + path + "?to=0001-01-01T00:00:00Z", status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + path + "?to=0001-01-02T00:00:00Z", status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + path + "?to=0001-01-03T00:00:00Z", status: 200},
			{as: "read", do: "GET " + path + "?to=9999-12-31T23:59:59.999Z", status: 200},
			{as: "other", do: "GET /api/organizations/{b}/webhook-subscriptions/{sub}/stats", status: 404, code: "not_found"},
		})
	})
}

func TestExamples(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		const one = "/api/webhook-categories/{category}/webhook-events/{event}"
		f.run([]step{
			{as: "read", do: "GET " + one + "/sample-payloads-examples", status: 200, want: `{"MSH": "<any>", "MSA": "<any>", "ERR": []}`},
			{
				as: "read", do: "GET " + one + "/sample-payloads-examples?type=nack", status: 200,
				want: `{"MSH": "<any>", "MSA": "<any>", "ERR": ["<any>"]}`,
			},
			{as: "read", do: "GET " + one + "/sample-payloads-examples?type=phone-log", status: 200},
			{as: "read", do: "GET " + one + "/sample-payloads-examples?type=vitals-observation", status: 200},
			{as: "read", do: "GET " + one + "/sample-payloads-examples?type=other", status: 400, code: "validation_failed"},
			{
				as: "read", do: "GET /api/webhook-categories/{none}/webhook-events/{event}/sample-payloads-examples?type=ack", status: 404,
				code: "not_found",
			},
			{
				as: "read", do: "GET /api/webhook-deliveries/payload", status: 200,
				want: `{"id": "<uuid>", "type": "<text>", "version": "v1", "timestamp": "<time>", "data": "<any>"}`,
			},
			{as: "catalog", do: "POST " + one + "/sample-payloads", status: 201, body: `{"payload": {"n": 1.50}}`},
			{
				as: "read", do: "GET /api/webhook-deliveries/payload", status: 200,
				want: `{"id": "<uuid>", "type": "vitals.measured", "version": "v1", "timestamp": "<time>", "data": {"n": 1.50}}`,
			},
			{as: "read", do: "GET /api/signing-keys", status: 200, want: `{"items": []}`},
			{
				as: "read", do: "GET /api/delivery-defaults", status: 200,
				want: `{"timeoutMs": "<any>", "retrySchedule": "<any>", "secretOverlap": "24h"}`,
			},
			{do: "GET /api/webhook-deliveries/payload", status: 401, code: "unauthorized"},
		})
	})
}
