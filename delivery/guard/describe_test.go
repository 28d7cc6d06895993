package guard_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	socket := func(op string, errno syscall.Errno) error {
		return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError("connect", errno)}
	}
	for _, c := range []struct {
		err   error
		want  string
		class guard.Class
	}{
		{nil, "", ""},
		{&guard.BlockedError{Subject: "address 10.0.0.1"}, "blocked address 10.0.0.1", guard.ClassBlocked},
		{&guard.TimeoutError{After: 1500 * time.Millisecond}, "timeout after 1.5s", guard.ClassTimeout},
		{&guard.URLError{Reason: "has no host"}, "invalid URL: has no host", guard.ClassOther},
		{context.Canceled, "canceled", guard.ClassOther},
		{context.DeadlineExceeded, "timeout", guard.ClassTimeout},
		{socket("dial", syscall.ECONNREFUSED), "connect: connection refused", guard.ClassConnect},
		{socket("dial", syscall.EHOSTUNREACH), "connect: no route to host", guard.ClassConnect},
		{socket("dial", syscall.ETIMEDOUT), "connect: timeout", guard.ClassConnect},
		{socket("dial", syscall.ECONNRESET), "connect: connection reset", guard.ClassConnect},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "connect: timeout", guard.ClassConnect},
		{socket("read", syscall.ECONNRESET), "connection reset", guard.ClassBroken},
		{socket("write", syscall.EPIPE), "connection reset", guard.ClassBroken},
		{&net.DNSError{Err: "no such host", Name: "secret", IsNotFound: true}, "dns: no such host", guard.ClassDNS},
		{&net.DNSError{Err: "server misbehaving", Server: "10.0.0.53:53", IsTemporary: true}, "dns: lookup failed", guard.ClassDNS},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "tls: certificate has expired", guard.ClassTLS},
		{x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}, "tls: certificate is invalid", guard.ClassTLS},
		{errors.New(`tls: failed to parse certificate: x509: "secret"`), "tls: failed to parse certificate", guard.ClassTLS},
		{io.ErrUnexpectedEOF, "connection closed before the response ended", guard.ClassBroken},
		{errors.New("http: unexpected EOF reading trailer"), "connection closed before the response ended", guard.ClassBroken},
		{errors.New("http: server closed idle connection"), "connection closed before the response ended", guard.ClassBroken},
		{errors.New("readLoopPeekFailLocked: %!w(<nil>)"), "the receiver's response is malformed", guard.ClassBroken},
		{errors.New("secret"), "request failed", guard.ClassOther},
	} {
		wrapped := fmt.Errorf("deliver: %w", &url.Error{Op: "Post", URL: "https://user:secret@example.com/?token=secret", Err: c.err})
		if got := guard.Describe(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
		if c.err == nil {
			continue
		}
		if got := guard.Describe(wrapped); got != c.want {
			t.Errorf("%v: %q, want %q", wrapped, got, c.want)
		}
		if got := guard.Classify(wrapped); got != c.class {
			t.Errorf("%v: class %s, want %s", wrapped, got, c.class)
		}
	}
}

func TestPost_ConnectionRefused(t *testing.T) {
	t.Parallel()
	closed := listen(t, "127.0.0.1:0")
	_ = closed.Close()
	res := post(t, newClient(t, guard.Options{}), "http://"+closed.Addr().String()+"/")
	if got := guard.Describe(res.Err); got != "connect: connection refused" || !res.SentAt.IsZero() {
		t.Errorf("%s (%v), sent at %v", got, res.Err, res.SentAt)
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	socket := func(op string, err syscall.Errno) error {
		return fmt.Errorf("post: %w", &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError("socket", err)})
	}
	for _, err := range []error{
		socket("dial", syscall.EMFILE), socket("dial", syscall.ENFILE), socket("dial", syscall.EADDRNOTAVAIL),
		socket("dial", syscall.ENOBUFS), socket("dial", syscall.ENOMEM),
	} {
		if !guard.Local(err) || guard.Classify(err) != guard.ClassOther {
			t.Errorf("%v: the receiver's failure", err)
		}
	}
	for _, err := range []error{
		nil, socket("dial", syscall.ECONNREFUSED), socket("dial", syscall.EHOSTUNREACH), socket("write", syscall.ENOBUFS),
		&net.DNSError{IsNotFound: true}, &guard.TimeoutError{}, &guard.BlockedError{},
	} {
		if guard.Local(err) {
			t.Errorf("%v: our own failure", err)
		}
	}
}
