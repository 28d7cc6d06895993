package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store/memstore"
)

// production are settings outside development mode.
func production(folder string) []string {
	return []string{testSecret, testKeys, "WEBHOOKS_STORE=sqlite:" + folder + "/webhooks.db"}
}

func TestProbesOfEachRole(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, role := range []string{"--api", "--dispatcher", "--max-connections=100"} {
		s := serve(t, folder, production(folder), role)
		for _, path := range []string{livePath, readyPath, healthPath} {
			api{url: s.url}.call(t, http.MethodGet, path, nil, nil, http.StatusOK)
		}
		s.signal(t, syscall.SIGKILL)
		s.exit(t)
	}
}

// A store that is away makes the host unready. Its process is alive: a restart would not help.
func TestAHostWithoutItsStoreIsAliveAndUnready(t *testing.T) {
	t.Parallel()
	link, environ := linked(t)
	s := serve(t, t.TempDir(), environ)
	a := api{url: s.url}
	a.call(t, http.MethodGet, readyPath, nil, nil, http.StatusOK)
	link.set(true)
	within(t, func() bool {
		status, _, err := a.try(t.Context(), http.MethodGet, readyPath, nil)
		return err == nil && status == http.StatusServiceUnavailable
	})
	a.call(t, http.MethodGet, livePath, nil, nil, http.StatusOK)
	link.set(false)
	within(t, func() bool {
		status, _, err := a.try(t.Context(), http.MethodGet, readyPath, nil)
		return err == nil && status == http.StatusOK
	})
}

func TestAHostWithoutItsJWKSIsUnready(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), []string{testKeys, "WEBHOOKS_STORE=memory:", "WEBHOOKS_JWKS=https://127.0.0.1:9/jwks"})
	var health struct{ Error map[string]any }
	api{url: s.url}.call(t, http.MethodGet, readyPath, nil, &health, http.StatusServiceUnavailable)
	if health.Error["jwks"] == nil {
		t.Errorf("the parts that are down are %v", health.Error)
	}
}

func TestAStoppingHostIsUnreadyAndServesOn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := serve(t, folder, production(folder), "--shutdown-delay=1h")
	a := api{s.url, strings.TrimSpace(command(t, production(folder), "token", "--scope=webhooks:admin").stdout)}
	s.signal(t, syscall.SIGTERM)
	within(t, func() bool {
		status, text, err := a.try(t.Context(), http.MethodGet, readyPath, nil)
		if err != nil || status != http.StatusOK && !strings.Contains(string(text), "the process is stopping") {
			t.Fatalf("%d %s %v", status, text, err)
		}
		return status == http.StatusServiceUnavailable
	})
	a.call(t, http.MethodGet, livePath, nil, nil, http.StatusOK)
	a.call(t, http.MethodGet, healthPath, nil, nil, http.StatusOK)
	a.call(t, http.MethodGet, "/api/webhook-categories", nil, nil, http.StatusOK)
	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code == 0 {
		t.Error("a second signal does not end the host at once")
	}
}

func TestAStoppingHostEndsAfterTheDelay(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := serve(t, folder, production(folder), "--shutdown-delay=100ms")
	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestTheDelayBeforeAStop(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"": "5s", "--shutdown-delay=0s": "0s", "--shutdown-delay=0": "0s", "--shutdown-delay=1m": "1m0s",
		"--dev": "0s", "--dev --shutdown-delay=3s": "3s",
	} {
		folder := t.TempDir()
		h := &host{environ: production(folder)}
		c, _, err := h.parse(append([]string{"serve"}, strings.Fields(args)...))
		if err != nil {
			t.Fatal(err)
		}
		conf, err := h.config(c.Serve.settings)
		if err != nil {
			t.Fatal(err)
		}
		if got := conf.shutdownDelay().String(); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}

// hungSender is a sender that does not return until it is let go.
type hungSender chan struct{}

func (h hungSender) Post(context.Context, guard.Request) guard.Result {
	<-h
	return guard.Result{Status: 200}
}

// A state that a restart ends is the only one in which the process is not alive.
func TestAHostWhoseCallsDoNotReturnIsNotAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sender := make(hungSender)
		hooks, err := webhooks.New(memstore.New(), webhooks.Config{Sender: sender, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		p := &process{config: &config{dev: &devSecrets{}}, hooks: hooks}
		live := func(want int) {
			t.Helper()
			w := httptest.NewRecorder()
			p.probes(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, livePath, http.NoBody))
			if w.Code != want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, want)
			}
		}
		live(http.StatusOK)
		if _, err := hooks.Registry.Seed(t.Context(), p.seeds()); err != nil {
			t.Fatal(err)
		}
		in := webhooks.SubscriptionInput{PostURI: "https://example.com/", Events: []string{"*"}}
		if _, _, err := hooks.Subscriptions.Create(t.Context(), sampleOrg, in); err != nil {
			t.Fatal(err)
		}
		if err := hooks.Dispatcher.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		event := webhooks.Event{Type: "vitals.observation.created", Data: json.RawMessage(`{"code": "8867-4", "value": 72, "unit": "/min"}`)}
		if _, err := hooks.Dispatcher.Publish(t.Context(), sampleOrg, event); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		live(http.StatusServiceUnavailable)
		close(sender)
		if err := hooks.Dispatcher.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
