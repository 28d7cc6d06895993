package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/ecg-api/webhooks/store/memstore"
)

// fuzzed returns a world with a thing of each kind, on a fresh store.
func fuzzed(t *testing.T) tenants {
	t.Helper()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	f.make("POST /api/webhook-categories/{category}/webhook-events/{event}/sample-payloads", `{"payload": {"n": 1}}`)
	w := tenants{fixture: f, a: f.belongings(orgA)}
	w.vars["sub"] = w.a["subscription"]
	return w
}

// try sends a request. The answer must be JSON, and no error of the server.
func (w tenants) try(s step, body string) int {
	w.Helper()
	got := w.sendBody(s, body)
	if got.Code >= 500 && !strings.Contains(s.do, "failed-response") || !json.Valid(got.Body.Bytes()) && !strings.Contains(s.do, "/docs") {
		w.Fatalf("%s: %d %s\n%s", s.do, got.Code, got.Body, w.log)
	}
	return got.Code
}

// To every body at every route the answer is a JSON document, and no error of the server. Accepted
// data is JSON with the same meaning.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"eventType": "vitals.measured", "data": {"n": 1.50}, "version": "v1", "idempotencyKey": "k", "orderingKey": "o"}`,
		`{"eventType": "vitals.measured", "data": "\ud83d\ude00\u0000"}`, `{"eventType": "vitals.measured", "data": 1e999, "Data": 2}`,
		`{"events": [{"eventType": "vitals.measured", "data": null}]}`, `{"events": [1, null, {}]}`, `null`, `[]`, `"`, ``, `{"eventType": null}`,
		`{"eventType": "vitals.deleted", "data": {"a": 1e2000000}}`,
		`{"name": "n", "code": "c", "version": "v1", "schema": {"minimum": 1e2000000}}`,
		`[{"op": "add", "path": "/headers/a~1b", "value": {}}, {"op": "move", "from": "/events/0", "path": "/events/-"}]`,
		`[{"op": "test", "path": "/retrySchedule/0", "value": 1.0}]`, `[{"op": "copy", "from": "/headers", "path": "/headers/"}]`,
		`[{"op": "add", "path": "/headers", "value": {"": {"": []}}}, {"op": "replace", "path": "/headers///0", "value": 1}]`,
		`{"postUri": "https://example.com/", "events": ["*", "vitals.*"], "isDevelopment": false, "headers": {"a": "b"}, "timeoutMs": 1e3, ` +
			`"retrySchedule": ["1s"]}`,
		`{"payload": {"a": 1}, "hash": "", "createdAt": -1}`, `{"since": "0000-01-01T00:00:00Z", "status": "all", "ratePerSecond": 0}`,
		`{"secretKey": "whsec_"}`,
		`{"type": 0, "payload": {}, "rawMessage": {}, "eventId": "00000000-0000-0000-0000-000000000000", ` +
			`"postedAt": "9999-12-31T23:59:59-23:59"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := fuzzed(t)
		for _, o := range operations(t) {
			if o.method != http.MethodGet && o.method != http.MethodDelete && !strings.HasSuffix(o.path, "archive") {
				s := o.request(t, w.a, idPlace{}, "")
				s.as = "admin"
				w.try(s, body)
			}
		}
		list, err := w.store.Attempts(t.Context(), historyOf(w.fixture))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list.Items {
			if !json.Valid(a.Body) {
				t.Fatalf("stored body %s", a.Body)
			}
		}
	})
}

// FuzzQuery sends arbitrary queries, cursors and conditions.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"", "take=100&skip=2147483647&order_by=ASC", "cursor=AAAAAAAAAAAAAAAAAAAAAA", "cursor=AZuFbqAAcACAAAAAAAAAAA&take=1",
		"include=event,subscription&include=event", "a=%zz", "a;b", "&&=",
		"from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z&bucket=minute", "mode=flat&mode=nested", "version=%00",
		"statusClass=5xx&since=2026-01-01T00:00:00Z&until=0001-01-01T00:00:00Z",
		"eventId=00000000-0000-0000-0000-000000000000", "createdAt=0000-01-01t00:00:00z", "type=ack&status=100",
		"actor=%FF&resourceType=Subscription&resourceId=%00", "actor=&resourceType=keys&resourceId=&take=1&cursor=AZuFbqAAcACAAAAAAAAAAA",
		"actor=dora&resourceType=subscription&resourceId=AZUFBQAA-cACA-AAAA-AAAA-AAAAAAAAAAAA",
		"since=9999-12-31T23:59:59Z&until=0001-01-01T00:00:00Z",
	} {
		f.Add(seed, `"1"`)
	}
	f.Add("take=1", `W/"1", *`)
	f.Fuzz(func(t *testing.T, query, tag string) {
		if !httpguts.ValidHeaderFieldValue(tag) {
			return
		}
		w := fuzzed(t)
		for _, o := range operations(t) {
			s := o.request(t, w.a, idPlace{}, "")
			method, path, _ := strings.Cut(s.do, " ")
			path, required, _ := strings.Cut(path, "?")
			for _, q := range []string{query, required + "&" + query} {
				r := &http.Request{
					Method: method, URL: &url.URL{Path: path, RawQuery: q}, Header: http.Header{"Authorization": {"Bearer admin"}, "If-Match": {tag}},
				}
				if got := w.serve(r); got.Code >= 500 && o.id != "receiveFailure" {
					t.Fatalf("%s %s?%s: %d %s\n%s", method, path, q, got.Code, got.Body, w.log)
				}
			}
		}
	})
}

// FuzzPatch: a patch is applied or refused as a whole. The patched resource can be read, and an empty
// patch of it succeeds.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"op":"add","path":"/payload/-","value":1}]`,
		`[{"op":"copy","from":"/payload","path":"/payload/a"},{"op":"test","path":"/payload/a/n","value":1.0}]`,
		`[{"op":"remove","path":"/payload"}]`,
		`[{"op":"add","path":"/payload/a","value":[{},"\u0000",[1e400]]},{"op":"move","from":"/payload/a/0","path":"/payload/a/-"},` +
			`{"op":"remove","path":"/payload/a/1"}]`,
		`[{"op":"add","path":"/payload/","value":{"":2}},{"op":"replace","path":"/payload//","value":3}]`,
		`[{"op":"add","path":"/headers","value":{"a":"b"}},{"op":"copy","from":"/headers/a","path":"/description"}]`,
		`[{"op":"add","path":"/filter","value":[{"pointer":"/a","op":"eq","value":{"b" : [ ]}}]},{"op":"replace","path":"/filter/0/value/b",` +
			`"value":"\ud83d\ude00"}]`,
		`[{"op":"test","path":"/secretKey","value":""}]`, `[{"op":"move","from":"/payload/n","path":"/payload/~0~1"}]`,
		`[{"op":"replace","path":"/schema","value":{"a":1e2000000}}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := fuzzed(t)
		for _, o := range operations(t) {
			if o.method != http.MethodPatch {
				continue
			}
			s := o.request(t, w.a, idPlace{}, "")
			s.as = "admin"
			read := s
			read.do = strings.Replace(s.do, "PATCH", "GET", 1)
			before := w.send(read).Body.String()
			if code := w.try(s, body); code/100 != 2 {
				if after := w.send(read).Body.String(); after != before {
					t.Fatalf("%s was refused with %d and changed\n%s\nto\n%s", body, code, before, after)
				}
			} else if code := w.try(s, `[]`); code != http.StatusOK {
				if w.send(read).Code == http.StatusOK { // and not a sample that has another version now
					t.Fatalf("%s left what cannot be patched: %d", body, code)
				}
			}
		}
	})
}

// FuzzSubscriptionHeader: a header that is taken is one that HTTP can carry, and none
// that is not for a subscription to set.
func FuzzSubscriptionHeader(f *testing.F) {
	for _, seed := range [][2]string{
		{"X-A", "b"},
		{"host", "x"},
		{"Webhook_Id", "x"},
		{"X-A", "b\r\nHost: c"},
		{"X\x00", ""},
		{"tE", "trailers"},
		{"CONTENT-LENGTH", "0"},
		{"Authorization", "Basic \u00e9"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		w := fuzzed(t)
		text, err := json.Marshal(map[string]any{"isDevelopment": false, "headers": map[string]string{name: value}})
		if err != nil {
			t.Fatal(err)
		}
		if w.try(step{as: "admin", do: "POST " + subs}, string(text)) != http.StatusCreated {
			return
		}
		lower := strings.ReplaceAll(strings.ToLower(name), "_", "-")
		if !httpguts.ValidHeaderFieldName(name) || strings.ContainsAny(value, "\r\n\x00") ||
			strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "webhook-") || strings.HasPrefix(lower, "x-webhook-") ||
			lower == "host" || lower == "transfer-encoding" {
			t.Fatalf("%q: %q was taken", name, value)
		}
	})
}

// FuzzCondition: a condition that is taken holds or does not, of whatever is published.
func FuzzCondition(f *testing.F) {
	for _, seed := range [][4]string{
		{"/n", "eq", "1.0", `{"n": 1}`},
		{"", "in", `[null, {"a": 1e999999999}]`, `null`},
		{"/a~1b/~0/0", "lt", `"x"`, `{"a/b": {"~": ["w"]}}`},
		{"/-", "exists", "true", "[]"},
		{"/01", "ne", "[]", "[[],1]"},
		{"/n", "gt", "-1e-999999999", `{"n": 1e-999999999}`},
		{"/~", "prefix", `"\ud83d\ude00"`, `{"~": "\ud83d\ude00"}`},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	f.Fuzz(func(t *testing.T, pointer, op, value, data string) {
		w := fuzzed(t)
		names, err := json.Marshal([]string{pointer, op})
		if err != nil {
			t.Fatal(err)
		}
		var quoted []json.RawMessage
		if err := json.Unmarshal(names, &quoted); err != nil {
			t.Fatal(err)
		}
		w.try(
			step{as: "admin", do: "POST " + subs},
			`{"isDevelopment": false, "postUri": "https://example.com/", "events": ["*"], `+
				`"filter": [{"pointer": `+string(quoted[0])+`, "op": `+string(quoted[1])+`, "value": `+value+`}]}`,
		)
		w.try(step{as: "admin", do: "POST " + events}, `{"eventType": "vitals.measured", "data": `+data+`}`)
	})
}

// FuzzRetrySchedule: a wait that is taken is one of more than nothing and at most
// 48 h, and is shown so that it can be sent again.
func FuzzRetrySchedule(f *testing.F) {
	for _, seed := range []string{
		"5s", "1h0m0.5s", "48h", "48h1ns", "0", "-1s", "1e3s", "9223372036854775807ns", ".5m", "1µs", "1\x00s", "2562047h47m16.854775807s", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wait string) {
		w := fuzzed(t)
		text, err := json.Marshal(map[string]any{"isDevelopment": false, "retrySchedule": []string{wait}})
		if err != nil {
			t.Fatal(err)
		}
		got := w.sendBody(step{as: "admin", do: "POST " + subs}, string(text))
		if got.Code >= 500 {
			t.Fatalf("%q: %d %s", wait, got.Code, got.Body)
		}
		if got.Code != http.StatusCreated {
			return
		}
		shown := parse(t, got.Body.String()).(map[string]any)["retrySchedule"].([]any)[0].(string)
		meant, err := time.ParseDuration(wait)
		again, errAgain := time.ParseDuration(shown)
		if err != nil || errAgain != nil || meant != again || meant <= 0 || meant > 48*time.Hour {
			t.Fatalf("%q is shown as %q", wait, shown)
		}
	})
}
