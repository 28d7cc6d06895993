package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bunrouter"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/catalog"
	"github.com/ecg-api/webhooks/internal/conditionlog"
)

// Config of [New].
type Config struct {
	// Authenticator identifies callers. Required.
	Authenticator Authenticator
	// Organizations, if not nil, names organizations in paths and answers by text of the host,
	// such as a slug. Default: nil, organizations are named by UUID.
	Organizations Organizations
	// MaxBody bounds a request's body, in bytes. Default: 1 MiB.
	MaxBody int64
	// RequestMemory bounds the memory that requests take together, in bytes: one half is
	// for bodies, from the first byte of a body to the end of its request, the other for
	// decoding and for answers. One organization has at most half of each. Requests
	// beyond that wait; after 5 s the client gets a 503. Health, docs and sinks take none.
	// At least 4 times MaxBody. Default: 64 MiB.
	RequestMemory int64
	// Timeout bounds how long a request waits for the store, from when its body was
	// read; then the client gets a 503. Default: 10 s.
	Timeout time.Duration
	// RateLimit bounds the requests per second, from 0.001 to 1,000,000, of each organization, and of each
	// client without valid credentials, by its address (IPv6: its /64). A request to a path without an
	// organization counts for the caller's organization, or for the caller if that has several.
	// Bursts of two seconds' requests, of at least 10, pass. More requests are answered with 429
	// rate_limited and a Retry-After. Health and docs are not limited. Each process counts for
	// itself. Default: 0, no limit.
	RateLimit float64
	// Logger gets panics, and errors that the answer to the client does not contain, each
	// with the id of the request. Default: discards.
	Logger *slog.Logger
	// OnRequest is told of each request after its answer, for access logs ([AccessLog] is one) and
	// metrics. It is called in line, so quickly, and from several goroutines at once. Default: nothing.
	OnRequest func(context.Context, RequestInfo)
	// TrustedProxies are the networks of the proxies in front of the handler: see [ClientAddr].
	// Default: none, the client is the other end of the connection.
	TrustedProxies []netip.Prefix
	// CheckJWKS, if not nil, reports whether the keys of a JWKS are there; then
	// GET /healthcheck has the part "jwks". [JWT.CheckJWKS] is one. Default: nil.
	CheckJWKS func(context.Context) error
	// Dispatching says that this process delivers, so that GET /healthcheck reports the
	// dispatcher too. Default: false.
	Dispatching bool
	// NoDocs, NoHealthcheck and NoSinks leave out GET /docs, GET /healthcheck and the two
	// receivers for tests, POST /api/webhook-processors/…, which are open to callers
	// without credentials. They are then answered with 404, and the OpenAPI document lacks
	// them. Default: false.
	NoDocs, NoHealthcheck, NoSinks bool
	// PortalLinks makes the links of POST /api/organizations/{organizationId}/portal-links. Default:
	// nil, the path is answered with 404, and the OpenAPI document lacks it.
	PortalLinks PortalLinks
	// Challenge is the header WWW-Authenticate of a 401 (RFC 9110, section 11.6.1): one
	// challenge, or several by commas. Default: Bearer.
	Challenge string
	// CatalogInfo is the head of the documents of the catalog, GET /api/catalog.openapi.json and
	// GET /api/catalog.asyncapi.json. Default: the title Webhooks, and a version that follows from
	// the content.
	CatalogInfo catalog.Info
	// SecuritySchemes describe the credentials of callers in the OpenAPI document: Security
	// Scheme Objects of OpenAPI 3.1, as JSON, by names of letters, digits and . _ -. A caller
	// needs one of them. Set it and Challenge if the Authenticator takes no JWT as bearer
	// token. Default: a JWT as bearer token, by the name bearer.
	SecuritySchemes map[string]json.RawMessage
}

// withDefaults completes the configuration.
func (c Config) withDefaults() Config {
	c.MaxBody, c.RequestMemory = cmp.Or(c.MaxBody, 1<<20), cmp.Or(c.RequestMemory, 64<<20)
	c.Timeout, c.Challenge = cmp.Or(c.Timeout, 10*time.Second), cmp.Or(c.Challenge, defaultChallenge)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnRequest == nil {
		c.OnRequest = func(context.Context, RequestInfo) {}
	}
	if len(c.SecuritySchemes) == 0 {
		c.SecuritySchemes = bearerJWT()
	}
	return c
}

