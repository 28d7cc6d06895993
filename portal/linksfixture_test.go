package portal_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

const address = "https://example.com/webhooks/"

// key returns a key of 32 bytes.
func key(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// movable is a clock that a test moves.
type movable struct {
	clock.Clock
	ahead atomic.Int64
}

func (m *movable) Now() time.Time { return m.Clock.Now().Add(time.Duration(m.ahead.Load())) }

func (m *movable) move(d time.Duration) { m.ahead.Add(int64(d)) }

// faulty is a store that counts the checks of ids, and can be away.
type faulty struct {
	store.Store
	away   atomic.Bool
	checks atomic.Int32
}

var errAway = errors.New("the store is away")

func (f *faulty) Used(ctx context.Context, id uuid.UUID) (bool, error) {
	f.checks.Add(1)
	if f.away.Load() {
		return false, errAway
	}
	return f.Store.Used(ctx, id)
}

func (f *faulty) UseOnce(ctx context.Context, id uuid.UUID, until time.Time) (bool, error) {
	if f.away.Load() {
		return false, errAway
	}
	return f.Store.UseOnce(ctx, id, until)
}

// world is a store with hosts.
type world struct {
	testing.TB
	store  *faulty
	clock  *movable
	log    bytes.Buffer
	logger *slog.Logger
	org    uuid.UUID
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, store: &faulty{Store: memstore.New()}, clock: &movable{Clock: clock.System}, org: uuid.New()}
	w.logger = slog.New(slog.NewTextHandler(&w.log, nil))
	return w
}

// hooks is the library of a host.
func (w *world) hooks() *webhooks.Webhooks {
	w.Helper()
	hooks, err := webhooks.New(w.store, webhooks.Config{Clock: w.clock, Logger: w.logger})
	if err != nil {
		w.Fatal(err)
	}
	return hooks
}

// host returns the links of a host. Without keys it has key 1.
func (w *world) host(keys ...[]byte) *portal.Links { w.Helper(); return w.hostAt(address, keys...) }

func (w *world) hostAt(address string, keys ...[]byte) *portal.Links {
	w.Helper()
	if keys == nil {
		keys = [][]byte{key(1)}
	}
	links, err := portal.NewLinks(w.hooks(), portal.LinksConfig{Keys: keys, URL: address})
	if err != nil {
		w.Fatal(err)
	}
	return links
}

// customer is a caller with rights in the world's organization.
func (w *world) customer() httpapi.Caller {
	scopes := []httpapi.Scope{httpapi.ScopeManage, httpapi.ScopeSecrets}
	return httpapi.Caller{Subject: "dora", Organizations: []uuid.UUID{w.org}, Scopes: scopes}
}

// token returns the token of a new link.
func (w *world) token(links *portal.Links) string {
	w.Helper()
	link, _, err := links.Link(w.Context(), w.customer(), "endpoints", 0)
	if err != nil {
		w.Fatal(err)
	}
	return tokenOf(w.TB, link)
}

func tokenOf(t testing.TB, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("token")
}

// signIn redeems a new link.
func (w *world) signIn(links *portal.Links) portal.Session {
	w.Helper()
	s, err := links.Redeem(w.Context(), w.token(links))
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// cookie returns the cookie of a session.
func cookie(t testing.TB, set func(http.ResponseWriter)) *http.Cookie {
	t.Helper()
	rec := httptest.NewRecorder()
	set(rec)
	cookies := rec.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	return cookies[0]
}

// request returns a request with a new session, and the session.
func (w *world) request(links *portal.Links) (*http.Request, portal.Session) {
	w.Helper()
	s := w.signIn(links)
	return withCookie(cookie(w.TB, func(rec http.ResponseWriter) { links.SetCookie(rec, s, false) })), s
}

// with returns a request with cookies.
func withCookie(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

// is demands an error, or nil.
func (w *world) is(what string, err, want error) {
	w.Helper()
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		w.Errorf("%s: %v, want %v", what, err, want)
	}
}
