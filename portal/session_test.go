package portal_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

func cookieOf(t testing.TB, links *portal.Links, s portal.Session) *http.Cookie {
	t.Helper()
	return cookie(t, func(w http.ResponseWriter) { links.SetCookie(w, s, false) })
}

func TestCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const public, local = "https://example.com/webhooks", "http://localhost:8080/webhooks"
	for _, c := range []struct {
		rule, address  string
		framed         bool
		name           string
		want, wantLess string
	}{
		{"OverTLS", public, false, "__Host-webhooks-portal", "Path=/; HttpOnly; Secure; SameSite=Lax", "Partitioned Domain"},
		{"InAFrame", public, true, "__Host-webhooks-portal", "Path=/; HttpOnly; Secure; SameSite=None; Partitioned", "Domain"},
		{"Plain", local, false, "webhooks-portal", "Path=/; HttpOnly; SameSite=Lax", "Secure Partitioned Domain"},
		{"PlainInAFrame", local, true, "webhooks-portal", "Path=/; HttpOnly; SameSite=Lax", "Secure Partitioned Domain"},
	} {
		links := w.hostAt(c.address)
		s := w.signIn(links)
		for action, set := range map[string]func(http.ResponseWriter){
			"set":   func(rec http.ResponseWriter) { links.SetCookie(rec, s, c.framed) },
			"clear": func(rec http.ResponseWriter) { links.ClearCookie(rec, c.framed) },
		} {
			rec := httptest.NewRecorder()
			set(rec)
			got := rec.Header().Get("Set-Cookie")
			value, attributes, _ := strings.Cut(got, "; ")
			maxAge := "; Max-Age=43199" // 12 h, less the time of the test
			if action == "clear" {
				maxAge = "; Max-Age=0"
			}
			attributes = strings.Replace(attributes, maxAge, "", 1)
			if !strings.HasPrefix(value, c.name+"=") || attributes != c.want || (value == c.name+"=") != (action == "clear") {
				t.Errorf("%s, %s: %s", c.rule, action, got)
			}
			for attribute := range strings.FieldsSeq(c.wantLess) {
				if strings.Contains(got, attribute) {
					t.Errorf("%s, %s has %s: %s", c.rule, action, attribute, got)
				}
			}
			if len(got) > 4096 {
				t.Errorf("%d bytes", len(got))
			}
		}
	}
}

func TestOnlyACookieOfASessionIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	good := cookieOf(t, links, w.signIn(links))
	for rule, c := range map[string]*http.Cookie{
		"AnotherName":  {Name: "webhooks-portal", Value: good.Value},
		"Empty":        {Name: good.Name},
		"Changed":      {Name: good.Name, Value: good.Value[1:]},
		"TokenOfALink": {Name: good.Name, Value: w.token(links)},
		"AnotherKey":   cookieOf(t, w.host(key(2)), w.signIn(links)),
	} {
		got, err := links.Caller(withCookie(c))
		w.is(rule, err, portal.ErrNoSession)
		if got.Subject != "" || got.Scopes != nil || !errors.Is(err, httpapi.ErrUnauthorized) {
			t.Errorf("%s: %+v, %v", rule, got, err)
		}
	}
	_, err := links.Caller(withCookie())
	w.is("none", err, portal.ErrNoSession)
	_, err = links.Caller(withCookie(good))
	w.is("the cookie", err, nil)
}

func TestASessionEndsAfterTwelveHours(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	r, _ := w.request(links)
	w.clock.move(12*time.Hour - time.Minute)
	_, err := links.Session(r)
	w.is("before", err, nil)
	w.clock.move(time.Minute)
	_, err = links.Session(r)
	w.is("after", err, portal.ErrNoSession)
}

func TestACopyOfACookieEndsWithTheSignOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here, there := w.host(), w.host()
	r, s := w.request(here)
	other, _ := w.request(here)
	for _, host := range []*portal.Links{here, there} {
		_, err := host.Session(r)
		w.is("before", err, nil)
	}
	for range 2 {
		w.is("sign-out", here.Revoke(t.Context(), s), nil)
	}
	_, err := here.Session(r)
	w.is("here", err, portal.ErrNoSession)
	w.clock.move(10 * time.Second)
	for _, host := range []*portal.Links{here, there, w.host()} {
		_, err = host.Session(r)
		w.is("10 s later", err, portal.ErrNoSession)
		_, err = host.Session(other)
		w.is("another session", err, nil)
	}
}

func TestSessionsAreCheckedEveryTenSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	r, _ := w.request(links)
	for range 2 {
		before := w.store.checks.Load()
		for range 50 {
			if _, err := links.Session(r); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.store.checks.Load() - before; n != 1 {
			t.Errorf("the store was asked %d times", n)
		}
		w.clock.move(10 * time.Second)
	}
}

func TestNobodyGetsInWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	links := w.host()
	r, s := w.request(links)
	token := w.token(links)
	w.store.away.Store(true)
	_, err := links.Session(r)
	w.is("session", err, errAway)
	_, err = links.Redeem(t.Context(), token)
	w.is("redeem", err, errAway)
	w.is("check", links.Check(t.Context(), token), errAway)
	w.is("revoke", links.Revoke(t.Context(), s), errAway)
	w.store.away.Store(false)
	_, err = links.Session(r)
	w.is("session afterwards", err, nil)
}

// FuzzTokens gives any text as token and as cookie. None is taken.
func FuzzTokens(f *testing.F) {
	w := newWorld(f)
	links := w.host()
	for _, seed := range []string{"", "a", "AAAA", strings.Repeat("A", 60), "=", "%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := links.Check(t.Context(), text); !errors.Is(err, portal.ErrLinkInvalid) {
			t.Errorf("%q: %v", text, err)
		}
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.Header.Set("Cookie", "__Host-webhooks-portal="+text)
		if _, err := links.Session(r); !errors.Is(err, portal.ErrNoSession) {
			t.Errorf("cookie %q: %v", text, err)
		}
	})
}
