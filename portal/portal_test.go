package portal_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

func TestAPageLoadsNothingFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.get(s.acme("endpoints")).is(http.StatusOK).lacks(" style=", "<style", " onclick=", "javascript:")
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "no-referrer",
		"Cache-Control":          "no-store",
	} {
		if got := p.resp.Header.Get(name); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	loaded := regexp.MustCompile(`(?:src|<link[^>]*href)="([^"]+)"`).FindAllStringSubmatch(p.text, -1)
	if len(loaded) < 3 {
		t.Fatalf("the page loads %v: the test looks in the wrong place", loaded)
	}
	for _, l := range loaded {
		if !strings.HasPrefix(l[1], "/assets/") {
			t.Errorf("the page loads %s", l[1])
		}
		asset := s.get(l[1]).is(http.StatusOK)
		if got := asset.resp.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", l[1], got)
		}
	}
}

func TestAFormOfAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.header.Set("Sec-Fetch-Site", "cross-site")
	s.post("/preferences", url.Values{"theme": {"dark"}}).is(http.StatusForbidden, "This request came from another site")
	s.header.Set("Sec-Fetch-Site", "same-origin")
	s.post("/preferences", url.Values{"theme": {"dark"}, "back": {"/x?y=1"}}).leadsTo("/x?y=1")
}

func TestPreferencesLeadBackToThePortalAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *portal.Config) { c.Path = "/a/b/" })
	for _, back := range []string{"", "//evil.example", "https://evil.example", `/\evil.example`, "/\r\nX: y", "evil"} {
		if to := s.post("/a/b/preferences", url.Values{"back": {back}}).leadsTo("/a/b/"); to != "/a/b/" {
			t.Errorf("back=%q leads to %q", back, to)
		}
	}
}

func TestFailuresArePages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.get("/nowhere").is(http.StatusNotFound, "There is no such page", "<main")
	s.get("/organizations/"+s.service.Other.String()+"/endpoints").is(http.StatusNotFound, "There is no such page").lacks("aria-current")
	s.failure = httpapi.ErrUnauthorized
	s.get(s.acme("endpoints")).is(http.StatusUnauthorized, "You are not signed in").lacks("acme.example/orders")
	s.failure = errors.New("canary: the session store is down")
	s.get(s.acme("endpoints")).is(http.StatusServiceUnavailable, "Signing in does not work").lacks("canary")
}

func TestTheLanguageIsThatOfTheBrowserOrTheChosenOne(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.header.Set("Accept-Language", "de-AT, en;q=0.5")
	s.get(s.acme("endpoints")).is(http.StatusOK, `lang="de"`, "Endpunkt hinzufügen")
	s.header.Set("Cookie", "webhooks-portal-language=en")
	s.get(s.acme("endpoints")).is(http.StatusOK, `lang="en"`, "Add endpoint")
	s.header.Set("Cookie", "webhooks-portal-language=zz")
	s.get(s.acme("endpoints")).is(http.StatusOK, `lang="de"`)
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	signedIn := func(*http.Request) (httpapi.Caller, error) { return httpapi.Caller{}, nil }
	hooks := newSite(t).service.Hooks
	for _, test := range []struct {
		cfg  portal.Config
		want string
	}{
		{portal.Config{}, "Config.Authenticate is nil"},
		{portal.Config{Authenticate: signedIn, Path: "portal"}, "must begin with /"},
		{portal.Config{Authenticate: signedIn, FrameAncestors: []string{"app.example.com"}}, "must be an origin"},
		{portal.Config{Authenticate: signedIn, FrameAncestors: []string{"https://a.example; script-src *"}}, "must be an origin"},
		{portal.Config{Authenticate: signedIn, Messages: map[string]map[string]string{"fr": {"no.such.key": "x"}}}, "no.such.key"},
		{portal.Config{Authenticate: signedIn, Messages: map[string]map[string]string{"not a tag": {"skip": "x"}}}, "no language tag"},
	} {
		if _, err := portal.New(hooks, test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want an error with %q", err, test.want)
		}
	}
	if _, err := portal.New(nil, portal.Config{Authenticate: signedIn}); err == nil {
		t.Error("a portal of nothing has no error")
	}
}

func TestAHostAddsALanguageAndReplacesTexts(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *portal.Config) {
		c.Messages = map[string]map[string]string{"fr": {"endpoints.title": "Destinations"}, "en": {"endpoints.title": "Receivers"}}
	})
	s.get(s.acme("endpoints")).is(http.StatusOK, "<h1>Receivers</h1>")
	s.header.Set("Accept-Language", "fr")
	s.get(s.acme("endpoints")).is(http.StatusOK, "<h1>Destinations</h1>", "Add endpoint")
}
