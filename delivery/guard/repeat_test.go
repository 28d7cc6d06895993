package guard_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// With these headers net/http repeats requests that may have been processed, if it can rewind the body.
var idempotent = http.Header{"Idempotency-Key": {"k"}, "X-Idempotency-Key": {"k"}}

// A script is the reaction of a receiver of HTTP/2 to its first request. It answers each later
// request with 200.
type script func(conn *tls.Conn, framer *http2.Framer, stream uint32)

func goAway(last int, code http2.ErrCode) script {
	return func(_ *tls.Conn, framer *http2.Framer, stream uint32) {
		_ = framer.WriteGoAway(uint32(int(stream)+last), code, nil)
	}
}

func resetStream(code http2.ErrCode) script {
	return func(_ *tls.Conn, framer *http2.Framer, stream uint32) { _ = framer.WriteRSTStream(stream, code) }
}

func thenHangUp(before script) script {
	return func(conn *tls.Conn, framer *http2.Framer, stream uint32) {
		before(conn, framer, stream)
		_ = conn.Close()
	}
}

func TestPost_HTTP2RepeatsOnlyWhatWasNotProcessed(t *testing.T) {
	t.Parallel()
	nothing := func(*tls.Conn, *http2.Framer, uint32) {}
	for _, c := range []struct {
		name     string
		first    script
		requests int32 // on the wire, for one Post
		ok       bool  // the Post succeeds
	}{
		{"GoAwayBelowTheStream", goAway(-1, http2.ErrCodeNo), 2, true},
		{"GoAwayWithAnErrorBelowTheFirstStream", goAway(-1, http2.ErrCodeEnhanceYourCalm), 2, true},
		{"RefusedStream", resetStream(http2.ErrCodeRefusedStream), 2, true},
		{"GoAwayThatIncludesTheStream", func(conn *tls.Conn, framer *http2.Framer, stream uint32) {
			goAway(0, http2.ErrCodeNo)(conn, framer, stream)
			answerStream(framer, stream)
		}, 1, true},
		{"GoAwayThatIncludesTheStreamThenClosed", thenHangUp(goAway(0, http2.ErrCodeNo)), 1, false},
		{"ResetWithInternalError", resetStream(http2.ErrCodeInternal), 1, false},
		{"ResetWithCancel", resetStream(http2.ErrCodeCancel), 1, false},
		{"ResetWithProtocolError", resetStream(http2.ErrCodeProtocol), 1, false}, // net/http would repeat it
		{"RefusedAfterTheStatus", func(conn *tls.Conn, framer *http2.Framer, stream uint32) {
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte{0x88}, EndHeaders: true})
			resetStream(http2.ErrCodeRefusedStream)(conn, framer, stream)
		}, 1, false},
		{"Closed", thenHangUp(nothing), 1, false},
		{"ConnectionReset", func(conn *tls.Conn, _ *http2.Framer, _ uint32) { hostile.Reset(conn.NetConn()) }, 1, false},
	} {
		for part, at := range map[string]http2.FrameType{"": http2.FrameData, "InTheBody": http2.FrameHeaders} {
			if c.name == "RefusedAfterTheStatus" && part != "" {
				continue
			}
			t.Run(c.name+part, func(t *testing.T) {
				t.Parallel()
				body := bytes.Repeat([]byte("x"), 30_000) // two of them fit into the first window
				r, o := newScripted(t, at, c.first, len(body))
				res := newTLSClient(t, o).Post(t.Context(), guard.Request{URL: mustParse(t, httpsURL(r)), Body: body, Header: idempotent})
				if (res.Err == nil && res.Status == 200) != c.ok || strings.Contains(guard.Describe(res.Err), "before processing it") {
					t.Errorf("status %d, %q (%v)", res.Status, guard.Describe(res.Err), res.Err)
				}
				if got := r.Requests.Load(); got != c.requests {
					t.Errorf("%d requests on the wire, want %d", got, c.requests)
				}
			})
		}
	}
}

// newScripted runs the script at a frame of the first request: the first one of that type that
// ends the headers or the stream. Later requests are answered if they have size bytes of body.
func newScripted(t *testing.T, at http2.FrameType, first script, size int) (*receiver, guard.Options) {
	t.Helper()
	config := &tls.Config{NextProtos: []string{"h2"}}
	roots := certify(t, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}, config)
	var once sync.Once
	return newReceiver(t, overTLS(config, func(r *receiver, conn net.Conn) {
		got := map[uint32]int{}
		eachFrame(r, conn, func() []http2.Setting { return nil }, func(framer *http2.Framer, head http2.FrameHeader) {
			if head.Type == http2.FrameData {
				got[head.StreamID] += int(head.Length)
			}
			ends := head.Type == http2.FrameHeaders || head.Type == http2.FrameData && head.Flags.Has(http2.FlagDataEndStream)
			if ends && head.Type == at {
				once.Do(func() {
					first(conn.(*tls.Conn), framer, head.StreamID)
					got[head.StreamID] -= 1 << 20
				})
			}
			if ends && got[head.StreamID] == size {
				answerStream(framer, head.StreamID)
			}
		})
	})), guard.Options{RootCAs: roots}
}

func answerStream(framer *http2.Framer, stream uint32) {
	status := []byte{0x88} // :status 200
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: status, EndStream: true, EndHeaders: true})
}

