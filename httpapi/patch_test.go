package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

// A PATCH has the result of applying the operations in memory and of a POST of the patched document:
// the same members, or the same refusal. The oracle is RFC 6902 in a few lines over plain values.
func TestPatchIsApplyThenValidate(t *testing.T) {
	t.Parallel()
	for _, kind := range []patchable{
		{
			name: "category", path: "/api/webhook-categories", body: `{"name": "Vitals", "code": "other", "description": "d"}`,
			writable: []string{"name", "code", "description"},
		},
		{
			name: "event", path: "/api/webhook-categories/{category}/webhook-events",
			body:     `{"name": "E", "code": "vitals.e", "version": "v1", "schema": {"type": "object", "required": ["a"]}}`,
			writable: []string{"name", "code", "description", "version", "schema"},
		},
		{
			name: "subscription", path: subs,
			body: `{"postUri": "https://example.com/hook", "events": ["{event}", "vitals.*"], "isDevelopment": false,
				"description": "d", "retrySchedule": ["5s", "5m"], "filter": [{"pointer": "/a", "op": "in", "value": [1, "b"]}]}`,
			writable: []string{
				"postUri", "events", "version", "isDevelopment", "description", "headers", "timeoutMs", "retrySchedule", "rateLimit", "ordered",
				"filter",
			},
		},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { kind.check(t, rt) })
		})
	}
}

// patchable is a kind of resource.
type patchable struct {
	name, path, body string
	writable         []string
}

func (p patchable) check(t *testing.T, rt *rapid.T) {
	start := time.Now().Add(-time.Hour)
	patched := newFixtureWith(t, memstore.New(), webhooks.Config{Clock: ticking(start), NewID: counting(start)})
	anew := newFixtureWith(t, memstore.New(), webhooks.Config{Clock: ticking(start), NewID: counting(start)})
	patched.catalog()
	anew.catalog()
	made := patched.send(step{as: "catalog", do: "POST " + p.path, body: p.body})
	if p.name == "subscription" {
		made = patched.send(step{as: "write", do: "POST " + p.path, body: p.body})
	}
	now := parse(t, made.Body.String()).(map[string]any)
	doc := parse(t, made.Body.String()).(map[string]any)
	if p.name == "subscription" {
		doc["events"] = []any{patched.vars["event"], "vitals.*"}
	}
	ops := p.operations(rt, patched.vars)
	request, err := json.Marshal(ops)
	if err != nil {
		rt.Fatal(err)
	}
	got := patched.sendBody(step{as: "admin", do: "PATCH " + p.path + "/" + now["id"].(string)}, string(request))

	wantCode, want := p.apply(doc, ops), made
	if wantCode == "" {
		input := map[string]any{}
		for _, name := range p.writable {
			input[name] = doc[name]
		}
		body, err := json.Marshal(input)
		if err != nil {
			rt.Fatal(err)
		}
		want = anew.sendBody(step{as: "admin", do: "POST " + p.path}, string(body))
		if want.Code != http.StatusCreated {
			wantCode = parse(t, want.Body.String()).(map[string]any)["code"].(string)
		}
	}
	answer := parse(t, got.Body.String()).(map[string]any)
	if wantCode != "" {
		if answer["code"] != wantCode {
			rt.Fatalf("%s\nis %d %v, want %s", request, got.Code, answer, wantCode)
		}
		after := patched.send(step{as: "admin", do: "GET " + p.path + "/" + now["id"].(string)})
		kept := parse(t, after.Body.String()).(map[string]any)
		delete(kept, "secretKey")
		delete(now, "secretKey")
		if diff := cmp.Diff(now, kept); diff != "" {
			rt.Fatalf("%s\nwas refused and changed something: %s", request, diff)
		}
		return
	}
	if got.Code != http.StatusOK {
		rt.Fatalf("%s\nis refused: %d %v", request, got.Code, answer)
	}
	expected := parse(t, want.Body.String()).(map[string]any)
	for _, name := range p.writable {
		if diff := cmp.Diff(expected[name], answer[name]); diff != "" {
			rt.Fatalf("%s\n%s: %s", request, name, diff)
		}
	}
}

