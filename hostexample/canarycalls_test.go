package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// certFile is the certificate of the test's receivers, which the host trusts.
const certFile = "receivers.pem"

// receivers starts a receiver that accepts /ok and fails every other path. It returns the
// receiver's URL, and a URL on which nothing listens.
func (c *canaries) receivers(t *testing.T, folder string) (url, closed string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ok" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, c.response)
	}))
	t.Cleanup(server.Close)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(folder, certFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed = "https://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return server.URL, closed
}

func seedFolder(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("seed")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// raw sends a request with a given body and returns the status and the answer with its headers.
func raw(t *testing.T, a api, method, path, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := (&http.Client{Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text := new(bytes.Buffer)
	if err := resp.Header.Write(text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(text, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, text.Bytes()
}

// portalLink makes a link to the portal.
func (c *canaries) portalLink(t *testing.T, a api) {
	t.Helper()
	var made struct{ URL string }
	a.call(t, http.MethodPost, testOrg+"/portal-links", map[string]any{}, &made, http.StatusCreated)
	_, c.link, _ = strings.Cut(made.URL, "?token=")
}

// misuse sends requests that are refused, and sweeps the errors.
func (c *canaries) misuse(t *testing.T, a api, sub string) {
	t.Helper()
	const post = http.MethodPost
	subs, events := testOrg+"/webhook-subscriptions", testOrg+"/events"
	for _, m := range []struct {
		token, method, path, body string
		status                    int
	}{
		{c.given, http.MethodGet, subs, "", 401},
		{c.token + "x", http.MethodGet, subs + "?key=" + c.given, "", 401},
		{"", http.MethodGet, subs, "", 401},
		{c.tokenFor(t, "webhooks:read"), http.MethodGet, sub + "/secrets", "", 403},
		{c.token, http.MethodGet, subs + "?take=" + c.given, "", 400},
		{c.token, http.MethodGet, "/" + c.given + "?key=" + c.given, "", 404},
		{c.token, post, subs, `{"isDevelopment": false, "postUri": "https://me:` + c.given + `@example.com/?` + c.given + `"}`, 400},
		{c.token, post, subs, `{"isDevelopment": false, "postUri": "http://example.com/?` + c.given + `"}`, 400},
		{c.token, post, subs, `{"isDevelopment": false, "postUri": "https://10.0.0.1/?` + c.given + `"}`, 422},
		{c.token, post, subs, `{"isDevelopment": false, "headers": {"X-Key": "` + c.given + `\n"}}`, 400},
		{c.token, post, subs, `{"isDevelopment": false, "headers": {"Host": "` + c.given + `"}}`, 400},
		{c.token, post, subs, `{"isDevelopment": "` + c.given + `"}`, 400},
		{c.token, post, subs, `{"isDevelopment": ` + c.given, 400},
		{c.token, http.MethodPatch, sub, `[{"op": "test", "path": "/headers/X-Api-Key", "value": "` + c.given + `"}]`, 409},
		{c.token, http.MethodPatch, sub, `[{"op": "replace", "path": "/postUri", "value": "ftp://` + c.given + `"}]`, 422},
		{c.token, post, sub + "/webhook-secret-histories", `{"secretKey": "` + c.secret + `"}`, 409},
		{c.token, post, sub + "/webhook-secret-histories", `{"secretKey": "` + c.given + `\n"}`, 400},
		{c.token, post, sub + "/webhook-secret-histories", `{"secretKey": "whsec_` + c.given + `"}`, 400},
		{c.token, post, events, `{"eventType": "` + c.given + `", "data": "` + c.given + `"}`, 422},
		{c.token, post, events, `{"eventType": "vitals.observation.created", "data": {"code": "c", "unit": "u", "value": "` + c.given +
			`"}}`, 422},
		{c.token, post, events, `{"eventType": "vitals.observation.created", "data": "` + c.given, 400},
		{c.token, post, events, `{"eventType": "vitals.observation.created", "idempotencyKey": "k", "data": {"code": "` + c.given +
			`", "unit": "u", "value": 1}}`, 202},
		{c.token, post, events, `{"eventType": "vitals.observation.created", "idempotencyKey": "k", "data": {"code": "` + c.given +
			`", "unit": "u", "value": 2}}`, 409},
	} {
		status, answer := raw(t, api{a.url, m.token}, m.method, m.path, m.body)
		if status != m.status {
			t.Errorf("%s %s %s: %d, want %d: %s", m.method, m.path, m.body, status, m.status, answer)
		}
		sweep(t, "the answer to "+m.method+" "+m.path+" "+m.body, answer, c.all())
	}
}

// read sends all reads without the scope that shows secrets, and sweeps the answers.
func (c *canaries) read(t *testing.T, a api, subs []string, message string) {
	t.Helper()
	a.token = c.tokenFor(t, "webhooks:read")
	hidden := c.never()
	hidden["a header's value"] = c.header
	paths := []string{
		testOrg + "/webhook-subscriptions?take=100", testOrg + "/events", testOrg + "/events/" + message,
		testOrg + "/events/" + message + "/explain",
		"/api/webhook-events/vitals.observation.created/subscriptions", "/api/signing-keys", "/api/webhook-deliveries/payload",
	}
	for _, sub := range subs {
		paths = append(paths, sub, sub+"/stats", sub+"/activations?include=subscription,event", sub+"/activity?include=subscription,event")
	}
	masks := 0
	for _, path := range paths {
		status, answer := raw(t, a, http.MethodGet, path, "")
		if status != http.StatusOK {
			t.Errorf("%s: %d: %s", path, status, answer)
		}
		sweep(t, "the answer to GET "+path, answer, hidden)
		masks += bytes.Count(answer, []byte("••••"+c.secret[len(c.secret)-4:]))
	}
	if masks < len(subs) {
		t.Error("no answer showed the secrets, masked: the sweep looked in the wrong place")
	}
}

// outside sends the requests that need no token, and sweeps the answers.
func (c *canaries) outside(t *testing.T, s *serving) {
	t.Helper()
	var metrics string
	within(t, func() bool {
		_, after, _ := strings.Cut(s.stderr.String(), `"url":"`)
		var whole bool
		metrics, _, whole = strings.Cut(after, `/metrics"`)
		return whole
	})
	for _, url := range []string{metrics + "/metrics", s.url + "/healthcheck", s.url + "/docs", s.url + "/api/openapi.json"} {
		status, answer := raw(t, api{url: url}, http.MethodGet, "", "")
		if status != http.StatusOK {
			t.Errorf("%s: %d", url, status)
		}
		sweep(t, url, answer, c.all())
	}
}

// dump returns all rows of all tables of a schema as text.
func dump(t *testing.T, dsn, schema string) []byte {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	db, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(ctx) }()
	rows, err := db.Query(ctx, "SELECT format('SELECT x::text FROM %I.%I AS x', schemaname, tablename) FROM pg_tables WHERE schemaname = $1",
		schema)
	if err != nil {
		t.Fatal(err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(statements) == 0 {
		t.Fatalf("%d tables, %v", len(statements), err)
	}
	var all bytes.Buffer
	for _, statement := range statements {
		rows, err := db.Query(ctx, statement)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			all.WriteString(text + "\n")
		}
	}
	return all.Bytes()
}
