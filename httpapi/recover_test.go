package httpapi_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func TestRecover(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const path, long = subs + "/{sub}/recover", `"since": "2020-01-01T00:00:00Z"`
		publish := step{as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": 1}`}
		f.run([]step{publish, publish})
		f.finish(500, 0)
		f.run([]step{
			publish,
			{as: "write", do: "POST " + subs + "/{sub}/deactivate", status: 200},
			publish,
			{as: "write", do: "POST " + path, status: 400, body: `{}`, want: `{
				"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", "requestId": "<uuid>",
				"errors": [{"pointer": "/since", "detail": "is required"}, {"pointer": "/status", "detail": "is required"}]}`},
			{as: "write", do: "POST " + path, status: 400, body: `{` + long + `, "status": "succeeded"}`, code: "validation_failed"},
			{as: "write", do: "POST " + path, status: 400, body: `{` + long + `, "status": "all", "ratePerSecond": 0}`, code: "validation_failed"},
			{as: "write", do: "POST " + path, status: 400, body: `{"since": "2020-01-01", "status": "all"}`, code: "validation_failed"},
			{as: "write", do: "POST " + path, status: 400, body: `{` + long + `, "status": "all", "id": "7"}`, code: "validation_failed"},
			{
				as: "write", do: "POST " + path, status: 400, body: `{` + long + `, "until": "2019-01-01T00:00:00Z", "status": "all"}`,
				code: "validation_failed",
			},
			{as: "read", do: "POST " + path, status: 403, body: `{` + long + `, "status": "all"}`, code: "forbidden"},
			{
				as: "write", do: "POST " + path, status: 202, body: `{` + long + `, "status": "failed", "dryRun": true}`,
				want: `{"id": null, "matched": 2}`,
			},
			{
				as: "write", do: "POST " + path, status: 202, body: `{` + long + `, "status": "missed", "dryRun": true}`,
				want: `{"id": null, "matched": 1}`,
			},
			{
				as: "write", do: "POST " + path, status: 202, body: `{` + long + `, "status": "all", "dryRun": true}`,
				want: `{"id": null, "matched": 3}`,
			},
			{
				as: "write", do: "POST " + path, status: 202, body: `{` + long + `, "status": "all", "until": "2021-01-01T00:00:00Z"}`,
				want: `{"id": "<=empty>", "matched": 0}`,
			},
			{as: "write", do: "DELETE " + path + "/{empty}", status: 200, want: `{"value": true}`},
			{as: "write", do: "DELETE " + path + "/{empty}", status: 200, want: `{"value": true}`},
			{
				as: "read", do: "GET " + path + "/{empty}", status: 200,
				want: `{"id": "{empty}", "state": "stopped", "matched": 0, "queued": 0, "createdAt": "<time>", "finishedAt": "<time>"}`,
			},
			{
				as: "write", do: "POST " + path, status: 202, body: `{` + long + `, "status": "all", "ratePerSecond": 2}`,
				want: `{"id": "<=job>", "matched": 3}`,
			},
			{
				as: "read", do: "GET " + path + "/{job}", status: 200,
				want: `{"id": "{job}", "state": "running", "matched": 3, "queued": 0, "createdAt": "<time>", "finishedAt": null}`,
			},
			{as: "read", do: "GET " + path + "/{none}", status: 404, code: "not_found"},
			{as: "other", do: "GET /api/organizations/{b}/webhook-subscriptions/{sub}/recover/{job}", status: 404, code: "not_found"},
			{as: "other", do: "DELETE /api/organizations/{b}/webhook-subscriptions/{sub}/recover/{job}", status: 404, code: "not_found"},
		})
		f.advance()
		f.run([]step{
			{
				as: "read", do: "GET " + path + "/{job}", status: 200,
				want: `{"id": "{job}", "state": "running", "matched": 3, "queued": 2, "createdAt": "<time>", "finishedAt": null}`,
			},
			{as: "write", do: "DELETE " + path + "/{job}", status: 200, want: `{"value": true}`},
			{as: "write", do: "POST " + path, status: 202, body: `{` + long + `, "status": "all"}`, want: `{"id": "<=job>", "matched": 1}`},
		})
		if tag := f.send(step{as: "read", do: "GET " + path + "/{job}"}).Header().Get("ETag"); tag == "" {
			f.Error("a recovery has no ETag")
		}
		f.advance()
		f.advance()
		f.run([]step{
			{
				as: "read", do: "GET " + path + "/{job}", status: 200,
				want: `{"id": "{job}", "state": "done", "matched": 1, "queued": 1, "createdAt": "<time>", "finishedAt": "<time>"}`,
			},
			{as: "write", do: "DELETE " + path + "/{job}", status: 200, want: `{"value": true}`},
			{
				as: "read", do: "GET " + path + "/{job}", status: 200,
				want: `{"id": "{job}", "state": "done", "matched": 1, "queued": 1, "createdAt": "<time>", "finishedAt": "<time>"}`,
			},
			{as: "write", do: "POST " + subs + "/{sub}/archive", status: 200},
			{as: "write", do: "POST " + path, status: 409, body: `{` + long + `, "status": "all"}`, code: "archived"},
		})
	})
}

// advance takes a recovery a step on.
func (f *fixture) advance() {
	f.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	_, err := f.store.AdvanceRecovery(f.Context(), store.AdvanceOptions{
		Max: 100, NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }, At: now, ExpiresAt: now.Add(time.Hour),
	})
	if err != nil {
		f.Fatal(err)
	}
}
