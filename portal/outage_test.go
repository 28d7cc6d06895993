package portal_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store/bunstore/sqlite"
)

// withoutStore are the pages that read nothing from the store. They lead to another page, or ask for input.
var withoutStore = map[string]int{
	"GET /{$}":                         http.StatusSeeOther,
	"GET /endpoints":                   http.StatusSeeOther,
	"GET /endpoints/{page...}":         http.StatusSeeOther,
	"GET /events":                      http.StatusSeeOther,
	"GET /events/{page...}":            http.StatusSeeOther,
	"GET /operations/organization":     http.StatusSeeOther,
	"GET /operations/catalog-edit/new": http.StatusOK,
}

// TestEachPageSaysThatTheStoreIsDown opens all pages over a database that is closed.
func TestEachPageSaysThatTheStoreIsDown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "canary.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := newSiteOn(t, db, sample.Data{}, func(c *portal.Config) { c.PublicCatalog = true })
	s.caller = httpapi.Caller{Subject: "operator", Organizations: []uuid.UUID{s.service.Acme}, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}
	s.check(db.Close())
	for _, pattern := range portal.Pages() {
		if pattern == "GET /sign-in" { // its link is checked by package portal alone
			continue
		}
		t.Run(strings.TrimPrefix(pattern, "GET "), func(t *testing.T) {
			t.Parallel()
			s := &site{t: t, service: s.service, handler: s.handler, caller: s.caller, header: s.header, ctx: t.Context}
			p := s.get(s.address(pattern))
			if want, ok := withoutStore[pattern]; ok {
				p.is(want)
				return
			}
			p.is(http.StatusServiceUnavailable).lacks("sql", "SQL", "SELECT", "canary", "goroutine", ".go:", "database is closed")
			switch {
			case strings.HasPrefix(pattern, "GET /catalog"): // it has no navigation
				p.is(http.StatusServiceUnavailable, "not available at the moment")
			case pattern == "GET /operations/overview", pattern == "GET /operations/storage": // they show the parts that are known
				p.is(http.StatusServiceUnavailable, "<nav ", "The store does not answer, or cannot be written")
			default:
				p.is(http.StatusServiceUnavailable, "<nav ", "not available at the moment")
			}
		})
	}
}

var parameter = regexp.MustCompile(`\{([^}]*)\}`)

// address returns an address of the pattern of a page.
func (s *site) address(pattern string) string {
	address := parameter.ReplaceAllStringFunc(strings.TrimPrefix(pattern, "GET "), func(name string) string {
		switch name = strings.Trim(name, "{}"); {
		case name == "organization":
			return s.service.Acme.String()
		case name == "endpointId":
			return s.service.Healthy.String()
		case name == "version":
			return "v1"
		case name == "page...":
			return "new"
		case strings.HasSuffix(name, "Id"):
			return uuid.NewString()
		}
		return ""
	})
	if strings.HasSuffix(address, "/operations/organization") {
		address += "?organization=" + s.service.Acme.String()
	}
	return address
}
