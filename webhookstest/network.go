package webhookstest

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
)

// network is the Sender of a kit. It brings requests to receivers, in memory or through the client of production.
type network struct {
	clock  *Clock
	client *guard.Client // nil: in memory
	ended  chan struct{} // closed at the end of the test: requests that hang go on

	mu        sync.Mutex
	receivers map[string]*Receiver // by host
	calls     map[callKey]*call    // in flight
	servers   []*http.Server
}

// A callKey names a request: one attempt of a message, at one host.
type callKey struct{ host, message, attempt string }

// A call is a request in flight. While it hangs, its goroutine is not active: it waits for the clock.
type call struct {
	clock *Clock

	mu    sync.Mutex
	hangs bool
	over  chan struct{} // closed at its time-out
}

func newNetwork(c *Clock, s settings) *network {
	n := &network{clock: c, ended: make(chan struct{}), receivers: map[string]*Receiver{}, calls: map[callKey]*call{}}
	if s.http {
		n.client = guard.NewClient(guard.Options{
			Policy:  &guard.Policy{AllowNetworks: s.config.AllowNetworks, NAT64: s.config.NAT64},
			RootCAs: s.config.RootCAs, ClientCertificate: s.config.ClientCertificate, Clock: c,
		})
	}
	return n
}

// add connects a receiver, and sets its URL.
func (n *network) add(r *Receiver) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client == nil {
		host := fmt.Sprintf("receiver-%d.example.com", len(n.receivers)+1)
		r.URL, n.receivers[host] = "https://"+host+"/", r
		return nil
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n.serve(r, w, req)
	})}
	r.URL, n.receivers[l.Addr().String()] = "http://"+l.Addr().String()+"/", r
	n.servers = append(n.servers, server)
	go func() { _ = server.Serve(l) }()
	return nil
}

// name returns the URL of a subscription's receiver, or its id.
func (n *network) name(subscription uuid.UUID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.receivers {
		r.mu.Lock()
		found := r.Subscription.ID == subscription
		r.mu.Unlock()
		if found {
			return r.URL
		}
	}
	return subscription.String()
}

// Post implements webhooks.Sender.
func (n *network) Post(ctx context.Context, req guard.Request) guard.Result {
	h := http.Header{}
	for k, v := range req.Header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	key, c := keyOf(req.URL.Host, h), &call{clock: n.clock, over: make(chan struct{})}
	n.mu.Lock()
	n.calls[key] = c
	receiver := n.receivers[req.URL.Host]
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		delete(n.calls, key)
		n.mu.Unlock()
	}()
	timer := n.clock.AfterFunc(req.Timeout, c.timeOut)
	defer timer.Stop()
	switch {
	case n.client != nil:
		return n.client.Post(ctx, req)
	case receiver == nil:
		return guard.Result{Err: &net.DNSError{Err: "no such host", Name: req.URL.Hostname(), IsNotFound: true}}
	}
	b := receiver.receive(ctx, h, append([]byte(nil), req.Body...))
	switch {
	case b.hangs:
		if c.hang(ctx, c.over, n.ended) {
			return guard.Result{Err: &guard.TimeoutError{After: req.Timeout}}
		}
		return guard.Result{Err: context.Canceled}
	case b.reset:
		return guard.Result{Err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}
	}
	return guard.Result{Status: b.status, RetryAfter: b.retryAfterHeader()}
}

func keyOf(host string, h http.Header) callKey {
	return callKey{host, h.Get("Webhook-Id"), h.Get(delivery.HeaderAttempt)}
}

func (b behaviour) retryAfterHeader() string {
	if b.retryAfter == 0 {
		return ""
	}
	return strconv.Itoa(int(math.Ceil(b.retryAfter.Seconds())))
}

// serve is the handler of a receiver over HTTP.
func (n *network) serve(r *Receiver, w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the request was given up
	}
	n.mu.Lock()
	c := n.calls[keyOf(req.Host, req.Header)]
	n.mu.Unlock()
	b := r.receive(req.Context(), req.Header, body)
	if b.hangs && c != nil {
		c.hang(req.Context(), nil, n.ended) // the client ends the request at its time-out
	}
	if b.hangs || b.reset {
		closeConnection(w)
		return
	}
	if after := b.retryAfterHeader(); after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(b.status)
}

// closeConnection ends the connection with a TCP reset.
func closeConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// hang waits until the time of a call is over, and reports true then, or until ctx or the test ends.
func (c *call) hang(ctx context.Context, over, ended <-chan struct{}) bool {
	c.mu.Lock()
	c.hangs = true
	c.mu.Unlock()
	c.clock.End()
	select {
	case <-over:
		return true
	case <-ctx.Done():
	case <-ended:
	}
	c.resume()
	return false
}

// resume counts the goroutine of a call as active again.
func (c *call) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hangs {
		c.hangs = false
		c.clock.Begin()
	}
}

func (c *call) timeOut() {
	c.resume()
	close(c.over)
}

// close ends the requests that hang.
func (n *network) close() { close(n.ended) }

// closeIdle ends the servers and the connections to them.
func (n *network) closeIdle() {
	if n.client != nil {
		n.client.CloseIdleConnections()
	}
	for _, s := range n.servers {
		_ = s.Close()
	}
}
