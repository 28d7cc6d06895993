package portal_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

func TestALinkBeginsASessionWithItsRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links, want := w.host(), w.customer()
	link, expiresAt, err := links.Link(t.Context(), want, "/endpoints?state=failing", 90*time.Second)
	if err != nil || !strings.HasPrefix(link, address+"sign-in?token=") {
		t.Fatal(link, err)
	}
	if left := expiresAt.Sub(w.clock.Now()); left > 90*time.Second || left < 80*time.Second {
		t.Errorf("it can be used for %v", left)
	}
	s, err := links.Redeem(t.Context(), tokenOf(t, link))
	if err != nil || s.ID == uuid.Nil || links.Address(s) != address+"endpoints?state=failing" {
		t.Fatalf("%+v leads to %s, %v", s, links.Address(s), err)
	}
	if left := s.ExpiresAt.Sub(w.clock.Now()); left > 12*time.Hour || left < 12*time.Hour-10*time.Second {
		t.Errorf("the session ends after %v", left)
	}
	got, err := links.Caller(withCookie(cookieOf(t, links, s)))
	if err != nil || got.Subject != "dora" || !slices.Equal(got.Organizations, want.Organizations) || got.AllOrganizations ||
		!slices.Equal(got.Scopes, want.Scopes) {
		t.Errorf("the caller is %+v, %v", got, err)
	}
}

func TestALinkIsGoodOnceOverAllHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hosts := []*portal.Links{w.host(), w.host()}
	token := w.token(hosts[0])
	for _, host := range hosts {
		w.is("check", host.Check(t.Context(), token), nil)
	}
	var first, used atomic.Int32
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			switch _, err := hosts[i%2].Redeem(t.Context(), token); {
			case err == nil:
				first.Add(1)
			case errors.Is(err, portal.ErrLinkUsed):
				used.Add(1)
			}
		})
	}
	all.Wait()
	if first.Load() != 1 || used.Load() != 19 {
		t.Errorf("%d sessions began, %d were refused", first.Load(), used.Load())
	}
	for _, host := range hosts {
		w.is("check of a used link", host.Check(t.Context(), token), portal.ErrLinkUsed)
	}
}

func TestALinkExpires(t *testing.T) {
	t.Parallel()
	for expiresIn, life := range map[time.Duration]time.Duration{0: time.Minute, time.Second: time.Second, 24 * time.Hour: 24 * time.Hour} {
		w := newWorld(t)
		links := w.host()
		link, _, err := links.Link(t.Context(), w.customer(), "", expiresIn)
		if err != nil {
			t.Fatal(err)
		}
		token := tokenOf(t, link)
		w.clock.move(life)
		w.is("check", links.Check(t.Context(), token), portal.ErrLinkExpired)
		_, err = links.Redeem(t.Context(), token)
		w.is("redeem", err, portal.ErrLinkExpired)
		w.clock.move(-life)
		_, err = links.Redeem(t.Context(), token)
		w.is("redeem in time", err, nil)
	}
}

func TestAChangedTokenIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	token := w.token(links)
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	changed := []string{
		"", "a", "token", token[1:], token[:len(token)-1], token + "A", token + "=", token + "\n", " " + token, strings.Repeat("A", 1<<20),
		base64.StdEncoding.EncodeToString([]byte(`{"id":"` + uuid.NewString() + `","all":true,"exp":9999999999999}`)),
	}
	for i := range sealed {
		other := slices.Clone(sealed)
		other[i] ^= 1
		changed = append(changed, base64.RawURLEncoding.EncodeToString(other))
	}
	foreign := w.token(w.host(key(2)))
	session := cookieOf(t, links, w.signIn(links)).Value
	for _, c := range append(changed, foreign, session) {
		w.is(fmt.Sprintf("check of %.40q", c), links.Check(t.Context(), c), portal.ErrLinkInvalid)
		_, err := links.Redeem(t.Context(), c)
		w.is(fmt.Sprintf("redeem of %.40q", c), err, portal.ErrLinkInvalid)
	}
	_, err = links.Redeem(t.Context(), token)
	w.is("redeem", err, nil)
}

func TestKeysAreReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, between, after := w.host(key(1)), w.host(key(2), key(1)), w.host(key(2))
	for _, c := range []struct {
		rule        string
		made, taken *portal.Links
		want        error
	}{
		{"FormerKeyOpens", before, between, nil},
		{"FirstKeySeals", between, after, nil},
		{"RemovedKeyDoesNot", before, after, portal.ErrLinkInvalid},
		{"NewKeyIsUnknownBefore", between, before, portal.ErrLinkInvalid},
	} {
		_, err := c.taken.Redeem(t.Context(), w.token(c.made))
		w.is(c.rule, err, c.want)
		r, _ := w.request(c.made)
		_, err = c.taken.Session(r)
		if c.want != nil {
			c.want = portal.ErrNoSession
		}
		w.is(c.rule+", session", err, c.want)
	}
}

