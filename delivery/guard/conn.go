package guard

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// readerPause is the interval at which awaitReader looks at a connection.
const readerPause = 100 * time.Microsecond

// A dialer makes the connections of a [Client]. It does the TLS handshake itself, instead of
// net/http, in order to count the bytes inside TLS: the alert that closes a TLS connection is
// not part of a request.
type dialer struct {
	net.Dialer
	proxy     *proxy        // nil for none
	handshake time.Duration // bounds a TLS handshake; a dial outlives the request that asked for it
	verifying turnstile     // of certificate chains
}

// dial returns a *countedConn.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.connect(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	socket, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &countedConn{Conn: conn, socket: socket}, nil
}

// connect makes a TCP connection to a receiver.
func (d *dialer) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.proxy == nil {
		return d.DialContext(ctx, network, addr)
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	return d.proxy.connect(ctx, addr)
}

// dialTLS returns a *countedConn around a *tls.Conn for HTTP/1. For HTTP/2 it returns a
// *tls.Conn around a *countedConn, because net/http insists on a *tls.Conn there.
func (d *dialer) dialTLS(ctx context.Context, network, addr string, config *tls.Config) (net.Conn, error) {
	conn, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	secure, err := d.shakeHands(ctx, conn, addr, config.Clone())
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return secure, nil
	}
	return &countedConn{Conn: secure, socket: conn.(*countedConn).socket}, nil
}

// A countedConn counts the bytes that are written to it, and reads the status lines of the
// responses of HTTP/1.
type countedConn struct {
	net.Conn
	socket  syscall.RawConn // of the TCP connection, under TLS too
	written atomic.Int64
	begun   atomic.Int64 // bytes that were written before the latest request of HTTP/1
	status  atomic.Int64 // of the response to that request: begun times 1,000, and the status
	line    statusLine   // only Read uses it
}

// Read implements [net.Conn]. net/http reads from one goroutine, which may wait here while a
// request begins on another.
func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	begun := c.begun.Load()
	// Data that arrives before a byte of the request was written is no response to it.
	if status := c.line.read(p[:n], begun, c.written.Load() > begun); status != 0 {
		c.status.Store(begun*1000 + int64(status))
	}
	return n, err
}

// Write implements [net.Conn]. It counts the bytes first and takes back the bytes that were not
// written: the response may be read before Conn.Write returns.
func (c *countedConn) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}

// awaitReader waits until net/http has read the data that an idle connection of HTTP/1 received. That is
// most often its end, or the alert of TLS before the end: then net/http closes the connection
// and writes nothing to it. Without the wait it may write a request in the moment before it
// reads the end, and the request may have been processed for all that anybody knows.
func (c *countedConn) awaitReader(ctx context.Context) {
	for readable(c.socket) {
		select {
		case <-ctx.Done():
			_ = c.Conn.Close() // net/http would begin to write before it sees that ctx has ended
			return
		case <-time.After(readerPause):
		}
	}
}

// A writeTrace is the context of requests that are sent one after the other. It tells whether net/http
// wrote a byte of the latest one, and to which group they belong.
type writeTrace struct {
	context.Context
	clock  clock.Clock
	group  string
	hooks  httptrace.ClientTrace
	conn   *countedConn // the connection of the request; nil until net/http has chosen it
	start  int64        // bytes that were written to conn before the request
	sentAt time.Time    // when net/http had chosen the connection; zero before
}

// groupKey is the key of the group in a writeTrace. Net/http passes values on to the contexts of dials.
type groupKey struct{}

// Value implements [context.Context].
func (t *writeTrace) Value(key any) any {
	if key == (groupKey{}) {
		return t.group
	}
	return t.Context.Value(key)
}

// watched returns the context to send requests with.
func (t *writeTrace) watched() context.Context {
	t.hooks.GotConn = t.gotConn
	return httptrace.WithClientTrace(t, &t.hooks)
}

func (t *writeTrace) gotConn(info httptrace.GotConnInfo) {
	defer func() { t.sentAt = t.clock.Now() }()
	if secure, isHTTP2 := info.Conn.(*tls.Conn); isHTTP2 {
		t.conn = secure.NetConn().(*countedConn)
		t.start = t.conn.written.Load()
		return
	}
	t.conn = info.Conn.(*countedConn)
	if info.Reused {
		t.conn.awaitReader(t)
	}
	t.start = t.conn.written.Load()
	t.conn.begun.Store(t.start)
}

// nothingWritten reports that a request failed before a byte of it was written. It may report
// false for HTTP/2 although nothing was written, since requests share a connection there.
func (t *writeTrace) nothingWritten() bool {
	return t.conn != nil && t.conn.written.Load() == t.start
}

// status returns the status of the response to a request of HTTP/1; 0 if its status line has not
// been read to its end. It is 0 for HTTP/2, where responses have no status line: begun stays 0
// there, and start is more, after the bytes of the TLS handshake.
func (t *writeTrace) status() int {
	if t.conn == nil {
		return 0
	}
	if n := t.conn.status.Load(); n/1000 == t.start {
		return int(n % 1000)
	}
	return 0
}
