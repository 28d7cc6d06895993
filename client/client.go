package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// TokenSource returns the bearer token of a request. It is called for every attempt of every
// call, from many goroutines at once, so it caches a token that is costly to get. The context is
// that of the attempt.
type TokenSource func(ctx context.Context) (string, error)

// StaticToken returns a TokenSource of one token that does not expire.
func StaticToken(token string) TokenSource {
	return func(context.Context) (string, error) { return token, nil }
}

// Config says how to reach a host.
type Config struct {
	// BaseURL is the address of the host, with the prefix below which the interface is mounted,
	// such as https://hooks.example.com or https://example.com/hooks. Required. It has no user,
	// query or fragment.
	BaseURL string
	// Token returns the bearer token. Required, unless the HTTPClient authenticates.
	Token TokenSource
	// HTTPClient sends the requests. Redirects are not followed unless it says how.
	// Default: a client with limits on connecting and on response headers.
	HTTPClient *http.Client
	// Retry says how often a call is repeated.
	Retry Retry
	// AttemptTimeout bounds one attempt of a call, from the token to the last byte of the answer.
	// The context of a call bounds all of its attempts. Default: 30 s.
	AttemptTimeout time.Duration
	// MaxResponse is the largest answer that is read, in bytes. Default: 32 MiB.
	MaxResponse int64
	// UserAgent is sent with each request. Default: ecg-webhooks-client.
	UserAgent string
}

// Format implements [fmt.Formatter]: of the address it shows the host alone.
func (c Config) Format(f fmt.State, _ rune) {
	host := ""
	if u, err := url.Parse(c.BaseURL); err == nil {
		host = u.Host
	}
	_, _ = fmt.Fprintf(f, "{host:%s retry:%+v attemptTimeout:%s maxResponse:%d}", host, c.Retry, c.AttemptTimeout, c.MaxResponse)
}

// Client calls one host. It is safe for concurrent use.
type Client struct {
	Registry      *Registry      // the catalog
	Subscriptions *Subscriptions // subscriptions, their secrets and their history
	Dispatcher    *Dispatcher    // publishes, tests and retries
	Operations    *Operations    // shows an operator all organizations
	Signer        *Signer        // hashes and public keys

	cfg  Config
	base *url.URL
	http *http.Client
}

// New returns a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Token == nil && cfg.HTTPClient == nil {
		return nil, errors.New("webhooks client: Config.Token is missing; set it, or an HTTPClient that authenticates")
	}
	if cfg.Retry, err = cfg.Retry.withDefaults(); err != nil {
		return nil, err
	}
	cfg.AttemptTimeout = cmp.Or(cfg.AttemptTimeout, 30*time.Second)
	cfg.MaxResponse = cmp.Or(cfg.MaxResponse, 32<<20)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "ecg-webhooks-client")
	if cfg.AttemptTimeout < 0 || cfg.MaxResponse < 0 {
		return nil, errors.New("webhooks client: Config.AttemptTimeout and Config.MaxResponse must not be negative")
	}
	c := &Client{cfg: cfg, base: base, http: httpClient(cfg.HTTPClient)}
	c.Registry, c.Subscriptions = &Registry{c}, &Subscriptions{c}
	c.Dispatcher, c.Operations, c.Signer = &Dispatcher{c}, &Operations{c}, &Signer{c}
	return c, nil
}

// parseBase never repeats the address: it may hold a password.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("webhooks client: Config.BaseURL is not a URL")
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, errors.New("webhooks client: Config.BaseURL must be an absolute http or https URL")
	case base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("webhooks client: Config.BaseURL must have no user, query or fragment")
	}
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = strings.TrimRight(base.RawPath, "/")
	return base, nil
}

// httpClient returns a copy of the caller's client, or a client of our own.
func httpClient(given *http.Client) *http.Client {
	own := http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}}
	if given != nil {
		own = *given
	}
	if own.CheckRedirect == nil {
		own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &own
}
