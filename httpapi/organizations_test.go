package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// directory names organizations, and notes the names that it is asked for.
type directory struct {
	ids   map[string]uuid.UUID
	err   error // of every call, if not nil
	mu    sync.Mutex
	asked []string
}

func newDirectory() *directory {
	return &directory{ids: map[string]uuid.UUID{"acme": uuidOf(orgA), "globex": uuidOf(orgB)}}
}

func (d *directory) OrganizationID(_ context.Context, name string) (uuid.UUID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, name)
	return d.ids[name], d.err
}

func (d *directory) OrganizationName(_ context.Context, id uuid.UUID) (string, error) {
	for name, known := range d.ids {
		if known == id {
			return name, d.err
		}
	}
	return "", errors.Join(d.err, webhooks.ErrNotFound)
}

// names returns the names that the directory was asked for since the last call.
func (d *directory) names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = nil
	return asked
}

// name makes the fixture name its organizations: orgA is acme, orgB is globex. Its answers must
// conform to its own document.
func (f *fixture) name(d httpapi.Organizations) {
	f.Helper()
	f.configure(httpapi.Config{Organizations: d})
	f.vars["a"], f.vars["b"] = "acme", "globex"
	text := f.serve(httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil)).Body.Bytes()
	f.document = sync.OnceValues(func() (documented, error) { return readDocument(text) })
}

func newNamedFixture(t *testing.T, d httpapi.Organizations) *fixture {
	t.Helper()
	f := newFixture(t, memstore.New())
	f.name(d)
	return f
}

func TestNoRequestReachesWhatIsAnothersByName(t *testing.T) {
	t.Parallel()
	reachesNothingOfAnother(newNamedFixture(t, newDirectory()))
}

// Every answer about an organization has its name, and none has its UUID.
func TestAnswersHaveTheNameOfTheOrganization(t *testing.T) {
	t.Parallel()
	w := newTenants(newNamedFixture(t, newDirectory()))
	all := w.everything(operations(t))
	sub := "/api/organizations/acme/webhook-subscriptions/" + w.a["subscription"]
	for _, do := range []string{
		"POST /api/organizations/acme/webhook-subscriptions", "PATCH " + sub, "GET " + sub + "/activity?include=subscription",
		"GET " + sub + "/webhook-secret-histories?include=subscription", "GET /api/webhook-events/vitals.measured/subscriptions",
	} {
		s := step{as: "admin", do: do}
		switch method, _, _ := strings.Cut(do, " "); method {
		case http.MethodPost:
			s.body = `{"isDevelopment": false}`
		case http.MethodPatch:
			s.body = `[{"op": "test", "path": "/organizationId", "value": "acme"}]`
		}
		got := w.send(s)
		if got.Code/100 != 2 || !strings.Contains(got.Body.String(), `"organizationId":"acme"`) {
			t.Errorf("%s: %d %s", do, got.Code, got.Body)
		}
		all[do] = got.Body.String()
	}
	for what, text := range all {
		if strings.Contains(text, orgA) || strings.Contains(text, orgB) {
			t.Errorf("%s has a UUID of an organization: %s", what, text)
		}
	}
	shared := all["GET /api/webhook-events/vitals.measured/subscriptions"]
	if !strings.Contains(shared, `"organizationId":"globex"`) {
		t.Error("the list over all organizations lacks one:", shared)
	}
	if len(all) < 20 {
		t.Errorf("only %d answers", len(all))
	}
}

