package mounts_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/store/memstore"
)

// TestThePortalMountedUnderAPrefix follows each link of a page: it leads to another page below the prefix, or to an asset.
func TestThePortalMountedUnderAPrefix(t *testing.T) {
	t.Parallel()
	all := map[string]func(string, http.Handler) http.Handler{
		"net/http without StripPrefix": func(prefix string, h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle(prefix+"/", h)
			return mux
		},
	}
	for name, mount := range mounts {
		all[name] = mount
	}
	org := uuid.New()
	for name, mount := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
			if err != nil {
				t.Fatal(err)
			}
			pages, err := portal.New(hooks, portal.Config{Path: "/a/b", Authenticate: func(*http.Request) (httpapi.Caller, error) {
				return httpapi.Caller{Subject: "anyone", Organizations: []uuid.UUID{org}, Scopes: []httpapi.Scope{httpapi.ScopeWrite}}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			h := mount("/a/b", pages)
			get := func(path string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
				return w
			}
			start := get("/a/b/")
			if to := start.Header().Get("Location"); start.Code != http.StatusSeeOther || to != "/a/b/organizations/"+org.String()+"/endpoints" {
				t.Fatalf("%d to %q", start.Code, to)
			}
			page := get(start.Header().Get("Location"))
			links := regexp.MustCompile(`(?:href|src)="(/[^"]*)"`).FindAllStringSubmatch(page.Body.String(), -1)
			if page.Code != http.StatusOK || len(links) < 6 {
				t.Fatalf("%d with the links %v", page.Code, links)
			}
			for _, link := range links {
				if w := get(link[1]); w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
					t.Errorf("%s: %d", link[1], w.Code)
				}
			}
		})
	}
}
