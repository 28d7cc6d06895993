package main

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ecg-api/webhooks/metrics"
)

// measure makes the handler for /metrics, unless nobody wants it, and has the
// library tell it what happens.
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

// only serves one path, and 404 for all others.
func only(path string, handler http.Handler) http.Handler {
	return either(path, handler, http.NotFoundHandler())
}

// either serves one path with a handler of its own. A mux would redirect other
// paths that are not clean, which is not for it to do.
func either(path string, handler, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			handler.ServeHTTP(w, r)
		} else {
			others.ServeHTTP(w, r)
		}
	})
}
