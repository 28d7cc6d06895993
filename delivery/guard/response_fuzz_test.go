package guard_test

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
)

// phrases are all that may be said of a response, so that nothing that it holds gets
// into a history or a log.
var phrases = []string{
	"", "the receiver's response is malformed", "the receiver's response headers are too large",
	"connection closed before the response ended", "connection reset",
}

func FuzzResponse(f *testing.F) {
	const head = "HTTP/1.1 200 OK\r\n"
	for _, response := range []string{
		"", "HTTP/1.1", "HTTP/1.1 200 OK", head, head + "\r\n", head + "Content-Length: 5\r\n\r\nhello", head + "Content-Length: 5\r\n\r\nhell",
		head + "Content-Length: 1\r\n\r\nhello",
		head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", head + "Content-Length: 99999999999999999999\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: y\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		head + "Transfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n0\r\n\r\n",
		head + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n" + head + "\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nbytes",
		"HTTP/1.1 503 \xff\x00\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\nmore",
		"HTTP/1.1 999 \r\n\r\n", "HTTP/1.1 000 \r\n\r\n", "HTTP/1.1 -20 \r\n\r\n",
		"HTTP/0.9 200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "SSH-2.0-x\r\n",
		head + "X : y\r\n\r\n", head + " folded\r\n\r\n", head + "\x00: \xff\r\n\r\n",
		head + "Content-Encoding: gzip\r\n\r\n\x1f\x8b", head + "Location: http://10.0.0.1/\r\n\r\n",
		head + "X: " + strings.Repeat("x", 65<<10) + "\r\n\r\n", head + "\r\n" + strings.Repeat("x", kept+1),
	} {
		f.Add([]byte(response))
	}
	var response atomic.Pointer[[]byte]
	r := hostile.Serve(f, func(r *receiver, conn net.Conn) {
		if r.Next(bufio.NewReader(conn)) != nil {
			_, _ = conn.Write(*response.Load())
		}
	})
	client := guard.NewClient(guard.Options{Policy: &guard.Policy{AllowNetworks: prefixes("127.0.0.1/32")}, Timeout: long})
	f.Cleanup(client.CloseIdleConnections)
	f.Fuzz(func(t *testing.T, bytes []byte) {
		response.Store(&bytes)
		before := r.Requests.Load()
		res := post(t, client, r.URL())
		if res.Status != 0 && (res.Status < 200 || res.Status > 999) || len(res.Body) > kept || res.Truncated && len(res.Body) < kept {
			t.Errorf("status %d, %d bytes, truncated %t", res.Status, len(res.Body), res.Truncated)
		}
		if got := guard.Describe(res.Err); !slices.Contains(phrases, got) {
			t.Errorf("%s (%v)", got, res.Err)
		}
		if n := r.Requests.Load() - before; n != 1 {
			t.Errorf("%d requests on the wire", n)
		}
		client.CloseIdleConnections() // the server closes it too, but when?
	})
}
