package httpapi_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
)

// Whatever is asked, in whatever state, all stores give the same answer, and none is
// a fault of ours. The requests are random, from fixed seeds; each is sent to a
// fixture on every store, which all went through the same before.
func TestAllStoresGiveTheSameAnswer(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			var fixtures []*fixture
			start := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
			for _, name := range []string{"memory", "sqlite", "postgres"} {
				f := newFixtureWith(t, stores[name](t), webhooks.Config{Clock: ticking(start), NewID: counting(start)})
				f.vars["name"] = name
				f.scene(start)
				fixtures = append(fixtures, f)
			}
			r := &requests{rand: rand.New(rand.NewPCG(seed, 1)), vars: fixtures[0].vars, routes: httpapi.Routes()}
			for range 500 {
				s := r.next()
				var first string
				for _, f := range fixtures {
					w := f.sendBody(s, s.body)
					answer := fmt.Sprint(w.Code, " ", varying(w.Header().Get("ETag")+" "+w.Body.String()))
					if w.Code == 200 && strings.Contains(s.do, "webhook-deliveries") {
						answer = "one of the samples, at random"
					}
					if w.Code == 200 && strings.Contains(s.do, "/api/operations/") {
						answer = "the state of a store, which has its own kind, size and time"
					}
					if w.Code >= 500 && !strings.Contains(s.do, "failed-response") {
						t.Fatalf("%s: %s %s\n%s\n%s", f.vars["name"], s.do, s.body, answer, f.log)
					}
					if first == "" {
						first = answer
					}
					if answer != first {
						t.Fatalf("as %s: %s\n%s\nmemory: %s\n%s: %s", s.as, s.do, s.body, first, f.vars["name"], answer)
					}
				}
			}
		})
	}
}

// counting makes ids that are the same in every fixture.
func counting(start time.Time) func() uuid.UUID {
	var n atomic.Int64
	return func() uuid.UUID {
		var id uuid.UUID
		ms := start.UnixMilli() + n.Add(1)
		for i := range 6 {
			id[i] = byte(ms >> (8 * (5 - i)))
		}
		id[6], id[8] = 0x70, 0x80
		return id
	}
}

// The random parts of answers: secrets, signatures, due times of retries, ids of requests, and the entity tags of
// resources that show one of them.
var random = regexp.MustCompile(`whsec_[\w+/=]+|••••[^"]*|[0-9a-f]{64}|"[0-9a-f]{24}"|v1,[\w+/=]+|"(nextRetryAt|requestId)":"[^"]*"`)

func varying(body string) string { return random.ReplaceAllString(body, "~") }

// scene makes things of all kinds, and some history.
func (f *fixture) scene(start time.Time) {
	f.Helper()
	f.catalog()
	f.subscribe()
	const act = `"payload": {"n": 1}, "rawMessage": {"MSH": 1}, "eventId": "{event}"`
	f.run([]step{
		{
			as: "admin", do: "POST " + events, status: 202, body: `{"eventType": "vitals.measured", "data": {"n": 1}}`,
			want: `{"id": "<=message>", "deliveries": 1, "duplicate": false}`,
		},
		{as: "admin", do: "GET " + acts, status: 200},
		{
			as: "admin", do: "POST " + acts, status: 201, body: `{"type": 0, ` + act + `, "postedAt": "2026-01-01T00:00:00Z"}`,
			want: external(
				"<=external>", "0", `"attempt": 1, "retryingFromPostId": null, `+strings.Replace(queued, `"postedAt": null`, `"postedAt": "<time>"`, 1),
			),
		},
		{
			as: "admin", do: "POST " + acts, status: 201, body: `{"type": 0, ` + act + `}`,
			want: external("<=queued>", "0", `"attempt": 1, "retryingFromPostId": null, `+queued),
		},
		{
			as: "admin", do: "POST " + subs + "/{sub}/activity/{queued}/outcomes", status: 201,
			body: `{"originalActivityId": "{queued}", "success": false, "httpStatusCode": 500, "error": "no", "rawResponse": null}`,
		},
		{
			as: "admin", do: "POST " + subs + "/{sub}/recover", status: 202, body: `{"since": "2026-01-01T00:00:00Z", "status": "all"}`,
			want: `{"id": "<=recovery>", "matched": "<any>"}`,
		},
		{
			as: "admin", do: "POST " + subs, status: 201,
			body: `{"isDevelopment": true, "postUri": "http://example.com/", "events": ["*", "{event2}"], "filter": [{"pointer": "/n", ` +
				`"op": "lt", "value": 5}]}`,
		},
		{
			as: "admin", do: "POST /api/webhook-categories/{category}/webhook-events/{event}/sample-payloads", status: 201,
			body: `{"payload": {"n": 1}}`,
		},
	})
	f.vars["sub2"] = f.newest()
}

// requests makes random requests: paths of the table with ids that exist more often
// than not, and bodies that are right, or wrong in some way.
type requests struct {
	rand   *rand.Rand
	vars   map[string]string
	routes []httpapi.Route
	n      int
}

