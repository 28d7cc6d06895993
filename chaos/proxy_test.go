//go:build unix

package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// framed is a message as a host sends it; kind 0 is the startup message.
func framed(kind byte, body string) string {
	size := string(binary.BigEndian.AppendUint32(nil, uint32(4+len(body))))
	if kind == 0 {
		return size + body
	}
	return string(kind) + size + body
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	parse := framed('P', "insert_1\x00INSERT INTO keys\x00\x00\x00")
	bind := framed('B', "\x00insert_1\x00\x00\x00")
	for _, test := range []struct {
		rule, sent string
		committed  []string
	}{
		{
			"IsSeenAtItsCommit", framed('Q', "begin\x00") + parse + bind + framed('Q', "commit\x00"),
			[]string{"begin", "INSERT INTO keys", "commit"},
		},
		{
			"KnowsStatementsThatWerePreparedBefore", parse + bind + framed('S', "") + framed('Q', "BEGIN\x00") + bind + framed('Q', "COMMIT\x00"),
			[]string{"BEGIN", "INSERT INTO keys", "COMMIT"},
		},
		{"ThatIsRolledBackIsNotCommitted", framed('Q', "begin\x00") + parse + bind + framed('Q', "rollback\x00"), nil},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			from, followed := strings.NewReader(framed(0, "user\x00chaos\x00\x00")+test.sent), transaction{prepared: map[string]string{}}
			var committed []string
			for first := true; ; first = false {
				m, err := readMessage(from, first)
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, texts := followed.follow(m); texts != nil {
					committed = texts
				}
			}
			if !slices.Equal(committed, test.committed) {
				t.Errorf("committed %q, want %q", committed, test.committed)
			}
		})
	}
	t.Run("OfAnotherProtocolIsAnError", func(t *testing.T) {
		t.Parallel()
		if _, err := readMessage(strings.NewReader("GET / HTTP/1.1"), true); err == nil {
			t.Error("it was read")
		}
	})
}

// through connects a host and a server by a proxy.
func through(t *testing.T, cut cutter) (host, server net.Conn) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProxy(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.setCut(cut)
	if host, err = new(net.Dialer).DialContext(t.Context(), "tcp", p.listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(host.Close(), server.Close(), listener.Close()) })
	return host, server
}

func TestProxy(t *testing.T) {
	t.Parallel()
	commit := framed('Q', "commit\x00")
	start := framed(0, "user\x00chaos\x00\x00")
	for _, test := range []struct {
		rule    string
		action  cutAction
		arrives string // at the server
	}{
		{"CutsAfterTheCommitWasForwarded", cutAtOnce, start + commit},
		{"CutsInsteadOfForwardingTheReply", cutAtReply, start + commit},
		{"CutsBeforeTheCommit", cutBefore, start},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			host, server := through(t, func(_ string, committed []string) cutAction {
				if committed == nil {
					return forward
				}
				return test.action
			})
			if _, err := io.WriteString(host, start+commit); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(test.arrives))
			if _, err := io.ReadFull(server, got); err != nil || string(got) != test.arrives {
				t.Errorf("the server got %q, %v", got, err)
			}
			_, _ = io.WriteString(server, "the reply") // the connection may be cut already
			if rest, _ := io.ReadAll(host); len(rest) > 0 {
				t.Errorf("the host got %q", rest)
			}
		})
	}
}
