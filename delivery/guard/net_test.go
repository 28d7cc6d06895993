package guard_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

const (
	short = 300 * time.Millisecond // a deadline that a test waits for
	long  = 30 * time.Second       // one that it never reaches
)

// newClient returns a client that may reach 127.0.0.1, unless o has a policy.
func newClient(t *testing.T, o guard.Options) *guard.Client {
	t.Helper()
	if o.Policy == nil {
		o.Policy = &guard.Policy{AllowNetworks: prefixes("127.0.0.1/32")}
	}
	if o.Timeout == 0 {
		o.Timeout = long
	}
	client := guard.NewClient(o)
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func post(t *testing.T, c *guard.Client, raw string) guard.Result {
	t.Helper()
	return c.Post(t.Context(), guard.Request{URL: mustParse(t, raw), Body: []byte(`{"id":1}`)})
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

type receiver = hostile.Server

func newReceiver(t *testing.T, serve func(*receiver, net.Conn)) *receiver {
	t.Helper()
	return hostile.Serve(t, serve)
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	return hostile.Listen(t, addr)
}

// mustBeUntouched fails if anybody connected to a listener that nobody accepts
// from: the first in the queue has to be the connection that it makes itself.
func mustBeUntouched(t *testing.T, l net.Listener) {
	t.Helper()
	own, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer hostile.HangUp(own)
	first, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer hostile.HangUp(first)
	if first.RemoteAddr().String() != own.LocalAddr().String() {
		t.Errorf("%s was connected to", l.Addr())
	}
}

// The names that newResolver answers for.
const (
	name           = "hooks.example.com"
	underscoreName = "web_hooks.example.com"
)

// newResolver answers for these names, as if from the network: lookup gets the number
// of the query, from 1, and returns addresses.
func newResolver(lookup func(query int) []string) *net.Resolver {
	var queries, queries6 atomic.Int32 // each lookup asks for A and for AAAA
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer hostile.HangUp(server)
			answerDNS(server, func(t dnsmessage.Type) []string {
				if t == dnsmessage.TypeA {
					return lookup(int(queries.Add(1)))
				}
				return lookup(int(queries6.Add(1)))
			})
		}()
		return client, nil
	}}
}

// answerDNS answers one query in the framing of DNS over TCP (RFC 1035 4.2.2).
func answerDNS(conn net.Conn, lookup func(dnsmessage.Type) []string) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	packet := make([]byte, binary.BigEndian.Uint16(size[:]))
	var msg dnsmessage.Message
	if _, err := io.ReadFull(conn, packet); err != nil || msg.Unpack(packet) != nil {
		return
	}
	question := msg.Questions[0]
	msg.Response, msg.RecursionAvailable, msg.Additionals = true, true, nil
	if asked := strings.TrimSuffix(question.Name.String(), "."); asked == name || asked == underscoreName {
		msg.Answers = records(question, lookup(question.Type))
	} else {
		msg.RCode = dnsmessage.RCodeNameError
	}
	if packet, err := msg.AppendPack(make([]byte, 2)); err == nil {
		binary.BigEndian.PutUint16(packet, uint16(len(packet)-2))
		_, _ = conn.Write(packet)
	}
}

func records(question dnsmessage.Question, addrs []string) (all []dnsmessage.Resource) {
	header := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class}
	for _, a := range addrs {
		switch addr := netip.MustParseAddr(a); {
		case addr.Is4() && question.Type == dnsmessage.TypeA:
			all = append(all, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case addr.Is6() && question.Type == dnsmessage.TypeAAAA:
			all = append(all, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return all
}
