package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	f.run([]step{
		{do: "GET /", status: 404, code: "not_found"},
		{do: "GET /api", status: 404, code: "not_found"},
		{do: "GET /api/webhook-category", status: 404, code: "not_found"},
		{do: "POST /api//webhook-categories", status: 404, code: "not_found"},
		{as: "read", do: "GET /api/x/../webhook-categories", status: 404, code: "not_found"},
		{as: "read", do: "GET /api/webhook-categories/", status: 200},
		{as: "read", do: "GET /api/webhook-categories/{category}/", status: 200},
		{as: "read", do: "GET /api/webhook%2Dcategories", status: 200},
		{as: "read", do: "GET /api%2Fwebhook-categories", status: 404, code: "not_found"},
		{as: "read", do: "GET /api/webhook-categories/{category}%2Fwebhook-events", status: 404, code: "not_found"},
		{as: "read", do: "GET /api/webhook-categories/%7Bcategory%7D", status: 404, code: "not_found"},
		{as: "read", do: "GET /api/webhook-categories/urn:uuid:{category}", status: 404, code: "not_found"},
		{as: "read", do: "GET /api/webhook-events/%00/subscriptions", status: 404, code: "not_found"},
		{as: "catalog", do: "POST /api/webhook-categories/", status: 400, code: "malformed_json"},
		{do: "PUT /api/webhook-categories", status: 405, code: "method_not_allowed", has: "Allow: GET, HEAD, OPTIONS, POST"},
		{do: "OPTIONS /healthcheck", status: 204, has: "Allow: GET, HEAD, OPTIONS"},
		{do: "OPTIONS /healthcheck/x", status: 404, code: "not_found"},
		{do: "BREW /healthcheck", status: 405, code: "method_not_allowed", has: "Allow: GET, HEAD, OPTIONS"},
		{do: "PUT /api/webhook-categories/{category}/webhook-events/{event}", status: 405, has: "Allow: DELETE, GET, HEAD, OPTIONS, PATCH"},
		{do: "GET /api/webhook-categories/{category}/webhook-events/{event}/archive", status: 405, has: "Allow: OPTIONS, POST"},
		{do: "PATCH " + subs + "/{sub}/activity/{none}/retry", status: 405, has: "Allow: OPTIONS, POST"},
		{do: "HEAD " + subs + "/{sub}/activate", status: 405, has: "Allow: OPTIONS, POST"},
		{do: "POST /api/webhook-processors/success-response", status: 200, want: `{"value": true}`},
		{do: "POST /api/webhook-processors/failed-response", status: 500, want: `{"value": false}`},
		{do: "POST /api/webhook-processors/failed-response?status=418", status: 418, want: `{"value": false}`},
		{do: "POST /api/webhook-processors/failed-response?status=200", status: 400, code: "validation_failed"},
	})
	head := f.send(step{as: "read", do: "HEAD /api/webhook-categories/{category}"})
	if head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") == "" || head.Header().Get("ETag") == "" {
		t.Errorf("HEAD: %d, %q, %v", head.Code, head.Body, head.Header())
	}
}

func TestMountedBelowAPrefix(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	mux := http.NewServeMux()
	mux.Handle("/hooks/", http.StripPrefix("/hooks", f.handler))
	f.handler = mux
	f.run([]step{
		{as: "read", do: "GET /hooks/api/webhook-categories/", status: 200},
		{as: "read", do: "GET /hooks/", status: 404, code: "not_found"},
		{do: "PUT /hooks/healthcheck", status: 405, has: "Allow: GET, HEAD, OPTIONS"},
	})
}

