package hostile_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// The check when a URL is saved is no protection: a row may be older than a rule, or be
// written by another program. So the test sends to each URL unchecked, with both
// resolvers, in a network where every address answers.
func TestSSRF(t *testing.T) {
	t.Parallel()
	proxy := "=http://" + net.JoinHostPort(neverSent, strconv.Itoa(proxyPort))
	var env []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		env = append(env, name+proxy, strings.ToLower(name)+proxy)
	}
	env = append(env, "NO_PROXY=", "no_proxy=")
	t.Run("GoResolver", func(t *testing.T) {
		t.Parallel()
		inNamespace(t, "TestSSRFInNamespace", append(env, "GODEBUG=netdns=go")...)
	})
	t.Run("SystemResolver", func(t *testing.T) {
		t.Parallel()
		if !withCgo {
			t.Skip("the system's resolver is left out: built without cgo")
		}
		inNamespace(t, "TestSSRFInNamespace", append(env, "GODEBUG=netdns=cgo")...)
	})
}

//nolint:paralleltest // alone in its process; the subtests share the canaries
func TestSSRFInNamespace(t *testing.T) {
	if os.Getenv(inside) == "" {
		t.Skip("TestSSRF runs it, in a network of its own")
	}
	claimEverything(t)
	useNameServer(t)
	world := newInternet(t)
	t.Run("CanariesSeeWhoHasNoGuard", func(t *testing.T) { testCanaries(t, world) })
	t.Run("Resolver", testResolver)
	t.Run("Client", func(t *testing.T) { testClient(t, world) })
	t.Run("ClientAndNames", func(t *testing.T) { testNames(t, world) })
	t.Run("ClientAndRedirects", func(t *testing.T) { testRedirects(t, world) })
	t.Run("JWKS", func(t *testing.T) { testJWKS(t, world) })
	t.Run("Dispatcher", func(t *testing.T) { testDispatcher(t, world) })
}

// A canary that sees nothing proves nothing.
func testCanaries(t *testing.T, world *internet) {
	for _, addr := range []string{
		"127.0.0.1", "10.0.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "169.254.170.2", "172.16.0.1", "192.0.0.192", "192.0.2.1",
		"192.168.0.1",
		"198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "168.63.129.16", neverSent, "::1", "fd00:ec2::254", "fd20:ce::254", "fc00::1",
		"2002:a00:1::1",
		"2001::1", "2001:db8::1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "::127.0.0.1", "100::1", "4000::1", "fec0::1",
	} {
		to := net.JoinHostPort(addr, "8080")
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", to)
		if err != nil {
			t.Error(err)
			continue
		}
		_, _ = conn.Read(make([]byte, 1)) // until the canary has closed it
		_ = conn.Close()
		if got := world.take(); len(got) != 1 || got[0] != netip.MustParseAddrPort(to).String() {
			t.Errorf("%s: the canaries saw %v", to, got)
		}
	}
	resp, err := http.Get("http://allowed.example.com/") //nolint:forbidigo // without a guard, and so by the proxy
	if err == nil || len(world.take()) != 1 {
		t.Errorf("%v, %v: want the proxy to be connected to", resp, err)
	}
}

// The system's resolver reads some numbers as addresses, where Go's resolver reads names.
// The answer shows which resolver is in use.
func testResolver(t *testing.T) {
	want := "10.0.0.1" // the name server's answer
	if os.Getenv("GODEBUG") == "netdns=cgo" {
		want = "127.0.0.1"
	}
	if got, err := net.DefaultResolver.LookupHost(t.Context(), "0x7f.1"); err != nil || got[0] != want {
		t.Errorf("0x7f.1 leads to %v, want %s (%v)", got, want, err)
	}
}

