package main

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/ecg-api/webhooks/httpapi"
)

// spareConnections are open beside those of callers: for health checks, metrics, and
// clients whose token is still to come.
const spareConnections = 64

// maxHeaders is how many bytes the headers of all requests take whose token was not checked
// yet, or is not valid: their text, and headerLine for each line of it.
const (
	maxHeaders = 8 << 20
	headerLine = 128
)

// limitedListener bounds the connections that are open, so that nobody without a token
// keeps other clients out. A connection is kept while a request with a valid token is answered on
// it, up to maxKept of them. Any other may be closed to make room for a new one, the oldest
// first: it is idle, its request is incomplete or has no valid token, or its client does not
// read the answer. A new connection is therefore accepted at once. After a request without
// a valid token the connection is closed.
type limitedListener struct {
	net.Listener
	maxKept int
	kept    chan struct{} // a token for each connection that is kept

	mu       sync.Mutex
	open     int
	closable list.List // of *limitedConn, by when they were accepted or became idle
	headers  int       // bytes that those in reading take
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
		r.Header = nil // the server keeps the request while it waits for the rest of the body
	})
	return s.Serve(l)
}

type connKey struct{}

func connOf(r *http.Request) (*limitedConn, bool) {
	c, ok := r.Context().Value(connKey{}).(*limitedConn)
	return c, ok
}

// Accept closes the oldest connection if one too many is open.
func (l *limitedListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &limitedConn{Conn: accepted, listener: l}
	if oldest := l.add(c); oldest != nil {
		_ = oldest.Close()
	}
	return c, nil
}

// add adds a connection, and returns the one to close for it, nil for none. Of those that
// are open at most maxKept are kept, so there is one.
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
	return first.Conn
}

// charge adds a part of a header, and returns the connection to close if that is too much.
func (l *limitedListener) charge(c *limitedConn, part []byte) (oldest net.Conn) {
	size := len(part) + headerLine*bytes.Count(part, []byte{'\n'})
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
	return first.Conn
}

// limitedConn is a connection of a limitedListener, whose lock guards its fields.
type limitedConn struct {
	net.Conn
	listener  *limitedListener
	place     *list.Element // among those that may be closed; nil while it is kept
	gone      bool
	hasHeader bool          // the header of the request was read to its end
	headers   int           // bytes that it takes
	request   *list.Element // among those that are being read; nil for none

	answer http.Header // of the request; not guarded
}

// Read implements [net.Conn].
func (c *limitedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if oldest := c.listener.charge(c, b[:n]); oldest != nil {
		_ = oldest.Close()
	}
	return n, err
}

// errBusy says that as many requests with a token are being answered as may be.
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
		return nil // the answer reaches nobody, or it is kept already
	}
	c.unlist()
	c.answer.Del("Connection")
	return nil
}

// changed takes note of what the server does with the connection. When that is idle, it may
// be closed again, after all connections that may be closed now.
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

// Close implements [net.Conn].
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.forget()
	return err
}

// forget ends the count of the connection. The lock is held.
func (c *limitedConn) forget() {
	if !c.gone {
		c.gone = true
		c.unlist()
		c.listener.open--
	}
}

// unlist takes the connection from those that may be closed, or ends that it is kept. The
// lock is held.
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

// keeping is an Authenticator that keeps the connections of the callers that it lets in.
type keeping struct{ httpapi.Authenticator }

func (k keeping) Authenticate(r *http.Request) (httpapi.Caller, error) {
	caller, err := k.Authenticator.Authenticate(r)
	if c, ok := connOf(r); ok && err == nil {
		err = c.keep(r.Context())
	}
	return caller, err
}