// One deadline holds for all tries.
func TestPost_RepeatsWithinItsDeadline(t *testing.T) {
	t.Parallel()
	r, o := newScripted(t, http2.FrameData, resetStream(http2.ErrCodeRefusedStream), -1)
	o.Timeout = 2 * time.Second // the second request must have begun by then, also on a busy machine
	res := post(t, newTLSClient(t, o), httpsURL(r))
	if got := guard.Describe(res.Err); got != "timeout after 2s" || r.Requests.Load() != 2 {
		t.Errorf("%q (%v), %d requests on the wire", got, res.Err, r.Requests.Load())
	}
}

// A connection is closed by the receiver after net/http has chosen it for a request, before
// net/http writes the request.
func TestPost_RepeatsWhatWasNotWritten(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(net.Conn){"Closed": hostile.HangUp, "Reset": hostile.Reset} {
		for when, used := range map[string]int32{"WhenNew": 0, "WhenUsed": 1} {
			for kind, newKeeper := range keepers {
				t.Run(kind+how+when, func(t *testing.T) {
					t.Parallel()
					k := newKeeper(t)
					client := newTLSClient(t, k.options)
					req := guard.Request{URL: mustParse(t, k.url), Body: []byte(`{"id":1}`), Header: idempotent}
					for range used {
						if res := client.Post(t.Context(), req); res.Status != 200 {
							t.Fatalf("%+v", res)
						}
					}
					var once sync.Once
					ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
						once.Do(func() {
							end(<-k.conns)
							untilClosed(info.Conn)
						})
					}})
					if res := client.Post(ctx, req); res.Status != 200 {
						t.Errorf("%+v, %s", res, guard.Describe(res.Err))
					}
					if k.Requests.Load() != used+1 || k.Connections.Load() != 2 {
						t.Errorf("%d requests on %d connections", k.Requests.Load(), k.Connections.Load())
					}
				})
			}
		}
	}
}

// untilClosed returns when net/http has closed its end of a connection.
func untilClosed(conn net.Conn) {
	for conn.SetDeadline(time.Time{}) == nil {
		runtime.Gosched()
	}
}

// A kept connection is closed by the receiver, and net/http does not know yet: its reader is
// held up since it gave the connection back.
func TestPost_WritesNothingToAConnectionThatTheReceiverClosed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("guard cannot look into a socket of Windows without reading")
	}
	for kind, newKeeper := range keepers {
		if kind == "HTTP2" { // there it is a GOAWAY that says so
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			client := newTLSClient(t, k.options)
			req := guard.Request{URL: mustParse(t, k.url), Body: []byte(`{"id":1}`)}
			kept, release := make(chan struct{}), make(chan struct{})
			hold := sync.OnceFunc(func() {
				close(kept)
				<-release
			})
			var first sync.WaitGroup
			first.Go(func() {
				client.Post(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{PutIdleConn: func(error) { hold() }}), req)
			})
			<-kept
			_ = (<-k.conns).(*net.TCPConn).CloseWrite() // it goes on to read, and counts
			held := req
			held.Timeout = short
			if res := client.Post(t.Context(), held); guard.Describe(res.Err) != "timeout after 300ms" {
				t.Errorf("%+v", res)
			}
			close(release)
			first.Wait()
			if res := client.Post(t.Context(), req); res.Status != 200 || k.Requests.Load() != 2 {
				t.Errorf("%+v, %d requests on the wire, want that of the first and the third Post", res, k.Requests.Load())
			}
		})
	}
}

// A keeper is a receiver that answers each request with 200 and keeps the connection.
type keeper struct {
	*receiver
	url     string
	options guard.Options
	conns   chan net.Conn // the TCP connections that were accepted
}

var keepers = map[string]func(*testing.T) *keeper{
	"Plain": func(t *testing.T) *keeper {
		k := &keeper{conns: make(chan net.Conn, 4)}
		k.receiver = newReceiver(t, k.serve)
		k.url = k.URL()
		return k
	},
	"TLS":   func(t *testing.T) *keeper { return newTLSKeeper(t, "http/1.1") },
	"HTTP2": func(t *testing.T) *keeper { return newTLSKeeper(t, "h2") },
}

func newTLSKeeper(t *testing.T, protocol string) *keeper {
	t.Helper()
	config := &tls.Config{NextProtos: []string{protocol}}
	k := &keeper{conns: make(chan net.Conn, 4)}
	k.options.RootCAs = certify(t, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}, config)
	k.receiver = newReceiver(t, overTLS(config, k.serve))
	k.url = httpsURL(k.receiver)
	return k
}

func (k *keeper) serve(r *receiver, conn net.Conn) {
	secure, isTLS := conn.(*tls.Conn)
	if !isTLS {
		k.conns <- conn
		answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(r, conn)
		return
	}
	k.conns <- secure.NetConn()
	if err := secure.HandshakeContext(context.Background()); err != nil {
		return
	}
	if secure.ConnectionState().NegotiatedProtocol != "h2" {
		answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(r, conn)
		return
	}
	eachFrame(r, conn, func() []http2.Setting { return nil }, func(framer *http2.Framer, head http2.FrameHeader) {
		if head.Type == http2.FrameData && head.Flags.Has(http2.FlagDataEndStream) {
			answerStream(framer, head.StreamID)
		}
	})
}
