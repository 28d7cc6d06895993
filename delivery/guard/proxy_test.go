package guard_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// public is the address of the receiver in these tests: the policy allows it, and only the proxy can reach it.
const public = "93.184.216.34"

const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// An egressProxy is an HTTP proxy. It notes the requests, and hands each connection on.
type egressProxy struct {
	*receiver
	asked chan *http.Request
}

func newEgressProxy(t *testing.T, then func(asked *http.Request, client net.Conn)) *egressProxy {
	t.Helper()
	p := &egressProxy{asked: make(chan *http.Request, 100)}
	p.receiver = newReceiver(t, func(r *receiver, client net.Conn) {
		if asked := r.Next(bufio.NewReader(client)); asked != nil {
			p.asked <- asked
			then(asked, client)
		}
	})
	return p
}

// options are those of a client behind the proxy, for which name has the addresses.
func (p *egressProxy) options(addrs ...string) guard.Options {
	return guard.Options{
		Policy: new(guard.Policy), Resolver: newResolver(func(int) []string { return addrs }),
		Proxy: &url.URL{Scheme: "http", User: url.UserPassword("egress", "hunter2"), Host: p.Addr().String()},
	}
}

func (p *egressProxy) next(t *testing.T) *http.Request {
	t.Helper()
	select {
	case asked := <-p.asked:
		return asked
	case <-time.After(long):
		t.Fatal("the proxy was not asked")
		return nil
	}
}

// tunnel connects a client of the proxy with a receiver.
func tunnel(to *receiver) func(*http.Request, net.Conn) {
	return func(_ *http.Request, client net.Conn) {
		server, err := net.Dial("tcp", to.Addr().String())
		if err != nil {
			return
		}
		defer hostile.HangUp(server)
		_, _ = io.WriteString(client, established)
		go func() {
			defer hostile.HangUp(server)
			_, _ = io.Copy(server, client)
		}()
		_, _ = io.Copy(client, server)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	for rule, tt := range map[string]struct {
		url, cert, asked, want string // want is the description of the error
		trusted                bool
	}{
		"HTTPSGoesToAnAddressThatIsLookedUpHere": {url: "https://" + name + "/hook", cert: name, asked: public + ":443"},
		"HTTPGoesToAnAddressThatIsLookedUpHere":  {url: "http://" + name + ":8080/hook", asked: public + ":8080"},
		"CertificateIsForTheName": {
			url: "https://" + name + "/", cert: "other.example.com", asked: public + ":443", want: "tls: certificate is for another host",
		},
		"LiteralIsAsked":        {url: "http://" + public + "/", asked: public + ":80"},
		"TrustedIsAskedForName": {url: "https://" + name + "/hook", cert: name, asked: name + ":443", trusted: true},
		"TrustedStillVerifiesCertificates": {
			url: "https://" + name + "/", cert: "other.example.com", asked: name + ":443", trusted: true,
			want: "tls: certificate is for another host",
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			seen := make(chan string, 2) // the name in the TLS handshake, and the header Host
			serve := func(r *receiver, conn net.Conn) {
				if asked := r.Next(bufio.NewReader(conn)); asked != nil {
					seen <- asked.Host
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			}
			config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				seen <- hello.ServerName
				return nil, nil
			}}
			roots := certify(t, hostile.Certificate(tt.cert), config)
			if tt.cert != "" {
				serve = overTLS(config, serve)
			}
			proxy := newEgressProxy(t, tunnel(newReceiver(t, serve)))
			o := proxy.options(public)
			o.RootCAs, o.ProxyTrusted = roots, tt.trusted
			res := post(t, newClient(t, o), tt.url)
			if got := guard.Describe(res.Err); got != tt.want || tt.want == "" && res.Status != 204 {
				t.Fatalf("status %d, %q (%v)", res.Status, got, res.Err)
			}
			asked := proxy.next(t)
			user, password, ok := (&http.Request{Header: http.Header{"Authorization": asked.Header["Proxy-Authorization"]}}).BasicAuth()
			if asked.Method != http.MethodConnect || asked.RequestURI != tt.asked || asked.Host != tt.asked ||
				!ok || user != "egress" || password != "hunter2" {
				t.Errorf("the proxy was asked %s %s, host %s, with %v", asked.Method, asked.RequestURI, asked.Host, asked.Header)
			}
			host := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(tt.url, "/hook"), "/"), "https://"), "http://")
			if tt.cert != "" && <-seen != name || tt.want == "" && <-seen != host {
				t.Error("the receiver was asked for another host")
			}
		})
	}
}

