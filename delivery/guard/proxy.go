package guard

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxTargets  = 8               // addresses of a receiver that a proxy is asked for
	targetShare = 2 * time.Second // least time for each of them, if there is that much
)

// CheckProxy returns nil if the URL can be [Options.Proxy], and else a *[URLError]: it must be
// http://host or http://host:port, and may have a user name and a password.
func CheckProxy(u *url.URL) error {
	switch {
	case u.Scheme != "http" || u.Hostname() == "":
		return &URLError{"must be http://[user:password@]host[:port]"}
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return &URLError{"must not have a path, a query or a fragment"}
	}
	_, err := parsePort(u.Port())
	return err
}

// A ProxyError reports that [Options.Proxy] made no connection. Its text is one line for a person,
// without addresses and credentials.
type ProxyError struct {
	// Reason is the text after the class: "connection refused", "HTTP 407 of the egress proxy".
	Reason string
	// Ours says that the proxy failed or refused the connection by its own rules, so the error tells
	// nothing of the receiver; [Local] then reports true. False: the proxy could not reach the receiver.
	Ours bool
	// Err is the cause, nil if the proxy answered.
	Err error
}

// Error returns "egress proxy: connection refused" for a failure of the proxy, and
// "connect: HTTP 502 of the egress proxy" where the proxy could not reach the receiver.
func (e *ProxyError) Error() string {
	if e.Ours {
		return "egress proxy: " + e.Reason
	}
	return "connect: " + e.Reason
}

// Unwrap returns Err.
func (e *ProxyError) Unwrap() error { return e.Err }

// A proxy makes connections through an HTTP proxy, by CONNECT (RFC 9110, section 9.3.6). The
// proxy is the operator's: the policy judges the receivers' addresses, not the address of the proxy.
type proxy struct {
	net.Dialer
	address       string // host:port
	authorization string // "" for none
	trusted       bool
	policy        *Policy

	waiting  atomic.Int64 // requests without an answer
	answered atomic.Int64 // requests with one
}

// newProxy returns the proxy of the options, nil for none.
func newProxy(o Options) *proxy {
	if o.Proxy == nil {
		return nil
	}
	p := &proxy{
		Dialer: net.Dialer{Resolver: o.Resolver}, address: o.Proxy.Host, trusted: o.ProxyTrusted, policy: o.Policy,
	}
	if o.Proxy.Port() == "" {
		p.address = net.JoinHostPort(o.Proxy.Hostname(), "80")
	}
	if user := o.Proxy.User; user != nil {
		password, _ := user.Password()
		p.authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	}
	return p
}

// connect makes a connection to a receiver. It tries the addresses of its name one after the other.
func (p *proxy) connect(ctx context.Context, receiver string) (net.Conn, error) {
	targets, err := p.targets(ctx, receiver)
	if err != nil {
		return nil, err
	}
	for i, target := range targets {
		conn, failed := p.connectTo(ctx, target, len(targets)-i)
		if failed == nil {
			return conn, nil
		}
		if i == 0 || Local(failed) {
			err = failed
		}
		if Local(failed) || ctx.Err() != nil {
			break // the next address would meet the same proxy
		}
	}
	return nil, err
}

// targets returns the addresses that the proxy is asked for. Without trust they are addresses that
// the policy allows, so that the proxy looks nothing up.
func (p *proxy) targets(ctx context.Context, receiver string) ([]string, error) {
	host, portText, err := net.SplitHostPort(receiver)
	if err != nil {
		return nil, err
	}
	port, err := parsePort(portText)
	if err != nil {
		return nil, err
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		return p.allowed([]netip.Addr{literal}, port)
	}
	if p.trusted {
		_, err := p.policy.ParseURL("https://"+receiver, false) // as when it was saved: the proxy may read 127.1 as an address
		return []string{receiver}, err
	}
	addrs, err := cmp.Or(p.Resolver, net.DefaultResolver).LookupNetIP(ctx, "ip", host)
	for i, addr := range addrs {
		addrs[i] = addr.Unmap() // an A record may come in the form of IPv6
	}
	if err != nil {
		return nil, err
	}
	return p.allowed(addrs, port)
}

// allowed returns the addresses that the policy allows, maxTargets at most, or the error about the
// first one.
func (p *proxy) allowed(addrs []netip.Addr, port uint16) (targets []string, err error) {
	for _, addr := range addrs {
		target := netip.AddrPortFrom(addr, port)
		switch blocked := p.policy.CheckAddr(target); {
		case blocked == nil && len(targets) < maxTargets:
			targets = append(targets, target.String())
		case err == nil:
			err = blocked
		}
	}
	if len(targets) > 0 {
		return targets, nil
	}
	return nil, err
}

// connectTo makes a connection to one of some remaining targets, in its share of the time.
func (p *proxy) connectTo(ctx context.Context, target string, remaining int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && remaining > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(remaining), targetShare))
		defer cancel()
	}
	conn, err := p.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, &ProxyError{Reason: proxyReason(err), Ours: true, Err: err}
	}
	before := p.answers()
	p.waiting.Add(1)
	status, err := p.ask(ctx, conn, target)
	if err == nil {
		p.answered.Add(1)
	}
	silent := p.silentSince(before)
	p.waiting.Add(-1)
	switch {
	case err == nil && status/100 == 2:
		return conn, nil
	case err == nil:
		err = &ProxyError{Reason: "HTTP " + strconv.Itoa(status) + " of the egress proxy", Ours: status/100 != 5}
	default:
		err = &ProxyError{Reason: proxyReason(err), Ours: silent || !isTimeout(err), Err: err}
	}
	_ = conn.Close()
	return nil, err
}

// answers returns the number of requests that the proxy has answered.
func (p *proxy) answers() int64 {
	if p == nil {
		return 0
	}
	return p.answered.Load()
}

// silentSince reports whether a request waits for its answer, and none was answered since a number
// of answers: the proxy hangs. Where a proxy hangs at one receiver while it answers other requests,
// the receiver does not answer the proxy.
func (p *proxy) silentSince(answers int64) bool {
	return p != nil && p.waiting.Load() > 0 && p.answered.Load() == answers
}

var errEarlyData = errors.New("data before the first request")

// ask sends the request for a connection to a target, and returns the status of the answer.
func (p *proxy) ask(ctx context.Context, conn net.Conn, target string) (status int, err error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() { // the connection has a deadline in the past
			err = ctx.Err()
		}
	}()
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.authorization != "" {
		request += "Proxy-Authorization: " + p.authorization + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return 0, err
	}
	reader := bufio.NewReader(io.LimitReader(conn, maxHeader))
	//nolint:bodyclose // a success has no body, and a failure closes the connection
	resp, err := http.ReadResponse(reader, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return 0, err
	}
	if reader.Buffered() > 0 && resp.StatusCode/100 == 2 {
		return 0, errEarlyData
	}
	return resp.StatusCode, nil
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// proxyReason words the error of an exchange with the proxy in fixed phrases.
func proxyReason(err error) string {
	var network net.Error
	switch {
	case isTimeout(err):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed before the answer"
	case errors.As(err, &network):
		return strings.TrimPrefix(Describe(err), "connect: ")
	}
	return "malformed answer"
}
