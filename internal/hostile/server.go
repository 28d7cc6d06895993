package hostile

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// A Server calls a function with each connection.
type Server struct {
	net.Listener
	Connections atomic.Int32 // number of connections that were accepted
	Requests    atomic.Int32 // number of requests that were read

	mu      sync.Mutex
	open    []net.Conn
	running sync.WaitGroup
}

// Serve starts a server on a port of 127.0.0.1. It ends with the test, or by
// [Server.Close], which closes the connections: then serve must return.
func Serve(tb testing.TB, serve func(*Server, net.Conn)) *Server {
	tb.Helper()
	s := &Server{Listener: Listen(tb, "127.0.0.1:0")}
	s.running.Go(func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.Connections.Add(1)
			s.mu.Lock()
			s.open = append(s.open, conn)
			s.mu.Unlock()
			s.running.Go(func() {
				defer HangUp(conn)
				serve(s, conn)
			})
		}
	})
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// Close closes everything and waits until it has ended.
func (s *Server) Close() error {
	err := s.Listener.Close()
	s.mu.Lock()
	for _, conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
	return err
}

// URL returns an address of the server for plain HTTP.
func (s *Server) URL() string { return "http://" + s.Addr().String() + "/hook" }

// Next reads one request to its end and counts it, or returns nil at the end of the
// connection.
func (s *Server) Next(in *bufio.Reader) *http.Request {
	req, err := http.ReadRequest(in)
	if err != nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil
	}
	s.Requests.Add(1)
	return req
}

// Listen listens, or skips the test on a machine that cannot.
func Listen(tb testing.TB, addr string) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		tb.Skipf("this machine cannot listen on %s: %v", addr, err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}
