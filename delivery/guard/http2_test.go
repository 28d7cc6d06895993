package guard_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/ecg-api/webhooks/delivery/guard"
)

func TestPost_HTTP2(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		handler   http.HandlerFunc
		status    int
		body      int
		truncated bool
		want      string
	}{
		{
			name: "Answers", handler: func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }, status: 200,
			body: len(`{"id":1}`),
		},
		{name: "EndlessBody", handler: func(w http.ResponseWriter, _ *http.Request) {
			var err error
			for err == nil {
				_, err = io.WriteString(w, "body")
			}
		}, status: 200, body: kept, truncated: true},
		{name: "HeadersOverTheLimit", handler: func(w http.ResponseWriter, _ *http.Request) {
			for i := range 65 {
				w.Header().Set("X"+strconv.Itoa(i), strings.Repeat("x", 1<<10))
			}
		}, want: "the receiver's response headers are too large"},
		{name: "NineMegabytesOfHeaders", handler: func(w http.ResponseWriter, _ *http.Request) {
			for i := range 9 << 10 {
				w.Header().Set("X"+strconv.Itoa(i), strings.Repeat("x", 1<<10))
			}
		}, want: "http2: the receiver's response breaks the protocol"}, // so far over it that the connection ends
		{name: "OneHeaderOfNineMegabytes", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 9<<20))
		}, want: "http2: the receiver's response breaks the protocol"},
		{name: "Endless1xx", handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}, want: "the receiver's response headers are too large"},
		{name: "Hangs", handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: "timeout after 300ms"},
		{
			name: "ResetsTheStream", handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			want: "http2: the receiver broke off",
		},
		{name: "ResetsTheStreamInTheBody", handler: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hello")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, status: 200, body: 5, want: "http2: the receiver broke off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var requests, others atomic.Int32
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.ProtoMajor != 2 {
					others.Add(1)
				}
				c.handler(w, r)
			}))
			srv.EnableHTTP2 = true
			srv.Config.ErrorLog = log.New(io.Discard, "", 0)
			srv.StartTLS()
			t.Cleanup(srv.Close)
			roots := x509.NewCertPool()
			roots.AddCert(srv.Certificate())
			deadline := long
			if c.name == "Hangs" {
				deadline = short
			}
			client := newClient(t, guard.Options{RootCAs: roots, Timeout: deadline})
			res := post(t, client, srv.URL)
			if got := guard.Describe(res.Err); got != c.want || res.Status != c.status || len(res.Body) != c.body || res.Truncated != c.truncated {
				t.Errorf("status %d, %d bytes, truncated %t, %q (%v)", res.Status, len(res.Body), res.Truncated, got, res.Err)
			}
			if requests.Load() != 1 || others.Load() != 0 {
				t.Errorf("%d requests, %d not over HTTP/2", requests.Load(), others.Load())
			}
			client.CloseIdleConnections()
		})
	}
}

// net/http would send a refused stream again on the same connection, up to seven times.
func TestPost_HTTP2RefusedStreamIsRepeatedThreeTimesOnOtherConnections(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", `{"id":1}`} {
		config := &tls.Config{NextProtos: []string{"h2"}}
		roots := certify(t, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}, config)
		r := newReceiver(t, overTLS(config, func(r *receiver, conn net.Conn) {
			eachFrame(r, conn, func() []http2.Setting { return nil }, func(framer *http2.Framer, head http2.FrameHeader) {
				if head.Type == http2.FrameData && head.Flags.Has(http2.FlagDataEndStream) {
					_ = framer.WriteRSTStream(head.StreamID, http2.ErrCodeRefusedStream)
				}
			})
		}))
		client := newTLSClient(t, guard.Options{RootCAs: roots})
		res := client.Post(t.Context(), guard.Request{URL: mustParse(t, httpsURL(r)), Body: []byte(body), Header: idempotent})
		if got := guard.Describe(res.Err); got != "the receiver refused the request before processing it (HTTP/2 REFUSED_STREAM)" {
			t.Errorf("%s (%v)", got, res.Err)
		}
		if r.Requests.Load() != 4 || r.Connections.Load() != 4 {
			t.Errorf("%d requests on %d connections", r.Requests.Load(), r.Connections.Load())
		}
	}
}

// eachFrame speaks HTTP/2 by hand: when the client has begun it sends the settings,
// hands on each frame that comes, and counts the requests.
func eachFrame(r *receiver, conn net.Conn, settings func() []http2.Setting, do func(*http2.Framer, http2.FrameHeader)) {
	_, _ = io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface)))
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings(settings()...)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if frame.Header().Type == http2.FrameHeaders {
			r.Requests.Add(1)
		}
		do(framer, frame.Header())
	}
}

// A receiver may lower its limit while a request is given to the connection. Nothing
// of that request was sent, so another connection takes it.
func TestPost_HTTP2StreamsThatAreTakenAway(t *testing.T) {
	t.Parallel()
	given, taken := make(chan struct{}), make(chan struct{}, 2) // of both connections
	config := &tls.Config{NextProtos: []string{"h2"}}
	roots := certify(t, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}, config)
	var first atomic.Bool
	r := newReceiver(t, overTLS(config, func(r *receiver, conn net.Conn) {
		settings := func() []http2.Setting {
			if !first.CompareAndSwap(false, true) {
				return nil
			}
			<-given
			return []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 0}}
		}
		eachFrame(r, conn, settings, func(framer *http2.Framer, head http2.FrameHeader) {
			switch {
			case head.Type == http2.FrameSettings && head.Flags.Has(http2.FlagSettingsAck):
				taken <- struct{}{}
			case head.Type == http2.FrameData && head.Flags.Has(http2.FlagDataEndStream):
				status := []byte{0x88} // :status 200
				_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: head.StreamID, BlockFragment: status, EndStream: true, EndHeaders: true})
			}
		})
	}))
	give := sync.OnceFunc(func() { close(given) })
	t.Cleanup(give) // a receiver that still waits could not be closed
	took := sync.OnceFunc(func() { give(); <-taken })
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { took() }})
	client := newTLSClient(t, guard.Options{RootCAs: roots})
	res := client.Post(ctx, guard.Request{URL: mustParse(t, httpsURL(r)), Body: []byte(`{"id":1}`)})
	if res.Err != nil || res.Status != 200 || r.Requests.Load() != 1 {
		t.Errorf("status %d, %q (%v), %d requests on the wire", res.Status, guard.Describe(res.Err), res.Err, r.Requests.Load())
	}
}