// below are places below a member that are there more often than not.
var below = map[string][]string{
	"events": {"/0", "/1", "/-", "/0"}, "retrySchedule": {"/0", "/1", "/-"}, "headers": {"/X-A"},
	"schema": {"/type", "/required", "/required/0", "/required/-"},
	"filter": {"/0", "/-", "/0/op", "/0/value", "/0/value/1", "/0/value/-"},
}

// operations are mostly such that can be carried out.
func (p patchable) operations(rt *rapid.T, vars map[string]string) []op {
	odd := func(rt *rapid.T) bool { return rapid.IntRange(0, 11).Draw(rt, "odd") == 0 }
	path := rapid.Custom(func(rt *rapid.T) string {
		name := rapid.SampledFrom(p.writable).Draw(rt, "name")
		rest := append([]string{"", ""}, below[name]...)
		if odd(rt) {
			name = rapid.SampledFrom([]string{"id", "auditInfo", "secretKey", "nothing", "Name", "activeInfo"}).Draw(rt, "other")
		}
		if odd(rt) {
			rest = []string{"/0", "/2", "/-", "/a", "/0/op", "/x~1y", "/~0", "/01", "//a", "/type"}
		}
		return "/" + name + rapid.SampledFrom(rest).Draw(rt, "rest")
	})
	text := []any{"text", "v2", "vitals.x", "https://example.com/other", "1m", "eq", "", " ", nil}
	whatever := append(
		slices.Clone(text), "http://example.com/", "https://127.0.0.1/", "*", true, false, json.Number("1"), json.Number("1500"), vars["event"],
		vars["event2"], vars["none"], []any{}, map[string]any{}, []any{"1m"},
	)
	fits := map[string][]any{
		"events":        {[]any{"vitals.deleted", "*"}, []any{vars["event"]}, []any{}, nil},
		"events/":       {vars["event"], vars["event2"], "*", "vitals.measured", vars["none"]},
		"isDevelopment": {true, false}, "ordered": {true, false, nil}, "timeoutMs": {json.Number("1000"), json.Number("1500"), nil},
		"rateLimit":     {json.Number("2.5"), nil},
		"retrySchedule": {[]any{"1m", "2m"}, nil, []any{}}, "retrySchedule/": {"1m", "49h"}, "headers": {map[string]any{"X-A": "b"}, nil},
		"headers/": {"b"},
		"schema":   {map[string]any{"type": "object"}, nil, map[string]any{"type": "x"}}, "schema/": {"object", "a", []any{"b"}},
		"filter":  {[]any{map[string]any{"pointer": "/b", "op": "exists", "value": true}}, nil},
		"filter/": {map[string]any{"pointer": "", "op": "eq", "value": nil}, "eq", "in", json.Number("7")},
		"postUri": {"https://example.com/other", "https://127.0.0.1/", nil}, "version": {"v2"},
	}
	value := func(rt *rapid.T, at string) any {
		name, _, deeper := strings.Cut(strings.TrimPrefix(at, "/"), "/")
		if deeper {
			name += "/"
		}
		values := fits[name]
		if values == nil {
			values = text
		}
		if odd(rt) {
			values = whatever
		}
		return rapid.SampledFrom(values).Draw(rt, "value")
	}
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) op {
		o := op{
			"op": rapid.SampledFrom([]string{"add", "replace", "remove", "move", "copy", "test"}).Draw(rt, "op"), "path": path.Draw(rt, "path"),
		}
		switch o["op"] {
		case "move", "copy":
			o["from"] = path.Draw(rt, "from")
		case "add", "replace", "test":
			o["value"] = value(rt, o["path"].(string))
		}
		return o
	}), 1, 4).Draw(rt, "ops")
}
