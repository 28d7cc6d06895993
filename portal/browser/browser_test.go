package browser_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/neighbour"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// site describes the portal for the suite.
type site struct {
	URL   string             `json:"url"`
	Org   string             `json:"org"`   // path of the organization with the endpoints
	Pages map[string]address `json:"pages"` // by name
}

// address is a page, and the user that visits it.
type address struct {
	Path   string `json:"path"`
	Who    string `json:"who,omitempty"`    // developer, reader or admin; default: developer
	Status int    `json:"status,omitempty"` // default: 200
}

// TestEveryPage checks each page with axe, for violations of the content security policy, and in a small window.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	run(t, serve(t, memstore.New()), "pages.test.mjs")
}

// pages are the pages of the sample service.
func pages(s *sample.Service) map[string]address {
	org := "/organizations/" + s.Acme.String()
	return map[string]address{
		"endpoints":       {Path: org + "/endpoints"},
		"endpoints empty": {Path: "/organizations/" + s.Other.String() + "/endpoints"},
		"no such page":    {Path: org + "/nowhere", Status: http.StatusNotFound},
	}
}

// serve serves the portal over a store with sample data.
func serve(t *testing.T, db store.Store) site {
	t.Helper()
	service, err := sample.New(t.Context(), db, sample.Data{})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := portal.New(service.Hooks, portal.Config{Authenticate: func(r *http.Request) (httpapi.Caller, error) {
		return caller(r, service)
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return site{URL: server.URL, Org: "/organizations/" + service.Acme.String(), Pages: pages(service)}
}

// caller returns the user that a cookie of the suite names.
func caller(r *http.Request, service *sample.Service) (httpapi.Caller, error) {
	who, err := r.Cookie("who")
	if err != nil {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	c := httpapi.Caller{Subject: who.Value + "@acme.example", Organizations: []uuid.UUID{service.Acme, service.Other}}
	switch who.Value {
	case "reader":
		c.Scopes = []httpapi.Scope{httpapi.ScopeRead}
	case "admin":
		c.Scopes = []httpapi.Scope{httpapi.ScopeAdmin}
	default:
		c.Scopes = []httpapi.Scope{httpapi.ScopeWrite, httpapi.ScopeSecrets}
	}
	return c, nil
}

// run runs files of the suite against a site.
func run(t *testing.T, s site, files ...string) {
	t.Helper()
	description, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), neighbour.Program(t, "node"), append([]string{"--test", "--test-reporter=spec"}, files...)...)
	cmd.Dir = suite(t)
	cmd.Env = append(os.Environ(), "SITE="+string(description), "CHROMIUM="+neighbour.Program(t, "chromium"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// suite returns a folder with the suite and its packages.
func suite(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	files, err := filepath.Glob("suite/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(file)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), neighbour.Program(t, "npm"),
		"ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}
