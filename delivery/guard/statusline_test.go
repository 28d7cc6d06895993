package guard_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/ecg-api/webhooks/delivery/guard"
)

const (
	badResponse  = "the receiver's response is malformed"
	largeHeaders = "the receiver's response headers are too large"
)

// A receiver that says 2xx has taken the request, whatever net/http makes of its headers.
func TestPost_SuccessWithRefusedHeaders(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct {
		response string
		status   int
		want     string
	}{
		"NoColon":          {"HTTP/1.1 201 Created\r\nsecret\r\n\r\n", 201, badResponse},
		"FoldedFirstLine":  {"HTTP/1.1 202 Accepted\r\n X: y\r\n\r\n", 202, badResponse},
		"NoName":           {"HTTP/1.1 204 No Content\r\n: y\r\n\r\n", 204, badResponse},
		"ControlInAName":   {"HTTP/1.1 200 OK\r\nX\x00: y\r\n\r\n", 200, badResponse},
		"ControlInAValue":  {"HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n", 200, badResponse},
		"TwoLengths":       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 200, badResponse},
		"NegativeLength":   {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 200, badResponse},
		"EmptyLength":      {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", 200, badResponse},
		"UnknownEncoding":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 200, badResponse},
		"TwoEncodings":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 200, badResponse},
		"ForbiddenTrailer": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Trailer\r\n\r\n", 200, badResponse},
		"LargeHeaders":     {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 200, largeHeaders},
		"Version10":        {"HTTP/1.0 200 OK\r\nsecret\r\n\r\n", 200, badResponse},
		"NoReason":         {"HTTP/1.1 299\r\nsecret\r\n\r\n", 299, badResponse},
		"Behind1xx": {
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nsecret\r\n\r\n", 200,
			badResponse,
		},
		"NewlinesAlone": {"HTTP/1.1 200\nsecret\n\n", 200, badResponse},

		"AFailure":            {"HTTP/1.1 500 Oops\r\nsecret\r\n\r\n", 0, badResponse},
		"Gone":                {"HTTP/1.1 410 Gone\r\nsecret\r\n\r\n", 0, badResponse},
		"In1xx":               {"HTTP/1.1 103 Early Hints\r\nsecret\r\n\r\n", 0, badResponse},
		"FailureBehind1xx":    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oops\r\nsecret\r\n\r\n", 0, badResponse},
		"SwitchedProtocols":   {"HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 0, badResponse},
		"LongStatus":          {"HTTP/1.1 2000 OK\r\n\r\n", 0, badResponse},
		"ShortStatus":         {"HTTP/1.1 20 OK\r\n\r\n", 0, badResponse},
		"StatusOfLetters":     {"HTTP/1.1 2OO OK\r\n\r\n", 0, badResponse},
		"EndlessStatusLine":   {"HTTP/1.1 200 " + strings.Repeat("OK", 40<<10), 0, largeHeaders},
		"AnotherProtocol":     {"ICY 200 OK\r\nsecret\r\n\r\n", 0, badResponse},
		"StatusInASecondLine": {"secret\r\nHTTP/1.1 200 OK\r\n\r\n", 0, badResponse},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			serve := func(r *receiver, conn net.Conn) {
				if r.Next(bufio.NewReader(conn)) != nil {
					_, _ = io.WriteString(conn, c.response)
					_, _ = io.Copy(io.Discard, conn) // until the client has given up
				}
			}
			config := new(tls.Config)
			roots := certify(t, &x509.Certificate{DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}, config)
			plain, secure := newReceiver(t, serve), newReceiver(t, overTLS(config, serve))
			for url, client := range map[string]*guard.Client{
				plain.URL():      newClient(t, guard.Options{}),
				httpsURL(secure): newTLSClient(t, guard.Options{RootCAs: roots}),
			} {
				res := post(t, client, url)
				if got := guard.Describe(res.Err); res.Status != c.status || got != c.want {
					t.Errorf("%s: status %d, %q (%v), want %d, %q", url, res.Status, got, res.Err, c.status, c.want)
				}
			}
			if plain.Requests.Load() != 1 || secure.Requests.Load() != 1 {
				t.Errorf("%d and %d requests on the wire", plain.Requests.Load(), secure.Requests.Load())
			}
		})
	}
}