func TestQueryParameters(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.catalog()
	f.subscribe()
	for _, query := range []string{
		"skip=-1", "skip=x", "skip=", "skip=99999999999999999999", "skip=%2B1", "take=0", "take=101", "take=1&take=2", "order_by=asc",
		"order_by=", "status=done", "eventId=x", "eventId=", "statusClass=1xx", "statusClass=", "since=now", "until=2026-02-30T00:00:00Z",
		"since=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00Z", "include=everything", "cursor=x", "cursor=AAAA", "take=%zz",
		"cursor=AAAAAAAAAAAAAAAAAAAAAA", "maxTotal=0", "maxTotal=many",
		"skip=1&cursor=AZuFbqAAcACAAAAAAAAAAA",
	} {
		name, _, _ := strings.Cut(query, "=")
		switch {
		case strings.Contains(query, "cursor="):
			name = "cursor"
		case strings.Contains(query, "zz"):
			name = "query"
		}
		want := `{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "<text>", "code": "validation_failed", ` +
			`"requestId": "<uuid>",
			"errors": [{"parameter": "` + name + `", "detail": "<text>"}]}`
		if strings.HasPrefix(query, "order_by=") && query == "order_by=" {
			query = "order_by=%20"
		}
		f.step(query, step{as: "read", do: "GET " + subs + "/{sub}/activity?" + query, status: 400, want: want})
	}
	f.run([]step{
		{as: "read", do: "GET " + subs + "?version=%00", status: 400, code: "validation_failed"},
		{as: "read", do: "GET " + subs + "?archived=yes", status: 400, code: "validation_failed"},
		{as: "read", do: "GET " + subs + "?skip=2147483647&take=100&unknown=1", status: 200},
	})
}

func TestBodies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	for _, tt := range []struct {
		rule, header, body string
		status             int
		code               string
	}{
		{"NoContentTypeIsJSON", "", `{"name": "n", "code": "c1"}`, 201, ""},
		{"JSON", "Content-Type: Application/JSON; charset=utf-8", `{"name": "n", "code": "c2"}`, 201, ""},
		{"Text", "Content-Type: text/plain", `{"name": "n", "code": "c"}`, 415, "unsupported_media_type"},
		{"PatchTypeOnPost", "Content-Type: application/json-patch+json", `{}`, 415, "unsupported_media_type"},
		{"TwoTypes", "Content-Type: application/json\nContent-Type: text/plain", `{}`, 415, "unsupported_media_type"},
		{"Empty", "", ``, 400, "malformed_json"},
		{"NotJSON", "", `name=n`, 400, "malformed_json"},
		{"Trailing", "", `{"name": "n", "code": "c"} {}`, 400, "malformed_json"},
		{"Duplicate", "", `{"name": "n", "code": "c", "name": "m"}`, 400, "malformed_json"},
		{"Deep", "", `{"name": ` + deep + `}`, 400, "malformed_json"},
		{"NotUTF8", "", "{\"name\": \"\xff\"}", 400, "malformed_json"},
		{"LoneSurrogate", "", `{"name": "\ud800"}`, 400, "malformed_json"},
		{"Array", "", `[]`, 400, "validation_failed"},
		{"Null", "", `null`, 400, "validation_failed"},
		{"WrongCase", "", `{"Name": "n", "code": "c"}`, 400, "validation_failed"},
		{"Unknown", "", `{"name": "n", "code": "c", "colour": 1}`, 400, "validation_failed"},
		{"NumberForText", "", `{"name": 5, "code": "c"}`, 400, "validation_failed"},
		{"TooLarge", "", `{"name": "` + strings.Repeat("n", 1<<20) + `"}`, 413, "payload_too_large"},
	} {
		f.step(
			tt.rule, step{as: "catalog", do: "POST /api/webhook-categories", header: tt.header, body: tt.body, status: tt.status, code: tt.code},
		)
	}
	f.run([]step{{
		as: "catalog", do: "PATCH /api/webhook-categories/{none}", header: "Content-Type: text/json", body: `[]`, status: 415, want: `{
		"type": "about:blank", "title": "Unsupported Media Type", "status": 415, "code": "unsupported_media_type", "requestId": "<uuid>",
			"errors": [],
		"detail": "The request body must be application/json, of a PATCH also application/json-patch+json."}`,
	}})
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	for given, kept := range map[string]bool{
		"abc-1.2_3:/+=@": true, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "a b": false, "a\"b": false, "": false,
		"é": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/nothing", nil)
		r.Header.Set("X-Request-Id", given)
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, r)
		id := w.Header().Get("X-Request-Id")
		if kept && id != given || !kept && uuid.Validate(id) != nil {
			t.Errorf("X-Request-Id %q is answered with %q", given, id)
		}
		if !strings.Contains(w.Body.String(), `"requestId":"`+id+`"`) {
			t.Errorf("the problem lacks the id: %s", w.Body)
		}
		if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("X-Content-Type-Options is %q", got)
		}
	}
}

// failing is a store that fails.
type failing struct {
	store.Store
	err  error
	hang bool
}

func (s failing) Ping(ctx context.Context) error {
	if s.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.err
}

