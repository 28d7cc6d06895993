package main

import (
	"errors"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/metrics"
)

// measure makes the handler for /metrics, if one is configured, and has the library measure.
func (p *process) measure() error {
	if p.MetricsAddr == "" && p.dev == nil {
		return nil
	}
	registry := prometheus.NewRegistry()
	sink, err := metrics.New(registry)
	err = errors.Join(err, registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})))
	p.library.Metrics, p.metrics = sink, metrics.Handler(registry)
	return err
}

// exposeConnections adds the connections of the listener for the API to the metrics.
func (p *process) exposeConnections(l *limitedListener) {
	if p.library.Metrics == nil {
		return
	}
	p.library.Metrics.Observe(func(read measure.Reading) {
		l.mu.Lock()
		open := l.open
		l.mu.Unlock()
		measure.Connections.Set(read, float64(open), "open")
		measure.Connections.Set(read, float64(len(l.kept)), "authenticated")
		measure.ConnectionsLimit.Set(read, float64(l.maxKept+spareConnections), "open")
		measure.ConnectionsLimit.Set(read, float64(l.maxKept), "authenticated")
	})
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
