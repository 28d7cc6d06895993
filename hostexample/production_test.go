package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// developing is a part of the warning of development mode.
const developing = "development mode is on"

// logs waits until a host has logged a text: log and output come over different pipes.
func (s *serving) logs(t *testing.T, text string) {
	t.Helper()
	within(t, func() bool { return strings.Contains(s.stderr.String(), text) })
}

func TestADispatcherAloneIsNotInDevelopmentMode(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	front := serve(t, folder, nil, "--api", "--dev")
	a := api{front.url, token(t, folder, "--scope=webhooks:admin")}
	sub, _ := a.subscribe(t, receiver)
	a.publish(t)
	back := serve(t, folder, []string{"WEBHOOKS_SECRET_KEYS_FILE=" + devKeyFile}, "--dispatcher")
	within(t, func() bool {
		_, text, err := a.try(t.Context(), http.MethodGet, sub+"/activity", nil)
		return err == nil && strings.Contains(string(text), "blocked address 127.0.0.1")
	})
	if len(posts) != 0 {
		t.Error("it reached loopback")
	}
	front.logs(t, developing)
	if strings.Contains(back.stderr.String(), developing) {
		t.Errorf("the dispatcher says %s", back.stderr)
	}
	api{url: back.url}.call(t, http.MethodGet, "/metrics", nil, nil, http.StatusNotFound)
}

func TestDevelopmentModeWarns(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), nil)
	s.line(t, "Development mode")
	s.logs(t, developing)
	if strings.Contains(s.stderr.String(), "leave out --dev") {
		t.Errorf("with nothing configured it logs %s", s.stderr)
	}
	folder := t.TempDir()
	s = serve(t, folder, []string{testSecret}, "--dev", "--store=memory:")
	with := s.line(t, "20") // the second line of the welcome begins with a date
	s.logs(t, developing)
	s.logs(t, "leave out --dev (WEBHOOKS_DEV)")
	if !strings.Contains(with, "signed with WEBHOOKS_JWT_SECRET") {
		t.Errorf("it says %q", with)
	}
	if _, err := os.Stat(filepath.Join(folder, devSecretFile)); err == nil {
		t.Error("it made a JWT secret beside the one that is configured")
	}
	r := command(t, []string{testSecret}, "token", "--scope=webhooks:admin")
	api{s.url, strings.TrimSpace(r.stdout)}.call(t, http.MethodGet, testOrg+"/webhook-subscriptions", nil, nil, http.StatusOK)
}

// subscribeTo is the body of a subscription to a URL.
func subscribeTo(uri string) map[string]any {
	return map[string]any{"postUri": uri, "events": []string{"*"}, "isDevelopment": true}
}

func TestPlainHTTPIsAllowedByItsFlagAlone(t *testing.T) {
	t.Parallel()
	environ := []string{testSecret, testKeys, "WEBHOOKS_STORE=memory:"}
	bearer := strings.TrimSpace(command(t, environ, "token", "--scope=webhooks:admin").stdout)
	path := testOrg + "/webhook-subscriptions"
	closed := api{serve(t, t.TempDir(), environ).url, bearer}
	status, text, err := closed.try(t.Context(), http.MethodPost, path, subscribeTo("http://example.com/"))
	if err != nil || status != http.StatusBadRequest || !strings.Contains(string(text), "this host does not allow http://") {
		t.Errorf("without the flag: %d %s %v", status, text, err)
	}
	open := api{serve(t, t.TempDir(), environ, "--allow-http").url, bearer}
	open.call(t, http.MethodPost, path, subscribeTo("http://example.com/"), nil, http.StatusCreated)
	open.call(t, http.MethodPost, path, subscribeTo("http://127.0.0.1/"), nil, http.StatusUnprocessableEntity)
}