func TestProxy_IsNotAskedForForbiddenAddresses(t *testing.T) {
	t.Parallel()
	for rule, tt := range map[string]struct {
		url     string
		addrs   []string
		blocked string
		trusted bool
	}{
		"Private":         {"https://" + name + "/", []string{"10.0.0.1"}, "address 10.0.0.1", false},
		"Mapped":          {"https://" + name + "/", []string{"::ffff:127.0.0.1"}, "address 127.0.0.1", false},
		"AllOfThem":       {"https://" + name + "/", []string{"169.254.169.254", "10.0.0.1"}, "address 10.0.0.1", false},
		"Literal":         {"https://127.0.0.1/", nil, "address 127.0.0.1", false},
		"LiteralOfIPv6":   {"https://[::1]/", nil, "address ::1", false},
		"Port":            {"https://" + name + ":25/", []string{public}, "port 25", false},
		"TrustedLiteral":  {"https://127.0.0.1/", nil, "address 127.0.0.1", true},
		"TrustedSpelling": {"https://2130706433/", nil, "address 2130706433", true},
		"TrustedLocal":    {"https://localhost/", nil, "host localhost", true},
		"TrustedPort":     {"https://" + name + ":25/", nil, "port 25", true},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			proxy := newEgressProxy(t, func(*http.Request, net.Conn) {})
			o := proxy.options(tt.addrs...)
			o.ProxyTrusted = tt.trusted
			res := post(t, newClient(t, o), tt.url)
			mustBeBlocked(t, res.Err, "blocked "+tt.blocked)
			if n := proxy.Connections.Load(); n != 0 {
				t.Errorf("the proxy got %d connections", n)
			}
		})
	}
}

func TestProxy_IsAskedForOneAddressAfterTheOther(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, answer("HTTP/1.1 204 No Content\r\n\r\n"))
	proxy := newEgressProxy(t, func(asked *http.Request, client net.Conn) {
		if asked.RequestURI == "93.184.216.35:80" {
			tunnel(to)(asked, client)
			return
		}
		_, _ = io.WriteString(client, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
	})
	res := post(t, newClient(t, proxy.options(public, "10.0.0.1", "93.184.216.35")), "http://"+name+"/")
	if res.Status != 204 {
		t.Fatalf("status %d, %v", res.Status, res.Err)
	}
	if first, second := proxy.next(t), proxy.next(t); first.RequestURI != public+":80" || second.RequestURI != "93.184.216.35:80" {
		t.Errorf("the proxy was asked for %s and %s", first.RequestURI, second.RequestURI)
	}
}

