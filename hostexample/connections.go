package main

import (
	"bytes"
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/ecg-api/webhooks/httpapi"
)

// spareConnections are open beside the connections of callers: for health checks, metrics,
// and clients that have not sent a token yet.
const spareConnections = 64

// maxHeaders bounds the bytes of the headers of all requests without a valid token or with an
// unchecked one. A header counts with its text, and with headerLine for each line.
const (
	maxHeaders = 8 << 20
	headerLine = 128
)

// limitedListener bounds the open connections, so that clients without a token cannot keep
// other clients out. A connection is kept while a request with a valid token is being
// answered on it; at most maxKept connections are kept. Every other connection may be closed
// to make room for a new one, the oldest first: it is idle, its request is incomplete or has
// no valid token, or its client does not read the answer. A new connection is therefore
// accepted at once. After a request without a valid token the connection is closed.
type limitedListener struct {
	net.Listener
	secure  *tls.Config // nil for plain connections
	maxKept int
	kept    chan struct{} // one element for each connection that is kept

	mu       sync.Mutex
	open     int
	closable list.List // of *limitedConn, by when they were accepted or became idle
	headers  int       // bytes of the headers of the connections in reading
	reading  list.List // of *limitedConn that are not kept, by when their requests began
}

func limit(l net.Listener, maxKept int) *limitedListener {
	return &limitedListener{Listener: l, maxKept: maxKept, kept: make(chan struct{}, maxKept)}
}

// serve serves the connections until the server is closed.
func (l *limitedListener) serve(s *http.Server) error {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if limited, ok := c.(*limitedConn); ok {
			limited.changed(state)
		}
	}
	handler := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		if c, ok := connOf(r); ok {
			c.answer = w.Header()
		}
		handler.ServeHTTP(w, r)
		r.Header = nil // the server keeps the request while it waits for the end of the body
	})
	return s.Serve(l)
}

type connKey struct{}

func connOf(r *http.Request) (*limitedConn, bool) {
	c, ok := r.Context().Value(connKey{}).(*limitedConn)
	return c, ok
}

// Accept implements [net.Listener]. It closes the oldest connection if too many are open. The
// handshake of TLS happens within the first Read, under the deadline of the request's header.
func (l *limitedListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &limitedConn{Conn: accepted, socket: accepted, listener: l}
	if l.secure != nil {
		c.Conn = tls.Server(chargedConn{accepted, c}, l.secure)
	}
	if oldest := l.add(c); oldest != nil {
		_ = oldest.Close()
	}
	return c, nil
}

// add adds a connection. It returns the connection to close for it, or nil if there is room.
// At most maxKept of the open connections are kept, so one can be closed.
func (l *limitedListener) add(c *limitedConn) (oldest net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	c.place = l.closable.PushBack(c)
	if l.open <= l.maxKept+spareConnections {
		return nil
	}
	first, _ := l.closable.Front().Value.(*limitedConn)
	first.forget()
	return first.socket
}

// charge counts bytes of a header. It returns the connection to close if the headers take
// more than maxHeaders, or nil.
func (l *limitedListener) charge(c *limitedConn, size int) (oldest net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size == 0 || c.gone || c.place == nil || c.hasHeader {
		return nil
	}
	if c.request == nil {
		c.request = l.reading.PushBack(c)
	}
	c.headers += size
	l.headers += size
	if l.headers <= maxHeaders {
		return nil
	}
	first, _ := l.reading.Front().Value.(*limitedConn)
	first.forget()
	return first.socket
}

// limitedConn is a connection of a limitedListener. The listener's lock guards its fields.
type limitedConn struct {
	net.Conn
	socket    net.Conn // under TLS; closing it waits for nothing
	listener  *limitedListener
	place     *list.Element // in closable; nil while the connection is kept
	gone      bool
	hasHeader bool          // the header of the request is read to its end
	headers   int           // bytes of the header
	request   *list.Element // in reading; nil if no request is being read

	answer http.Header // of the request; not guarded
}

// Read implements [net.Conn].
func (c *limitedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if oldest := c.listener.charge(c, n+headerLine*bytes.Count(b[:n], []byte{'\n'})); oldest != nil {
		_ = oldest.Close()
	}
	return n, err
}

// A chargedConn is the connection under TLS. The bytes of a handshake, or of a record that is
// incomplete, take memory and count as a header does.
type chargedConn struct {
	net.Conn
	of *limitedConn
}

// Read implements [net.Conn].
func (c chargedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if oldest := c.of.listener.charge(c.of, n); oldest != nil {
		_ = oldest.Close()
	}
	return n, err
}

// errBusy says that the limit of requests with a valid token is reached.
var errBusy = errors.New("too many requests with a valid token at once (--max-connections)")

// keep keeps the connection until its request is answered. It waits while maxKept are kept.
func (c *limitedConn) keep(ctx context.Context) error {
	l := c.listener
	select {
	case l.kept <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errBusy, ctx.Err())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.gone || c.place == nil {
		<-l.kept
		return nil // the connection is closed, or kept already
	}
	c.unlist()
	c.answer.Del("Connection")
	return nil
}

// changed follows the server's state of the connection. An idle connection may be closed
// again, after all connections that are closable already.
func (c *limitedConn) changed(state http.ConnState) {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	switch {
	case c.gone:
	case state == http.StateActive:
		c.hasHeader = true
	case state == http.StateIdle:
		c.unlist()
		c.hasHeader = false
		c.place = c.listener.closable.PushBack(c)
	}
}

// Close implements [net.Conn]. Between requests it leaves out the alert of TLS, for which it would
// wait up to 5 s where the client does not read, and the server with it.
func (c *limitedConn) Close() error {
	c.listener.mu.Lock()
	answering := c.hasHeader
	c.listener.mu.Unlock()
	closing := c.socket
	if answering {
		closing = c.Conn
	}
	err := closing.Close()
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.forget()
	return err
}

// forget removes the connection from all counts. The caller holds the lock.
func (c *limitedConn) forget() {
	if !c.gone {
		c.gone = true
		c.unlist()
		c.listener.open--
	}
}

// unlist removes the connection from closable, or ends that it is kept. The caller holds the
// lock.
func (c *limitedConn) unlist() {
	l := c.listener
	if c.place == nil {
		<-l.kept
		return
	}
	l.closable.Remove(c.place)
	c.place = nil
	if c.request != nil {
		l.reading.Remove(c.request)
		l.headers -= c.headers
		c.request, c.headers = nil, 0
	}
}

// keeping is an Authenticator that keeps the connections of the callers that it accepts.
type keeping struct{ httpapi.Authenticator }

func (k keeping) Authenticate(r *http.Request) (httpapi.Caller, error) {
	caller, err := k.Authenticator.Authenticate(r)
	if c, ok := connOf(r); ok && err == nil {
		err = c.keep(r.Context())
	}
	return caller, err
}