func (s failing) Categories(context.Context, store.ArchivedFilter, store.Page) (store.List[store.Category], error) {
	if s.err == nil {
		panic("the password is hunter2")
	}
	return store.List[store.Category]{}, s.err
}

func TestErrorsTellNothingInternal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule, as string
		err      error
		status   int
		code     string
		has      string
	}{
		{"Unknown", "read", errors.New(`SELECT hunter2`), 500, "internal_error", ""},
		{"Panic", "read", nil, 500, "internal_error", ""},
		{"PanicInAuthenticator", "panic", nil, 500, "internal_error", ""},
		{"Unavailable", "read", fmt.Errorf("dial hunter2: %w", store.ErrUnavailable), 503, "store_unavailable", "Retry-After: 5"},
		{"ReadOnly", "read", fmt.Errorf("hunter2: %w", store.ErrReadOnly), 503, "store_unavailable", "Retry-After: 5"},
		{"Deadline", "read", fmt.Errorf("hunter2: %w", context.DeadlineExceeded), 503, "store_unavailable", "Retry-After: 5"},
		{"AuthenticatorDown", "broken", nil, 503, "authentication_unavailable", "Retry-After: 5"},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, failing{memstore.New(), tt.err, false})
			s := step{as: tt.as, do: "GET /api/webhook-categories", status: tt.status, code: tt.code, has: tt.has, header: "X-Request-Id: here-1"}
			f.run([]step{s})
			if body := f.send(s).Body.String(); strings.Contains(body, "hunter2") || strings.Contains(body, "10.0.0.1") {
				t.Errorf("the answer tells: %s", body)
			}
			if log := f.log.String(); !strings.Contains(log, "requestId=here-1") || !strings.Contains(log, "hunter2") && tt.as != "broken" {
				t.Errorf("the log lacks it: %s", log)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.run([]step{{
		do: "GET /healthcheck", status: 200,
		want: `{"status": "ok", "info": {"database": {"status": "up"}}, "error": {}, "details": {"database": {"status": "up"}}}`,
	}})
	f = newFixture(t, failing{memstore.New(), errors.New("dial 10.0.0.1 hunter2"), false})
	var err error
	if f.handler, err = httpapi.New(f.hooks, httpapi.Config{Authenticator: tokens{}, Dispatching: true}); err != nil {
		t.Fatal(err)
	}
	f.run([]step{{do: "GET /healthcheck", status: 503, want: `{"status": "error", "info": {},
		"error": {"database": {"status": "down", "message": "the store does not answer"}, "dispatcher": {"status": "down",
			"message": "the dispatcher does not run"}},
		"details": {"database": {"status": "down", "message": "the store does not answer"}, "dispatcher": {"status": "down",
			"message": "the dispatcher does not run"}}}`}})
}

func TestHealthAnswersWhenTheStoreHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, failing{memstore.New(), nil, true})
		start := time.Now()
		f.run([]step{{do: "GET /healthcheck", status: 503}})
		if took := time.Since(start); took >= 2*time.Second {
			t.Errorf("took %v", took)
		}
		synctest.Wait() // for the question to the store
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for rule, try := range map[string]func() (http.Handler, error){
		"NoHooks":         func() (http.Handler, error) { return httpapi.New(nil, httpapi.Config{Authenticator: tokens{}}) },
		"NoAuthenticator": func() (http.Handler, error) { return httpapi.New(hooks, httpapi.Config{}) },
		"NegativeMaxBody": func() (http.Handler, error) {
			return httpapi.New(hooks, httpapi.Config{Authenticator: tokens{}, MaxBody: -1})
		},
	} {
		if h, err := try(); err == nil || h != nil {
			t.Errorf("%s: no error", rule)
		}
	}
}

// hung is a store that does not answer.
type hung struct{ store.Store }

func (hung) Categories(ctx context.Context, _ store.ArchivedFilter, _ store.Page) (store.List[store.Category], error) {
	<-ctx.Done()
	return store.List[store.Category]{}, ctx.Err()
}

func TestAStoreThatHangsIsA503(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, hung{memstore.New()})
		began := time.Now()
		f.run([]step{{
			as: "admin", do: "GET /api/webhook-categories", status: 503,
			want: `{"type": "about:blank", "title": "Service Unavailable", "status": 503,
			"detail": "<text>", "code": "store_unavailable", "requestId": "<uuid>", "errors": []}`,
		}})
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("answered after %v", d)
		}
	})
}
