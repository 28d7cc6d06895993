package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"
)

const (
	maxChain     = 10       // certificates in a receiver's chain, its own included
	maxChainSize = 64 << 10 // bytes of them together
)

var (
	errHandshakeTimeout = errors.New("tls: handshake timeout")
	errNoCertificate    = errors.New("tls: the receiver sent no certificate")
	errLongChain        = errors.New("tls: the receiver's certificate chain is too long")
)

// shakeHands makes a TLS connection of conn. It keeps no session tickets: a receiver chooses
// their size, crypto/tls files them under the host name alone, and a ticket of 65,000 bytes makes
// every later ClientHello for that name fail.
func (d *dialer) shakeHands(ctx context.Context, conn net.Conn, addr string, config *tls.Config) (_ *tls.Conn, err error) {
	if config.ServerName, _, err = net.SplitHostPort(addr); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d.handshake, errHandshakeTimeout)
	defer cancel()
	// crypto/tls verifies a chain of any length before it calls VerifyConnection. So it is told
	// to verify nothing, and verify does that.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return d.verify(ctx, state.PeerCertificates, config)
	}
	secure := tls.Client(conn, config)
	err = secure.HandshakeContext(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return secure, err
}

// verify checks a chain as crypto/tls does without InsecureSkipVerify, with the same errors, but bounds
// the work that a receiver can make of it. The host is the one that was dialled:
// tls.ConnectionState.ServerName is empty for an IP address, and x509 would check no name then.
func (d *dialer) verify(ctx context.Context, chain []*x509.Certificate, config *tls.Config) error {
	size := 0
	for _, c := range chain {
		size += len(c.Raw)
	}
	switch {
	case len(chain) == 0:
		return errNoCertificate
	case len(chain) > maxChain, size > maxChainSize:
		return errLongChain
	}
	group, _ := ctx.Value(groupKey{}).(string)
	defer d.verifying.pass(group)()
	if ctx.Err() != nil { // the turn came too late
		return ctx.Err()
	}
	opts := x509.VerifyOptions{Roots: config.RootCAs, DNSName: config.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	if _, err := chain[0].Verify(opts); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	return nil
}

// A turnstile lets the members of each group pass one at a time. Even ten certificates can cost
// 0.1 s of processor time, with keys on the curve P-521; one group can use one processor for that.
type turnstile struct {
	mu     sync.Mutex
	groups map[string]*group
}

type group struct {
	sync.Mutex     // of the member that passes
	members    int // passing or waiting
}

// pass waits for the turn of a member of a group, and returns a function that ends it.
func (s *turnstile) pass(name string) (done func()) {
	s.mu.Lock()
	g := s.groups[name]
	if g == nil {
		g = new(group)
		s.groups[name] = g
	}
	g.members++
	s.mu.Unlock()
	g.Lock()
	return func() {
		g.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		if g.members--; g.members == 0 {
			delete(s.groups, name)
		}
	}
}
