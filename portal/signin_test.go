package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

// newLinkedSite returns a portal to which links lead, and a link of a developer of Acme to a page.
func newLinkedSite(t *testing.T, path string, options ...func(*portal.Config)) (s *site, link string) {
	t.Helper()
	s = newSite(t)
	links, err := portal.NewLinks(s.service.Hooks, portal.LinksConfig{Keys: [][]byte{key(1)}, URL: "https://example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := portal.Config{Links: links}
	for _, o := range options {
		o(&cfg)
	}
	if s.handler, err = portal.New(s.service.Hooks, cfg); err != nil {
		t.Fatal(err)
	}
	address, _, err := links.Link(t.Context(), httpapi.Caller{
		Subject: "dora", Organizations: []uuid.UUID{s.service.Acme}, Scopes: []httpapi.Scope{httpapi.ScopeManage},
	}, path, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s, strings.TrimPrefix(address, "https://example.com")
}

// follow opens a link, and sends the form of its page. It keeps the cookie.
func (s *site) follow(link string) *page {
	s.t.Helper()
	form := s.get(link).is(http.StatusOK, "Open the webhooks of your organization")
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(form.text)
	if token == nil {
		s.t.Fatalf("the page has no token\n%s", form.text)
	}
	p := s.post("/sign-in", url.Values{"token": {token[1]}})
	for _, c := range p.resp.Cookies() {
		s.header.Set("Cookie", c.Name+"="+c.Value)
	}
	return p
}

func TestALinkSignsInOnceAndUntilTheSignOut(t *testing.T) {
	t.Parallel()
	s, link := newLinkedSite(t, "")
	s.get(s.acme("endpoints")).is(http.StatusUnauthorized, "You are not signed in")
	s.get(link).is(http.StatusOK) // a program that looks at links does not use it up
	s.follow(link).leadsTo("/")
	s.get(s.acme("endpoints")).is(http.StatusOK, "Order desk", "Sign out", "dora")
	s.get(link).is(http.StatusGone, "This link was used before")
	s.post("/sign-in", url.Values{"token": {strings.TrimPrefix(link, "/sign-in?token=")}}).is(http.StatusGone, "This link was used before")
	s.get("/organizations/" + s.service.Other.String() + "/endpoints").is(http.StatusNotFound)
	s.post("/sign-out", nil).leadsTo("/")
	s.get(s.acme("endpoints")).is(http.StatusUnauthorized) // the copy of the cookie that is still sent
}

func TestALinkLeadsToItsPage(t *testing.T) {
	t.Parallel()
	s, link := newLinkedSite(t, "organizations/x/endpoints?state=failing")
	s.follow(link).leadsTo("/organizations/x/endpoints?state=failing")
}

func TestAWrongLinkHasAPageThatSaysSo(t *testing.T) {
	t.Parallel()
	s, link := newLinkedSite(t, "")
	s.get("/sign-in").is(http.StatusNotFound, "This link is not valid")
	s.get(link[:len(link)-3]).is(http.StatusNotFound, "This link is not valid")
	s.post("/sign-in", url.Values{}).is(http.StatusNotFound, "This link is not valid")
}

func TestTheCookieOfAFrameIsPartitioned(t *testing.T) {
	t.Parallel()
	s, link := newLinkedSite(t, "", func(c *portal.Config) { c.FrameAncestors = []string{"https://app.example.com"} })
	p := s.follow(link)
	cookie := p.resp.Header.Get("Set-Cookie")
	for _, part := range []string{"__Host-webhooks-portal=", "HttpOnly", "Secure", "SameSite=None", "Partitioned"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("Set-Cookie lacks %s", part)
		}
	}
	if got := p.resp.Header.Get("Content-Security-Policy"); !strings.HasSuffix(got, "frame-ancestors https://app.example.com") {
		t.Errorf("Content-Security-Policy: %s", got)
	}
	s.get("/embed.js").is(http.StatusOK, "data-webhooks-portal")
}

func TestWithoutLinksThereIsNoSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.get("/sign-in?token=x").is(http.StatusNotFound, "There is no such page")
	s.get("/embed.js").is(http.StatusNotFound)
}