func TestTheFirstSecretSignsAndAllVerify(t *testing.T) {
	t.Parallel()
	first, second := strings.Repeat("a", 32), strings.Repeat("b", 32)
	secrets := func(s string) []string {
		return []string{"WEBHOOKS_JWT_SECRET=" + s, testKeys, "WEBHOOKS_STORE=memory:"}
	}
	signed := func(s string) string {
		return strings.TrimSpace(command(t, secrets(s), "token").stdout)
	}
	both := serve(t, t.TempDir(), secrets(second+", "+first))
	one := serve(t, t.TempDir(), secrets(second))
	const path = testOrg + "/webhook-subscriptions"
	for _, token := range []string{signed(first), signed(second), signed(second + "," + first)} {
		api{both.url, token}.call(t, http.MethodGet, path, nil, nil, http.StatusOK)
	}
	api{one.url, signed(second + "," + first)}.call(t, http.MethodGet, path, nil, nil, http.StatusOK)
	api{one.url, signed(first)}.call(t, http.MethodGet, path, nil, nil, http.StatusUnauthorized)
}

func TestAJWKSOutOfReachIsAWarningAndTheHealthSaysSo(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	environ := []string{
		testKeys, "WEBHOOKS_STORE=memory:", "WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8",
		"WEBHOOKS_JWKS=https://" + address + "/Canary",
	}
	s := serve(t, t.TempDir(), environ)
	s.logs(t, "the JWKS cannot be read")
	status, text, err := api{url: s.url}.try(t.Context(), http.MethodGet, "/healthcheck", nil)
	if err != nil || status != http.StatusServiceUnavailable ||
		!strings.Contains(string(text), `"jwks":{"status":"down","message":"the JWKS cannot be read"}`) {
		t.Errorf("health: %d %s %v", status, text, err)
	}
	if strings.Contains(string(text), address) || strings.Contains(s.stderr.String(), "Canary") {
		t.Errorf("health %s, log %s", text, s.stderr)
	}
}

func TestSIGHUPDoesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), nil)
	for range 3 {
		s.signal(t, syscall.SIGHUP)
		api{url: s.url}.call(t, http.MethodGet, "/healthcheck", nil, nil, http.StatusOK)
	}
	s.signal(t, syscall.SIGTERM)
	s.signal(t, syscall.SIGHUP)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestDataMayBeAsLargeAsAllowed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := serve(t, folder, nil, "--max-data=3145728")
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	of := func(bytes int) map[string]any {
		return map[string]any{"eventType": "phone-log.call.completed", "data": strings.Repeat("x", bytes)}
	}
	for bytes, want := range map[int]int{
		3145728 - 2: http.StatusAccepted, 3145728 - 1: http.StatusBadRequest,
		4 << 20: http.StatusRequestEntityTooLarge,
	} {
		if status, text, err := a.try(t.Context(), http.MethodPost, testOrg+"/events", of(bytes)); err != nil || status != want {
			t.Errorf("%d bytes: %d %.300s %v, want %d", bytes, status, text, err, want)
		}
	}
}

func TestMigrateDownRefusesWhileAHostRuns(t *testing.T) {
	t.Parallel()
	refuses := func(t *testing.T, s *serving, token string, environ []string, store ...string) {
		t.Helper()
		a := api{s.url, token}
		down := append([]string{"migrate", "down", "--yes"}, store...)
		r := command(t, environ, down...)
		if r.code != exitFailed || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "another process is connected") ||
			r.stdout != "" {
			t.Errorf("while a host runs: exit %d, %q, %q", r.code, r.stdout, r.stderr)
		}
		a.call(t, http.MethodGet, "/api/webhook-categories", nil, nil, http.StatusOK)
		a.call(t, http.MethodGet, "/healthcheck", nil, nil, http.StatusOK)
		s.signal(t, syscall.SIGTERM)
		if code := s.exit(t); code != 0 {
			t.Errorf("exit %d", code)
		}
		within(t, func() bool { r = command(t, environ, down...); return r.code == 0 })
		if !strings.Contains(r.stdout, "pending") {
			t.Errorf("when it has ended: %s", r.stdout)
		}
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		s := serve(t, folder, nil)
		refuses(t, s, token(t, folder), nil, "--store=sqlite:"+filepath.Join(folder, "webhooks.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		environ, _ := onPostgres(t)
		folder := t.TempDir()
		s := serve(t, folder, environ, "--dev", "--api") // alone it seldom sends a statement
		refuses(t, s, token(t, folder), environ)
	})
}