func newClient(t *testing.T) *guard.Client {
	t.Helper()
	client := guard.NewClient(guard.Options{Timeout: 20 * time.Second})
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func testClient(t *testing.T, world *internet) {
	client := newClient(t)
	var sending sync.WaitGroup
	slots := make(chan struct{}, 32)
	n := 0
	for _, group := range hostile.URLs {
		n += len(group.URLs)
		for _, raw := range group.URLs {
			for i, u := range readings(raw) {
				slots <- struct{}{}
				sending.Go(func() {
					defer func() { <-slots }()
					res := client.Post(t.Context(), guard.Request{URL: u, Body: []byte("{}")})
					got := guard.Describe(res.Err)
					if want := refusal(raw); want != "" && i == 0 && !strings.HasPrefix(got, want) {
						t.Errorf("%q: status %d, %s (%v), want %s", raw, res.Status, got, res.Err, want)
					}
				})
			}
		}
	}
	sending.Wait()
	if n < 150 {
		t.Errorf("only %d URLs", n)
	}
	world.mustBeUntouched(t)
	if res := client.Post(t.Context(), guard.Request{URL: mustParse(t, allowed+"/client"), Body: []byte("{}")}); res.Status != 204 ||
		world.takeServed("POST /client") != 1 {
		t.Errorf("what is allowed: %+v", res)
	}
}

// readings returns the URLs that a parser may read from a text. The first one is the
// reading of net/url, if it has one. The test composes all further readings itself.
func readings(raw string) (all []*url.URL) {
	if u, err := url.Parse(raw); err == nil {
		all = append(all, u)
	} else {
		all = append(all, &url.URL{Scheme: "http", Host: raw})
	}
	_, rest, found := strings.Cut(raw, "//")
	if !found {
		rest = raw
	}
	host := rest
	if i := strings.IndexAny(host, `/?#\`); i >= 0 {
		host = host[:i]
	}
	for _, host := range []string{host, host[strings.LastIndexByte(host, '@')+1:], rest[strings.LastIndexByte(rest, '@')+1:]} {
		for _, port := range []string{"", ":8080"} {
			all = append(all, &url.URL{Scheme: "http", Host: host + port, Path: "/"}, &url.URL{Scheme: "https", Host: host + port, Path: "/"})
		}
	}
	return all
}

// refusal returns the beginning of the recorded error for a URL that got past the checks at
// save. It is "" where any error is fine, as long as no canary is touched: for URLs that
// cannot be sent to, and for numbers, which the two resolvers read in different ways.
func refusal(raw string) string {
	_, err := new(guard.Policy).ParseURL(raw, true)
	e, isBlocked := errors.AsType[*guard.BlockedError](err)
	if !isBlocked {
		return ""
	}
	text, isAddr := strings.CutPrefix(e.Subject, "address ")
	if !isAddr {
		return "blocked " // the address that the name leads to, or the port
	}
	addr, err := netip.ParseAddr(text)
	u, _ := url.Parse(raw)
	if err != nil || u.Hostname() != addr.String() || isAllowed(netip.AddrPortFrom(addr.Unmap(), 443)) {
		return ""
	}
	return "blocked address " + addr.Unmap().String() // net itself makes a plain address of a mapped one
}

func testNames(t *testing.T, world *internet) {
	client := newClient(t)
	for name, want := range map[string]string{
		"allowed.example.com": "",
		"two.example.com":     "",
		"other.example.com":   "blocked address 10.0.0.1",
		"six.example.com":     "blocked address fd00:ec2::254",
		"mapped.example.com":  "blocked address 10.0.0.1",
		"nat64.example.com":   "blocked address 64:ff9b::a9fe:a9fe",
		"zero.example.com":    "blocked address 0.0.0.0",
	} {
		res := client.Post(t.Context(), guard.Request{URL: mustParse(t, "http://"+name+":8080/"+name), Body: []byte("{}")})
		if got := guard.Describe(res.Err); got != want {
			t.Errorf("%s: %s (%v), want %q", name, got, res.Err, want)
		}
		if served := world.takeServed("POST /" + name); (served == 1) != (want == "") {
			t.Errorf("%s: %d requests on the wire", name, served)
		}
		world.mustBeUntouched(t)
	}
}

func testRedirects(t *testing.T, world *internet) {
	client := newClient(t)
	for _, to := range []string{"10.0.0.1", "169.254.169.254", "other.example.com", neverSent} {
		res := client.Post(t.Context(), guard.Request{URL: mustParse(t, allowed+"/redirect/"+to), Body: []byte("{}")})
		if res.Status != http.StatusTemporaryRedirect || world.takeServed("POST /redirect/"+to) != 1 {
			t.Errorf("%+v", res)
		}
		resp, err := client.HTTPClient().Get(allowed + "/redirect/" + to)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusTemporaryRedirect {
			t.Error(resp.Status)
		}
		world.mustBeUntouched(t)
	}
}

// The JWKS is the operator's own URL. The library fetches it under the same guard.
func testJWKS(t *testing.T, world *internet) {
	client := newClient(t).HTTPClient()
	fetched := 0
	for _, raw := range corpus() {
		raw = "https" + strings.TrimPrefix(strings.TrimPrefix(raw, "https"), "http")
		auth, err := httpapi.NewJWT(httpapi.JWTConfig{JWKS: raw, Client: client})
		if err != nil {
			continue
		}
		req := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
		req.Header.Set("Authorization", "Bearer "+token())
		_, err = auth.Authenticate(req)
		if errors.Is(err, httpapi.ErrUnauthorized) || err == nil {
			t.Errorf("%q: %v, want that the keys cannot be had", raw, err)
		}
		if want := refusal(raw); want != "" && !strings.HasPrefix(guard.Describe(err), want) {
			t.Errorf("%q: %v, want %s", raw, err, want)
		}
		fetched++
		world.mustBeUntouched(t)
	}
	if fetched < 150 {
		t.Errorf("only %d URLs", fetched)
	}
}

// token returns a token with a signature, which cannot be checked without a key.
func token() string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"unknown"}`)) + "." + encode([]byte(`{"exp":4102444800}`)) + "." + encode([]byte("signature"))
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