func TestALinkLeadsToNoOtherSite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	for _, path := range []string{
		"//evil.example", "///evil.example", "https://evil.example", "https:evil.example", `\\evil.example`, `/\evil.example`, `\evil`,
		"%2f%2fevil.example", "/%2fevil.example", "/%5cevil.example", "%252f%252fevil.example", "javascript:alert(1)", "data:text/html,x",
		"..", "../", "/..", "a/../..", "%2e%2e", "a/%2e%2e/b", ".%2e/", "./", "\t//evil.example", "a\r\nSet-Cookie: b=c", "a b", "a#b", "\x00",
		"é", "a%", "a%zz", "a?b=%zz", `a?b=\evil`, "@evil.example:80", strings.Repeat("a", 1001),
	} {
		_, _, err := links.Link(t.Context(), w.customer(), path, 0)
		if v, ok := errors.AsType[*webhooks.ValidationError](err); !ok || v.Fields[0].Pointer != "/path" {
			t.Errorf("%q: %v", path, err)
		}
	}
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"": address, "/": address, "endpoints": address + "endpoints", "/endpoints/7": address + "endpoints/7", "a//b": address + "a//b",
		"deliveries?state=failed&since=2026-01-01T00%3A00%3A00Z": address + "deliveries?state=failed&since=2026-01-01T00%3A00%3A00Z",
		"orgs/two%20words": address + "orgs/two%20words", strings.Repeat("a", 1000): address + strings.Repeat("a", 1000),
	} {
		link, _, err := links.Link(t.Context(), w.customer(), path, 0)
		if err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		s, err := links.Redeem(t.Context(), tokenOf(t, link))
		if err != nil || links.Address(s) != want {
			t.Errorf("%q leads to %q, %v; want %q", path, links.Address(s), err, want)
		}
		if relative, err := base.Parse(s.Path); err != nil || relative.String() != want {
			t.Errorf("%q leads to %v, %v as a relative address; want %q", path, relative, err, want)
		}
	}
}

func TestNewLinksNamesTheWrongField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hooks := w.hooks()
	for want, c := range map[string]portal.LinksConfig{
		"Keys is empty":               {URL: address},
		"Keys: key 1 has 31 bytes":    {URL: address, Keys: [][]byte{key(1)[1:]}},
		"Keys: key 2 has 0 bytes":     {URL: address, Keys: [][]byte{key(1), nil}},
		"URL must be an absolute":     {Keys: [][]byte{key(1)}},
		"URL must be an absolute ":    {URL: "/webhooks/", Keys: [][]byte{key(1)}},
		"URL must be an absolute h":   {URL: "ftp://example.com/", Keys: [][]byte{key(1)}},
		"URL must be an absolute ht":  {URL: "https://exa mple.com", Keys: [][]byte{key(1)}},
		"URL must have no user":       {URL: "https://u:p@example.com", Keys: [][]byte{key(1)}},
		"URL must have no user, ":     {URL: address + "?a=b", Keys: [][]byte{key(1)}},
		"URL must have no user, q":    {URL: address + "#a", Keys: [][]byte{key(1)}},
		"URL must be https":           {URL: "http://example.com/", Keys: [][]byte{key(1)}},
		"URL must be https: http is ": {URL: "http://localhost.example.com/", Keys: [][]byte{key(1)}},
	} {
		if _, err := portal.NewLinks(hooks, c); err == nil || !strings.Contains(err.Error(), "portal: LinksConfig."+want) {
			t.Errorf("%v: %v, want %s", c, err, want)
		}
	}
	if _, err := portal.NewLinks(nil, portal.LinksConfig{Keys: [][]byte{key(1)}, URL: address}); err == nil {
		t.Error("links without the library")
	}
	for _, local := range []string{"http://localhost:8080/portal", "http://127.0.0.1:8080", "http://[::1]/"} {
		if _, err := portal.NewLinks(hooks, portal.LinksConfig{Keys: [][]byte{key(1), key(2)}, URL: local}); err != nil {
			t.Errorf("%s: %v", local, err)
		}
	}
}

func TestALinkOfWrongLengthIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	for _, expiresIn := range []time.Duration{-1, time.Second - 1, 24*time.Hour + 1} {
		_, _, err := links.Link(t.Context(), w.customer(), "", expiresIn)
		if v, ok := errors.AsType[*webhooks.ValidationError](err); !ok || v.Fields[0].Pointer != "/expiresIn" {
			t.Errorf("%v: %v", expiresIn, err)
		}
	}
	long := w.customer()
	long.Subject = strings.Repeat("<", 1000)
	_, _, err := links.Link(t.Context(), long, "", 0)
	if _, ok := errors.AsType[*webhooks.ValidationError](err); !ok {
		t.Errorf("a subject that no cookie can hold: %v", err)
	}
}

func TestALinkIsInTheAuditTrailAndNoSecretIsInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	ctx := webhooks.WithActor(t.Context(), "dora")
	link, _, err := links.Link(ctx, w.customer(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.hooks().AuditTrail(ctx, webhooks.AuditQuery{OrganizationID: w.org, Page: webhooks.Page{Take: 9}})
	if err != nil || len(list.Items) != 1 || list.Items[0].Action != "portal_link.created" || list.Items[0].Actor != "dora" {
		t.Fatal(list, err)
	}
	s, err := links.Redeem(ctx, tokenOf(t, link))
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(t, links, s)
	w.is("revoke", links.Revoke(ctx, s), nil)
	config := portal.LinksConfig{Keys: [][]byte{key('K')}, URL: address}
	said := w.log.String() + fmt.Sprintf("%v %+v %#v %v", config, config, config, list)
	for _, secret := range []string{tokenOf(t, link), c.Value, string(key('K')), fmt.Sprint(key('K'))} {
		if strings.Contains(said, secret) {
			t.Errorf("%.20s is in the log:\n%s", secret, said)
		}
	}
	if !strings.Contains(w.log.String(), "portal_link.created") {
		t.Errorf("the log lacks the link: %s", w.log.String())
	}
}

func TestALinkOfAnAdministratorIsForAllOrganizations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	admin := httpapi.Caller{Subject: "root", AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}
	link, _, err := links.Link(t.Context(), admin, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := links.Redeem(t.Context(), tokenOf(t, link))
	if err != nil || !s.Caller.AllOrganizations || len(s.Caller.Organizations) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}
