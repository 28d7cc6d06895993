package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// frozenPatience bounds the answers and the stop of a host with time-outs of 1 s. Without
// the time-outs they would take half a minute or for ever.
const frozenPatience = 10 * time.Second

func TestAFrozenDatabaseHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	l, environ := linked(t)
	folder, release := t.TempDir(), make(chan struct{})
	receiver, posts := receive(t, func(http.ResponseWriter, *http.Request) { <-release })
	s := serve(t, folder, environ, "--store-timeout=1s", "--drain-timeout=1s")
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	sub, _ := a.subscribe(t, receiver)
	for range 3 {
		a.publish(t)
		next(t, posts)
	}

	l.freeze(true)
	close(release) // there are results to record
	ctx, cancel := context.WithTimeout(t.Context(), frozenPatience)
	defer cancel()
	var calls sync.WaitGroup
	for range 20 { // more than there are connections
		for _, call := range []struct {
			method, path string
			body         any
		}{
			{http.MethodPost, testOrg + "/events", event(1)},
			{http.MethodPost, testOrg + "/events/batch", map[string]any{"events": []any{event(1), event(2)}}},
			{http.MethodPost, testOrg + "/webhook-subscriptions", map[string]any{
				"postUri": receiver, "events": []string{"*"},
				"isDevelopment": true,
			}},
			{http.MethodGet, sub, nil},
			{http.MethodDelete, sub, nil},
			{http.MethodGet, testOrg + "/events", nil},
			{http.MethodGet, "/healthcheck", nil},
		} {
			calls.Go(func() {
				status, text, err := a.try(ctx, call.method, call.path, call.body)
				if err != nil || status != http.StatusServiceUnavailable {
					t.Errorf("%s %s: %d %s %v, want 503", call.method, call.path, status, text, err)
				}
			})
		}
	}
	calls.Wait()
	l.freeze(false)
	within(t, func() bool { // it recovers by itself
		status, _, err := a.try(t.Context(), http.MethodPost, testOrg+"/events", event(1))
		return err == nil && status == http.StatusAccepted
	})
	l.freeze(true)
	s.signal(t, syscall.SIGTERM)
	began := time.Now()
	select {
	case <-s.gone:
		t.Logf("the host ended %v after SIGTERM", time.Since(began))
	case <-time.After(frozenPatience):
		t.Fatalf("the host did not end within %v of SIGTERM", frozenPatience)
	}
	if log := s.stderr.String(); strings.Count(log, "the store is down") != 1 {
		t.Error("the outage is not logged once")
	}
}
