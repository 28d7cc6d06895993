package main

import (
	"net/http"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
)

// handler is what the listen address serves.
func (p *process) handler() (http.Handler, error) {
	auth, err := p.authenticator()
	if err != nil {
		return nil, err
	}
	api, err := httpapi.New(p.hooks, httpapi.Config{
		Authenticator: auth, Logger: p.log, Dispatching: p.dispatches, Timeout: time.Duration(p.StoreTimeout),
	})
	if err != nil {
		return nil, err
	}
	if !p.serves {
		api = only("/healthcheck", api)
	}
	if p.metrics != nil && p.MetricsAddr == "" {
		api = either("/metrics", p.metrics, api)
	}
	return api, nil
}

// authenticator checks the tokens with what was configured: a secret or a JWKS.
func (p *process) authenticator() (httpapi.Authenticator, error) {
	policy := &guard.Policy{AllowNetworks: p.AllowNetworks}
	auth, err := httpapi.NewJWT(httpapi.JWTConfig{
		Secret: p.jwtSecret, JWKS: p.JWKS, Client: guard.NewClient(guard.Options{Policy: policy}).HTTPClient(),
		Issuer: p.JWTIssuer, Audience: p.JWTAudience,
	})
	if err != nil {
		return nil, wrong("jwks", "is wrong: %v", err)
	}
	return auth, nil
}

// nobody lets nobody in.
type nobody struct{}

func (nobody) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller{}, httpapi.ErrUnauthorized
}
