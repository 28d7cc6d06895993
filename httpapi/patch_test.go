package httpapi_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

// A patched resource is what comes of applying the operations in memory and making
// the resource anew: the same members, or the same refusal. The oracle is RFC 6902 in
// a few lines over plain values, and POST.
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
	patched := newFixtureWith(t, memstore.New(), webhooks.Config{Now: ticking(start), NewID: counting(start)})
	anew := newFixtureWith(t, memstore.New(), webhooks.Config{Now: ticking(start), NewID: counting(start)})
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

type op map[string]any

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

// apply applies the operations to the document, or returns the code of the refusal.
func (p patchable) apply(doc map[string]any, ops []op) string {
	for _, o := range ops {
		path := pointerTokens(o["path"].(string))
		from := pointerTokens("")
		if f, ok := o["from"].(string); ok {
			from = pointerTokens(f)
			if code := p.access(doc, from); code != "" {
				return code
			}
		}
		if o["op"] == "test" {
			if _, secret := doc["secretKey"]; secret && path[0] == "secretKey" {
				return "read_only"
			}
			found, ok := lookUp(doc, path)
			if !ok {
				return "path_not_found"
			}
			if !same(found, o["value"]) {
				return "test_failed"
			}
			continue
		}
		if code := p.access(doc, path); code != "" {
			return code
		}
		var done bool
		switch o["op"] {
		case "add":
			done = insert(doc, path, o["value"])
		case "replace":
			if _, done = lookUp(doc, path); done {
				done = erase(doc, path) && insert(doc, path, o["value"])
			}
		case "remove":
			done = erase(doc, path)
		case "copy":
			var found any
			if found, done = lookUp(doc, from); done {
				done = insert(doc, path, clone(found))
			}
		case "move":
			var found any
			found, done = lookUp(doc, from)
			if !done || slices.Equal(from, path) {
				break
			}
			if len(path) > len(from) && slices.Equal(path[:len(from)], from) {
				return "path_not_found"
			}
			done = erase(doc, from) && insert(doc, path, found)
		}
		if !done {
			return "path_not_found"
		}
	}
	return ""
}

// access refuses what may not be written.
func (p patchable) access(doc map[string]any, path []string) string {
	if slices.Contains(p.writable, path[0]) {
		return ""
	}
	if _, ok := doc[path[0]]; ok {
		return "read_only"
	}
	return "path_not_found"
}

func pointerTokens(pointer string) []string {
	out := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := range out {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(out[i], "~1", "/"), "~0", "~")
	}
	return out
}

func place(token string, length int) (int, bool) {
	i, err := strconv.Atoi(token)
	return i, err == nil && i >= 0 && i < length && fmt.Sprint(i) == token
}

func lookUp(v any, path []string) (any, bool) {
	for _, token := range path {
		switch in := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = in[token]; !ok {
				return nil, false
			}
		case []any:
			i, ok := place(token, len(in))
			if !ok {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// insert adds a value where the parent is.
func insert(doc map[string]any, path []string, value any) bool {
	last := len(path) - 1
	parent, ok := lookUp(doc, path[:last])
	if !ok {
		return false
	}
	switch in := parent.(type) {
	case map[string]any:
		in[path[last]] = value
		return true
	case []any:
		i, ok := place(path[last], len(in)+1)
		if path[last] == "-" {
			i, ok = len(in), true
		}
		return ok && assign(doc, path[:last], slices.Insert(slices.Clone(in), i, value))
	}
	return false
}

// erase removes a value that is there. A member of the document itself becomes null.
func erase(doc map[string]any, path []string) bool {
	last := len(path) - 1
	if _, ok := lookUp(doc, path); !ok {
		return false
	}
	if last == 0 {
		doc[path[0]] = nil
		return true
	}
	parent, _ := lookUp(doc, path[:last])
	switch in := parent.(type) {
	case map[string]any:
		delete(in, path[last])
	case []any:
		i, _ := place(path[last], len(in))
		return assign(doc, path[:last], slices.Delete(slices.Clone(in), i, i+1))
	}
	return true
}

// assign puts a list in the place of another one.
func assign(doc map[string]any, path []string, list []any) bool {
	last := len(path) - 1
	parent, _ := lookUp(doc, path[:last])
	switch in := parent.(type) {
	case map[string]any:
		in[path[last]] = list
	case []any:
		i, _ := place(path[last], len(in))
		in[i] = list
	}
	return true
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, m := range v {
			out[k] = clone(m)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, m := range v {
			out[i] = clone(m)
		}
		return out
	}
	return v
}

// same compares JSON values, numbers by what they are.
func same(a, b any) bool {
	return cmp.Equal(a, b, cmp.Comparer(func(x, y json.Number) bool {
		p, okP := new(big.Rat).SetString(x.String())
		q, okQ := new(big.Rat).SetString(y.String())
		return okP && okQ && p.Cmp(q) == 0
	}))
}
