package hostile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"sync"
	"time"
)

// Kept is the number of bytes of a response that are kept.
const Kept = 16 << 10

// Timeout is the Error of a [Receiver] that answers too late. The recorded error has the
// duration behind it.
const Timeout = "timeout after "

// A Receiver answers a POST as no honest receiver does.
type Receiver struct {
	Name  string
	Serve func(*Server, net.Conn)
	// Secure makes it speak TLS with such a certificate and configuration. Serve gets
	// the bare connection if Bare is set.
	Secure func(*x509.Certificate, *tls.Config)
	Bare   bool
	Chain  int // certificates that it sends behind its own

	Status    int // the status that arrives; 0 for none
	Body      int // number of bytes of the body that are kept; -1 for any number above 0
	Truncated bool
	Error     string // the recorded error, also beside a status
	Unsent    bool   // no request gets as far as the wire
	Refuses   bool   // it says of each request that it did not process it
}

// Requests returns how many requests one attempt puts on the wire: a refused request is repeated three times.
func (r Receiver) Requests() int32 {
	switch {
	case r.Unsent:
		return 0
	case r.Refuses:
		return 4
	}
	return 1
}

// Plain returns the receivers that speak HTTP/1 without TLS.
func Plain() []Receiver {
	const (
		broken = "the receiver's response is malformed"
		large  = "the receiver's response headers are too large"
		closed = "connection closed before the response ended"
	)
	list := []Receiver{
		{Name: "HangsBeforeTheStatus", Serve: reads(Wait), Error: Timeout},
		{Name: "HangsInTheStatus", Serve: sends("HTTP/1.1 2", Wait), Error: Timeout},
		{Name: "HangsInTheHeaders", Serve: sends("HTTP/1.1 200 OK\r\nX: ", Wait), Error: Timeout},
		{Name: "HangsAfterA100", Serve: sends("HTTP/1.1 100 Continue\r\n\r\n", Wait), Error: Timeout},
		{Name: "OneByteAtATime", Serve: reads(Drips("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20), 5*time.Millisecond)), Error: Timeout},
		{Name: "OneByteASecond", Serve: reads(Drips("HTTP/1.1 200 OK\r\n\r\n", time.Second)), Error: Timeout},
		{Name: "HangsInTheBody", Serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", Wait), Status: 200, Body: 5, Error: Timeout},
		{
			Name: "OneByteOfBodyAtATime", Serve: sends("HTTP/1.1 500 Oops\r\n\r\n", Drips(strings.Repeat("x", Kept), 5*time.Millisecond)),
			Status: 500, Body: -1, Error: Timeout,
		},
		{
			Name: "HangsAfterTheLastByte", Serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Wait), Status: 200,
			Error: Timeout,
		},
		{Name: "EndlessBody", Serve: sends("HTTP/1.1 200 OK\r\n\r\n", Endless("body")), Status: 200, Body: Kept, Truncated: true},
		{
			Name: "EndlessChunks", Serve: sends("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n", Endless("4\r\nbody\r\n")), Status: 500,
			Body: Kept, Truncated: true,
		},
		{
			Name: "PromisesATerabyte", Serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n", Endless("body")), Status: 200,
			Body: Kept, Truncated: true,
		},
		{
			Name: "NineMegabytesOfHeaders", Serve: sends("HTTP/1.1 200 OK\r\n", Repeats("X: 01234567890123456789\r\n", 9<<20/25)), Status: 200,
			Error: large,
		},
		{Name: "OneHeaderOfNineMegabytes", Serve: sends("HTTP/1.1 200 OK\r\nX: ", Repeats("0123456789", 9<<20/10)), Status: 200, Error: large},
		{Name: "EndlessStatusLine", Serve: reads(Endless("HTTP/1.1 ")), Error: large},
		{Name: "AMillion1xx", Serve: reads(Repeats("HTTP/1.1 103 Early Hints\r\n\r\n", 1e6)), Error: large},
		{
			Name: "HugeTrailer", Serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: ", Endless("x")),
			Status: 200, Error: broken,
		},
		{
			Name: "HugeChunkExtension", Serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", Endless("x")), Status: 200,
			Error: broken,
		},
		{Name: "ResetBeforeTheStatus", Serve: reads(Reset), Error: "connection reset"},
		{
			Name: "ResetAfterTheStatus", Serve: sends("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 9\r\n\r\nhello", later(Reset)), Status: 502,
			Body: 5, Error: "connection reset",
		},
		{Name: "ClosedBeforeTheStatus", Serve: reads(HangUp), Error: closed},
		{Name: "ClosedInTheHeaders", Serve: sends("HTTP/1.1 200 OK\r\nX: 1\r\n", HangUp), Error: closed},
		{Name: "ClosedInTheBody", Serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", HangUp), Status: 200, Body: 5, Error: closed},
		{
			Name: "ClosedInAChunk", Serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", HangUp), Status: 200, Body: 5,
			Error: closed,
		},
		{
			Name: "SwitchesProtocols", Serve: sends("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", Wait),
			Error: broken,
		},
		{Name: "Status000", Serve: sends("HTTP/1.1 000 Nothing\r\n\r\n", HangUp), Error: broken},
		{Name: "Status999", Serve: sends("HTTP/1.1 999 Whatever\r\n\r\n", HangUp), Status: 999},
		{Name: "NotHTTP", Serve: sends("SSH-2.0-OpenSSH_9.9 secret\r\n", HangUp), Error: broken},
		{
			Name: "TwoLengths", Serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", HangUp), Status: 200,
			Error: broken,
		},
		{Name: "NegativeLength", Serve: sends("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", HangUp), Status: 200, Error: broken},
		{Name: "UnknownEncoding", Serve: sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HangUp), Status: 200, Error: broken},
		{Name: "HeaderWithoutColon", Serve: sends("HTTP/1.1 200 OK\r\nsecret\r\n\r\n", HangUp), Status: 200, Error: broken},
		{
			Name: "NULAndBrokenUTF8", Serve: sends("HTTP/1.1 200 O\x00K\xff\r\nX: \xff\r\nContent-Length: 4\r\n\r\na\x00\xff\xc0", Wait),
			Status: 200, Body: 4,
		},
		{Name: "AbsurdRetryAfter", Serve: sends("HTTP/1.1 503 Later\r\nRetry-After: "+strings.Repeat("9", 40)+"\r\nContent-Length: 0\r\n\r\n",
			Wait), Status: 503},
		{
			Name: "BrokenRetryAfter", Serve: sends("HTTP/1.1 429 Later\r\nRetry-After: -1\x00\xff\r\nContent-Length: 0\r\n\r\n", Wait),
			Error: broken,
		},
	}
	bomb := Bomb()
	return append(list, Receiver{
		Name: "GzipBomb", Status: 200, Body: len(bomb),
		Serve: sends("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"+string(bomb), HangUp),
	})
}

// Secure returns the receivers that speak TLS, or should. The last ones agree on HTTP/2.
func Secure() []Receiver {
	hangs := func(_ *Server, conn net.Conn) { Wait(conn) }
	now := time.Now()
	return append([]Receiver{
		{Name: "TLSHandshakeNeverEnds", Serve: hangs, Bare: true, Secure: asUsual, Error: Timeout, Unsent: true},
		{
			Name: "TLSHandshakeOneByteAtATime", Serve: bare(Drips("\x16\x03\x03\x40\x00\x02"+strings.Repeat("x", Kept), 5*time.Millisecond)),
			Bare: true, Secure: asUsual, Error: Timeout, Unsent: true,
		},
		{
			Name: "TLSVersion11", Serve: hangs, Error: "tls: protocol version not supported", Unsent: true,
			Secure: func(_ *x509.Certificate, c *tls.Config) {
				c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			},
		},
		{Name: "TLSExpired", Serve: hangs, Error: "tls: certificate has expired", Unsent: true, Secure: func(c *x509.Certificate, _ *tls.Config) {
			c.NotAfter = now.Add(-time.Hour)
		}},
		{
			Name: "TLSNotYetValid", Serve: hangs, Error: "tls: certificate is not valid yet", Unsent: true,
			Secure: func(c *x509.Certificate, _ *tls.Config) {
				c.NotBefore = now.Add(time.Hour)
			},
		},
		{
			Name: "TLSAnotherName", Serve: hangs, Error: "tls: certificate is for another host", Unsent: true,
			Secure: func(c *x509.Certificate, _ *tls.Config) {
				c.DNSNames, c.IPAddresses = []string{"other.example.com"}, nil
			},
		},
		{
			Name: "TLSChainOf200", Serve: hangs, Chain: 199, Error: "tls: the receiver's certificate chain is too long", Unsent: true,
			Secure: asUsual,
		},
		{Name: "TLSHangsBeforeTheStatus", Serve: reads(Wait), Error: Timeout, Secure: asUsual},
	}, http2()...)
}

func asUsual(*x509.Certificate, *tls.Config) {}

// Start serves, with a certificate of the authority if the receiver speaks TLS. It calls
// first, unless it is nil, with each connection.
func (r Receiver) Start(a *Authority, first func(net.Conn)) *Server {
	config := new(tls.Config)
	if r.Secure != nil {
		cert := Certificate("127.0.0.1")
		r.Secure(cert, config)
		a.Certify(cert, config)
		a.lengthen(config, r.Chain)
	}
	return Serve(a.tb, func(s *Server, conn net.Conn) {
		if first != nil {
			first(conn)
		}
		if r.Secure != nil && !r.Bare {
			conn = tls.Server(conn, config)
		}
		r.Serve(s, conn)
	})
}

// URL returns the address of the receiver on a server.
func (r Receiver) URL(s *Server) string {
	if r.Secure != nil {
		return "https" + strings.TrimPrefix(s.URL(), "http")
	}
	return s.URL()
}

// reads reads a request before it calls then.
func reads(then func(net.Conn)) func(*Server, net.Conn) {
	return func(s *Server, conn net.Conn) {
		if s.Next(bufio.NewReader(conn)) != nil {
			then(conn)
		}
	}
}

func bare(then func(net.Conn)) func(*Server, net.Conn) {
	return func(_ *Server, conn net.Conn) { then(conn) }
}

func sends(text string, then func(net.Conn)) func(*Server, net.Conn) { return reads(Sends(text, then)) }

// Bomb returns 8 MiB of zeros, compressed to less than is kept.
var Bomb = sync.OnceValue(func() []byte {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, 8<<20))
	_ = w.Close()
	return bomb.Bytes()
})
