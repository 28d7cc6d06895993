package guard

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

const (
	maxBody     = 16 << 10 // bytes of a response that Post keeps
	maxHeader   = 64 << 10 // bytes of status line and headers, all 1xx responses included
	maxDocument = 1 << 20  // bytes of a response that HTTPClient hands out

	maxTimeout = 30 * time.Second // the longest that a subscription may ask for
	maxTries   = 4                // of a POST; the first one included
	maxIdle    = 4096             // unused connections that are kept
)

var errStatus = errors.New("malformed response: not an HTTP status")

// Options configure a [Client]. The zero value is ready to use.
type Options struct {
	// Policy says which addresses may be reached. Default: the zero Policy, the strictest.
	Policy *Policy
	// Timeout bounds a request from the DNS lookup to the last byte of the
	// response. Default: 15 s.
	Timeout time.Duration
	// ConnectTimeout bounds lookup and TCP connect together, and the TLS handshake
	// after it, each within Timeout. Default: 5 s.
	ConnectTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept. It is shorter than the
	// 5 s after which common receivers (Node.js, uvicorn) close theirs: a request
	// that crosses such a close on the wire fails, because nobody can tell whether
	// the receiver processed it.
	// Default: 4 s.
	IdleTimeout time.Duration
	// MaxIdle and MaxIdlePerHost bound the unused connections that are kept.
	// Default: 4,096 each: many receivers may share a host, and 1,024 were too few for 500
	// hosts with four connections each, where most requests made a new one.
	MaxIdle, MaxIdlePerHost int
	// RootCAs are the authorities that receivers' certificates may come from.
	// Default: the system's.
	RootCAs *x509.CertPool
	// ClientCertificate is shown to receivers that ask for a certificate (mutual TLS). Default: none.
	ClientCertificate *tls.Certificate `log:"-"`
	// GetClientCertificate returns that certificate at each handshake, in place of ClientCertificate,
	// for a certificate that is renewed. It has the contract of [tls.Config]'s. Default: none.
	GetClientCertificate func(*tls.CertificateRequestInfo) (*tls.Certificate, error)
	// Proxy is the URL of an HTTP proxy that makes all connections, by CONNECT: http://[user:password@]host[:port],
	// see [CheckProxy]. The client looks receivers' names up, the policy judges their addresses, and the
	// proxy is asked for an address; the policy does not judge the proxy's own address. Default: none.
	Proxy *url.URL `log:"host"`
	// ProxyTrusted leaves it to the proxy to look names up and to judge their addresses: the policy
	// then sees names, ports, and addresses that stand in a URL. Default: false.
	ProxyTrusted bool
	// Clock measures Timeout. ConnectTimeout and IdleTimeout are about the network, and follow
	// the time of the machine. Default: clock.System.
	Clock clock.Clock
	// Resolver looks names up. Default: [net.DefaultResolver].
	Resolver *net.Resolver
}

func (o Options) withDefaults() Options {
	o.Policy = cmp.Or(o.Policy, new(Policy))
	o.Timeout = cmp.Or(o.Timeout, 15*time.Second)
	if o.Clock == nil {
		o.Clock = clock.System
	}
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 5*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 4*time.Second)
	o.MaxIdle, o.MaxIdlePerHost = cmp.Or(o.MaxIdle, maxIdle), cmp.Or(o.MaxIdlePerHost, maxIdle)
	return o
}

// A Client sends requests to addresses that its [Policy] allows, and to no other. It follows
// no redirect, uses no proxy but [Options.Proxy], keeps no cookies, decompresses nothing, and never
// repeats a POST that the receiver may have processed. It is safe for concurrent
// use, and meant to be one per process, because it keeps connections.
type Client struct {
	transport atomic.Pointer[http.Transport] // of new requests; see retire
	proxy     *proxy                         // nil for none
	timeout   time.Duration
	clock     clock.Clock
}

// NewClient returns a client. It starts nothing.
func NewClient(o Options) *Client {
	o = o.withDefaults()
	d := &dialer{
		proxy:     newProxy(o),
		Dialer:    net.Dialer{Timeout: o.ConnectTimeout, Resolver: o.Resolver, ControlContext: o.Policy.Control},
		handshake: o.ConnectTimeout, verifying: turnstile{groups: map[string]*group{}},
	}
	// net/http adds the protocols (ALPN) to the configuration before the first dial.
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, GetClientCertificate: o.GetClientCertificate}
	if o.ClientCertificate != nil {
		config.Certificates = []tls.Certificate{*o.ClientCertificate}
	}
	c := &Client{proxy: d.proxy, timeout: o.Timeout, clock: o.Clock}
	c.transport.Store(&http.Transport{
		Proxy:       nil, // the dialer uses Options.Proxy: net/http would ask a proxy for names
		DialContext: d.dial,
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return d.dialTLS(ctx, network, addr, config)
		},
		TLSClientConfig:        config,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           o.MaxIdle,
		MaxIdleConnsPerHost:    o.MaxIdlePerHost,
		IdleConnTimeout:        o.IdleTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2: &http.HTTP2Config{
			// Limits of the data that a receiver may push before it is read.
			MaxReceiveBufferPerStream:     4 * maxBody,
			MaxReceiveBufferPerConnection: 64 * maxBody,
			// A dead connection is found out and replaced, as HTTP/1 does at
			// the first timeout; but a receiver that is merely busy has until
			// the deadline of the request.
			SendPingTimeout:  o.ConnectTimeout,
			PingTimeout:      maxTimeout,
			WriteByteTimeout: maxTimeout,
		},
	})
	return c
}

// HTTPClient returns a client for other requests of the library, such as JWKS
// fetches, under the same guard. A redirect is returned, not followed. Reading
// more than 1 MiB of a response ends in an *[http.MaxBytesError].
func (c *Client) HTTPClient() *http.Client {
	return &http.Client{
		Transport:     limited{c},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       c.timeout,
	}
}

// CloseIdleConnections closes the connections that are not in use. It returns after 1.5 s at
// the latest, also when net/http hangs.
func (c *Client) CloseIdleConnections() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.transport.Load().CloseIdleConnections()
	}()
	select {
	case <-done:
	case <-time.After(hangGrace):
	}
}

// unshared returns a transport for one request. It makes a connection that no other
// request can take, and does not keep it.
func unshared(t *http.Transport) *http.Transport {
	t = t.Clone()
	t.DisableKeepAlives = true
	return t
}

// roundTrip is the one way out. It goes to the transport directly, without
// http.Client, which adds redirects, cookies and credentials from the URL.
func roundTrip(transport *http.Transport, req *http.Request) (*http.Response, error) {
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 999 {
		// After a 101 the body is the bare connection, which no deadline ends. Over
		// HTTP/2 a status of more digits gets here, and no store has room for it.
		_ = resp.Body.Close()
		return nil, errStatus
	}
	return resp, nil
}

type limited struct{ *Client }

func (l limited) RoundTrip(req *http.Request) (*http.Response, error) {
	transport := l.transport.Load()
	defer l.watch(req.Context(), transport, l.timeout).Stop()
	resp, err := roundTrip(transport, req)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxDocument)
	return resp, nil
}
