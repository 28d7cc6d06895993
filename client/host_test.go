package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// testToken is a token of an administrator of all organizations.
const testToken = "token-of-the-test"

type authenticator struct{}

func (authenticator) Authenticate(r *http.Request) (httpapi.Caller, error) {
	if r.Header.Get("Authorization") != "Bearer "+testToken {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	return httpapi.Caller{Subject: "tester", AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}, nil
}

// noSender sends nothing: the tests finish attempts themselves.
type noSender struct{}

func (noSender) Post(context.Context, guard.Request) guard.Result { return guard.Result{Status: 200} }

// host is the real interface over a memory store, at an address.
type host struct {
	*testing.T
	hooks   *webhooks.Webhooks
	store   store.Store
	url     string
	client  *client.Client
	traffic *recorder
	org     string // as the host names it
}

// newHost returns a host whose organizations have UUIDs.
func newHost(t *testing.T) *host {
	t.Helper()
	return newHostWith(t, uuid.NewString(), nil)
}

// directory is a host's organizations: one, by its name.
type directory string

func (d directory) OrganizationID(_ context.Context, name string) (uuid.UUID, error) {
	if name != string(d) {
		return uuid.Nil, webhooks.ErrNotFound
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)), nil
}

func (d directory) OrganizationName(context.Context, uuid.UUID) (string, error) {
	return string(d), nil
}

func newHostWith(t *testing.T, org string, names httpapi.Organizations) *host {
	t.Helper()
	st := memstore.New()
	hooks, err := webhooks.New(st, webhooks.Config{Sender: noSender{}, AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	seed := fstest.MapFS{"1.json": {Data: []byte(`{"version": "1", "description": "The first", "categories": []}`)}}
	if _, err := hooks.Registry.Seed(t.Context(), seed); err != nil {
		t.Fatal(err)
	}
	links, err := portal.NewLinks(hooks, portal.LinksConfig{Keys: [][]byte{make([]byte, 32)}, URL: "https://example.com/portal"})
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: authenticator{}, Organizations: names, PortalLinks: links})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/", http.StripPrefix("/hooks", api))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h := &host{T: t, hooks: hooks, store: st, url: server.URL + "/hooks", org: org, traffic: &recorder{next: server.Client().Transport}}
	h.client, err = client.New(client.Config{
		BaseURL: h.url + "/", Token: client.StaticToken(testToken), HTTPClient: &http.Client{Transport: h.traffic},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// finish ends the attempts that are due, as the answer of an endpoint would.
func (h *host) finish(status int) {
	h.Helper()
	jobs, _, err := h.store.Claim(h.Context(), store.ClaimOptions{Max: 100, Lease: time.Minute})
	if err != nil {
		h.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	var outcomes []store.Outcome
	for _, j := range jobs {
		o := store.Outcome{
			Lease: j.Lease, Status: store.Succeeded, PostedAt: now, Duration: 12 * time.Millisecond, HTTPStatus: status,
			Response: []byte("thanks"), At: now,
		}
		if status/100 != 2 {
			o.Status, o.Error = store.Failed, fmt.Sprintf("HTTP %d", status)
		}
		outcomes = append(outcomes, o)
	}
	if lost, err := h.store.Record(h.Context(), outcomes); err != nil || len(lost) > 0 {
		h.Fatal(lost, err)
	}
}

// sent is a request as the host got it.
type sent struct {
	method string
	path   string // below the prefix, percent-encoded
	query  url.Values
	header http.Header
	body   []byte
	status int
}

// recorder keeps the requests that pass.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	sent []sent
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/hooks")
	s := sent{method: req.Method, path: path, query: req.URL.Query(), header: req.Header.Clone()}
	if req.Body != nil {
		s.body, _ = io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(s.body))
	}
	resp, err := r.next.RoundTrip(req)
	if err == nil {
		s.status = resp.StatusCode
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, s)
	return resp, err
}

// operationOf returns the id of the operation that a request is for. A path without parameters
// comes before one with them.
func (s sent) operationOf(operations map[string]operation) string {
	found, parameters := "", 100
	for id, o := range operations {
		if n, ok := s.matches(o); ok && n < parameters {
			found, parameters = id, n
		}
	}
	return found
}

func (s sent) matches(o operation) (parameters int, ok bool) {
	parts := strings.Split(s.path, "/")
	if s.method != o.method || len(parts) != len(o.path) {
		return 0, false
	}
	for i, part := range o.path {
		if strings.HasPrefix(part, "{") {
			parameters++
		} else if part != parts[i] {
			return 0, false
		}
	}
	return parameters, true
}

// members returns the names of the members of a body and of the objects in its arrays.
func members(t *testing.T, text []byte) map[string]bool {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	names := map[string]bool{}
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			names[name] = true
		}
	case []any:
		for _, item := range v {
			for name := range item.(map[string]any) {
				names[name] = true
			}
		}
	}
	return names
}

// must returns the result of a call that succeeds.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// check stops the test if a call fails.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