// The status of a response is that of no later one on the same connection.
func TestPost_RefusedHeadersOnAConnectionThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]struct {
		second string
		status int
	}{
		"Success":      {"HTTP/1.1 201 Created\r\nsecret\r\n\r\n", 201},
		"Failure":      {"HTTP/1.1 503 Later\r\nsecret\r\n\r\n", 0},
		"NoStatusLine": {"secret\r\n\r\n", 0},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, func(r *receiver, conn net.Conn) {
				in := bufio.NewReader(conn)
				for _, response := range []string{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", c.second} {
					if r.Next(in) != nil {
						_, _ = io.WriteString(conn, response)
					}
				}
				_, _ = io.Copy(io.Discard, conn)
			})
			client := newClient(t, guard.Options{})
			if res := post(t, client, r.URL()); res.Status != 200 || res.Err != nil {
				t.Fatalf("status %d, %v", res.Status, res.Err)
			}
			res := post(t, client, r.URL())
			if got := guard.Describe(res.Err); res.Status != c.status || got != badResponse {
				t.Errorf("status %d, %q (%v), want %d", res.Status, got, res.Err, c.status)
			}
			if r.Connections.Load() != 1 || r.Requests.Load() != 2 {
				t.Errorf("%d requests on %d connections", r.Requests.Load(), r.Connections.Load())
			}
		})
	}
}

// HTTP/2 has no status line. The text says which side caused the failure.
func TestPost_HTTP2RefusedHeaders(t *testing.T) {
	t.Parallel()
	const literal, status200 = "\x00", "\x88"
	r, o := newScripted(t, http2.FrameData, func(_ *tls.Conn, framer *http2.Framer, stream uint32) {
		block := status200 + literal + "\x01X\x01y" // names are lower case in HTTP/2
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte(block), EndStream: true, EndHeaders: true})
	}, 8)
	res := post(t, newTLSClient(t, o), httpsURL(r))
	if got := guard.Describe(res.Err); res.Status != 0 || got != "http2: the receiver's response breaks the protocol" {
		t.Errorf("status %d, %q (%v)", res.Status, got, res.Err)
	}
}

func TestStatusLine(t *testing.T) {
	t.Parallel()
	line := new(guard.StatusLine)
	read := func(p string, request int64, answers bool, want int) {
		t.Helper()
		if got := guard.ReadStatusLine(line, p, request, answers); got != want {
			t.Errorf("%q of request %d: %d, want %d", p, request, got, want)
		}
	}
	for _, piece := range strings.Split("HTTP/1.1 200 O", "") {
		read(piece, 0, true, 0)
	}
	read("K\r\nX", 0, true, 200)
	read("HTTP/1.1 201 Created\r\n", 0, true, 0) // the same response goes on

	read("HTTP/1.1 202 Accepted\r\n", 1, true, 202)

	read("HTTP/1.1 200 OK\r\n", 2, false, 0) // before a byte of the request was written
	read("HTTP/1.1 200 OK\r\n", 2, true, 0)  // the text after it

	read("", 3, false, 0) // no byte is no beginning
	read("HTTP/1.1 204", 3, true, 0)
	read("\r\n", 3, true, 204)
	for _, piece := range strings.Split("HTTP/1.1 103 Hints\r\nX: y\r\nHTTP/1.1 200 no status line\r\n\r", "") {
		read(piece, 4, true, 0)
	}
	read("\nHTTP/1.1 ", 4, true, 0)
	read("206 X\n", 4, true, 206)

	read("HTTP/1.1 103 Hints\n\n\nHTTP/1.1 200 OK\n", 5, true, 0) // an empty line is no status line
	read("HTTP/1.1 20", 6, true, 0)
	read("HTTP/1.1 200 OK\r\n", 7, true, 200) // nothing is left of the former line
}
