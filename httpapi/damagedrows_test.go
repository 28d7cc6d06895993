package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// damagedRows are values that another program may write into the columns of each table, in
// any database and in one kind alone.
var damagedRows = map[string]map[string][]string{
	"": {
		"event_types":   {"schema = 'nonsense'"},
		"samples":       {"payload = '{bad'"},
		"subscriptions": {"selectors = '{bad', headers = '{bad', retry_schedule = '[true]', filter = '{}'"},
		"secrets":       {"key = NULL"},
		"messages":      {"body = '{bad', source = '{bad'", "body = NULL"},
		"attempts":      {"status = 9, number = -1, http_status = -5"},
		"recoveries":    {"scope = 9, since_at = NULL"},
	},
	"pg": {
		"subscriptions": {"rate_limit = 'NaN', created_at = 'infinity', active_changed_at = '200000-01-01'"},
		"attempts":      {"posted_at = '-infinity', next_retry_at = '200000-01-01', updated_at = 'infinity'"},
		"messages":      {"created_at = 'infinity'"},
	},
	"sqlite": {
		"subscriptions": {"created_at = 'yesterday', active_changed_at = 9223372036854775807"},
		"attempts":      {"posted_at = 'today', next_retry_at = x'00', retry_of = 'nobody'"},
		"messages":      {"created_at = 'now'", "event_type_id = 'x'"},
	},
}

// A damaged row takes nothing else with it: each resource that shows it is answered, and
// says which members cannot be read.
func TestADamagedRowSpoilsNoAnswer(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		st, ok := f.store.(interface {
			DB() *bun.DB
			Schema() string
		})
		if !ok {
			return // no other program can write to a store in memory
		}
		prefix, own := `"`+st.Schema()+`".`, "pg"
		if st.DB().Dialect().Name() == dialect.SQLite {
			prefix, own = st.Schema()+"_", "sqlite"
		}
		f.catalog()
		f.subscribe()
		f.run([]step{
			{
				as: "admin", do: "POST /api/webhook-categories/{category}/webhook-events/{event}/sample-payloads", status: 201,
				body: `{"payload": {"a": 1}}`,
			},
			{
				as: "write", do: "POST " + subs + "/{sub}/activity", status: 201,
				body: `{"eventId": "{event}", "type": 0, "payload": {"a": 1}, "rawMessage": {"b": 1}, "retryingFromPostId": "", "postedAt": ""}`,
			},
			{
				as: "write", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": {"a": 1}}`,
				want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
			},
		})
		f.finish(500, 0)
		f.run([]step{{
			as: "write", do: "POST " + subs + "/{sub}/recover", status: 202, body: `{"since": "2020-01-01T00:00:00Z", "status": "failed"}`,
			want: `{"id": "<=recovery>", "matched": 2}`,
		}})
		for _, kind := range []string{"", own} {
			for table, all := range damagedRows[kind] {
				for _, set := range all {
					if _, err := st.DB().ExecContext(f.Context(), "UPDATE "+prefix+table+" SET "+set); err != nil {
						f.Fatal(table, set, err)
					}
					f.everythingIsAnswered(table + ": " + set)
				}
			}
		}
		f.run([]step{
			{as: "write", do: "PATCH " + subs + "/{sub}", status: 200, body: `[{"op": "add", "path": "/description", "value": "d"}]`},
			{
				as: "write", do: "PATCH " + subs + "/{sub}", status: 200,
				body: `[{"op": "replace", "path": "/headers", "value": {}}, {"op": "replace", "path": "/filter", "value": []}]`,
			},
		})
		damaged := func() (answer struct{ Damaged []string }) {
			if err := json.Unmarshal(f.send(step{as: "read", do: "GET " + subs + "/{sub}"}).Body.Bytes(), &answer); err != nil {
				f.Fatal(err)
			}
			return answer
		}
		if left := strings.Join(damaged().Damaged, " "); left != "events retrySchedule" && left != "events retrySchedule rateLimit" {
			f.Errorf("after headers and filter were replaced these are damaged: %s", left)
		}
		f.run([]step{{
			as: "write", do: "PATCH " + subs + "/{sub}", status: 200,
			body: `[{"op": "add", "path": "/events/-", "value": "vitals.*"}, {"op": "replace", "path": "/retrySchedule", "value": ["5s"]}, ` +
				`{"op": "replace", "path": "/rateLimit", "value": 5}]`,
		}})
		if left := damaged().Damaged; left != nil {
			f.Errorf("after all were replaced these are damaged: %s", left)
		}
	})
}

func (f *fixture) everythingIsAnswered(after string) {
	f.Helper()
	types := "/api/webhook-categories/{category}/webhook-events"
	for _, path := range []string{
		"/api/webhook-categories", "/api/webhook-categories/{category}", types, types + "/{event}",
		types + "/{event}/sample-payloads?version=v1", "/api/seed-data/versions",
		subs, subs + "/{sub}", "/api/webhook-events/vitals.measured/subscriptions?version=v1",
		subs + "/{sub}/activity?include=subscription,event", subs + "/{sub}/activations", subs + "/{sub}/stats",
		subs + "/{sub}/webhook-secret-histories", subs + "/{sub}/recover/{recovery}", events, events + "/{message}",
	} {
		if got := f.send(step{as: "admin", do: "GET " + path}); got.Code != 200 {
			f.Errorf("after %s: GET %s gave %d %s", after, path, got.Code, got.Body)
		}
	}
}
