package guard

import (
	"errors"
	"net"
	"strings"
)

const (
	reasonGoAway    = "the receiver refused the request before processing it (HTTP/2 GOAWAY)"
	reasonRefused   = "the receiver refused the request before processing it (HTTP/2 REFUSED_STREAM)"
	reasonNoStream  = "no connection had a free stream for the request (HTTP/2)"
	reasonUnwritten = "connection closed before the request was sent"
)

// An unprocessedError is the error of a request that the receiver certainly did not process.
type unprocessedError struct {
	reason string // one line for a person
	err    error  // from net/http
}

// Error returns the reason and net/http's error.
func (e *unprocessedError) Error() string { return e.reason + ": " + e.err.Error() }

// Unwrap returns net/http's error.
func (e *unprocessedError) Unwrap() error { return e.err }

// unprocessed returns the reason why the receiver certainly did not process a request that
// failed, or "" if it may have. net/http has no types for these errors, so it compares their
// texts; tests provoke each of them.
func unprocessed(err error, trace *writeTrace) string {
	text := err.Error()
	switch {
	// All streams were taken, or the connection was lost before the request's stream began.
	case text == "net/http: cannot rewind body after connection loss":
		return reasonNoStream
	// The connection was lost before its first stream began.
	case text == "http2: client conn could not be established":
		return reasonUnwritten
	// GOAWAY with an error code, below the first stream of the connection.
	case strings.HasPrefix(text, "http2: Transport received GOAWAY from server ErrCode:"):
		return reasonGoAway
	case strings.HasPrefix(text, "http2: "):
		return refused(text)
	// The receiver has answered, and net/http may be about to write.
	case errors.Is(err, errStatus), isAlert(err):
		return ""
	case trace.nothingWritten():
		return reasonUnwritten
	}
	return ""
}

// isAlert reports that the receiver ended TLS with an alert, such as for want of a client's
// certificate. Another connection would end with the same alert.
func isAlert(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "remote error"
}

// refused returns the reason for the errors after which net/http would repeat a request that
// has GetBody, except for a stream that was reset with PROTOCOL_ERROR. A receiver may have
// processed that request: a proxy resets so when it cannot read the response.
func refused(text string) string {
	cause, ok := strings.CutPrefix(text, "http2: Transport: cannot retry err [")
	switch {
	case !ok:
		return ""
	case strings.HasPrefix(cause, "http2: Transport received Server's graceful shutdown GOAWAY]"):
		return reasonGoAway
	case strings.HasPrefix(cause, "stream error:") && strings.Contains(cause, "; REFUSED_STREAM"):
		return reasonRefused
	}
	return ""
}
