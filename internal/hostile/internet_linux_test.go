package hostile_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ecg-api/webhooks/internal/hostile"
)

const (
	allowed   = "http://8.8.8.8:8080" // the server that may be sent to
	neverSent = "8.8.4.4"             // public, so that no guard keeps anybody from it
	proxyPort = 3128
)

// An internet is every address of the world at once, and a name server. A canary listens
// on the addresses that must not be reached.
type internet struct {
	mu      sync.Mutex
	reached []string       // forbidden addresses that were connected to, since the last look
	served  map[string]int // by method and path, at the address that is allowed
	queries map[string]int // number of queries for the IPv4 address of a name
}

// newInternet listens on every port that an URL of the corpus names. It needs
// [claimEverything] and [useNameServer].
func newInternet(t *testing.T) *internet {
	t.Helper()
	world := &internet{served: map[string]int{}, queries: map[string]int{}}
	server := &http.Server{Handler: world, ErrorLog: log.New(io.Discard, "", 0)}
	var running sync.WaitGroup
	for _, port := range ports() {
		l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) // both families
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() { _ = server.Serve(canary{l, world}) })
	}
	dns, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { world.serveDNS(dns) })
	t.Cleanup(func() {
		_, _ = server.Close(), dns.Close()
		running.Wait()
	})
	return world
}

func ports() []int {
	all := []int{80, 443, 8080, 8443, proxyPort}
	for _, raw := range corpus() {
		if u, err := url.Parse(raw); err == nil {
			if port, err := strconv.Atoi(u.Port()); err == nil && port > 0 && port < 1<<16 {
				all = append(all, port)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func corpus() (all []string) {
	for _, group := range hostile.URLs {
		all = append(all, group.URLs...)
	}
	for raw := range hostile.StoredURLs {
		all = append(all, raw)
	}
	return all
}

// A canary passes connections to the allowed address on, and notes all other connections.
type canary struct {
	net.Listener
	world *internet
}

func (c canary) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		to := conn.LocalAddr().(*net.TCPAddr).AddrPort()
		to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
		if isAllowed(to) {
			return conn, nil
		}
		c.world.mu.Lock()
		c.world.reached = append(c.world.reached, to.String())
		c.world.mu.Unlock()
		_ = conn.Close()
	}
}

func isAllowed(to netip.AddrPort) bool {
	if port := to.Port(); port == proxyPort || port < 1024 && port != 80 && port != 443 || to.Addr().String() == neverSent {
		return false
	}
	return !slices.ContainsFunc(hostile.Forbidden, func(n netip.Prefix) bool { return n.Contains(to.Addr().WithZone("")) })
}

// ServeHTTP is the server at the allowed address.
func (w *internet) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.served[r.Method+" "+r.URL.Path]++
	w.mu.Unlock()
	if to, found := strings.CutPrefix(r.URL.Path, "/redirect/"); found {
		http.Redirect(rw, r, "http://"+to+":8080/", http.StatusTemporaryRedirect)
		return
	}
	if r.URL.Path == "/busy" {
		rw.Header().Set("Connection", "close") // the next attempt has to look the name up again
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	rw.WriteHeader(http.StatusNoContent)
}

// mustBeUntouched fails if a canary was connected to since the last call.
func (w *internet) mustBeUntouched(t *testing.T) {
	t.Helper()
	if reached := w.take(); len(reached) > 0 {
		t.Errorf("connected to %v", reached)
	}
}

func (w *internet) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	reached := w.reached
	w.reached = nil
	return reached
}

// takeServed returns the number of requests of a kind since the last call.
func (w *internet) takeServed(request string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.served[request]
	delete(w.served, request)
	return n
}

// names maps names to their addresses. All other names lead to 10.0.0.1.
var names = map[string][]string{
	"allowed.example.com": {"8.8.8.8"},
	"two.example.com":     {"10.0.0.1", "8.8.8.8", "fd00:ec2::254"},
	"six.example.com":     {"fd00:ec2::254"},
	"mapped.example.com":  {"::ffff:10.0.0.1"},
	"nat64.example.com":   {"64:ff9b::a9fe:a9fe"},
	"zero.example.com":    {"0.0.0.0", "::"},
}

// lookUp answers a query. The name rebind.example.com leads to the allowed address at the
// first query, which the first attempt sends, as long as saving the URL looks up no name.
func (w *internet) lookUp(name string, kind dnsmessage.Type) (all []netip.Addr) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	addrs := names[name]
	if kind == dnsmessage.TypeA {
		w.mu.Lock()
		w.queries[name]++
		if name == "rebind.example.com" && w.queries[name] == 1 {
			addrs = []string{"8.8.8.8"}
		}
		w.mu.Unlock()
	}
	if addrs == nil {
		addrs = []string{"10.0.0.1"}
	}
	for _, text := range addrs {
		addr := netip.MustParseAddr(text)
		if addr.Is4() == (kind == dnsmessage.TypeA) && (kind == dnsmessage.TypeA || kind == dnsmessage.TypeAAAA) {
			all = append(all, addr)
		}
	}
	return all
}

func (w *internet) serveDNS(conn net.PacketConn) {
	packet := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		var msg dnsmessage.Message
		if msg.Unpack(packet[:n]) != nil || len(msg.Questions) != 1 {
			continue
		}
		msg.Response, msg.RecursionAvailable, msg.Additionals = true, true, nil
		question := msg.Questions[0]
		header := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class}
		for _, addr := range w.lookUp(question.Name.String(), question.Type) {
			var body dnsmessage.ResourceBody = &dnsmessage.AAAAResource{AAAA: addr.As16()}
			if addr.Is4() {
				body = &dnsmessage.AResource{A: addr.As4()}
			}
			msg.Answers = append(msg.Answers, dnsmessage.Resource{Header: header, Body: body})
		}
		if answer, err := msg.Pack(); err == nil {
			_, _ = conn.WriteTo(answer, from)
		}
	}
}
