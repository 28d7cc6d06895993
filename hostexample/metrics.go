package main

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ecg-api/webhooks/metrics"
)

// measure makes the handler for /metrics, if one is configured, and registers it as the
// library's Observer.
func (p *process) measure() error {
	if p.MetricsAddr == "" && p.dev == nil {
		return nil
	}
	registry := prometheus.NewRegistry()
	observer, err := metrics.New(registry)
	err = errors.Join(err, registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})))
	p.library.Observer, p.metrics = observer, metrics.Handler(registry)
	return err
}

// only serves one path, and answers every other path with 404.
func only(path string, handler http.Handler) http.Handler {
	return either(path, handler, http.NotFoundHandler())
}

// either serves one path with a handler of its own. A mux would redirect all other paths
// that are not clean, but the other handler decides about these.
func either(path string, handler, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			handler.ServeHTTP(w, r)
		} else {
			otherwise.ServeHTTP(w, r)
		}
	})
}
