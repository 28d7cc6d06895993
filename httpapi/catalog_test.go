package httpapi_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestCatalog(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		const c, e = "/api/webhook-categories/{category}", "/api/webhook-categories/{category}/webhook-events/{event}"
		f.run([]step{
			{as: "catalog", do: "POST /api/webhook-categories", body: `{"name": "Again", "code": "vitals"}`, status: 409, code: "code_taken"},
			{as: "catalog", do: "POST /api/webhook-categories", body: `{"name": "", "code": "-"}`, status: 400, want: `{
				"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", "requestId": "<uuid>",
				"errors": [{"pointer": "/name", "detail": "is required"}, {"pointer": "/code", "detail": "<text>"}]}`},
			{as: "read", do: "GET /api/webhook-categories?take=1", status: 200, want: `{"items": ["<any>"], "currentPageNumber": 0,
				"recordsPerPage": 1, "totalRecords": 1, "totalPages": 1}`},
			{as: "read", do: "GET " + c + "/webhook-events?skip=1&take=1&order_by=DESC", status: 200, want: `{
				"items": [{"id": "{event}", "name": "Measured", "code": "vitals.measured", "version": "v1", "description": "A value", "schema": null,
				"archiveInfo": "<any>", "auditInfo": "<any>", "activeInfo": "<any>", "webhookCategory": "<any>"}],
				"currentPageNumber": 1, "recordsPerPage": 1, "totalRecords": 2, "totalPages": 2}`},
			{as: "read", do: "GET " + e, status: 200, has: `ETag: "1"`},
			{as: "read", do: "GET /api/webhook-categories/{none}/webhook-events/{event}", status: 404, code: "not_found"},
			{as: "read", do: "GET /api/webhook-categories/{none}/webhook-events", status: 404, code: "not_found"},
			{as: "read", do: "GET /api/webhook-categories/17", status: 404, code: "not_found"},
			{as: "catalog", do: "DELETE " + c, status: 409, code: "in_use"},
			{as: "catalog", do: "DELETE /api/webhook-categories/01a229c0-5400-7000-8000-000000000000", status: 409, code: "built_in"},
			{as: "catalog", do: "POST " + c + "/archive", status: 200, want: `{"value": true}`},
			{as: "catalog", do: "POST " + c + "/archive", status: 200, want: `{"value": true}`},
			{as: "catalog", do: "POST " + c + "/webhook-events", body: `{"name": "x", "code": "x", "version": "v1"}`, status: 409, code: "archived"},
			{as: "read", do: "GET /api/webhook-categories", status: 200, want: `{"items": [], "currentPageNumber": 0,
				"recordsPerPage": 10, "totalRecords": 0, "totalPages": 0}`},
			{as: "read", do: "GET /api/webhook-categories?archived=only", status: 200, want: `{"items": ["<any>"], "currentPageNumber": 0,
				"recordsPerPage": 10, "totalRecords": 1, "totalPages": 1}`},
			{as: "catalog", do: "POST " + c + "/restore", status: 200, want: `{"value": true}`},
			{as: "catalog", do: "POST " + e + "/deactivate", status: 200, want: `{"value": true}`},
			{as: "catalog", do: "POST " + e + "/activate", status: 200, want: `{"value": true}`},
			{as: "catalog", do: "DELETE " + e, header: `If-Match: "1"`, status: 412, code: "precondition_failed"},
			{as: "catalog", do: "DELETE " + e, header: `If-Match: "7", "3"`, status: 200, want: `{"value": true}`},
			{as: "catalog", do: "DELETE " + e, status: 404, code: "not_found"},
			{as: "read", do: "GET /api/seed-data/versions", status: 200, want: `[]`},
		})
	})
}

