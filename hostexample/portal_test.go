package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/portal"
)

const portalKey = "CanaryPortalKey-0123456789-abcdefQx"

// redeem signs in with a printed link.
func (o *operated) redeem(links *portal.Links, printed string) portal.Session {
	o.Helper()
	u, err := url.Parse(strings.TrimSpace(printed))
	o.check(err)
	s, err := links.Redeem(o.Context(), u.Query().Get("token"))
	o.check(err)
	return s
}

func TestPortalLinkPrintsALinkThatSignsIn(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	const address = "https://example.com/hooks/"
	links, err := portal.NewLinks(o.hooks, portal.LinksConfig{Keys: [][]byte{[]byte(portalKey)}, URL: address})
	o.check(err)
	o.secrets = append(o.secrets, portalKey)
	o.url = o.serve(o.api(links))
	for way, environ := range o.ways("webhooks:admin") {
		if way == "store" {
			environ = append(environ, "WEBHOOKS_PORTAL_KEY="+portalKey, "WEBHOOKS_PORTAL_URL="+address)
		}
		r := o.run(environ, "portal-link", "--path=endpoints")
		if r.code != 0 || strings.Count(r.stdout, "\n") != 1 || !strings.HasPrefix(r.stdout, address+"sign-in?token=") {
			t.Fatalf("%s: exit %d: %s%s", way, r.code, r.stdout, r.stderr)
		}
		s := o.redeem(links, r.stdout)
		if got := s.Caller; len(got.Organizations) != 1 || got.Organizations[0] != uuid.MustParse(operatedOrg) || len(got.Scopes) != 2 ||
			s.Path != "endpoints" || !strings.HasSuffix(got.Subject, "ann") {
			t.Errorf("%s: %+v", way, s)
		}
		if _, err := links.Redeem(t.Context(), r.stdout[strings.Index(r.stdout, "=")+1:len(r.stdout)-1]); !errors.Is(err, portal.ErrLinkUsed) {
			t.Errorf("%s: again: %v", way, err)
		}
		var shown struct {
			URL       string
			ExpiresAt time.Time
		}
		o.json(o.run(environ, "portal-link", "--scope=webhooks:read", "--scope=webhooks:secrets", "--expires-in=2h", "--json"), &shown)
		if s := o.redeem(links, shown.URL); len(s.Caller.Scopes) != 2 || s.Caller.Scopes[0] != "webhooks:read" ||
			time.Until(shown.ExpiresAt) < time.Hour {
			t.Errorf("%s: %+v, %v", way, s, shown.ExpiresAt)
		}
		for _, wrong := range [][]string{{"--scope=webhooks:all"}, {"--path=//evil.example"}, {"--expires-in=25h"}} {
			if r := o.run(environ, append([]string{"portal-link"}, wrong...)...); r.code != 1 || r.stdout != "" ||
				!strings.Contains(r.stderr, map[byte]string{'s': "/scopes/0", 'p': "/path", 'e': "/expiresIn"}[wrong[0][2]]) {
				t.Errorf("%s: %v: exit %d: %s%s", way, wrong, r.code, r.stdout, r.stderr)
			}
		}
	}
}

func TestPortalLinkNeedsTheKeyOfTheHost(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	environ := o.ways("webhooks:admin")["store"]
	for want, more := range map[string][]string{
		"WEBHOOKS_PORTAL_KEY is not set, and there is no webhooks.dev.portal": nil,
		"WEBHOOKS_PORTAL_KEY separates its secrets by commas":                 {"WEBHOOKS_PORTAL_KEY=short"},
		"--portal-url (WEBHOOKS_PORTAL_URL) must be an absolute":              {"WEBHOOKS_PORTAL_KEY=" + portalKey},
		"--portal-url (WEBHOOKS_PORTAL_URL) must be https": {
			"WEBHOOKS_PORTAL_KEY=" + portalKey, "WEBHOOKS_PORTAL_URL=http://a.example",
		},
	} {
		if r := o.run(append(environ, more...), "portal-link"); r.code != 2 || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: exit %d: %s", more, r.code, r.stderr)
		}
	}
}

// The command needs nothing but the address of the host: it finds the key beside the database.
func TestDevelopmentModeHasAPortalOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store, org := "--store=sqlite:"+filepath.Join(folder, "webhooks.db"), "--org="+sampleOrg.String()
	address := serveHere(t, nil, func(*config) {}, "--dev", store)
	if info, err := os.Stat(filepath.Join(folder, devPortalFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	token := command(t, nil, "token", store, "--scope=webhooks:admin")
	for _, r := range []result{
		command(t, nil, "portal-link", store, org, "--addr="+strings.TrimPrefix(address, "http://")),
		command(t, []string{"WEBHOOKS_TOKEN=" + strings.TrimSpace(token.stdout)}, "portal-link", "--url="+address, org),
	} {
		if r.code != 0 || !strings.HasPrefix(r.stdout, address+"/portal/sign-in?token=") {
			t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
		}
	}
}

func TestTheReadyLinkIsForAllOrganizations(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	links, err := portal.NewLinks(o.hooks, portal.LinksConfig{Keys: [][]byte{[]byte(portalKey)}, URL: "http://127.0.0.1:8080/portal/"})
	o.check(err)
	link, err := linkOfDeveloper(t.Context(), links)
	o.check(err)
	if s := o.redeem(links, link); !s.Caller.AllOrganizations || s.Caller.Subject != "developer" {
		t.Errorf("%+v", s)
	}
}

// A browser follows the link that the host prints at its start.
func TestTheHostServesThePortalBesideTheAPI(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	address := serveHere(t, nil, func(*config) {}, "--dev", "--store=sqlite:"+filepath.Join(folder, "webhooks.db"))
	made := command(t, nil, "portal-link", "--store=sqlite:"+filepath.Join(folder, "webhooks.db"), "--org="+sampleOrg.String(),
		"--path=endpoints", "--addr="+strings.TrimPrefix(address, "http://"))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	link, err := url.Parse(strings.TrimSpace(made.stdout))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/portal/sign-in", strings.NewReader(link.RawQuery))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.HasSuffix(resp.Request.URL.Path, sampleOrg.String()+"/endpoints") ||
		!strings.Contains(string(page), "Sample of the development mode") {
		t.Errorf("%d at %s: %s", resp.StatusCode, resp.Request.URL, page)
	}
}
