//go:build unix

package main

import (
	"context"
	"net"
	"sync"
	"time"
)

// proxy forwards connections to PostgreSQL. It delays, cuts and swallows what passes.
type proxy struct {
	listener net.Listener
	server   string

	mu     sync.Mutex
	delay  time.Duration
	frozen chan struct{} // closed at the end of a black hole; nil outside
	cut    cutter
	conns  map[*connection]struct{}
}

// cutter decides about each message of a host, before it is forwarded. Statement is the one that the message runs,
// and committed are those of the transaction that it commits.
type cutter func(statement string, committed []string) cutAction

type cutAction int

const (
	forward    cutAction = iota
	cutAtOnce            // forward the message, and cut the connection
	cutAtReply           // forward the message, and cut the connection instead of forwarding the reply
	cutBefore            // cut the connection without forwarding the message
)

// connection is a pair of connections: from the host, and to the server.
type connection struct {
	host, server net.Conn
	mu           sync.Mutex
	swallow      bool // the server's next reply cuts the connection
}

func (c *connection) close() {
	_ = c.host.Close()
	_ = c.server.Close()
}

func newProxy(ctx context.Context, server string) (*proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, server: server, conns: map[*connection]struct{}{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.join(conn)
		}
	}()
	return p, nil
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.blackHole(false)
	p.cutAll()
}

// join forwards between a connection from a host and a new one to the server, until one of them ends.
func (p *proxy) join(from net.Conn) {
	p.passage(true)
	to, err := new(net.Dialer).Dial("tcp", p.server)
	if err != nil {
		_ = from.Close()
		return
	}
	c := &connection{host: from, server: to}
	p.mu.Lock()
	p.conns[c] = struct{}{}
	p.mu.Unlock()
	go func() { p.replies(c); c.close() }()
	p.requests(c)
	c.close()
	p.mu.Lock()
	delete(p.conns, c)
	p.mu.Unlock()
}

// passage waits for the end of a black hole, and before the end of a round trip's requests for the delay.
func (p *proxy) passage(roundTrip bool) {
	p.mu.Lock()
	delay, frozen := p.delay, p.frozen
	p.mu.Unlock()
	if roundTrip && delay > 0 {
		time.Sleep(delay) // a slow network is the purpose
	}
	if frozen != nil {
		<-frozen
	}
}

// requests forwards the messages of the host.
func (p *proxy) requests(c *connection) {
	t := &transaction{prepared: map[string]string{}}
	for first := true; ; first = false {
		m, err := readMessage(c.host, first)
		if err != nil {
			return
		}
		action := p.decide(t, m)
		p.passage(m.kind == 'S' || m.kind == 'Q' || first)
		if action == cutBefore {
			return
		}
		if action == cutAtReply {
			c.mu.Lock()
			c.swallow = true
			c.mu.Unlock()
		}
		if _, err := c.server.Write(m.raw); err != nil || action == cutAtOnce {
			return
		}
	}
}

func (p *proxy) decide(t *transaction, m message) cutAction {
	p.mu.Lock()
	cut := p.cut
	p.mu.Unlock()
	statement, committed := t.follow(m)
	if cut == nil {
		return forward
	}
	return cut(statement, committed)
}

// replies forwards the bytes of the server.
func (p *proxy) replies(c *connection) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := c.server.Read(buffer)
		p.passage(false)
		c.mu.Lock()
		swallow := c.swallow
		c.mu.Unlock()
		if err != nil || swallow {
			return
		}
		if _, err := c.host.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// cutAll cuts all connections.
func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.close()
	}
}

// setCut sets the function that decides about the messages; nil forwards all of them.
func (p *proxy) setCut(cut cutter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
}

// slowDown delays each round trip.
func (p *proxy) slowDown(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// blackHole begins or ends a time in which connections stay open and nothing passes.
func (p *proxy) blackHole(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.frozen == nil:
		p.frozen = make(chan struct{})
	case !on && p.frozen != nil:
		close(p.frozen)
		p.frozen = nil
	}
}