func TestSamples(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		const s = "/api/webhook-categories/{category}/webhook-events/{event2}/sample-payloads"
		f.run([]step{
			{as: "catalog", do: "POST " + s, body: `{"payload": {"n": 1.50, "a": "é"}}`, status: 201, want: `{"id": "<uuid>",
				"event": {"id": "{event2}", "name": "Deleted", "code": "vitals.deleted", "version": "v1"},
				"payload": {"n": 1.50, "a": "é"}, "version": "v1", "auditInfo": ` + audit + `}`},
			{as: "catalog", do: "POST " + s, body: `{"payload": {}}`, status: 409, code: "sample_exists"},
			{as: "catalog", do: "POST " + s, body: `{"payload": []}`, status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + s, status: 400, code: "validation_failed"},
			{as: "read", do: "GET " + s + "?version=v2", status: 404, code: "not_found"},
			{
				as: "catalog", do: "PATCH " + s + "?version=v1", status: 200,
				body: `[{"op": "replace", "path": "/payload/a", "value": [1e2]}, {"op": "replace", "path": "/version", "value": "v2"}]`,
				want: `{"id": "<uuid>", "event": "<any>", "payload": {"n": 1.50, "a": [1e2]}, "version": "v2", "auditInfo": ` + audit + `}`,
			},
			{
				as: "catalog", do: "PATCH " + s + "?version=v2", status: 422, code: "validation_failed",
				body: `[{"op": "remove", "path": "/payload"}]`,
			},
			{as: "catalog", do: "DELETE " + s + "?version=v2", status: 200, want: `{"value": true}`},
			{as: "catalog", do: "DELETE " + s + "?version=v2", status: 404, code: "not_found"},
		})
	})
}

func TestPatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t, stores["memory"](t))
	f.catalog()
	many := `[` + strings.Repeat(`{"op": "test", "path": "/code", "value": "vitals"},`, 100) +
		`{"op": "test", "path": "/code", "value": "vitals"}]`
	for _, tt := range []struct {
		rule, body string
		status     int
		code, want string
	}{
		{
			rule: "AllOperations", status: 200, body: `[
			{"op": "test", "path": "/name", "value": "Vitals"}, {"op": "test", "path": "/activeInfo/active", "value": true},
			{"op": "copy", "from": "/name", "path": "/description"}, {"op": "replace", "path": "/name", "value": "New"},
			{"op": "test", "path": "/description", "value": "V\u0069tals"}, {"op": "add", "path": "/description", "value": "d"},
				{"op": "remove", "path": "/description"},
			{"op": "test", "path": "/description", "value": null}, {"op": "replace", "path": "/name", "value": "Vitals", "extra": 1}]`,
			want: `{"id": "{category}", "name": "Vitals", "code": "vitals", "description": null, "archiveInfo": "<any>", "auditInfo": "<any>", ` +
				`"activeInfo": "<any>"}`,
		},
		{
			rule: "MoveLeavesARequiredMemberEmpty", status: 422, code: "validation_failed",
			body: `[{"op": "move", "from": "/name", "path": "/description"}]`,
		},
		{
			rule: "FailedTest", status: 409, code: "test_failed",
			body: `[{"op": "replace", "path": "/name", "value": "x"}, {"op": "test", "path": "/name", "value": "y"}]`,
		},
		{rule: "ReadOnly", status: 403, code: "read_only", body: `[{"op": "replace", "path": "/id", "value": "x"}]`},
		{rule: "ReadOnlyBelow", status: 403, code: "read_only", body: `[{"op": "add", "path": "/activeInfo/active", "value": false}]`},
		{rule: "CopyFromReadOnly", status: 403, code: "read_only", body: `[{"op": "copy", "from": "/id", "path": "/name"}]`},
		{rule: "WholeDocument", status: 403, code: "read_only", body: `[{"op": "replace", "path": "", "value": {}}]`},
		{rule: "RemovesWholeDocument", status: 403, code: "read_only", body: `[{"op": "remove", "path": ""}]`},
		{rule: "UnknownMember", status: 422, code: "path_not_found", body: `[{"op": "add", "path": "/colour", "value": 1}]`},
		{rule: "UnknownMemberInTest", status: 422, code: "path_not_found", body: `[{"op": "test", "path": "/colour", "value": null}]`},
		{rule: "BelowAText", status: 422, code: "path_not_found", body: `[{"op": "add", "path": "/name/0", "value": 1}]`},
		{rule: "EmptyName", status: 422, code: "path_not_found", body: `[{"op": "copy", "from": "/", "path": "/name"}]`},
		{rule: "WrongType", status: 422, code: "validation_failed", body: `[{"op": "replace", "path": "/name", "value": 5}]`},
		{rule: "InvalidResult", status: 422, code: "validation_failed", body: `[{"op": "replace", "path": "/code", "value": "ä"}]`},
		{rule: "UnknownOperation", status: 400, code: "validation_failed", body: `[{"op": "increment", "path": "/name"}]`},
		{rule: "NoValue", status: 400, code: "validation_failed", body: `[{"op": "add", "path": "/name"}]`},
		{rule: "NoPath", status: 400, code: "validation_failed", body: `[{"op": "remove"}]`},
		{rule: "NoFrom", status: 400, code: "validation_failed", body: `[{"op": "copy", "path": "/name"}]`},
		{rule: "PathIsNoPointer", status: 400, code: "validation_failed", body: `[{"op": "remove", "path": "name"}]`},
		{rule: "PathHasABadEscape", status: 400, code: "validation_failed", body: `[{"op": "remove", "path": "/na~2me"}]`},
		{rule: "NotAnArray", status: 400, code: "validation_failed", body: `{"op": "remove", "path": "/name"}`},
		{rule: "TooMany", status: 400, code: "validation_failed", body: many},
		{rule: "DuplicateMember", status: 400, code: "malformed_json", body: `[{"op": "remove", "op": "test", "path": "/name"}]`},
	} {
		f.step(tt.rule, step{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}", body: tt.body, status: tt.status, code: tt.code, want: tt.want,
			header: "Content-Type: application/json-patch+json",
		})
	}
	f.run([]step{
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}", header: `If-Match: W/"2"`, body: `[]`, status: 412,
			code: "precondition_failed",
		},
		{as: "catalog", do: "PATCH /api/webhook-categories/{category}", header: `If-Match: "2"`, body: `[]`, status: 200, has: `ETag: "3"`},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 200,
			body: `[{"op": "add", "path": "/schema", "value": {"required": ["a", "c"], "properties": {"a": {"minimum": 1.0}}}}]`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 200,
			body: `[{"op": "test", "path": "/schema/properties/a", "value": {"minimum": 10e-1}}, {"op": "add", "path": "/schema/required/1", ` +
				`"value": "b"},
				{"op": "add", "path": "/schema/required/-", "value": "d"}, {"op": "move", "from": "/schema/required/0", "path": "/schema/required/3"},
				{"op": "remove", "path": "/schema/required/0"}, {"op": "add", "path": "/schema/properties/x~1y", "value": true}]`,
			want: `{"id": "{event}", "name": "Measured", "code": "vitals.measured", "version": "v1", "description": "A value",
				"schema": {"required": ["c", "d", "a"], "properties": {"a": {"minimum": 1.0}, "x/y": true}},
				"archiveInfo": "<any>", "auditInfo": "<any>", "activeInfo": "<any>", "webhookCategory": "<any>"}`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 422, code: "path_not_found",
			body: `[{"op": "replace", "path": "/schema/required/-1", "value": "b"}]`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 422, code: "path_not_found",
			body: `[{"op": "replace", "path": "/schema/required/01", "value": "b"}]`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 422, code: "path_not_found",
			body: `[{"op": "add", "path": "/schema/required/9", "value": "b"}]`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 422, code: "path_not_found",
			body: `[{"op": "move", "from": "/schema/properties", "path": "/schema/properties/a"}]`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 413, code: "payload_too_large",
			body: `[{"op": "add", "path": "/schema/default", "value": "` + strings.Repeat("x", 5000) + `"}` +
				doubling(20) + `]`,
		},
		{
			as: "catalog", do: "PATCH /api/webhook-categories/{category}/webhook-events/{event}", status: 200,
			body: `[{"op": "remove", "path": "/schema"}]`,
		},
	})
}

// doubling returns operations each of which makes the schema twice as large.
func doubling(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `, {"op": "copy", "from": "/schema", "path": "/schema/x%d"}`, i)
	}
	return b.String()
}
