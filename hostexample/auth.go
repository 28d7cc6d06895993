package main

import (
	"context"
	"net/http"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
)

// handler returns the handler of the listen address.
func (p *process) handler(ctx context.Context, addr string) (http.Handler, error) {
	config := httpapi.Config{
		Authenticator: nobody{}, Logger: p.log, Dispatching: p.dispatches(), Timeout: time.Duration(p.StoreTimeout), MaxBody: p.maxBody(),
		RequestMemory: int64(p.RequestMemory), RateLimit: float64(p.RateLimit), TrustedProxies: p.TrustedProxies,
		OnRequest: inTurn(httpapi.AccessLog(p.log), describeSpan),
	}
	links, err := p.portalLinks(p.url(addr))
	if err != nil {
		return nil, err
	}
	if links != nil {
		config.PortalLinks = links
	}
	if p.serves() {
		auth, err := p.authenticator()
		if err != nil {
			return nil, err
		}
		config.Authenticator = keeping{auth}
		if p.JWKS != "" {
			config.CheckJWKS = auth.CheckJWKS
			go p.tryJWKS(context.WithoutCancel(ctx), auth)
		}
	}
	api, err := httpapi.New(p.hooks, config)
	if err != nil {
		return nil, named(err)
	}
	api = p.traced(api)
	if !p.serves() {
		api = only(healthPath, api)
	}
	api = p.probes(p.CORSOrigins.cors(api))
	if p.metrics != nil && p.MetricsAddr == "" {
		api = either("/metrics", p.metrics, api)
	}
	return p.withPortal(api, links)
}

// inTurn returns a function that calls observers of requests one after the other.
func inTurn(observers ...func(context.Context, httpapi.RequestInfo)) func(context.Context, httpapi.RequestInfo) {
	return func(ctx context.Context, info httpapi.RequestInfo) {
		for _, observe := range observers {
			observe(ctx, info)
		}
	}
}

// maxBody returns the limit of a request's body: --max-data, and room for the JSON around the
// data. Zero is the default of httpapi, which suits the default of --max-data.
func (p *process) maxBody() int64 {
	if p.library.MaxData <= 1<<20 {
		return 0
	}
	return int64(p.library.MaxData) + 64<<10
}

// authenticator returns a checker of tokens with the configured secrets or JWKS.
func (p *process) authenticator() (*httpapi.JWT, error) {
	policy := &guard.Policy{AllowNetworks: p.AllowNetworks}
	config := httpapi.JWTConfig{
		JWKS: p.JWKS, Client: guard.NewClient(guard.Options{Policy: policy}).HTTPClient(),
		Issuer: p.JWTIssuer, Audience: p.JWTAudience,
	}
	if p.JWKS == "" {
		config.Secret, config.FormerSecrets = p.jwtSecrets[0], p.jwtSecrets[1:]
	}
	auth, err := httpapi.NewJWT(config)
	if err != nil {
		return nil, wrong("jwks", "is wrong: %v", err)
	}
	return auth, nil
}

// tryJWKS reads the JWKS before the first request, so that the log of the start says if it is
// out of reach. It takes up to 10 s. The start does not wait for it.
func (p *process) tryJWKS(ctx context.Context, auth *httpapi.JWT) {
	if err := auth.CheckJWKS(ctx); err != nil {
		p.log.WarnContext(ctx, "the JWKS cannot be read: requests with a token are answered with 503 until it can be", "error", err)
	}
}

// nobody is an Authenticator that refuses every request.
type nobody struct{}

func (nobody) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller{}, httpapi.ErrUnauthorized
}