func TestOrganizationInPath(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 255)
	for rule, tt := range map[string]struct {
		segment string
		name    string // that the host is asked for; "" for none
		status  int
	}{
		"Known":           {"acme", "acme", 200},
		"Unknown":         {"initech", "initech", 404},
		"UUIDIsAName":     {orgA, orgA, 404},
		"AnothersName":    {"globex", "globex", 404},
		"Encoded":         {"%61cme", "acme", 200},
		"Case":            {"ACME", "ACME", 404},
		"Slash":           {"acme%2Fx", "acme/x", 200},
		"SlashInPath":     {"acme/x", "", 404},
		"Percent":         {"50%25", "50%", 200},
		"EncodedTwice":    {"acme%252Fx", "acme%2Fx", 404},
		"Space":           {"a%20b", "a b", 200},
		"PlusIsNoSpace":   {"a+b", "a+b", 404},
		"Unicode":         {"caf%C3%A9", "café", 200},
		"RawUnicode":      {"café", "café", 200},
		"Punctuation":     {"a:b@c;d=e,f!g$h&i'(j)*", "a:b@c;d=e,f!g$h&i'(j)*", 200},
		"Colon":           {":acme", ":acme", 404},
		"Braces":          {"%7BorganizationId%7D", "{organizationId}", 404},
		"Longest":         {long, long, 200},
		"TooLong":         {long + "a", "", 404},
		"Empty":           {"", "", 404},
		"Dot":             {".", "", 404},
		"EncodedDots":     {"%2e%2E", "", 404},
		"Star":            {"*", "", 404},
		"NUL":             {"acme%00", "", 404},
		"Newline":         {"acme%0A", "", 404},
		"C1Control":       {"%C2%85", "", 404},
		"NotUTF8":         {"%FF", "", 404},
		"HalfOfAnEscape":  {"acme%2", "", 404},
		"WrongEscape":     {"%zz", "", 404},
		"SurrogateInUTF8": {"%ED%A0%80", "", 404},
	} {
		d := newDirectory()
		for _, name := range []string{"acme/x", "50%", "a b", "café", "a:b@c;d=e,f!g$h&i'(j)*", long, long + "a", "*", "acme\x00", ".", ".."} {
			d.ids[name] = uuidOf(orgA)
		}
		f := newNamedFixture(t, d)
		for _, base := range []string{"", "/hooks"} {
			r := &http.Request{
				Method: http.MethodGet, Header: http.Header{"Authorization": {"Bearer read"}},
				URL: &url.URL{RawPath: base + "/api/organizations/" + tt.segment + "/webhook-subscriptions"},
			}
			path, err := url.PathUnescape(r.URL.RawPath)
			if r.URL.Path = path; err != nil {
				r.URL.Path = r.URL.RawPath
			}
			w := httptest.NewRecorder()
			http.StripPrefix(base, f.handler).ServeHTTP(w, r)
			var want []string
			if tt.name != "" {
				want = []string{tt.name}
			}
			if asked := d.names(); w.Code != tt.status || !slices.Equal(asked, want) && err == nil {
				t.Errorf("%s%s: %d %s, asked for %q", rule, base, w.Code, w.Body, asked)
			}
		}
	}
}

// An error of the host decides no more than whether the answer is a 404 or a 503, and its text is in
// the log alone.
func TestFailureToFindAnOrganization(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial tcp 10.0.0.1: hunter2")
	const path, list = "GET /api/organizations/acme/webhook-subscriptions", "GET /api/webhook-events/vitals.measured/subscriptions"
	for rule, tt := range map[string]struct {
		err    error
		do     string
		status int
		code   string
	}{
		"NilID":           {nil, path, 404, "not_found"},
		"Unknown":         {fmt.Errorf("%w: hunter2", webhooks.ErrNotFound), path, 404, "not_found"},
		"Down":            {secret, path, 503, "organizations_unavailable"},
		"LooksLikeAFault": {&webhooks.ValidationError{Problem: webhooks.Invalid}, path, 503, "organizations_unavailable"},
		"LooksLike409":    {webhooks.ErrConflict, path, 503, "organizations_unavailable"},
		"TimedOut":        {context.DeadlineExceeded, path, 503, "organizations_unavailable"},
		"ListDown":        {secret, list, 503, "organizations_unavailable"},
	} {
		d := newDirectory()
		f := newNamedFixture(t, d)
		f.catalog()
		f.subscribe()
		if d.err = tt.err; tt.err == nil {
			d.ids["acme"] = uuid.Nil
		}
		got := f.send(step{as: "everywhere", do: tt.do})
		text := got.Body.String()
		if got.Code != tt.status || !strings.Contains(text, `"code":"`+tt.code+`"`) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d %s", rule, got.Code, text)
		}
		if tt.status == 503 && (got.Header().Get("Retry-After") == "" || !strings.Contains(f.log.String(), tt.err.Error())) {
			t.Errorf("%s: %v, the log has %s", rule, got.Header(), f.log)
		}
	}
}

