package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/store/memstore"
)

// The sizes that the contract and the documentation promise: the last value that is accepted, and
// the first that is refused. They are literals, so that no constant of the code can move them.
func TestSizes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	const categories, sub = "/api/webhook-categories", subs + "/{sub}"
	send := func(do, body string) *httptest.ResponseRecorder {
		return f.sendBody(step{as: "admin", do: do}, f.fill(body))
	}
	codes := 0
	code := func() string { codes++; return fmt.Sprint("code", codes) }
	x := func(n int) string { return strings.Repeat("x", n) }
	list := func(n int, item string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	category := func(name, code, description string) *httptest.ResponseRecorder {
		return send("POST "+categories, fmt.Sprintf(`{"name": %q, "code": %q, "description": %q}`, name, code, description))
	}
	subscription := func(member string) *httptest.ResponseRecorder {
		return send("POST "+subs, `{"isDevelopment": false, `+member+`}`)
	}
	secret := func(key string) *httptest.ResponseRecorder {
		return send("POST "+sub+"/webhook-secret-histories", `{"secretKey": "`+key+`"}`)
	}
	publish := func(member string) *httptest.ResponseRecorder {
		return send("POST "+events, `{"eventType": "vitals.measured", `+member+`}`)
	}
	for name, c := range map[string]struct {
		last, beyond int
		status       int // of the one beyond
		send         func(n int) *httptest.ResponseRecorder
	}{
		"bytes of a body": {1_048_576, 1_048_577, 413, func(n int) *httptest.ResponseRecorder {
			body := `{"name": "n", "code": "` + code() + `"}`
			return send("POST "+categories, body+strings.Repeat(" ", n-len(body)))
		}},
		"levels of JSON": {64, 65, 400, func(n int) *httptest.ResponseRecorder { // the body is the first
			return publish(`"data": ` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1))
		}},
		"characters of a name": {
			200, 201, 400, func(n int) *httptest.ResponseRecorder { return category(strings.Repeat("é", n), code(), "") },
		},
		"characters of no name": {1, 0, 400, func(n int) *httptest.ResponseRecorder { return category(x(n), code(), "") }},
		"characters of a code":  {100, 101, 400, func(n int) *httptest.ResponseRecorder { return category("n", x(n), "") }},
		"characters of a description": {
			2_000, 2_001, 400, func(n int) *httptest.ResponseRecorder { return category("n", code(), strings.Repeat("é", n)) },
		},
		"characters of a version": {32, 33, 400, func(n int) *httptest.ResponseRecorder { return subscription(`"version": "` + x(n) + `"`) }},
		"bytes of a URL": {2_048, 2_049, 400, func(n int) *httptest.ResponseRecorder {
			return subscription(`"postUri": "https://example.com/` + x(n-20) + `"`)
		}},
		"milliseconds of a time-out": {
			30_000, 30_001, 400, func(n int) *httptest.ResponseRecorder { return subscription(fmt.Sprint(`"timeoutMs": `, n)) },
		},
		"milliseconds of the shortest": {
			1_000, 999, 400, func(n int) *httptest.ResponseRecorder { return subscription(fmt.Sprint(`"timeoutMs": `, n)) },
		},
		"waits of a schedule": {
			20, 21, 400, func(n int) *httptest.ResponseRecorder { return subscription(`"retrySchedule": ` + list(n, `"5s"`)) },
		},
		"minutes of a wait": {2_880, 2_881, 400, func(n int) *httptest.ResponseRecorder {
			return subscription(fmt.Sprintf(`"retrySchedule": ["%dm"]`, n))
		}},
		"requests per second": {
			10_000, 10_001, 400, func(n int) *httptest.ResponseRecorder { return subscription(fmt.Sprint(`"rateLimit": `, n)) },
		},
		"bytes of a header": {
			4_096, 4_097, 400, func(n int) *httptest.ResponseRecorder { return subscription(`"headers": {"X-A": "` + x(n-3) + `"}`) },
		},
		"headers": {20, 21, 400, func(n int) *httptest.ResponseRecorder {
			var members []string
			for i := range n {
				members = append(members, fmt.Sprintf(`"X-%d": "v"`, i))
			}
			return subscription(`"headers": {` + strings.Join(members, ",") + `}`)
		}},
		"conditions of a filter": {20, 21, 400, func(n int) *httptest.ResponseRecorder {
			return subscription(`"filter": ` + list(n, `{"pointer": "/a", "op": "eq", "value": 1}`))
		}},
		"bytes of a filter's pointer": {500, 501, 400, func(n int) *httptest.ResponseRecorder {
			return subscription(`"filter": [{"pointer": "/` + x(n-1) + `", "op": "eq", "value": 1}]`)
		}},
		"bytes of a filter's value": {4_096, 4_097, 400, func(n int) *httptest.ResponseRecorder {
			return subscription(`"filter": [{"pointer": "/a", "op": "eq", "value": "` + x(n-2) + `"}]`)
		}},
		"event types of a subscription": {
			1_000, 1_001, 400, func(n int) *httptest.ResponseRecorder { return subscription(`"events": ` + list(n, `"*"`)) },
		},
		"operations of a patch": {100, 101, 400, func(n int) *httptest.ResponseRecorder {
			return send("PATCH "+sub, list(n, `{"op": "test", "path": "/version", "value": "v1"}`))
		}},
		"characters of a secret":            {256, 257, 400, func(n int) *httptest.ResponseRecorder { return secret(x(n)) }},
		"characters of the shortest secret": {8, 7, 400, func(n int) *httptest.ResponseRecorder { return secret(x(n)) }},
		// 64 and 67 bytes
		"characters of a secret's base64": {
			88, 92, 400, func(n int) *httptest.ResponseRecorder { return secret("whsec_" + strings.Repeat("A", n-2) + "==") },
		},
		// 24 and 21 bytes
		"characters of the shortest base64": {
			32, 28, 400, func(n int) *httptest.ResponseRecorder { return secret("whsec_" + strings.Repeat("A", n)) },
		},
		"characters of an idempotency key": {
			255, 256, 400, func(n int) *httptest.ResponseRecorder { return publish(`"data": 1, "idempotencyKey": "` + x(n) + `"`) },
		},
		"characters of an ordering key": {
			255, 256, 400, func(n int) *httptest.ResponseRecorder { return publish(`"data": 1, "orderingKey": "` + x(n) + `"`) },
		},
		"events of a batch": {1_000, 1_001, 400, func(n int) *httptest.ResponseRecorder {
			return send("POST "+events+"/batch", `{"events": `+list(n, `{"eventType": "vitals.measured", "data": 1}`)+`}`)
		}},
		"events queued in a second": {10_000, 10_001, 400, func(n int) *httptest.ResponseRecorder {
			return send("POST "+sub+"/recover", fmt.Sprint(`{"since": "2026-01-01T00:00:00Z", "status": "all", "ratePerSecond": `, n, `}`))
		}},
		"buckets of statistics": {1_500, 1_501, 400, func(n int) *httptest.ResponseRecorder {
			to := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
			from := to.Add(-time.Duration(n) * time.Minute)
			return send("GET "+sub+"/stats?bucket=minute&from="+from.Format(time.RFC3339)+"&to="+to.Format(time.RFC3339), "")
		}},
		"items of a page": {
			100, 101, 400, func(n int) *httptest.ResponseRecorder { return send(fmt.Sprint("GET ", subs, "?take=", n), "") },
		},
		"items of the smallest page": {
			1, 0, 400, func(n int) *httptest.ResponseRecorder { return send(fmt.Sprint("GET ", subs, "?take=", n), "") },
		},
	} {
		if w := c.send(c.last); w.Code/100 != 2 {
			t.Errorf("%s: %d is refused: %d %s", name, c.last, w.Code, w.Body)
		}
		if w := c.send(c.beyond); w.Code != c.status {
			t.Errorf("%s: the answer to %d is %d, want %d: %.500s", name, c.beyond, w.Code, c.status, w.Body)
		}
	}
}

// A longer request id is replaced, and a patch may not copy a document larger.
func TestSizesOfOtherThings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	for n, kept := range map[int]bool{128: true, 129: false} {
		id := strings.Repeat("x", n)
		w := f.send(step{as: "read", do: "GET " + subs, header: "X-Request-Id: " + id})
		if (w.Header().Get("X-Request-Id") == id) != kept {
			t.Errorf("a request id of %d characters is kept: %v", n, !kept)
		}
	}
	// Eight times 130,900 bytes, the original and seven copies, are less than 1 MiB; nine times are more.
	for copies, status := range map[int]int{7: http.StatusUnprocessableEntity, 8: http.StatusRequestEntityTooLarge} {
		ops := `[{"op": "add", "path": "/headers", "value": {"X": "` + strings.Repeat("x", 130_900) + `"}}`
		for i := range copies {
			ops += fmt.Sprintf(`,{"op": "copy", "from": "/headers/X", "path": "/headers/X-%d"}`, i)
		}
		if w := f.sendBody(step{as: "admin", do: "PATCH " + subs + "/" + f.vars["sub"]}, ops+"]"); w.Code != status {
			t.Errorf("the answer to %d copies is %d, want %d: %s", copies, w.Code, status, w.Body)
		}
	}
}
