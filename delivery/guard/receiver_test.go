package guard_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
)

const kept = 16 << 10 // bytes of a response that Post returns

func TestPost_HostileReceivers(t *testing.T) {
	t.Parallel()
	const timeout = "timeout after 300ms"
	for _, c := range []struct {
		name      string
		serve     func(net.Conn) // after the request was read
		status    int
		body      int // bytes
		truncated bool
		want      string // Describe(Err)
	}{
		{name: "HangsBeforeTheStatus", serve: wait, want: timeout},
		{name: "HangsInTheStatus", serve: sends("HTTP/1.1 2", wait), want: timeout},
		{name: "HangsInTheHeaders", serve: sends("HTTP/1.1 200 OK\r\nX: ", wait), want: timeout},
		{name: "HangsAfterA100", serve: sends("HTTP/1.1 100 Continue\r\n\r\n", wait), want: timeout},
		{name: "OneByteAtATime", serve: drips("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)), want: timeout},
		{name: "EndlessBody", serve: sends("HTTP/1.1 200 OK\r\n\r\n", endless("body")), status: 200, body: kept, truncated: true},
		{name: "EndlessChunks", serve: sends("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n", endless("4\r\nbody\r\n")), status: 500, body: kept, truncated: true},
		{name: "PromisesATerabyte", serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n", endless("body")), status: 200, body: kept, truncated: true},
		{name: "NineMegabytesOfHeaders", serve: sends("HTTP/1.1 200 OK\r\n", repeats("X: 01234567890123456789\r\n", 9<<20/25)), want: "response headers too large"},
		{name: "OneHeaderOfNineMegabytes", serve: sends("HTTP/1.1 200 OK\r\nX: ", repeats("0123456789", 9<<20/10)), want: "response headers too large"},
		{name: "EndlessStatusLine", serve: endless("HTTP/1.1 "), want: "response headers too large"},
		{name: "AMillion1xx", serve: repeats("HTTP/1.1 103 Early Hints\r\n\r\n", 1e6), want: "response headers too large"},
		{name: "HugeTrailer", serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: ", endless("x")), status: 200, want: "malformed response"},
		{name: "HugeChunkExtension", serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", endless("x")), status: 200, want: "malformed response"},
		{name: "ResetBeforeTheStatus", serve: reset, want: "connection reset"},
		{name: "ClosedBeforeTheStatus", serve: hangUp, want: "connection closed before the response ended"},
		{name: "ClosedInTheHeaders", serve: sends("HTTP/1.1 200 OK\r\nX: 1\r\n", hangUp), want: "connection closed before the response ended"},
		{name: "ClosedInTheBody", serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", hangUp), status: 200, body: 5, want: "connection closed before the response ended"},
		{name: "ClosedInAChunk", serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", hangUp), status: 200, body: 5, want: "connection closed before the response ended"},
		{name: "SwitchesProtocols", serve: sends("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", wait), want: "malformed response"},
		{name: "Status000", serve: sends("HTTP/1.1 000 Nothing\r\n\r\n", hangUp), want: "malformed response"},
		{name: "Status999", serve: sends("HTTP/1.1 999 Whatever\r\n\r\n", hangUp), status: 999},
		{name: "NotHTTP", serve: sends("SSH-2.0-OpenSSH_9.9 secret\r\n", hangUp), want: "malformed response"},
		{name: "TwoLengths", serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", hangUp), want: "malformed response"},
		{name: "NegativeLength", serve: sends("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", hangUp), want: "malformed response"},
		{name: "UnknownEncoding", serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", hangUp), want: "malformed response"},
		{name: "HeaderWithoutColon", serve: sends("HTTP/1.1 200 OK\r\nsecret\r\n\r\n", hangUp), want: "malformed response"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			deadline := long
			if c.want == timeout {
				deadline = short
			}
			r := newReceiver(t, func(r *receiver, conn net.Conn) {
				r.next(bufio.NewReader(conn))
				c.serve(conn)
			})
			res := post(t, newClient(t, guard.Options{Timeout: deadline}), r.url())
			if got := guard.Describe(res.Err); got != c.want || res.Status != c.status || len(res.Body) != c.body || res.Truncated != c.truncated {
				t.Errorf("status %d, %d bytes, truncated %t, %q (%v)", res.Status, len(res.Body), res.Truncated, got, res.Err)
			}
			if n := r.requests.Load(); n != 1 {
				t.Errorf("%d requests on the wire", n)
			}
		})
	}
}

// The deadline also holds once the status has arrived.
func TestPost_DeadlineHoldsToTheLastByte(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(net.Conn){
		"HangsInTheBody":        sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", wait),
		"OneByteOfBodyAtATime":  sends("HTTP/1.1 200 OK\r\n\r\n", drips(strings.Repeat("x", kept))),
		"HangsAfterTheLastByte": sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", wait),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(r *receiver, conn net.Conn) {
				r.next(bufio.NewReader(conn))
				serve(conn)
			})
			res := post(t, newClient(t, guard.Options{Timeout: 2 * time.Second}), r.url())
			if got := guard.Describe(res.Err); got != "timeout after 2s" || res.Status != 200 {
				t.Errorf("%+v: %s", res, got)
			}
		})
	}
}

func TestPost_ReceiverThatReadsNothing(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	defer close(held)
	r := newReceiver(t, func(_ *receiver, _ net.Conn) { <-held })
	res := newClient(t, guard.Options{}).Post(t.Context(), guard.Request{URL: mustParse(t, r.url()), Body: make([]byte, 32<<20), Timeout: short})
	if got := guard.Describe(res.Err); got != "timeout after 300ms" {
		t.Errorf("%s (%v)", got, res.Err)
	}
}

func TestPost_ResetAfterTheStatus(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		r.next(bufio.NewReader(conn))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")
		<-read // a reset would overtake what was not read yet
		reset(conn)
	})
	resp, err := newClient(t, guard.Options{}).HTTPClient().Get(r.url())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, err = io.ReadFull(resp.Body, make([]byte, 5))
	close(read)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	if got := guard.Describe(err); got != "connection reset" {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestPost_NothingIsDecompressed(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(w, zeros{}, 8<<20)
	_ = w.Close()
	accepted := make(chan string, 1)
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		accepted <- r.next(bufio.NewReader(conn)).Header.Get("Accept-Encoding")
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", bomb.Len(), bomb.Bytes())
	})
	res := post(t, newClient(t, guard.Options{}), r.url())
	if res.Err != nil || !bytes.Equal(res.Body, bomb.Bytes()) {
		t.Errorf("%d bytes, want %d as they were sent (%v)", len(res.Body), bomb.Len(), res.Err)
	}
	if got := <-accepted; got != "" {
		t.Errorf("Accept-Encoding: %s", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func sends(text string, then func(net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		then(conn)
	}
}

func repeats(text string, times int) func(net.Conn) {
	return func(conn net.Conn) {
		out := bufio.NewWriterSize(conn, 64<<10)
		for range times {
			if _, err := out.WriteString(text); err != nil {
				return
			}
		}
		_ = out.Flush()
		wait(conn)
	}
}

func endless(text string) func(net.Conn) { return repeats(text, 1<<40) }

func drips(text string) func(net.Conn) {
	return func(conn net.Conn) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := range len(text) {
			if _, err := io.WriteString(conn, text[i:i+1]); err != nil {
				return
			}
			<-tick.C
		}
	}
}

func hangUp(conn net.Conn) { _ = conn.Close() }

func reset(conn net.Conn) {
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}