func TestProxy_FailureTellsWhoseItIs(t *testing.T) {
	t.Parallel()
	says := func(text string) func(*http.Request, net.Conn) {
		return func(_ *http.Request, client net.Conn) { _, _ = io.WriteString(client, text) }
	}
	hangs := func(_ *http.Request, client net.Conn) { hostile.Wait(client) }
	for rule, tt := range map[string]struct {
		proxy func(*http.Request, net.Conn)
		want  string
		ours  bool
	}{
		"WantsOtherCredentials": {says("HTTP/1.1 407 Who?\r\n\r\n"), "egress proxy: HTTP 407 of the egress proxy", true},
		"Forbids":               {says("HTTP/1.1 403 No\r\n\r\n"), "egress proxy: HTTP 403 of the egress proxy", true},
		"Redirects":             {says("HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n"), "egress proxy: HTTP 302 of the egress proxy", true},
		"CannotReachIt":         {says("HTTP/1.1 502 Bad Gateway\r\n\r\n"), "connect: HTTP 502 of the egress proxy", false},
		"CannotReachItInTime":   {says("HTTP/1.1 504 Gateway Timeout\r\n\r\n"), "connect: HTTP 504 of the egress proxy", false},
		"Squid": {
			says("HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\r\n"), "connect: HTTP 503 of the egress proxy", false,
		},
		"HangsUp":   {says(""), "egress proxy: connection closed before the answer", true},
		"BreaksOff": {says("HTTP/1.1 200 OK\r\n"), "egress proxy: connection closed before the answer", true},
		"Resets":    {func(_ *http.Request, c net.Conn) { hostile.Reset(c) }, "egress proxy: connection reset", true},
		"Babbles":   {says("220 smtp.example.com\r\n"), "egress proxy: malformed answer", true},
		"EndlessHeader": {
			func(_ *http.Request, c net.Conn) { hostile.Endless("HTTP/1.1 200 OK\r\nX: ")(c) }, "egress proxy: malformed answer", true,
		},
		"SpeaksForTheReceiver": {says(established + "HTTP/1.1 200 OK\r\n\r\n"), "egress proxy: malformed answer", true},
		"Hangs":                {hangs, "egress proxy: timeout", true},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			o := newEgressProxy(t, tt.proxy).options(public)
			if rule == "Hangs" {
				o.ConnectTimeout = short
			}
			mustDescribe(t, post(t, newClient(t, o), "https://"+name+"/"), tt.want, tt.ours)
		})
	}
	t.Run("HangsBeyondTheDeadline", func(t *testing.T) {
		t.Parallel()
		o := newEgressProxy(t, hangs).options(public)
		o.Timeout, o.ConnectTimeout = short, long
		mustDescribe(t, post(t, newClient(t, o), "https://"+name+"/"), "egress proxy: timeout", true)
	})
	t.Run("IsAway", func(t *testing.T) {
		t.Parallel()
		proxy := newEgressProxy(t, hangs)
		_ = proxy.Close()
		mustDescribe(t, post(t, newClient(t, proxy.options(public)), "https://"+name+"/"), "egress proxy: connection refused", true)
	})
	t.Run("HasNoAddress", func(t *testing.T) {
		t.Parallel()
		o := newEgressProxy(t, hangs).options(public)
		o.Proxy.Host = "proxy.example.org:3128"
		mustDescribe(t, post(t, newClient(t, o), "https://"+name+"/"), "egress proxy: dns: no such host", true)
	})
	t.Run("ReceiverHasNoAddress", func(t *testing.T) {
		t.Parallel()
		o := newEgressProxy(t, hangs).options(public)
		mustDescribe(t, post(t, newClient(t, o), "https://unknown.example.com/"), "dns: no such host", false)
	})
}

func mustDescribe(t *testing.T, res guard.Result, want string, ours bool) {
	t.Helper()
	if got := guard.Describe(res.Err); got != want || guard.Local(res.Err) != ours || res.Status != 0 {
		t.Errorf("%q, ours %t, status %d (%v), want %q", got, guard.Local(res.Err), res.Status, res.Err, want)
	}
	if text := fmt.Sprintf("%v %+v", res.Err, res); strings.Contains(text, "hunter2") || strings.Contains(text, "ZWdyZXNz") {
		t.Errorf("the error shows the password: %s", text)
	}
}

// A proxy waits for a receiver that does not answer it. As it answers other requests meanwhile, it is the receiver that hangs.
func TestProxy_HangsAtOneReceiver(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, answer("HTTP/1.1 204 No Content\r\n\r\n"))
	proxy := newEgressProxy(t, func(asked *http.Request, client net.Conn) {
		if asked.RequestURI == public+":81" {
			hostile.Wait(client)
			return
		}
		tunnel(to)(asked, client)
	})
	o := proxy.options(public)
	o.Policy = &guard.Policy{AllowPorts: []uint16{81}}
	o.ConnectTimeout = 5 * time.Second // the other request ends before
	client := newClient(t, o)
	slow := make(chan guard.Result, 1)
	go func() {
		slow <- client.Post(t.Context(), guard.Request{URL: &url.URL{Scheme: "http", Host: name + ":81"}, Body: []byte("{}")})
	}()
	proxy.next(t)
	if res := post(t, client, "http://"+name+"/"); res.Status != 204 {
		t.Fatalf("the other receiver: %d %v", res.Status, res.Err)
	}
	mustDescribe(t, <-slow, "connect: timeout", false)
}

func TestProxy_URL(t *testing.T) {
	t.Parallel()
	for raw, valid := range map[string]bool{
		"http://proxy": true, "http://proxy:3128": true, "http://u:p@proxy:3128/": true, "http://[::1]:3128": true,
		"https://proxy": false, "socks5://proxy": false, "proxy:3128": false, "": false, "http://": false, "http://:3128": false,
		"http://proxy/path": false, "http://proxy?q": false, "http://proxy#f": false, "http://proxy:0": false, "http://proxy:65536": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := guard.CheckProxy(u); (err == nil) != valid {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestOptionsPrintNoPassword(t *testing.T) {
	t.Parallel()
	proxy := newEgressProxy(t, func(*http.Request, net.Conn) {})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, proxy.options()); strings.Contains(text, "hunter2") || !strings.Contains(text, proxy.Addr().String()) {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}
