package main

import (
	"log/slog"
	"net/http"
	"time"
)

// server returns an HTTP server with bounds on the time and memory of one connection. A
// limitedListener bounds the number of connections.
func (p *process) server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           hardened(handler),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
}

// hardened tells browsers to trust the Content-Type of every answer.
func hardened(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		handler.ServeHTTP(w, r)
	})
}
