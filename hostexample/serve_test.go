package main

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestThePrintedCommandsWorkAsTheyStand(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("left out: there is no curl")
	}
	folder := t.TempDir()
	s := serve(t, folder, nil)
	publish := s.line(t, "curl ")
	list := s.line(t, "curl ")
	portal := s.line(t, "http://")
	docs := s.line(t, "http://")
	if out := shell(t, publish); !strings.Contains(out, `"deliveries":1`) {
		t.Errorf("publish: %s", out)
	}
	within(t, func() bool { return strings.Contains(shell(t, list), `"httpStatusCode":200`) })
	status, text, err := api{url: s.url}.try(t.Context(), http.MethodGet, "/metrics", nil)
	if err != nil || status != http.StatusOK || !strings.Contains(string(text), `webhooks_attempts_total{outcome="succeeded"} 1`) {
		t.Errorf("metrics: %d %v\n%s", status, err, text)
	}
	if out := shell(t, "curl -sS "+portal); !strings.Contains(out, "Open the webhooks of your organization") {
		t.Errorf("the portal: %s", out)
	}
	if out := shell(t, "curl -sS "+docs); !strings.Contains(out, "ECG Webhooks Module API") {
		t.Errorf("the documentation: %s", out)
	}

	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code != 0 {
		t.Fatalf("exit %d", code)
	}
	again := serve(t, folder, nil) // on another port
	publish, list = again.line(t, "curl "), again.line(t, "curl ")
	if out := shell(t, publish); !strings.Contains(out, `"deliveries":1`) {
		t.Errorf("publish after a restart: %s", out)
	}
	within(t, func() bool { return strings.Count(shell(t, list), `"httpStatusCode":200`) == 2 })
}

func shell(t *testing.T, line string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", line).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestATokenOfTheTokenCommandIsAccepted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := serve(t, folder, nil)
	const path = testOrg + "/webhook-subscriptions"
	org := strings.TrimPrefix(testOrg, "/api/organizations/")
	api{s.url, token(t, folder, "--org="+org)}.call(t, http.MethodGet, path, nil, nil, http.StatusOK)
	api{s.url, token(t, folder)}.call(t, http.MethodGet, path, nil, nil, http.StatusOK)
	api{s.url, token(t, folder, "--org="+sampleOrg.String())}.call(t, http.MethodGet, path, nil, nil, http.StatusNotFound)
	api{s.url, token(t, folder, "--scope=webhooks:read")}.call(t, http.MethodPost, testOrg+"/events", event(1), nil, http.StatusForbidden)
	customer := api{s.url, token(t, folder, "--org="+org, "--scope=webhooks:manage")}
	customer.call(t, http.MethodPost, path, map[string]any{"isDevelopment": false}, nil, http.StatusCreated)
	customer.call(t, http.MethodPost, testOrg+"/events", event(1), nil, http.StatusForbidden)
	api{s.url, "x"}.call(t, http.MethodGet, path, nil, nil, http.StatusUnauthorized)
}

func TestAConfiguredSecretEndsDevelopmentMode(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	environ := []string{testSecret, testKeys, "WEBHOOKS_JWT_ISSUER=us", "WEBHOOKS_STORE=memory:"}
	s := serve(t, folder, environ, "--metrics-addr=127.0.0.1:0")
	var side string
	within(t, func() bool { // the log and the line of the address come over different pipes
		_, after, _ := strings.Cut(s.stderr.String(), `"url":"`)
		var whole bool
		side, _, whole = strings.Cut(after, `/metrics"`)
		return whole
	})
	api{url: side}.call(t, http.MethodGet, "/metrics", nil, nil, http.StatusOK)
	api{url: side}.call(t, http.MethodGet, "/healthcheck", nil, nil, http.StatusNotFound)
	api{url: s.url}.call(t, http.MethodGet, "/metrics", nil, nil, http.StatusNotFound)

	r := command(t, environ, "token", "--scope=webhooks:admin")
	with := api{s.url, strings.TrimSpace(r.stdout)}
	with.call(t, http.MethodGet, testOrg+"/webhook-subscriptions", nil, nil, http.StatusOK)
	with.call(t, http.MethodPost, testOrg+"/webhook-subscriptions", map[string]any{
		"postUri": "http://127.0.0.1:9/", "events": []string{"*"}, "isDevelopment": true,
	}, nil, http.StatusBadRequest) // http
	with.call(t, http.MethodPost, testOrg+"/webhook-subscriptions", map[string]any{
		"postUri": "https://127.0.0.1:9/", "events": []string{"*"}, "isDevelopment": true,
	}, nil, http.StatusUnprocessableEntity) // loopback
	without := command(t, environ[:2], "token", "--scope=webhooks:admin")
	api{s.url, strings.TrimSpace(without.stdout)}.call(t, http.MethodGet, testOrg+"/webhook-subscriptions", nil, nil, http.StatusUnauthorized)
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Errorf("it made files: %v %v", files, err)
	}
	s.signal(t, syscall.SIGTERM)
	s.exit(t)
	if strings.Contains(s.stderr.String(), "0123456789abcdef") {
		t.Error("the log shows the secret")
	}
}

func TestSIGTERMFinishesWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	folder, release := t.TempDir(), make(chan struct{})
	receiver, posts := receive(t, func(http.ResponseWriter, *http.Request) { <-release })
	s := serve(t, folder, nil)
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	sub, _ := a.subscribe(t, receiver)
	a.publish(t)
	next(t, posts)
	s.signal(t, syscall.SIGTERM)
	within(t, func() bool { // it does not listen any more
		_, _, err := a.try(t.Context(), http.MethodGet, "/healthcheck", nil)
		return err != nil
	})
	close(release)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
	again := serve(t, folder, nil)
	if got := (api{again.url, a.token}).attempts(t, sub); len(got) != 1 || got[0].Status != "succeeded" {
		t.Errorf("the attempt was not recorded: %v", got)
	}
}

func TestASecondSignalEndsItAtOnce(t *testing.T) {
	t.Parallel()
	folder, release := t.TempDir(), make(chan struct{})
	receiver, posts := receive(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	s := serve(t, folder, nil)
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	a.publish(t)
	next(t, posts)
	s.signal(t, syscall.SIGINT)
	within(t, func() bool { return strings.Contains(s.stderr.String(), "stopping") })
	s.signal(t, syscall.SIGINT)
	if code := s.exit(t); code == 0 {
		t.Error("exit 0, though something was under way")
	}
}

func TestTheTwoHalvesWorkTogether(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	front := serve(t, folder, nil, "--api", "--dev")
	a := api{front.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	id := a.publish(t)
	back := serve(t, folder, []string{"WEBHOOKS_SECRET_KEYS_FILE=" + devKeyFile, "WEBHOOKS_ALLOW_NETWORKS=127.0.0.0/8"}, "--dispatcher")
	if got := next(t, posts).header.Get("webhook-id"); got != id {
		t.Errorf("webhook-id %s, want %s", got, id)
	}
	api{back.url, a.token}.call(t, http.MethodGet, "/healthcheck", nil, nil, http.StatusOK)
	api{back.url, a.token}.call(t, http.MethodGet, "/api/webhook-categories", nil, nil, http.StatusNotFound)
	var health struct{ Info map[string]any }
	a.call(t, http.MethodGet, "/healthcheck", nil, &health, http.StatusOK)
	if _, there := health.Info["dispatcher"]; there {
		t.Error("the API alone reports on a dispatcher")
	}
}

func TestAnAddressInUseIsAFailure(t *testing.T) {
	t.Parallel()
	receiver, _ := receive(t, nil)
	store := "--store=sqlite:" + t.TempDir() + "/webhooks.db"
	r := command(t, nil, "serve", store, "--dev", "--log-level=error", "--addr="+strings.TrimPrefix(receiver, "http://"))
	if r.code != exitFailed || !strings.Contains(r.stderr, "--addr") || r.stdout != "" {
		t.Errorf("exit %d, %q, %q", r.code, r.stdout, r.stderr)
	}
}

func TestMigrateMovesTheSchema(t *testing.T) {
	t.Parallel()
	store := "--store=sqlite:" + t.TempDir() + "/webhooks.db"
	for _, step := range []struct{ args, want string }{
		{"status", "pending"}, {"up", "applied"}, {"status", "applied"}, {"down --yes", "pending"}, {"up", "applied"},
	} {
		r := command(t, nil, append(append([]string{"migrate"}, strings.Fields(step.args)...), store)...)
		if r.code != 0 || !strings.Contains(r.stdout, step.want) {
			t.Errorf("migrate %s: exit %d: %s%s", step.args, r.code, r.stdout, r.stderr)
		}
	}
	r := command(t, nil, "migrate", "down", store, "--steps=200", "--yes")
	if r.code != 0 {
		t.Fatalf("migrate down: exit %d: %s", r.code, r.stderr)
	}
	r = command(t, nil, "serve", store, "--dev", "--no-migrate", "--addr=127.0.0.1:0", "--log-level=error")
	if r.code != exitFailed || !strings.Contains(r.stderr, "migrate up") {
		t.Errorf("serve --no-migrate: exit %d: %s", r.code, r.stderr)
	}
}
