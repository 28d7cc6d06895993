package httpapi_test

import (
	"encoding/json"
	"testing"

	"github.com/ecg-api/webhooks/store/memstore"
)

// Whatever is sent, the answer is a JSON document and no fault of ours; and data that
// is accepted is JSON that keeps its meaning.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"eventType": "vitals.measured", "data": {"n": 1.50}, "version": "v1", "idempotencyKey": "k", "orderingKey": "o"}`,
		`{"eventType": "vitals.measured", "data": "\ud83d\ude00\u0000"}`, `{"eventType": "vitals.measured", "data": 1e999, "Data": 2}`,
		`{"events": [{"eventType": "vitals.measured", "data": null}]}`, `{"events": [1, null, {}]}`, `null`, `[]`, `"`, ``, `{"eventType": null}`,
		`[{"op": "add", "path": "/headers/a~1b", "value": {}}, {"op": "move", "from": "/events/0", "path": "/events/-"}]`,
		`[{"op": "test", "path": "/retrySchedule/0", "value": 1.0}]`, `[{"op": "copy", "from": "/headers", "path": "/headers/"}]`,
		`[{"op": "add", "path": "/headers", "value": {"": {"": []}}}, {"op": "replace", "path": "/headers///0", "value": 1}]`,
		`{"postUri": "https://example.com/", "events": ["*", "vitals.*"], "isDevelopment": false, "headers": {"a": "b"}, "timeoutMs": 1e3, "retrySchedule": ["1s"]}`,
		`{"payload": {"a": 1}, "hash": "", "createdAt": -1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		x := newFixture(t, memstore.New())
		x.catalog()
		x.subscribe()
		for _, do := range []string{
			"POST " + events, "POST " + events + "/batch", "POST " + subs, "PATCH " + subs + "/{sub}", "POST " + hashPath + "/validate-hash",
			"PATCH /api/webhook-categories/{category}", "PATCH /api/webhook-categories/{category}/webhook-events/{event2}",
		} {
			s := step{as: "admin", do: do}
			if w := x.sendBody(s, body); w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s: %d %s\n%s", do, w.Code, w.Body, x.log)
			}
		}
		list, err := x.store.Attempts(t.Context(), historyOf(x))
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
