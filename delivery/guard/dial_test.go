package guard_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// Each name leads to the canary, unless the guard checks the address that is dialled. On
// Linux 0.0.0.0 and :: are this machine too.
func TestPost_NameThatResolvesToForbiddenAddressIsNotConnectedTo(t *testing.T) {
	t.Parallel()
	for resolved, shown := range map[string]string{
		"127.0.0.1":        "127.0.0.1",
		"127.9.9.9":        "127.9.9.9",
		"0.0.0.0":          "0.0.0.0",
		"::ffff:127.0.0.1": "127.0.0.1", // the dialer itself turns it into IPv4
		"::1":              "::1",
		"::":               "::",
		"10.0.0.1":         "10.0.0.1",
		"169.254.169.254":  "169.254.169.254",
		"64:ff9b::7f00:1":  "64:ff9b::7f00:1",
	} {
		t.Run(resolved, func(t *testing.T) {
			t.Parallel()
			canary := listen(t, "0.0.0.0:0")
			_, port, _ := net.SplitHostPort(canary.Addr().String())
			resolver := newResolver(func(int) []string { return []string{resolved} })
			client := newClient(t, guard.Options{Policy: new(guard.Policy), Resolver: resolver, Timeout: short})
			res := post(t, client, "http://"+name+":"+port+"/")
			mustBeBlocked(t, res.Err, "blocked address "+shown)
			_, err := client.HTTPClient().Get("http://" + name + ":" + port + "/jwks.json")
			mustBeBlocked(t, err, "blocked address "+shown)
			mustBeUntouched(t, canary)
		})
	}
}

// The URL is not checked here: these are hosts that ParseURL refuses, and
// that cgo's resolver takes for 127.0.0.1. With Go's they are unknown names.
func TestPost_LiteralInEverySpellingIsNotConnectedTo(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "017700000001", "0", "0.0.0.0", "localhost", "localhost.",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1%25lo]", "[fe80::1%25lo]", "１２７.0.0.1", "①②⑦.0.0.1",
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			canary := listen(t, "0.0.0.0:0")
			_, port, _ := net.SplitHostPort(canary.Addr().String())
			client := newClient(t, guard.Options{Policy: new(guard.Policy)})
			err := post(t, client, "http://"+host+":"+port+"/").Err
			_, isBlocked := errors.AsType[*guard.BlockedError](err)
			_, isDNS := errors.AsType[*net.DNSError](err)
			if !isBlocked && !isDNS {
				t.Errorf("%v", err)
			}
			mustBeUntouched(t, canary)
		})
	}
}

func TestPost_ForbiddenPortIsNotConnectedTo(t *testing.T) {
	t.Parallel()
	mustBeBlocked(t, post(t, newClient(t, guard.Options{}), "http://127.0.0.1:25/").Err, "blocked port 25")
}

func TestPost_RebindingIsSeenAtTheNextConnection(t *testing.T) {
	t.Parallel()
	allowed := newReceiver(t, func(r *receiver, conn net.Conn) {
		r.Next(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
	_, port, _ := net.SplitHostPort(allowed.Addr().String())
	canary := listen(t, "127.0.0.2:"+port)
	client := newClient(t, guard.Options{Resolver: newResolver(func(query int) []string {
		return [][]string{{"127.0.0.1"}, {"127.0.0.2"}}[query-1]
	})})
	if res := post(t, client, "http://"+name+":"+port+"/"); res.Status != 204 || res.Err != nil {
		t.Fatalf("%+v", res)
	}
	mustBeBlocked(t, post(t, client, "http://"+name+":"+port+"/").Err, "blocked address 127.0.0.2")
	mustBeUntouched(t, canary)
}

func TestPost_OfSeveralAddressesOnlyAllowedOnesAreConnectedTo(t *testing.T) {
	t.Parallel()
	allowed := newReceiver(t, answer("HTTP/1.1 204 No Content\r\n\r\n"))
	_, port, _ := net.SplitHostPort(allowed.Addr().String())
	canary := listen(t, "127.0.0.2:"+port)
	resolver := newResolver(func(int) []string { return []string{"127.0.0.2", "::1", "127.0.0.1"} })
	if res := post(t, newClient(t, guard.Options{Resolver: resolver}), "http://"+name+":"+port+"/"); res.Status != 204 {
		t.Errorf("%+v", res)
	}
	mustBeUntouched(t, canary)
}

// TestMain has set HTTP_PROXY and fails if anything arrives there. The name
// matters: for loopback literals net/http would not ask the proxy anyway.
func TestPost_ProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	t.Parallel()
	direct := newReceiver(t, answer("HTTP/1.1 204 No Content\r\n\r\n"))
	_, port, _ := net.SplitHostPort(direct.Addr().String())
	client := newClient(t, guard.Options{Resolver: newResolver(func(int) []string { return []string{"127.0.0.1"} })})
	if res := post(t, client, "http://"+name+":"+port+"/"); res.Status != 204 {
		t.Errorf("%+v", res)
	}
	resp, err := client.HTTPClient().Get("http://" + name + ":" + port + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent || direct.Requests.Load() != 2 {
		t.Errorf("%d, %d requests", resp.StatusCode, direct.Requests.Load())
	}
}

func TestPost_RedirectIsAResult(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"301", "302", "303", "307", "308"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			canary := listen(t, "127.0.0.1:0") // reachable by policy: nothing but the rule holds it back
			r := newReceiver(t, answer("HTTP/1.1 "+status+" Moved\r\nLocation: http://"+canary.Addr().String()+"/\r\nContent-Length: 0\r\n\r\n"))
			client := newClient(t, guard.Options{Timeout: short})
			if res := post(t, client, r.URL()); res.Err != nil || strconv.Itoa(res.Status) != status {
				t.Errorf("%+v", res)
			}
			resp, err := client.HTTPClient().Get(r.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if strconv.Itoa(resp.StatusCode) != status {
				t.Errorf("HTTPClient: %s", resp.Status)
			}
			mustBeUntouched(t, canary)
		})
	}
}

func TestPost_NamesThatDoNotResolve(t *testing.T) {
	t.Parallel()
	none := newResolver(func(int) []string { return nil })
	res := post(t, newClient(t, guard.Options{Resolver: none}), "http://"+name+":8080/")
	if got := guard.Describe(res.Err); got != "dns: no such host" {
		t.Errorf("%s (%v)", got, res.Err)
	}
	held := make(chan struct{})
	defer close(held)
	silent := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-held // net's own timeouts end no lookup
		return nil, net.ErrClosed
	}}
	res = post(t, newClient(t, guard.Options{Resolver: silent, ConnectTimeout: short}), "http://"+name+":8080/")
	if got := guard.Describe(res.Err); got != "dns: timeout" {
		t.Errorf("%s (%v)", got, res.Err)
	}
	res = post(t, newClient(t, guard.Options{Resolver: silent, Timeout: short, ConnectTimeout: 2 * short}), "http://"+name+":8080/")
	if got := guard.Describe(res.Err); got != "timeout after 300ms" {
		t.Errorf("%s (%v)", got, res.Err)
	}
}

func mustBeBlocked(t *testing.T, err error, want string) {
	t.Helper()
	if _, isBlocked := errors.AsType[*guard.BlockedError](err); !isBlocked || guard.Describe(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// answer serves every request of a connection with the same bytes.
func answer(response string) func(*receiver, net.Conn) {
	return func(r *receiver, conn net.Conn) {
		for in := bufio.NewReader(conn); r.Next(in) != nil; {
			_, _ = io.WriteString(conn, response)
		}
	}
}
