package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecg-api/webhooks/internal/hostile"
)

// egressProxy is an HTTP proxy that makes connections for a user with a password. Asked gets the targets.
func egressProxy(t *testing.T) (address string, asked <-chan string) {
	t.Helper()
	targets := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
		if r.Method != http.MethodConnect || user != "egress" || password != "hunter2" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		targets <- r.RequestURI
		server, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = server.Close() }()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = client.Close() }()
		_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		}()
		_, _ = io.Copy(client, server)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), targets
}

func TestDeliveriesGoThroughTheProxy(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	proxy, asked := egressProxy(t)
	file := filepath.Join(folder, "proxy")
	write(t, file, "http://egress:hunter2@"+proxy+"\n")
	receiver, posts := receive(t, nil)
	s := serve(t, folder, []string{"WEBHOOKS_EGRESS_PROXY_FILE=" + file}, "--log-level=debug")
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	id := a.publish(t)
	if got := next(t, posts).header.Get("webhook-id"); got != id {
		t.Errorf("webhook-id %s, want %s", got, id)
	}
	if target := <-asked; target != strings.TrimPrefix(receiver, "http://") {
		t.Errorf("the proxy was asked for %s, want %s", target, receiver)
	}
	if strings.Contains(s.stderr.String()+s.said.String(), "hunter2") {
		t.Error("the password of the proxy is shown")
	}
}

// The receiver has a certificate of an authority of its own, and asks for one.
func TestDeliveriesUseTheAuthoritiesAndTheCertificateOfTheHost(t *testing.T) {
	t.Parallel()
	folder, authority := t.TempDir(), hostile.NewAuthority(t)
	cert, key := writePair(t, folder, authority, "client.example.com")
	posts := make(chan post, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		posts <- post{header: http.Header{"Name": r.TLS.PeerCertificates[0].DNSNames}}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	authority.Certify(hostile.Certificate("127.0.0.1"), server.TLS)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := filepath.Join(folder, "roots")
	write(t, roots, authority.PEM())

	s := serve(t, folder, nil, "--root-cas="+roots, "--client-cert="+cert, "--client-key="+key)
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	sub, _ := a.subscribe(t, server.URL)
	a.publish(t)
	if name := next(t, posts).header.Get("Name"); name != "client.example.com" {
		t.Errorf("the receiver saw a certificate for %q", name)
	}
	within(t, func() bool { return a.attempts(t, sub)[0].Status == "succeeded" })
}

func TestRootCAsAreCertificatesAlone(t *testing.T) {
	t.Parallel()
	folder, authority := t.TempDir(), hostile.NewAuthority(t)
	_, key := writePair(t, folder, authority, "127.0.0.1")
	keyText, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for text, valid := range map[string]bool{
		authority.PEM(): true, "a comment\n" + authority.PEM() + hostile.NewAuthority(t).PEM(): true,
		"": false, "rubbish": false, string(keyText): false, authority.PEM() + string(keyText): false,
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": false,
	} {
		path := filepath.Join(folder, "roots")
		write(t, path, text)
		if _, err := readRootCAs(path); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
