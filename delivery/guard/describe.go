package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Class is the class of an error of [Client.Post], for metrics and filters.
type Class string

// The classes of errors.
const (
	ClassDNS     Class = "dns"     // the name was not found, or could not be looked up
	ClassConnect Class = "connect" // no TCP connection
	ClassTLS     Class = "tls"     // no TLS connection: the certificate, the version
	ClassTimeout Class = "timeout" // no answer in time
	ClassBlocked Class = "blocked" // the policy does not allow the address
	ClassBroken  Class = "broken"  // the connection broke, or the answer is malformed
	ClassOther   Class = "other"   // any other error, such as one of this machine
)

// Classify returns the class of an error; "" for nil. The class fits the text of [Describe].
func Classify(err error) Class {
	class, _ := explain(err)
	return class
}

// Describe words the error of a request in one line that a person understands:
// "connect: connection refused", "timeout after 15s", "blocked address
// 10.0.0.1". It is made of fixed phrases, so that no URL, header, credential or
// text of the receiver gets into a log or a history. It returns "" for nil.
func Describe(err error) string {
	_, text := explain(err)
	return text
}

// explain returns the class and the description of an error.
func explain(err error) (Class, string) {
	if err == nil {
		return "", ""
	}
	for _, describe := range []func(error) (Class, string){describeOwn, describeDNS, describeTLS, describeSocket, describeHTTP} {
		if class, text := describe(err); text != "" {
			if Local(err) {
				class = ClassOther
			}
			return class, text
		}
	}
	return ClassOther, "request failed"
}

// Local reports that no connection could be made for a reason on the sender's side: this machine
// lacks open files, ports or memory, or the egress proxy failed. The receiver has no part in that,
// but another one may have.
func Local(err error) bool {
	if e, ok := errors.AsType[*ProxyError](err); ok {
		return e.Ours
	}
	e, ok := errors.AsType[*net.OpError](err)
	if !ok || e.Op != "dial" {
		return false
	}
	errno, ok := errors.AsType[syscall.Errno](e)
	return ok && slices.Contains(exhausted, errno)
}

var exhausted = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL}

func describeOwn(err error) (Class, string) {
	if e, ok := errors.AsType[*unprocessedError](err); ok {
		return ClassBroken, e.reason
	}
	if e, ok := errors.AsType[*BlockedError](err); ok {
		return ClassBlocked, e.Error()
	}
	if e, ok := errors.AsType[*ProxyError](err); ok {
		return ClassConnect, e.Error()
	}
	if e, ok := errors.AsType[*TimeoutError](err); ok {
		return ClassTimeout, e.Error()
	}
	if e, ok := errors.AsType[*URLError](err); ok {
		return ClassOther, e.Error()
	}
	if errors.Is(err, context.Canceled) {
		return ClassOther, "canceled"
	}
	return "", ""
}

func describeDNS(err error) (Class, string) {
	e, ok := errors.AsType[*net.DNSError](err)
	switch {
	case !ok:
		return "", ""
	case e.IsNotFound:
		return ClassDNS, "dns: no such host"
	case e.IsTimeout:
		return ClassDNS, "dns: timeout"
	}
	return ClassDNS, "dns: lookup failed"
}

func describeTLS(err error) (Class, string) { return ClassTLS, tlsReason(err) }

// tlsReason returns the description of an error of TLS, "" for any other error.
func tlsReason(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		switch {
		case e.Reason != x509.Expired:
			return "tls: certificate is invalid"
		case e.Cert != nil && time.Now().Before(e.Cert.NotBefore):
			return "tls: certificate is not valid yet"
		}
		return "tls: certificate has expired"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "tls: certificate is for another host"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "tls: certificate is signed by an unknown authority"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "tls: certificate is invalid"
	}
	record, _ := errors.AsType[tls.RecordHeaderError](err)
	if string(record.RecordHeader[:]) == "HTTP/" || errors.Is(err, http.ErrSchemeMismatch) {
		return "tls: the receiver speaks plain HTTP"
	}
	// Alerts and the checks of crypto/tls: "tls: protocol version not supported".
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text, ok := strings.CutPrefix(e.Error(), "tls: "); ok {
			text, _, _ = strings.Cut(text, ": ") // the remaining text may quote the receiver
			return "tls: " + text
		}
	}
	return ""
}

func describeSocket(err error) (Class, string) {
	class, phase := ClassBroken, ""
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "dial" {
		class, phase = ClassConnect, "connect: "
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		if phase == "" {
			class = ClassTimeout
		}
		return class, phase + "timeout"
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	switch {
	case !ok:
		return "", ""
	case errno == syscall.ECONNRESET, errno == syscall.EPIPE:
		return class, phase + "connection reset"
	}
	return class, phase + errno.Error() // the system's own phrase
}

// The reasons why a receiver's response is refused.
const (
	badResponse  = "the receiver's response is malformed"
	largeHeaders = "the receiver's response headers are too large"
	badHTTP2     = "http2: the receiver's response breaks the protocol"
)

func describeHTTP(err error) (Class, string) { return ClassBroken, httpReason(err) }

// httpReason knows net/http's errors by their text, for want of types.
func httpReason(err error) string {
	text := err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("response headers exceeded"), has("header list"):
		return largeHeaders
	case has("received from peer"), has("GOAWAY"):
		return "http2: the receiver broke off"
	case has("stream error:"), has("connection error:"):
		return badHTTP2
	case has("http2:"):
		return "http2: protocol error"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		has("server closed idle connection"), has("unexpected EOF"):
		return "connection closed before the response ended"
	case has("malformed"), has("chunk"), has("too long"), has("Content-Length"), has("transfer encoding"),
		has("transport connection broken"), // HTTP/1, for whatever else is wrong with the headers
		has("readLoopPeekFail"):            // more bytes than the response before it
		return badResponse
	}
	return ""
}
