package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const (
	healthPath = "/healthcheck"
	livePath   = "/livez"
	readyPath  = "/readyz"
)

// probes adds the answers to the probes of an orchestrator: livePath says whether to restart this process,
// readyPath whether to send it requests.
func (p *process) probes(api http.Handler) http.Handler {
	return either(livePath, http.HandlerFunc(p.live), either(readyPath, p.ready(api), api))
}

// live answers 503 only for a state that a restart ends: no call of the sender returns.
func (p *process) live(w http.ResponseWriter, _ *http.Request) {
	if stuck, limit := p.hooks.Dispatcher.Stuck(); stuck >= limit {
		answerProbe(w, "the calls of the sender do not return; restart the process")
		return
	}
	answerProbe(w, "")
}

// ready answers as the health check of the API, until the process stops.
func (p *process) ready(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.stopping.Load() {
			answerProbe(w, "the process is stopping")
			return
		}
		health := r.Clone(r.Context())
		health.URL.Path, health.URL.RawPath = healthPath, ""
		api.ServeHTTP(w, health)
	})
}

// probeAnswer has the form of the health check.
type probeAnswer struct {
	Status  string                       `json:"status"`
	Info    map[string]map[string]string `json:"info"`
	Error   map[string]map[string]string `json:"error"`
	Details map[string]map[string]string `json:"details"`
}

// answerProbe answers a probe. A fault of the process makes it a 503.
func answerProbe(w http.ResponseWriter, fault string) {
	none, parts := map[string]map[string]string{}, map[string]map[string]string{"process": {"status": "up"}}
	status, answer := http.StatusOK, probeAnswer{"ok", parts, none, parts}
	if fault != "" {
		parts["process"] = map[string]string{"status": "down", "message": fault}
		status, answer = http.StatusServiceUnavailable, probeAnswer{"error", none, parts, parts}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// defaultShutdownDelay is that outside development mode.
const defaultShutdownDelay = 5 * time.Second

// shutdownDelay is the time between a signal and the drain.
func (c *config) shutdownDelay() time.Duration {
	switch {
	case c.ShutdownDelay != nil:
		return time.Duration(*c.ShutdownDelay)
	case c.dev != nil:
		return 0
	}
	return defaultShutdownDelay
}

// awaitShutdown returns when ctx has ended, and the time after it in which load balancers learn that this process takes
// no more requests; or with the error of a listener.
func (p *process) awaitShutdown(ctx context.Context, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	p.stopping.Store(true)
	p.log.Info("stopping", "after", p.shutdownDelay().String(), "within", time.Duration(p.DrainTimeout).String())
	select {
	case err := <-failed:
		return err
	case <-time.After(p.shutdownDelay()):
		return nil
	}
}