func pick[T any](r *requests, from ...T) T { return from[r.rand.IntN(len(from))] }

func (r *requests) next() step {
	r.n++
	route := pick(r, r.routes...)
	if ends := regexp.MustCompile(`^DELETE|(deactivate|archive)$`); ends.MatchString(route.Method+route.Path) && r.rand.IntN(10) > 0 {
		route = pick(r, r.routes...) // so that there is something left
	}
	path := regexp.MustCompile(`\{(\w+)\}`).ReplaceAllStringFunc(route.Path, func(p string) string { return r.id(p[1 : len(p)-1]) })
	if query := r.query(); query != "" {
		path += "?" + query
	}
	as := "admin"
	if r.rand.IntN(5) == 0 {
		as = pick(r, "write", "secrets", "catalog", "read", "other", "everywhere")
	}
	return step{
		as: as, do: route.Method + " " + path, body: r.body(route),
		header: "X-Request-Id: " + fmt.Sprint(r.n) + pick(r, "", "", "", "", "\nIf-Match: \"1\"", "\nIf-Match: \"2\""),
	}
}

func (r *requests) id(name string) string {
	if r.rand.IntN(40) == 0 {
		return pick(r, r.vars["none"], "x", uuid.Nil.String(), uuid.Max.String(), strings.ToUpper(r.vars["sub"]))
	}
	switch name {
	case "organizationId":
		return pick(r, orgA, orgA, orgA, orgA, orgA, orgA, orgA, orgA, orgA, orgB)
	case "webhookCategoryId":
		return r.vars["category"]
	case "webhookEventId":
		return pick(r, r.vars["event"], r.vars["event2"])
	case "eventId":
		return pick(r, r.vars["event"], r.vars["event2"], r.vars["message"], r.vars["message"])
	case "subscriptionId":
		return pick(r, r.vars["sub"], r.vars["sub"], r.vars["sub2"])
	case "activityId", "activationId":
		return pick(r, r.vars["external"], r.vars["queued"], r.vars["sub"])
	case "recoveryId":
		return r.vars["recovery"]
	default:
		return pick(r, "vitals.measured", "vitals.deleted", "vitals")
	}
}