// An organization that the host no longer knows does not keep the others from being listed.
func TestListShowsAnOrganizationWithoutNameByUUID(t *testing.T) {
	t.Parallel()
	d := newDirectory()
	f := newNamedFixture(t, d)
	f.catalog()
	f.subscribe()
	delete(d.ids, "acme")
	got := f.send(step{as: "everywhere", do: "GET /api/webhook-events/vitals.measured/subscriptions"})
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"organizationId":"`+orgA+`"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func TestOnlyAuthorizedCallersMakeTheHostFindOrganizations(t *testing.T) {
	t.Parallel()
	d := newDirectory()
	f := newNamedFixture(t, d)
	for as, status := range map[string]int{"": 401, "nobody": 401, "nothing": 403, "catalog": 403} {
		got := f.send(step{as: as, do: "GET /api/organizations/acme/webhook-subscriptions"})
		if asked := d.names(); got.Code != status || asked != nil {
			t.Errorf("%q: %d, asked for %q", as, got.Code, asked)
		}
	}
}

// waiting answers when the context ends.
type waiting struct{ *directory }

func (waiting) OrganizationID(ctx context.Context, _ string) (uuid.UUID, error) {
	<-ctx.Done()
	return uuid.Nil, ctx.Err()
}

func TestHostThatFindsNoOrganizationInTimeGets503(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	f.configure(httpapi.Config{Organizations: waiting{newDirectory()}, Timeout: time.Millisecond})
	r := httptest.NewRequest(http.MethodGet, "/api/organizations/acme/webhook-subscriptions", nil)
	r.Header.Set("Authorization", "Bearer read")
	if w := f.serve(r); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "organizations_unavailable") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestJWTWithNamedOrganizations(t *testing.T) {
	t.Parallel()
	a, b := uuidOf(orgA), uuidOf(orgB)
	d := newDirectory()
	d.ids["42"], d.ids["*"], d.ids["9007199254740991"], d.ids["9007199254740992"] = b, b, b, b
	j := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret, Organizations: d})
	for rule, tt := range map[string]struct {
		claim any
		want  []uuid.UUID
		all   bool
		bad   bool
	}{
		"Name":             {"acme", []uuid.UUID{a}, false, false},
		"Names":            {[]string{"acme", "globex"}, []uuid.UUID{a, b}, false, false},
		"UnknownIsSkipped": {[]string{"initech", "globex"}, []uuid.UUID{b}, false, false},
		"UUIDIsAName":      {orgA, nil, false, false},
		"All":              {"*", nil, true, false},
		"Number":           {42, []uuid.UUID{b}, false, false},
		"NumberInList":     {[]any{"acme", 42}, []uuid.UUID{a, b}, false, false},
		"LastNumber":       {9007199254740991, []uuid.UUID{b}, false, false},
		"InexactNumber":    {9007199254740993, nil, false, true},
		"Fraction":         {42.5, nil, false, true},
		"Negative":         {-42, nil, false, true},
		"Huge":             {1e300, nil, false, true},
		"Boolean":          {true, nil, false, true},
		"Object":           {map[string]any{"id": "acme"}, nil, false, true},
		"NULInName":        {"acme\x00", nil, false, false},
	} {
		got, err := authenticate(j, token(t, jwt.SigningMethodHS256, jwtSecret, "", jwt.MapClaims{"org": tt.claim}))
		if errors.Is(err, httpapi.ErrUnauthorized) != tt.bad || (err != nil) != tt.bad ||
			!slices.Equal(got.Organizations, tt.want) || got.AllOrganizations != tt.all {
			t.Errorf("%s: %+v, %v", rule, got, err)
		}
	}
	d.err = errors.New("down")
	_, err := authenticate(j, token(t, jwt.SigningMethodHS256, jwtSecret, "", jwt.MapClaims{"org": "acme"}))
	if err == nil || errors.Is(err, httpapi.ErrUnauthorized) {
		t.Errorf("a host that is down is %v", err)
	}
}

func TestDocumentOfNamedOrganizations(t *testing.T) {
	t.Parallel()
	doc := openAPIOf(t, answers(t, httpapi.Config{Organizations: newDirectory()}))
	seen := 0
	for path, item := range doc.Paths.Map() {
		for _, p := range item.Parameters {
			named := p.Value.Name == "organizationId"
			if named {
				seen++
			}
			if isUUID := p.Value.Schema.Value.Format == "uuid"; isUUID == named && strings.HasSuffix(p.Value.Name, "Id") {
				t.Errorf("%s of %s has the format %q", p.Value.Name, path, p.Value.Schema.Value.Format)
			}
		}
	}
	if seen == 0 {
		t.Error("no path has an organization")
	}
	member := doc.Components.Schemas["Subscription"].Value.Properties["organizationId"].Value
	if member.Format != "" || !strings.Contains(member.Description, "percent-encoded") {
		t.Errorf("organizationId has the format %q: %s", member.Format, member.Description)
	}
}

// Whatever text a client puts into a path as a name, the host is asked for this name, or for none; the
// answer is no error of the server.
func FuzzOrganizationInPath(f *testing.F) {
	for _, seed := range []string{"acme", "acme/x", "..", "%", "a\x00b", "\xff", "café", "{x}", ":x", "*", strings.Repeat("é", 128), "a?b#c"} {
		f.Add(seed)
	}
	d := newDirectory()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		f.Fatal(err)
	}
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: tokens{}, Organizations: d})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, segment := range []string{url.PathEscape(name), name} {
			r := &http.Request{
				Method: http.MethodGet, Header: http.Header{"Authorization": {"Bearer read"}},
				URL: &url.URL{Path: "/api/organizations/" + name + "/events", RawPath: "/api/organizations/" + segment + "/events"},
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%q: %d %s", segment, w.Code, w.Body)
			}
			for _, asked := range d.names() {
				if !utf8.ValidString(asked) || strings.ContainsFunc(asked, unicode.IsControl) || len(asked) > 255 || asked == "" {
					t.Fatalf("%q: asked for %q", segment, asked)
				}
				if segment != name && asked != name {
					t.Fatalf("%q: asked for %q instead of %q", segment, asked, name)
				}
			}
		}
	})
}
