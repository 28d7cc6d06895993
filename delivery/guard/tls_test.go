package guard_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

func TestPost_TLS(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, c := range []struct {
		name   string
		notion func(*x509.Certificate, *tls.Config)
		want   string // Describe(Err), by prefix; "" is success
	}{
		{"Valid", func(*x509.Certificate, *tls.Config) {}, ""},
		{"Version12", func(_ *x509.Certificate, c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ""},
		{"Expired", func(c *x509.Certificate, _ *tls.Config) { c.NotAfter = now.Add(-time.Hour) }, "tls: certificate has expired"},
		{"NotYetValid", func(c *x509.Certificate, _ *tls.Config) { c.NotBefore = now.Add(time.Hour) }, "tls: certificate is not valid yet"},
		{
			"WrongName", func(c *x509.Certificate, _ *tls.Config) { c.DNSNames = []string{"other.example.com"} },
			"tls: certificate is for another host",
		},
		{"NoName", func(c *x509.Certificate, _ *tls.Config) { c.DNSNames = nil }, "tls: certificate is for another host"},
		{"NotForServers", func(c *x509.Certificate, _ *tls.Config) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		}, "tls: certificate is invalid"},
		{"Version11", func(_ *x509.Certificate, c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}, "tls: protocol version not supported"},
		{"Version10", func(_ *x509.Certificate, c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
		}, "tls: protocol version not supported"},
		{"WantsAClientCertificate", func(_ *x509.Certificate, c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }, "tls: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cert := hostile.Certificate(name)
			config := new(tls.Config)
			c.notion(cert, config)
			roots := certify(t, cert, config)
			r := newReceiver(t, overTLS(config, answer("HTTP/1.1 204 No Content\r\n\r\n")))
			res := post(t, newTLSClient(t, guard.Options{RootCAs: roots}), httpsURL(r))
			if got := guard.Describe(res.Err); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("%s (%v), want %s", got, res.Err, c.want)
			}
			if (c.want == "") != (r.Requests.Load() == 1) || r.Connections.Load() != 1 {
				t.Errorf("%d requests on %d connections", r.Requests.Load(), r.Connections.Load())
			}
		})
	}
}

func TestPost_HostWithAnUnderscore(t *testing.T) {
	t.Parallel()
	config := new(tls.Config)
	roots := certify(t, hostile.Certificate(underscoreName), config)
	hosts := make(chan string, 1)
	r := newReceiver(t, overTLS(config, func(r *receiver, conn net.Conn) {
		hosts <- r.Next(bufio.NewReader(conn)).Host
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
	}))
	_, port, _ := net.SplitHostPort(r.Addr().String())
	u, err := new(guard.Policy).ParseURL("https://"+underscoreName+":"+port+"/hook", false)
	if err != nil {
		t.Fatal(err)
	}
	res := newTLSClient(t, guard.Options{RootCAs: roots}).Post(t.Context(), guard.Request{URL: u, Body: []byte(`{"id":1}`)})
	if res.Err != nil || res.Status != 204 {
		t.Fatalf("status %d, %v", res.Status, res.Err)
	}
	if host := <-hosts; host != underscoreName+":"+port {
		t.Errorf("Host: %s", host)
	}
}

func TestPost_TLSUnknownAuthority(t *testing.T) {
	t.Parallel()
	config := new(tls.Config)
	certify(t, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}, config)
	r := newReceiver(t, overTLS(config, answer("HTTP/1.1 204 No Content\r\n\r\n")))
	res := post(t, newTLSClient(t, guard.Options{RootCAs: x509.NewCertPool()}), httpsURL(r))
	if got := guard.Describe(res.Err); got != "tls: certificate is signed by an unknown authority" {
		t.Errorf("%s (%v)", got, res.Err)
	}
}

func TestPost_TLSReceiverThatSpeaksSomethingElse(t *testing.T) {
	t.Parallel()
	plain := newReceiver(t, func(_ *receiver, conn net.Conn) {
		_, _ = bufio.NewReader(conn).Peek(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
	})
	ssh := newReceiver(t, func(_ *receiver, conn net.Conn) {
		_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.9\r\n")
		hostile.Wait(conn)
	})
	closes := newReceiver(t, func(_ *receiver, conn net.Conn) { _, _ = bufio.NewReader(conn).Peek(1) })
	hangs := newReceiver(t, func(_ *receiver, conn net.Conn) { hostile.Wait(conn) })
	for _, c := range []struct {
		receiver *receiver
		timeout  time.Duration
		connect  time.Duration
		want     string
	}{
		{plain, long, long, "tls: the receiver speaks plain HTTP"},
		{ssh, long, long, "tls: first record does not look like a TLS handshake"},
		{closes, long, long, "connection closed before the response ended"},
		{hangs, long, short, "tls: handshake timeout"},
		{hangs, short, 2 * short, "timeout after 300ms"}, // goleak sees that the dial ends too
	} {
		client := newTLSClient(t, guard.Options{Timeout: c.timeout, ConnectTimeout: c.connect})
		res := post(t, client, httpsURL(c.receiver))
		got := guard.Describe(res.Err)
		if got == "connection reset" { // the other side had unread bytes when it closed
			got = "connection closed before the response ended"
		}
		if got != c.want {
			t.Errorf("%s (%v), want %s", got, res.Err, c.want)
		}
	}
}

func newTLSClient(t *testing.T, o guard.Options) *guard.Client {
	t.Helper()
	o.Resolver = newResolver(func(int) []string { return []string{"127.0.0.1"} })
	return newClient(t, o)
}

func httpsURL(r *receiver) string {
	_, port, _ := net.SplitHostPort(r.Addr().String())
	return "https://" + name + ":" + port + "/hook"
}

func overTLS(config *tls.Config, serve func(*receiver, net.Conn)) func(*receiver, net.Conn) {
	return func(r *receiver, conn net.Conn) { serve(r, tls.Server(conn, config)) }
}

// certify signs a certificate with an authority made for it, puts it into the
// configuration, and returns the authority.
func certify(t *testing.T, cert *x509.Certificate, config *tls.Config) *x509.CertPool {
	t.Helper()
	authority := hostile.NewAuthority(t)
	authority.Certify(cert, config)
	return authority.Roots()
}