func (r *requests) query() string {
	values := url.Values{}
	for range r.rand.IntN(4) {
		name := pick(
			r, "order_by", "skip", "take", "version", "eventId", "status", "include", "mode", "archived", "cursor", "createdAt", "type", "from",
			"to", "bucket", "originalActivityId", "statusClass", "since", "until", "search", "state",
		)
		right := map[string][]string{
			"order_by":           {"ASC", "DESC"},
			"skip":               {"0", "1"},
			"take":               {"1", "2", "100"},
			"version":            {"v1", "v2"},
			"eventId":            {r.vars["event"], r.vars["none"]},
			"status":             {"all", "succeeded", "failed", "pending"},
			"include":            {"event", "subscription", "event,subscription"},
			"mode":               {"flat", "nested", "dispatch", "external"},
			"archived":           {"include", "only"},
			"search":             {"EXAMPLE", "a"},
			"state":              {"enabled", "paused", "disabled"},
			"createdAt":          {"2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
			"type":               {"ack", "nack"},
			"bucket":             {"day", "hour"},
			"from":               {"2026-11-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-23:00"},
			"to":                 {"2026-12-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"},
			"statusClass":        {"2xx", "4xx", "5xx", "none"},
			"since":              {"2026-12-01T00:00:00Z", "0001-01-01T00:00:00Z"},
			"until":              {"2026-12-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"},
			"originalActivityId": {r.vars["external"], r.vars["queued"]},
		}[name]
		values.Set(name, pick(r, append(right, "")...)+pick(r, "", "", "", "", "", "x", "\x00", " ", "é"))
		if r.rand.IntN(8) == 0 {
			values.Set(name, pick(r, "", "-1", "1e3", "99999999999999999999", "0", "\xff", "'; DROP TABLE x", "[]"))
		}
	}
	return values.Encode()
}

// members of right bodies, by the route's last words; the values are JSON.
var right = map[string][]string{
	"webhook-categories": {`"name":"N"`, `"code":"c%d"`, `"description":"d"`},
	"webhook-events":     {`"name":"N"`, `"code":"vitals.e%d"`, `"version":"v1"`, `"description":null`, `"schema":{"type":"object"}`},
	"sample-payloads":    {`"payload":{"a":1.50}`, `"version":"v%d"`},
	"webhook-subscriptions": {
		`"postUri":"https://example.com/%d"`, `"events":["vitals.measured","vitals.*"]`, `"version":"v1"`, `"isDevelopment":true`,
		`"headers":{"A":"b"}`, `"timeoutMs":1000`, `"rateLimit":1.5`, `"ordered":true`, `"filter":[{"pointer":"/n","op":"eq","value":1}]`,
		`"retrySchedule":["1m"]`,
	},
	"events": {
		`"eventType":"vitals.measured"`, `"data":{"n":%d}`, `"version":"v1"`, `"idempotencyKey":"k"`, `"orderingKey":"o"`,
	},
	"batch":    {`"events":[{"eventType":"vitals.measured","data":%d},{"eventType":"vitals.deleted","data":{}}]`},
	"activity": {`"type":0`, `"payload":{}`, `"rawMessage":{}`, `"eventId":"{event}"`, `"postedAt":"2026-01-01T00:00:00Z"`},
	"outcomes": {
		`"originalActivityId":"{external}"`, `"success":"true"`, `"httpStatusCode":"200"`, `"error":""`, `"rawResponse":{"a":[]}`,
	},
	"webhooks-payloads":        {`"eventType":"vitals.measured"`, `"version":"v1"`, `"data":{"n":%d}`},
	"validate-hash":            {`"payload":{"a":1}`, `"hash":"ab"`, `"createdAt":%d`},
	"webhook-secret-histories": {`"secretKey":"secret-key-%d"`},
	"test":                     {`"eventType":"vitals.measured"`, `"version":"v1"`},
	"recover":                  {`"since":"2026-01-01T00:00:00Z"`, `"status":"all"`, `"dryRun":true`, `"ratePerSecond":5`, `"id":"{event}"`},
}

func (r *requests) body(route httpapi.Route) string {
	if route.Method == http.MethodPatch {
		return r.patch()
	}
	if route.Method != http.MethodPost {
		return ""
	}
	members := append([]string{}, right[route.Path[strings.LastIndexByte(route.Path, '/')+1:]]...)
	if len(members) == 0 {
		return ""
	}
	for range r.rand.IntN(3) - 1 {
		i := r.rand.IntN(len(members))
		name, _, _ := strings.Cut(members[i], ":")
		members[i] = pick(r, name+":"+r.value(2), name+":"+r.value(2), `"unknown":1`, members[0], strings.ToUpper(members[i]))
	}
	body := "{" + strings.Join(members, ",") + "}"
	if strings.Contains(body, "%d") {
		body = strings.ReplaceAll(body, "%d", fmt.Sprint(r.rand.IntN(5)))
	}
	for name, value := range r.vars {
		body = strings.ReplaceAll(body, "{"+name+"}", value)
	}
	switch r.rand.IntN(25) {
	case 0:
		return body[:r.rand.IntN(len(body))]
	case 1:
		i := r.rand.IntN(len(body))
		return body[:i] + string(rune(r.rand.IntN(256))) + body[i:]
	case 2:
		return r.value(3)
	}
	return body
}

func (r *requests) patch() string {
	var ops []string
	for range 1 + r.rand.IntN(3) {
		path := func() string {
			return pick(r, "", "/") + pick(
				r, "name", "code", "description", "version", "schema", "payload", "events", "headers", "postUri", "filter", "timeoutMs",
				"isDevelopment", "retrySchedule", "ordered", "id", "secretKey", "auditInfo", "nothing",
			) +
				pick(r, "", "", "", "/-", "/0", "/a", "/a/b", "/0/op", "/~", "/~1", "/01", "/createdAt")
		}
		ops = append(
			ops,
			fmt.Sprintf(
				`{"op":%q,"path":%q,"from":%q,"value":%s}`, pick(r, "add", "remove", "replace", "move", "copy", "test", "none"),
				"/"+strings.TrimPrefix(path(), "/"), path(), r.value(2),
			),
		)
	}
	return "[" + strings.Join(ops, ",") + "]"
}

// value is any JSON.
func (r *requests) value(depth int) string {
	switch r.rand.IntN(9 + 2*min(depth, 1)) {
	case 0:
		return "null"
	case 1:
		return pick(r, "true", "false")
	case 2:
		return pick(r, "0", "-1", "1.5", "1e400", "123456789012345678901234567890", "1000")
	case 3:
		return pick(r, `""`, `" "`, `"\u0000"`, `"\ud83d\ude00"`, `"\ud800"`, `"é"`, `"x\ny"`, `"`+strings.Repeat("x", 300)+`"`)
	case 4, 5:
		return pick(
			r, `"v1"`, `"v2"`, `"vitals.measured"`, `"vitals.deleted"`, `"https://example.com/x"`, `"https://10.0.0.1/"`, `"ftp://x"`, `"*"`,
		)
	case 6:
		return `"` + pick(r, r.vars["event"], r.vars["event2"], r.vars["none"], r.vars["external"]) + `"`
	case 7:
		return pick(
			r, `["5s"]`, `["*"]`, `[]`, `{}`, `[{"pointer":"/a","op":"in","value":[1]}]`, `{"X-A":"b"}`, `{"type":"object"}`, `{"type":"x"}`,
		)
	case 8:
		return pick(r, `"2026-01-01T00:00:00Z"`, `"0000-01-01T00:00:00Z"`, `"failed"`, `"200"`)
	case 9:
		return "[" + r.value(depth-1) + "," + r.value(depth-1) + "]"
	default:
		return `{"a":` + r.value(depth-1) + `,"b":` + r.value(depth-1) + "}"
	}
}
