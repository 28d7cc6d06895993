package main

import (
	"log/slog"
	"net/http"
	"time"
)

// server is what stands between a listener and a handler: the bounds on what one
// connection may take. A slow one is cut off, and a limitedListener bounds how many there
// are.
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

// hardened has browsers take every answer for what it says it is.
func hardened(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		handler.ServeHTTP(w, r)
	})
}
