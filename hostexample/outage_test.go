package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"testing"

	"github.com/ecg-api/webhooks/internal/testpg"
)

// link is a connection to a server that can be cut, frozen, and restored.
type link struct {
	listener net.Listener
	network  string
	address  string

	mu     sync.Mutex
	cut    bool
	frozen chan struct{} // closed when the link thaws; nil if it is not frozen
	conns  []net.Conn
}

func newLink(t *testing.T, network, address string) *link {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, network: network, address: address}
	t.Cleanup(func() { _ = listener.Close(); l.freeze(false); l.set(true) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.join(conn)
		}
	}()
	return l
}

func (l *link) join(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	server, err := new(net.Dialer).Dial(l.network, l.address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	l.mu.Lock()
	if l.cut {
		l.mu.Unlock()
		return
	}
	l.conns = append(l.conns, conn, server)
	lost := l.frozen != nil
	l.mu.Unlock()
	if lost {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	go func() { l.copy(server, conn); _ = server.Close() }()
	l.copy(conn, server)
}

// copy forwards bytes, none while the link is frozen.
func (l *link) copy(to io.Writer, from io.Reader) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		frozen := l.frozen
		l.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// freeze freezes or thaws the link. A frozen link forwards nothing, but its connections stay
// open, and it accepts new connections, which stay silent for good.
func (l *link) freeze(frozen bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case frozen && l.frozen == nil:
		l.frozen = make(chan struct{})
	case !frozen && l.frozen != nil:
		close(l.frozen)
		l.frozen = nil
	}
}

// set cuts the link, or restores it.
func (l *link) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for _, conn := range l.conns {
			_ = conn.Close()
		}
		l.conns = nil
	}
}

// linked returns a link to PostgreSQL, and the environment of a host that uses it.
func linked(t *testing.T) (l *link, environ []string) {
	t.Helper()
	dsn, err := url.Parse(testpg.DSN(t))
	if err != nil || dsn.Port() == "" {
		t.Skip("left out: the address of PostgreSQL is not a URL with a port")
	}
	schema := testpg.Schema(t)
	dropSchema(t, []string{"WEBHOOKS_STORE=" + dsn.String(), "WEBHOOKS_SCHEMA=" + schema}) // also while the link is cut
	l = newLink(t, "tcp", dsn.Host)
	dsn.Host = l.listener.Addr().String()
	environ = []string{"WEBHOOKS_DEV=true", "WEBHOOKS_STORE=" + dsn.String(), "WEBHOOKS_SCHEMA=" + schema}
	return l, environ
}

func TestTheHostOutlivesItsStore(t *testing.T) {
	t.Parallel()
	l, environ := linked(t)
	folder := t.TempDir()
	receiver, posts := receive(t, nil)
	s := serve(t, folder, environ)
	a := api{s.url, token(t, folder, "--scope=webhooks:admin")}
	a.subscribe(t, receiver)
	a.publish(t)
	next(t, posts)

	l.set(true)
	health := func(want int) func() bool {
		return func() bool {
			status, _, err := a.try(t.Context(), http.MethodGet, "/healthcheck", nil)
			return err == nil && status == want
		}
	}
	within(t, health(http.StatusServiceUnavailable))
	a.call(t, http.MethodPost, testOrg+"/events", event(1), nil, http.StatusServiceUnavailable)

	l.set(false)
	within(t, health(http.StatusOK))
	id := a.publish(t)
	for got := ""; got != id; {
		got = next(t, posts).header.Get("webhook-id")
	}
	s.signal(t, syscall.SIGTERM)
	if code := s.exit(t); code != 0 {
		t.Errorf("exit %d", code)
	}
}
