package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bunrouter"

	"github.com/ecg-api/webhooks"
)

// Config of [New].
type Config struct {
	// Authenticator says who calls. Required.
	Authenticator Authenticator
	// MaxBody bounds a request's body, in bytes. Default: 1 MiB.
	MaxBody int64
	// Timeout bounds a request: when the store does not answer in time the client
	// gets a 503. Default: 30 s.
	Timeout time.Duration
	// Logger gets the errors that a response does not tell, and panics, each with
	// the id of the request. Default: discards.
	Logger *slog.Logger
	// Dispatching says that this process is meant to deliver, so that
	// GET /healthcheck reports the dispatcher too. Default: false.
	Dispatching bool
}

// New returns the REST interface to hooks. It starts nothing.
func New(hooks *webhooks.Webhooks, c Config) (http.Handler, error) {
	switch {
	case hooks == nil:
		return nil, errors.New("httpapi: hooks is nil")
	case c.Authenticator == nil:
		return nil, errors.New("httpapi: Config.Authenticator is nil; NewJWT makes one")
	case c.MaxBody < 0:
		return nil, fmt.Errorf("httpapi: Config.MaxBody is %d, must not be negative", c.MaxBody)
	case c.Timeout < 0:
		return nil, fmt.Errorf("httpapi: Config.Timeout is %v, must not be negative", c.Timeout)
	}
	c.MaxBody, c.Timeout = cmp.Or(c.MaxBody, 1<<20), cmp.Or(c.Timeout, 30*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &api{
		hooks: hooks, cfg: c, health: &health{ping: hooks.Health},
		openAPI: sync.OnceValue(OpenAPI), docs: sync.OnceValue(docsPage),
	}
	a.router = a.newRouter(routes())
	return a, nil
}

// api is the handler.
type api struct {
	hooks  *webhooks.Webhooks
	cfg    Config
	router *bunrouter.Router
	health *health

	openAPI func() []byte
	docs    func() []byte
}

// ServeHTTP answers a request. It is the outermost layer: it gives the request its
// id, and renders what a handler returns or panics with.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID(r)
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		w = bodiless{w}
	}
	defer func() {
		v := recover()
		switch v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			a.cfg.Logger.ErrorContext(r.Context(), "webhooks: panic in a request", "requestId", id,
				"method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			problemFor(errInternal).write(w, id)
		}
	}()
	ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), requestIDKey{}, id), a.cfg.Timeout)
	defer cancel()
	if err := a.route(w, r.WithContext(ctx)); err != nil {
		a.fail(w, r, id, err)
	}
}

// fail renders an error. What the client is not told goes to the log.
func (a *api) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	p := problemFor(err)
	gone := r.Context().Err() != nil // the client went away: its error is nobody's
	if p.Status >= http.StatusInternalServerError && !gone {
		a.cfg.Logger.ErrorContext(r.Context(), "webhooks: request failed", "requestId", id,
			"method", r.Method, "path", r.URL.Path, "status", p.Status, "error", err)
	}
	p.write(w, id)
}

type requestIDKey struct{}

// requestID takes the client's X-Request-Id if that is safe to log and to send
// back, or makes one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if id == "" || len(id) > 128 {
		return uuid.NewString()
	}
	for i := range len(id) {
		if c := id[i]; !inAlphabet(c) && c != ':' && c != '/' && c != '+' && c != '=' && c != '@' {
			return uuid.NewString()
		}
	}
	return id
}

// bodiless drops the body of an answer to HEAD.
type bodiless struct{ http.ResponseWriter }

func (bodiless) Write(b []byte) (int, error) { return len(b), nil }