// New returns the REST interface to hooks. It starts no goroutine.
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
	if err := errors.Join(c.checkCredentials(), c.checkRateLimit()); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if c.RequestMemory/4 < c.MaxBody {
		return nil, fmt.Errorf(
			"httpapi: Config.RequestMemory is %d, must be at least 4 times Config.MaxBody, which is %d", c.RequestMemory, c.MaxBody,
		)
	}
	a := &api{
		hooks: hooks, cfg: c, health: &health{ping: hooks.Health}, log: conditionlog.New(c.Logger, time.Now),
		bodies: newMemory(c.RequestMemory / 2), work: newMemory(c.RequestMemory / 2),
		openAPI: sync.OnceValue(c.openAPI), docs: sync.OnceValue(c.docsPage),
		catalog: newCatalogDocuments(), callers: newLimiter(c.RateLimit), strangers: newLimiter(c.RateLimit),
	}
	if c.CheckJWKS != nil {
		a.jwks = &health{ping: func(ctx context.Context) (bool, error) { return true, c.CheckJWKS(ctx) }}
	}
	a.router = a.newRouter(c.routes())
	return a, nil
}

// api is the handler.
type api struct {
	hooks  *webhooks.Webhooks
	cfg    Config
	router *bunrouter.Router
	health *health // of the store and the dispatcher
	jwks   *health // nil without Config.CheckJWKS
	log    *conditionlog.Log
	bodies *memory // of requests
	work   *memory // on requests and answers

	callers   *limiter // of organizations and subjects; nil without Config.RateLimit
	strangers *limiter // of addresses

	catalog *catalogDocuments

	openAPI func() []byte
	docs    func() []byte
}

// ServeHTTP answers a request. It is the outermost layer: it gives the request its
// id, and renders the error that a handler returns or panics with.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := requestID(r)
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	info := &RequestInfo{ID: id, Method: r.Method, ClientAddr: ClientAddr(r, a.cfg.TrustedProxies)}
	w = recorder{w, info}
	defer func(start time.Time) {
		info.Duration = time.Since(start)
		measureRequest(a.hooks.Metrics(), info)
		a.cfg.OnRequest(r.Context(), *info)
	}(time.Now())
	defer func() {
		v := recover()
		switch v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			a.cfg.Logger.ErrorContext(r.Context(), "webhooks: panic in a request", "requestId", id,
				"method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			info.Err = errInternal
			problemFor(errInternal).write(w, id)
		}
	}()
	if err := a.route(w, r.WithContext(context.WithValue(r.Context(), requestInfoKey{}, info))); err != nil {
		info.Err = err
		a.fail(w, r, id, err)
	}
}

// Conditions that last, by their messages in the log. Each is logged once, then at most
// hourly.
const (
	storeDown         = "webhooks: the store is down"
	authDown          = "webhooks: tokens cannot be verified"
	organizationsDown = "webhooks: organizations cannot be looked up"
	noMemory          = "webhooks: requests wait too long for memory"
)

// fail renders an error. The log gets the cause where the answer hides it: of each internal
// error, because the answer refers to the log, and of a 503, as a condition.
func (a *api) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	p := problemFor(err)
	if p.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", a.cfg.Challenge)
	}
	if r.Context().Err() != nil { // the client went away
		p.write(w, id)
		return
	}
	attributes := []any{"requestId", id, "method", r.Method, "path", r.URL.Path, "status", p.Status, "error", err}
	switch {
	case p.Code == "store_unavailable":
		a.log.Occurred(r.Context(), slog.LevelError, storeDown, nil, attributes...)
	case p.Code == "authentication_unavailable":
		a.log.Occurred(r.Context(), slog.LevelError, authDown, nil, attributes...)
	case p.Code == "organizations_unavailable":
		a.log.Occurred(r.Context(), slog.LevelError, organizationsDown, nil, attributes...)
	case p.Code == "overloaded":
		a.log.Occurred(r.Context(), slog.LevelWarn, noMemory, nil, attributes...)
	case p.Status >= http.StatusInternalServerError:
		a.cfg.Logger.ErrorContext(r.Context(), "webhooks: request failed", attributes...)
	}
	p.write(w, id)
}

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
