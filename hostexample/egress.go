package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/url"
	"os"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery/guard"
)

// egressSettings are the settings of the way to receivers.
type egressSettings struct {
	RootCAs    string `name:"root-cas" help:"File with certificates of authorities (PEM) that receivers' certificates may come from, besides those of the system."`
	ClientCert string `name:"client-cert" help:"File with the certificate that is shown to receivers that ask for one, and its chain (PEM). It is read again when it changes."`
	ClientKey  string `name:"client-key" help:"File with the key of --client-cert (PEM)."`

	EgressProxy        proxyURL `name:"egress-proxy" help:"HTTP proxy through which deliveries go, by CONNECT: http://[USER:PASSWORD@]HOST[:PORT] (WEBHOOKS_EGRESS_PROXY_FILE names a file with it)."`
	EgressProxyTrusted bool     `name:"egress-proxy-trusted" help:"Let the proxy look names up: the addresses of names are then not checked here."`
}

// proxyURL is the URL of an HTTP proxy. It may hold a password, so errors do not quote it.
type proxyURL string

func (p *proxyURL) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || guard.CheckProxy(u) != nil {
		return errors.New("must be http://[USER:PASSWORD@]HOST[:PORT], with special characters in the password percent-encoded")
	}
	*p = proxyURL(text)
	return nil
}

// readProxy reads the URL of the proxy from a file, if a variable names such a file.
func (h *host) readProxy(s *egressSettings) error {
	const name = "WEBHOOKS_EGRESS_PROXY"
	if _, ok := h.lookup(name + "_FILE"); !ok {
		return nil
	}
	value, err := h.readSecret(name)
	if err != nil {
		return err
	}
	if err := s.EgressProxy.UnmarshalText([]byte(value)); err != nil {
		return wrong(name+"_FILE", "%v", err)
	}
	return nil
}

// configure sets the library's part of the settings.
func (s egressSettings) configure(c *webhooks.Config, log *slog.Logger) error {
	if s.RootCAs != "" {
		pool, err := readRootCAs(s.RootCAs)
		if err != nil {
			return wrong("root-cas", "is %q, which %v", s.RootCAs, err)
		}
		c.RootCAs = pool
	}
	pair, err := newKeyPair("client-cert", s.ClientCert, "client-key", s.ClientKey, log)
	if err != nil {
		return err
	}
	if pair != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.get(), nil }
	}
	if s.EgressProxy == "" && s.EgressProxyTrusted {
		return wrong("egress-proxy-trusted", "is set, but --egress-proxy is not: leave it out")
	}
	if s.EgressProxy != "" {
		c.EgressProxy, err = url.Parse(string(s.EgressProxy))
		c.EgressProxyTrusted = s.EgressProxyTrusted
	}
	return err
}

var errNoCertificates = errors.New("holds something else than certificates in PEM")

// readRootCAs returns the authorities of the system and those of a file.
func readRootCAs(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("cannot be read: " + errors.Unwrap(err).Error())
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without authorities
	}
	for found := 0; ; found++ {
		block, rest := pem.Decode(text)
		if block == nil && found > 0 {
			return pool, nil
		}
		if block == nil {
			return nil, errNoCertificates
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, errNoCertificates
		}
		pool.AddCert(certificate)
		text = rest
	}
}
