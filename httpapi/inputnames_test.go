package httpapi_test

import "testing"

// The Go inputs of posts and reports have other field names than the interface. A caller reads the
// names of the operation, in pointers and in details.
func TestProblemsOfPostsUseTheNamesOfTheOperation(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const (
			body        = `"payload": {"n": 1}, "rawMessage": {"MSH": 1}, "eventId": `
			parts       = `{"eventType": "vitals.measured", "version": "v1", "data": {}}`
			outcome     = `"success": false, "httpStatusCode": 500, "error": "HTTP 500", "rawResponse": null}`
			schema      = `[{"op": "add", "path": "/schema/properties", "value": {"n": {"type": "string"}}}]`
			noActivity  = `"detail": "names no activity of the subscription"`
			kindAllowed = `"detail": "must be 1 or 2 with retryingFromPostId, and 0 or 3 without"`
			payloads    = "POST " + hashPath + "/webhooks-payloads?mode=external"
		)
		invalid := func(status, title, code, detail, fault string) string {
			return `{"type": "about:blank", "title": "` + title + `", "status": ` + status + `, "detail": "` + detail + `", "code": "` + code + `",
				"requestId": "<uuid>", "errors": [{` + fault + `}]}`
		}
		wrong := func(fault string) string {
			return invalid("400", "Bad Request", "validation_failed", "The request is not valid.", fault)
		}
		refused := func(code, fault string) string {
			return invalid("422", "Unprocessable Entity", code, "The request cannot be carried out.", fault)
		}
		f.run([]step{
			{as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event2}", status: 200, body: schema},
			{
				as: "write", do: "POST " + acts, status: 400, body: `{"type": 1, ` + body + `"{event}"}`,
				want: wrong(`"pointer": "/type", ` + kindAllowed),
			},
			{
				as: "write", do: "POST " + acts, status: 400, body: `{"type": 3, ` + body + `"{event}", "retryingFromPostId": "{none}"}`,
				want: wrong(`"pointer": "/type", ` + kindAllowed),
			},
			{
				as: "write", do: "POST " + acts, status: 422, body: `{"type": 0, ` + body + `"{none}"}`,
				want: refused("unknown_reference", `"pointer": "/eventId", "detail": "names no event type"`),
			},
			{
				as: "write", do: "POST " + acts, status: 422, body: `{"type": 2, ` + body + `"{event}", "retryingFromPostId": "{none}"}`,
				want: refused("unknown_reference", `"pointer": "/retryingFromPostId", `+noActivity),
			},
			{
				as: "write", do: "POST " + acts, status: 422, body: `{"type": 0, ` + body + `"{event2}"}`,
				want: refused("schema_mismatch", `"pointer": "/payload/n", "detail": "<text>"`),
			},
			{
				as: "write", do: payloads + "&originalActivityId={none}", status: 422, body: parts,
				want: refused("unknown_reference", `"parameter": "originalActivityId", `+noActivity),
			},
		})
		made := f.make("POST "+acts, `{"type": 0, `+body+`"{event}", "postedAt": "2026-01-01T00:00:00Z"}`)
		f.vars["first"] = made
		f.run([]step{
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 422, body: `{"originalActivityId": "{none}", ` + outcome,
				want: refused("unknown_reference", `"pointer": "/originalActivityId", `+noActivity),
			},
			{
				as: "write", do: "POST " + acts + "/{first}" + outcomes, status: 400,
				body: `{"originalActivityId": "{first}", "success": false, "httpStatusCode": null, "error": " ", "rawResponse": null}`,
				want: wrong(`"pointer": "/error", "detail": "must say what went wrong where success is false"`),
			},
		})
	})
}
