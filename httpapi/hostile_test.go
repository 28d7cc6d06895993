package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

// hostile is a server for requests that must be refused. Every answer must be an error of the client.
type hostile struct {
	*fixture
	server *httptest.Server
}

func newHostile(t *testing.T) hostile {
	t.Helper()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	return hostile{f, server}
}

func (h hostile) refused(rule, method, path string, body io.Reader, header ...string) *http.Response {
	h.Helper()
	r, err := http.NewRequestWithContext(h.Context(), method, h.server.URL+h.fill(path), body)
	if err != nil {
		h.Fatalf("%s: %v", rule, err)
	}
	r.Header.Set("Authorization", "Bearer admin")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := h.server.Client().Do(r)
	if err != nil {
		h.Fatalf("%s: %v", rule, err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil || w.StatusCode/100 != 4 || !json.Valid(text) {
		h.Errorf("%s: %s %s: %d %s, %v\n%s", rule, method, path, w.StatusCode, text, err, h.log)
	}
	return w
}

func TestHostileJSON(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	const good = `"eventType":"vitals.measured","data":1`
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for rule, body := range map[string]string{
		"BOM": "\uFEFF{" + good + "}", "UTF16": "\xff\xfe{\x00}\x00", "NULBehind": "{" + good + "}\x00", "NULInside": "{\x00" + good + "}",
		"Overlong":          `{"eventType":"vitals.measured","data":"` + "\xc0\xaf" + `"}`,
		"SurrogateInUTF8":   `{"eventType":"vitals.measured","data":"` + "\xed\xa0\x80" + `"}`,
		"CutSurrogate":      `{"eventType":"vitals.measured","data":"\ud83d"}`,
		"SwappedSurrogates": `{"eventType":"vitals.measured","data":"\ude00\ud83d"}`,
		"TwinEscaped":       `{"\u0065ventType":"vitals.deleted",` + good + `}`,
		"TwinInData":        `{"eventType":"vitals.measured","data":{"a":1,"\u0061":2}}`,
		"OtherCase":         `{"EventType":"vitals.measured","data":1}`, "OtherCaseBeside": `{` + good + `,"DATA":2}`,
		"LongS": `{` + good + `,"ver\u017fion":"v1"}`,
		"Deep":  deep(100_000), "DeepInData": `{"eventType":"vitals.measured","data":` + deep(64) + `}`,
		"DeepObjects": strings.Repeat(`{"a":`, 20_000),
		"NaN":         `{"eventType":"vitals.measured","data":NaN}`, "Infinity": `{"eventType":"vitals.measured","data":-Infinity}`,
		"Hex":         `{"eventType":"vitals.measured","data":0x1}`,
		"LeadingZero": `{"eventType":"vitals.measured","data":01}`, "Plus": `{"eventType":"vitals.measured","data":+1}`,
		"Dot":     `{"eventType":"vitals.measured","data":1.}`,
		"Comment": `{` + good + `/**/}`, "TrailingComma": `{` + good + `,}`, "Quotes": `{'eventType':'vitals.measured'}`,
		"Trailing":    `{` + good + `}{` + good + `}`,
		"ManyUnknown": `{` + manyMembers(10_000) + good + `}`, "NumberForText": `{"eventType":1e400,"data":1}`, "Cut": `{` + good,
		"LongKey": `{` + good + `,"idempotencyKey":"` + strings.Repeat("k", 256) + `"}`, "NULInKey": `{` + good + `,"idempotencyKey":"\u0000"}`,
		"LineInKey": `{` + good + `,"orderingKey":"a\r\nb"}`,
	} {
		h.refused(rule, http.MethodPost, events, strings.NewReader(body))
		h.refused(rule+" in a batch", http.MethodPost, events+"/batch", strings.NewReader(`{"events":[`+body+`]}`))
	}
	h.refused(
		"ManyEvents", http.MethodPost, events+"/batch", strings.NewReader(`{"events":[`+strings.Repeat(`{`+good+`},`, 5_000)+`{`+good+`}]}`),
	)
	for _, member := range []string{
		`"timeoutMs":1e400`, `"timeoutMs":1000.5`, `"timeoutMs":9223372036854775808`, `"timeoutMs":-9223372036854775808`, `"rateLimit":1e400`,
		`"rateLimit":1e-400`, `"rateLimit":-1`,
		`"retrySchedule":["999999999999h"]`, `"retrySchedule":["1e3s"]`, `"retrySchedule":["-5s"]`, `"retrySchedule":["0s"]`,
		`"retrySchedule":["\u0000"]`, `"retrySchedule":["` + strings.Repeat("1h", 10_000) + `"]`,
		`"filter":[{"pointer":"` + strings.Repeat("/a", 300) + `","op":"eq","value":1}]`, `"filter":[{"pointer":"/~2","op":"eq","value":1}]`,
		`"filter":[{"pointer":"/a","op":"EQ","value":1}]`,
		`"filter":[{"pointer":"/a","op":"eq","value":1,"Value":2}]`, `"filter":[null]`, `"filter":{}`, `"events":[null,5]`,
		`"events":["` + strings.Repeat("a", 101) + `"]`, `"events":["*.*"]`,
		`"postUri":"https://example.com\u0000/"`, `"postUri":"https://a@example.com/"`, `"postUri":"https://example.com/\r\nX: y"`,
		`"postUri":"https://[fe80::1%25eth0]/"`, `"description":"\u0007"`, `"version":"v 1"`,
	} {
		h.refused(member[:min(60, len(member))], http.MethodPost, subs, strings.NewReader(`{"isDevelopment":false,`+member+`}`))
	}
	for _, member := range []string{
		`"createdAt":1e400`, `"createdAt":9223372036854775808`, `"createdAt":1.5`, `"createdAt":"1"`, `"createdAt":null`,
	} {
		h.refused(member, http.MethodPost, hashPath+"/validate-hash", strings.NewReader(`{"payload":{},"hash":"00",`+member+`}`))
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":0,`, i)
	}
	return b.String()
}

// Headers that a subscription may not set, in any spelling.
func TestHostileHeaders(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	for _, name := range []string{
		"host", "HOST", "Content-Length", "content-type", "CONTENT_LENGTH", "transfer-encoding", "Transfer_Encoding", "te", "connection",
		"keep-alive", "upgrade", "trailer", "expect",
		"proxy-authorization", "webhook-id", "WeBhOoK-SiGnAtUrE", "webhook_id", "x-webhook-hash", "X_WEBHOOK_HASH", "idempotency-key",
		"user-agent", "traceparent", "cookie", "accept-encoding",
		"metadata", "metadata-flavor", "Metadata_Flavor", "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds",
		"", " ", "X A", "X:A", "X\u0000", "X\r\nY", "X-Ä", "host ", " host", "\thost", "host:", "(x)", strings.Repeat("x", 5000),
	} {
		text, err := json.Marshal(map[string]any{"isDevelopment": false, "headers": map[string]string{name: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		h.refused(name, http.MethodPost, subs, strings.NewReader(string(text)))
	}
	for _, value := range []string{`a\r\nb: c`, `a\nb`, `a\rb`, `\u0000`, `a\u007f`, `\u0008`, strings.Repeat("x", 4<<10)} {
		h.refused(
			"value "+value[:min(9, len(value))], http.MethodPost, subs,
			strings.NewReader(`{"isDevelopment": false, "headers": {"X-A": "`+value+`"}}`),
		)
	}
}

// A body of any length is not read to its end, and one without a token or with a wrong
// type not at all.
func TestEndlessBodies(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	for rule, tt := range map[string]struct {
		begin, header, value string
		status               int
	}{
		"JSON":     {`{"data":"`, "X-Request-Id", "x", http.StatusRequestEntityTooLarge},
		"NotJSON":  {`}`, "X-Request-Id", "x", http.StatusRequestEntityTooLarge},
		"NoToken":  {`{`, "Authorization", "", http.StatusUnauthorized},
		"NoScope":  {`{`, "Authorization", "Bearer read", http.StatusForbidden},
		"TypeText": {`{`, "Content-Type", "text/plain", http.StatusUnsupportedMediaType},
	} {
		body := &endless{begin: tt.begin}
		w := h.refused(rule, http.MethodPost, events, body, tt.header, tt.value)
		if w.StatusCode != tt.status || body.read.Load() > 32<<20 { // bytes beyond the limit are in the buffers of sockets
			t.Errorf("%s: %d after %d bytes", rule, w.StatusCode, body.read.Load())
		}
	}
}

// endless is a text that goes on for ever.
type endless struct {
	begin string
	read  atomic.Int64 // by the client, which goes on while it has its answer
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.begin)
	e.begin = e.begin[n:]
	for n < len(b) {
		b[n] = ' '
		n++
	}
	e.read.Add(int64(n))
	return n, nil
}

// Ids and codes in paths, with every byte in every spelling.
func TestHostilePaths(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	sub := h.vars["sub"]
	ids := []string{
		"urn:uuid:" + sub, "%7B" + sub + "%7D", strings.ReplaceAll(sub, "-", ""), sub + "%00", sub + "%20", "%20" + sub, sub + "%0A",
		sub + "%252d", sub[:35], sub + "0", sub + ";a=b", sub + "%2F..%2F" + sub,
		"..", "%2e%2e", "%252e%252e", "%c0%ae%c0%ae", "%EF%BC%91", "*", "'", "%27%20OR%201=1--", "0", "-1", "null", strings.Repeat("a", 10_000),
	}
	for c := range 256 {
		ids = append(ids, fmt.Sprintf("%%%02X", c))
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) { // of which ids consist
			ids = append(ids, fmt.Sprintf("%s%%%02x", sub[:35], c))
		}
	}
	for _, id := range ids {
		for _, path := range []string{
			subs + "/" + id, subs + "/{sub}/activity/" + id + "/retry", "/api/webhook-categories/" + id,
			"/api/webhook-events/" + id + "/subscriptions", "/api/organizations/" + id + "/events",
		} {
			method := http.MethodGet
			if strings.HasSuffix(path, "retry") {
				method = http.MethodPost
			}
			h.refused("path", method, path, nil)
		}
	}
}

func TestHostileQueries(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	for _, name := range []string{
		"order_by", "skip", "take", "cursor", "status", "include", "eventId", "archived", "version", "from", "to", "bucket", "mode", "type",
		"createdAt", "originalActivityId", "statusClass", "since", "until", "search", "state",
	} {
		for _, value := range []string{
			"%00", "%ff", "%0d%0a", "-1", "2147483648", "99999999999999999999", "1e3", "0x1", "%D9%A1", "%EF%BC%91", "+1", "ASC%00", "asc%20",
			"'%20OR%201=1", "[]", "{}", "a%2Cb%2C", strings.Repeat("A", 5000),
			"AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAB", "____________________", "%2b%2f%3d%3d", "0000-00-00T00:00:00Z",
			"2026-02-30T00:00:00Z", "99999-01-01T00:00:00Z", "2026-01-01T00:00:00,5Z",
		} {
			for route, takes := range map[string]string{
				subs:                        "order_by skip take archived version eventId search state",
				subs + "/{sub}/activity":    "order_by skip take cursor status include eventId statusClass since until",
				subs + "/{sub}/activations": "eventId statusClass since until",
				subs + "/{sub}/stats":       "from to bucket",
				subs + "/{sub}/secrets":     "createdAt", subs + "/{sub}/activity/{none}": "mode",
				"/api/webhook-categories/{category}/webhook-events/{event}/sample-payloads-examples": "type",
				"/api/webhook-events/vitals.measured/subscriptions":                                  "version", events: "cursor skip",
			} {
				if strings.Contains(" "+takes+" ", " "+name+" ") && !allowedThere(name, value) {
					h.refused(name, http.MethodGet, route+"?"+name+"="+value, nil)
				}
			}
		}
	}
}

// allowedThere reports whether a value is right for the parameter.
func allowedThere(name, value string) bool {
	return name == "version" && len(value) <= 32 && regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(value) ||
		name == "search" && len(value) <= 200 && !regexp.MustCompile(`%(00|ff|0d)`).MatchString(value)
}

// Small patches that take much memory or time, or reach members that they must not reach.
func TestHostilePatches(t *testing.T) {
	t.Parallel()
	h := newHostile(t)
	ops := func(n int, op string) string { return "[" + strings.Repeat(op+",", n-1) + op + "]" }
	nested := strings.Repeat("[", 60) + "1" + strings.Repeat("]", 60)
	deep := "/filter" + strings.Repeat("/0", 60)
	big := `{"op":"add","path":"/filter","value":[` + strings.Repeat("[],", 60_000) + `1]}`
	cases := map[string]string{
		"TenThousand":   ops(10_000, `{"op":"test","path":"/version","value":"v1"}`),
		"OneTooMany":    ops(101, `{"op":"test","path":"/version","value":"v1"}`),
		"HugeIndex":     ops(1, `{"op":"add","path":"/events/2000000000","value":"*"}`),
		"HugerIndex":    ops(1, `{"op":"add","path":"/events/99999999999999999999","value":"*"}`),
		"NegativeIndex": ops(1, `{"op":"remove","path":"/events/-1"}`), "SignedIndex": ops(1, `{"op":"remove","path":"/events/+0"}`),
		"DashRemoved": ops(1, `{"op":"remove","path":"/events/-"}`),
		"Doubling": `[{"op":"add","path":"/headers","value":{"a":"` + strings.Repeat("x", 1000) + `"}},` +
			ops(40, `{"op":"copy","from":"/headers","path":"/headers/b"}`)[1:],
		"DoublingArray": `[{"op":"add","path":"/filter","value":[1]},` + ops(40, `{"op":"copy","from":"/filter","path":"/filter/-"}`)[1:],
		"DeepTests":     `[{"op":"add","path":"/filter","value":` + nested + `},` + ops(99, `{"op":"test","path":"`+deep+`","value":1}`)[1:],
		"DeepCopies":    `[{"op":"add","path":"/filter","value":[[1]]},` + ops(99, `{"op":"copy","from":"/filter/0","path":"/filter/0/0"}`)[1:],
		"WideInserts":   "[" + big + "," + ops(99, `{"op":"add","path":"/filter/0","value":1}`)[1:],
		"WideTests":     "[" + big + "," + ops(99, `{"op":"test","path":"/filter/60000","value":1}`)[1:],
		"EmptyNames":    ops(1, `{"op":"add","path":"/headers","value":{"":{"":1}}}`),
		"RootReplaced":  ops(1, `{"op":"replace","path":"","value":{}}`),
	}
	for _, secret := range []string{
		"/secretKey", "/SecretKey", "/secretkey", "/secret~0Key", "/secretKey/0", "/id", "/ID", "/organizationId", "/OrganizationId", "/PostUri",
		"/posturi", "/auditInfo/createdBy", "/status/state", "/activeInfo/active", "/__proto__", "/constructor/prototype",
	} {
		for _, op := range []string{
			`{"op":"add","path":"%s","value":"x"}`, `{"op":"replace","path":"%s","value":"x"}`, `{"op":"remove","path":"%s"}`,
			`{"op":"copy","from":"%s","path":"/description"}`, `{"op":"move","from":"%s","path":"/description"}`,
			`{"op":"copy","from":"/version","path":"%s"}`,
		} {
			cases[secret+" "+op] = "[" + fmt.Sprintf(op, secret) + "]"
		}
	}
	for _, value := range []string{`""`, `"whsec_"`, `null`} {
		cases["test of the secret "+value] = `[{"op":"test","path":"/secretKey","value":` + value + `}]`
	}
	for rule, body := range cases {
		h.refused(rule, http.MethodPatch, subs+"/{sub}", strings.NewReader(body))
	}
	h.run([]step{{as: "admin", do: "GET " + subs + "/{sub}", status: 200, has: `ETag: "1"`, want: subscriptionWith("{sub}", "{secret}")}})
}

// A member with an empty name is one like any other.
func TestPatchThroughAnEmptyName(t *testing.T) {
	t.Parallel()
	f := newFixtureWith(t, memstore.New(), webhooks.Config{})
	f.catalog()
	const sample = "/api/webhook-categories/{category}/webhook-events/{event}/sample-payloads"
	f.run([]step{
		{as: "catalog", do: "POST " + sample, status: 201, body: `{"payload": {"": {"": 1}, "\u0061": 1.50, "b": [ {} ]}}`},
		{
			as: "catalog", do: "PATCH " + sample + "?version=v1", status: 200,
			body: `[{"op": "test", "path": "/payload//", "value": 1.0}, {"op": "replace", "path": "/payload//", "value": 2},
			{"op": "move", "from": "/payload/b/0", "path": "/payload//c"}, {"op": "add", "path": "/payload/", "value": {"~/": [1]}},
				{"op": "remove", "path": "/payload//~0~1/0"}]`,
		},
	})
	got := f.send(step{as: "catalog", do: "GET " + sample + "?version=v1"}).Body.String()
	if want := `"payload":{"":{"~/":[]},"\u0061":1.50,"b":[]}`; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}
