package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// links makes links that show their rights.
type links struct{}

func (links) Link(_ context.Context, as httpapi.Caller, path string, expiresIn time.Duration) (string, time.Time, error) {
	for pointer, wrong := range map[string]bool{"/path": strings.HasPrefix(path, "//"), "/expiresIn": expiresIn < 0} {
		if wrong {
			fields := []webhooks.FieldError{{Pointer: pointer, Detail: "must be another one"}}
			return "", time.Time{}, &webhooks.ValidationError{Problem: webhooks.Invalid, Fields: fields}
		}
	}
	text, err := json.Marshal(linked{as, path, expiresIn})
	return string(text), time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), err
}

type linked struct {
	As        httpapi.Caller
	Path      string
	ExpiresIn time.Duration
}

// link makes a link, and returns its rights.
func (f *fixture) link(as, body string) linked {
	f.Helper()
	w := f.send(step{as: as, do: "POST /api/organizations/{a}/portal-links", body: body})
	var answer struct{ URL, ExpiresAt string }
	var got linked
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 201 || answer.ExpiresAt != "2030-01-02T03:04:05.000Z" {
		f.Fatalf("as %s, %s: %d %s", as, body, w.Code, w.Body)
	}
	if err := json.Unmarshal([]byte(answer.URL), &got); err != nil {
		f.Fatal(err)
	}
	if got.As.Subject != as || !slices.Equal(got.As.Organizations, []uuid.UUID{uuid.MustParse(orgA)}) || got.As.AllOrganizations {
		f.Errorf("as %s, %s: the link is for %+v", as, body, got.As)
	}
	return got
}

func TestALinkPassesOnNoMoreThanTheCallerHas(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	all := []string{"read", "manage", "write", "secrets", "catalog", "admin"}
	for as, may := range map[string]string{
		"manage": "read manage", "write": "read manage write", "both": "read manage write catalog", "admin": strings.Join(all, " "),
	} {
		for _, scope := range all {
			body := `{"scopes": ["webhooks:` + scope + `"]}`
			if slices.Contains(strings.Fields(may), scope) {
				if got := f.link(as, body); len(got.As.Scopes) != 1 || got.As.Scopes[0] != httpapi.Scope("webhooks:"+scope) {
					t.Errorf("%s passes on %v for %s", as, got.As.Scopes, scope)
				}
				continue
			}
			w := f.send(step{as: as, do: "POST /api/organizations/{a}/portal-links", body: body})
			if w.Code != 403 || !strings.Contains(w.Body.String(), `"pointer":"/scopes/0","detail":"the caller lacks webhooks:`+scope+`"`) {
				t.Errorf("%s passes on %s: %d %s", as, scope, w.Code, w.Body)
			}
		}
	}
}

func TestALinkWithoutScopesHasThoseOfTheCallerInTheOrganization(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	for as, want := range map[string]string{
		"manage": "webhooks:manage", "write": "webhooks:write", "both": "webhooks:write", "admin": "webhooks:manage webhooks:secrets",
	} {
		for _, body := range []string{"", "{}", `{"scopes": null}`} {
			var got []string
			for _, s := range f.link(as, body).As.Scopes {
				got = append(got, string(s))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("as %s: %v, want %s", as, got, want)
			}
		}
	}
	if got := f.link("manage", `{"path": "endpoints", "expiresIn": 90}`); got.Path != "endpoints" || got.ExpiresIn != 90*time.Second {
		t.Errorf("got %+v", got)
	}
	if got := f.link("manage", ""); got.Path != "" || got.ExpiresIn != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAWrongLinkIsRefusedByItsMember(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	many := strings.TrimSuffix(strings.Repeat(`"webhooks:read",`, 7), ",")
	for body, pointer := range map[string]string{
		`{"scopes": []}`: "/scopes", `{"scopes": [` + many + `]}`: "/scopes", `{"scopes": "webhooks:read"}`: "/scopes",
		`{"scopes": [1]}`: "/scopes",
		`{"scopes": ["webhooks:read", "webhooks:everything"]}`: "/scopes/1", `{"scopes": [""]}`: "/scopes/0",
		`{"expiresIn": 0}`: "/expiresIn", `{"expiresIn": -9223372036854775808}`: "/expiresIn", `{"expiresIn": "60s"}`: "/expiresIn",
		`{"path": "//evil.example"}`: "/path", `{"path": 1}`: "/path", `{"subject": "dora"}`: "/subject",
	} {
		w := f.send(step{as: "admin", do: "POST /api/organizations/{a}/portal-links", body: body})
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"pointer":"`+pointer+`"`) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}

func TestWithoutAPortalThereAreNoLinks(t *testing.T) {
	t.Parallel()
	f := newFixture(t, memstore.New())
	api, err := httpapi.New(f.hooks, httpapi.Config{Authenticator: tokens{}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/api/organizations/"+orgA+"/portal-links", nil)
	r.Header.Set("Authorization", "Bearer admin")
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, r); w.Code != 404 {
		t.Errorf("without a portal: %d", w.Code)
	}
	w = httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	if w.Code != 200 || strings.Contains(w.Body.String(), "portal-links") {
		t.Error("the document has the links")
	}
}
