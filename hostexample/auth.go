package main

import (
	"context"
	"net/http"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
)

// handler is what the listen address serves.
func (p *process) handler(ctx context.Context) (http.Handler, error) {
	config := httpapi.Config{
		Authenticator: nobody{}, Logger: p.log, Dispatching: p.dispatches(), Timeout: time.Duration(p.StoreTimeout), MaxBody: p.maxBody(),
		RequestMemory: int64(p.RequestMemory),
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
	if !p.serves() {
		api = only("/healthcheck", api)
	}
	if p.metrics != nil && p.MetricsAddr == "" {
		api = either("/metrics", p.metrics, api)
	}
	return api, nil
}

// maxBody has room for data of the size that is allowed, and for what is around it. Zero is
// the default of httpapi, which suits the default of --max-data.
func (p *process) maxBody() int64 {
	if p.library.MaxData <= 1<<20 {
		return 0
	}
	return int64(p.library.MaxData) + 64<<10
}

// authenticator checks the tokens with what was configured: secrets or a JWKS.
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

// tryJWKS reads the JWKS now instead of with the first request, so that an operator learns
// at the start that it is out of reach. It takes up to 10 s, for which the start does not wait.
func (p *process) tryJWKS(ctx context.Context, auth *httpapi.JWT) {
	if err := auth.CheckJWKS(ctx); err != nil {
		p.log.WarnContext(ctx, "the JWKS cannot be read: requests with a token are answered with 503 until it can be", "error", err)
	}
}

// nobody lets nobody in.
type nobody struct{}

func (nobody) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller{}, httpapi.ErrUnauthorized
}
