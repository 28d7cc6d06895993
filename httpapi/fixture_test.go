package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/testlog"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// stores makes the stores that the suite runs on.
var stores = map[string]func(t *testing.T) store.Store{
	"memory":   func(*testing.T) store.Store { return memstore.New() },
	"sqlite":   openSQLite,
	"postgres": openPostgres,
}

// eachStore runs a test on a fresh store of each kind.
func eachStore(t *testing.T, run func(f *fixture)) {
	t.Helper()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(newFixture(t, open(t)))
		})
	}
}

const (
	orgA = "7152ff07-72b4-4934-b96c-9283003188a1"
	orgB = "8152ff07-72b4-4934-b96c-9283003188b2"
)

// tokens is an authenticator. Its tokens are names: one for each scope in orgA, and some more.
type tokens struct{}

func (tokens) Authenticate(r *http.Request) (httpapi.Caller, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c := httpapi.Caller{Subject: name, Organizations: []uuid.UUID{uuid.MustParse(orgA)}}
	switch name {
	case "read", "manage", "write", "secrets", "catalog", "admin":
		c.Scopes = []httpapi.Scope{httpapi.Scope("webhooks:" + name)}
	case "both":
		c.Scopes = []httpapi.Scope{httpapi.ScopeCatalog, httpapi.ScopeWrite}
	case "other":
		c.Organizations = []uuid.UUID{uuid.MustParse(orgB)}
		c.Scopes = []httpapi.Scope{httpapi.ScopeWrite, httpapi.ScopeSecrets}
	case "everywhere":
		c.Organizations, c.AllOrganizations, c.Scopes = nil, true, []httpapi.Scope{httpapi.ScopeRead}
	case "nowhere":
		c.Organizations, c.Scopes = nil, []httpapi.Scope{httpapi.ScopeRead}
	case "nothing":
	case "broken":
		return httpapi.Caller{}, fmt.Errorf("the directory at 10.0.0.1 is down")
	case "panic":
		panic("the password is hunter2")
	default:
		ok = false
	}
	if !ok {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	return c, nil
}

// fixture is the interface over a store.
type fixture struct {
	*testing.T
	handler http.Handler
	store   store.Store
	hooks   *webhooks.Webhooks
	vars    map[string]string // the values that steps captured, by name
	log     *bytes.Buffer

	document func() (documented, error) // that the answers conform to
}

// silent sends nothing.
type silent struct{}

func (silent) Post(context.Context, guard.Request) guard.Result { return guard.Result{Status: 200} }

// ticking is a clock of the last minute on which a millisecond passes whenever it is
// read: nothing happens at the same time as anything else.
func ticking(start time.Time) clock.Clock { return &tickingClock{Clock: clock.System, start: start} }

type tickingClock struct {
	clock.Clock
	start time.Time
	reads atomic.Int64
}

func (c *tickingClock) Now() time.Time {
	return c.start.Add(time.Duration(c.reads.Add(1)) * time.Millisecond)
}

// newFixture returns the interface over a store.
func newFixture(t *testing.T, st store.Store) *fixture {
	t.Helper()
	return newFixtureWith(t, st, webhooks.Config{Clock: ticking(time.Now().Add(-time.Minute))})
}

func newFixtureWith(t *testing.T, st store.Store, c webhooks.Config) *fixture {
	t.Helper()
	f := &fixture{
		T: t, store: st, vars: map[string]string{"a": orgA, "b": orgB, "none": uuid.NewString()}, log: &bytes.Buffer{},
		document: document,
	}
	c.AllowHTTP = true
	if c.Sender == nil {
		c.Sender = silent{}
	}
	var err error
	f.hooks, err = webhooks.New(st, c)
	if err != nil {
		t.Fatal(err)
	}
	f.configure(httpapi.Config{})
	return f
}

// configure replaces the handler by one with the configuration.
func (f *fixture) configure(c httpapi.Config) {
	f.Helper()
	c.PortalLinks = links{}
	c.Authenticator, c.Logger = tokens{}, slog.New(testlog.Checked(f.T, slog.NewTextHandler(f.log, nil)))
	var err error
	if f.handler, err = httpapi.New(f.hooks, c); err != nil {
		f.Fatal(err)
	}
}

// step is one request and the expected answer.
type step struct {
	as     string // the token; "" for none
	do     string // method and path, in which {name} is a captured value
	header string // Name: value lines
	body   string
	status int
	// want is the JSON that must come back, member for member. A string
	// "<uuid>", "<time>", "<text>" or "<any>" stands for such a value, and "<=name>"
	// for any value that is captured under the name. "" for whatever comes.
	want string
	code string // of the problem, if want is ""
	has  string // Name: value lines of the response
}

func (f *fixture) run(steps []step) {
	f.Helper()
	for i, s := range steps {
		f.step(fmt.Sprintf("step %d, %s", i, s.do), s)
	}
}

func (f *fixture) fill(s string) string {
	for name, value := range f.vars {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

func (f *fixture) send(s step) *httptest.ResponseRecorder { return f.sendBody(s, f.fill(s.body)) }

// sendBody is send with a body that is taken as it is.
func (f *fixture) sendBody(s step, body string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(f.fill(s.do), " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if s.as != "" {
		r.Header.Set("Authorization", "Bearer "+s.as)
	}
	for line := range strings.Lines(f.fill(s.header)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Add(name, value)
	}
	w := f.serve(r)
	f.conforms(r, body, w)
	return w
}

func (f *fixture) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

// finish ends the due attempts with the status of a receiver's answer.
func (f *fixture) finish(status int, retryIn time.Duration) {
	f.Helper()
	jobs, _, err := f.store.Claim(f.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	var outcomes []store.Outcome
	for _, j := range jobs {
		o := store.Outcome{
			Lease: j.Lease, Status: store.Succeeded, PostedAt: now, Duration: 12 * time.Millisecond, HTTPStatus: status,
			Response: []byte("thanks"), ResponseHeaders: "Server: s\n", At: now,
		}
		if status/100 != 2 {
			o.Status, o.Error = store.Failed, fmt.Sprintf("HTTP %d", status)
		}
		if retryIn > 0 {
			o.Next = &store.Next{ID: uuid.Must(uuid.NewV7()), DueAt: now.Add(retryIn)}
		}
		outcomes = append(outcomes, o)
	}
	if lost, err := f.store.Record(f.Context(), outcomes); err != nil || len(lost) > 0 {
		f.Fatal(lost, err)
	}
}

// Members of new resources.
const (
	audit   = `{"createdAt": "<time>", "createdBy": "<text>", "updatedAt": "<time>", "updatedBy": "<text>"}`
	active  = `{"active": true, "activeStatusChangedAt": "<time>"}`
	present = `{"archived": false, "archivedStatusChangedAt": null}`
)

// catalog makes a category and two event types: {category}, {event} and {event2}.
func (f *fixture) catalog() {
	f.Helper()
	f.run([]step{
		{
			as: "catalog", do: "POST /api/webhook-categories", status: 201, body: `{"name": "Vitals", "code": "vitals"}`,
			want: `{"id": "<=category>", "name": "Vitals", "code": "vitals", "description": null,
				"archiveInfo": ` + present + `, "auditInfo": ` + audit + `, "activeInfo": ` + active + `}`,
			has: `ETag: "1"`,
		},
		{
			as: "catalog", do: "POST /api/webhook-categories/{category}/webhook-events", status: 201,
			body: `{"name": "Measured", "code": "vitals.measured", "version": "v1", "description": "A value"}`,
			want: `{"id": "<=event>", "name": "Measured", "code": "vitals.measured", "version": "v1", "description": "A value", "schema": null,
				"archiveInfo": ` + present + `, "auditInfo": ` + audit + `, "activeInfo": ` + active + `,
				"webhookCategory": {"id": "{category}", "name": "Vitals", "code": "vitals", "archived": false}}`,
		},
		{
			as: "admin", do: "POST /api/webhook-categories/{category}/webhook-events", status: 201,
			body: `{"name": "Deleted", "code": "vitals.deleted", "version": "v1", "schema": {"type": "object"}}`,
			want: `{"id": "<=event2>", "name": "Deleted", "code": "vitals.deleted", "version": "v1", "description": null, ` +
				`"schema": {"type": "object"},
				"archiveInfo": ` + present + `, "auditInfo": ` + audit + `, "activeInfo": ` + active + `,
				"webhookCategory": {"id": "{category}", "name": "Vitals", "code": "vitals", "archived": false}}`,
		},
	})
}

// subscribe makes a subscription of orgA to {event}: {sub}.
func (f *fixture) subscribe() {
	f.Helper()
	f.run([]step{{
		as: "admin", do: "POST /api/organizations/{a}/webhook-subscriptions", status: 201,
		body: `{"postUri": "https://example.com/hook", "events": ["vitals.measured"], "isDevelopment": false}`,
		want: subscriptionWith("<=sub>", "<=secret>"),
	}})
}

func subscriptionWith(id, secret string) string {
	return `{"id": "` + id + `", "organizationId": "{a}", "postUri": "https://example.com/hook", "version": "v1", "secretKey": "` + secret +
		`",
		"events": [{"id": "{event}", "name": "Measured", "code": "vitals.measured", "version": "v1"}], "isDevelopment": false,
		"description": null, "headers": null, "timeoutMs": null, "retrySchedule": null, "rateLimit": null, "ordered": false, "filter": null,
		"status": {"state": "enabled", "reason": null, "since": "<time>", "circuit": null, "backPressure": null},
		"auditInfo": ` + audit + `, "activeInfo": ` + active + `, "archiveInfo": ` + present + `}`
}

func historyOf(f *fixture) store.HistoryQuery {
	return store.HistoryQuery{OrganizationID: uuid.MustParse(orgA), SubscriptionID: uuid.MustParse(f.vars["sub"]), Page: store.Page{Take: 10}}
}
