package guard

import (
	"context"
	"time"
)

// BlockedError reports an address, port or host that the policy does not allow.
// Its text is one line for a person: "blocked address 10.0.0.1".
type BlockedError struct {
	Subject string // "address 10.0.0.1", "host localhost", "port 25"
	Reason  string // "private (RFC 1918)"; for logs, not promised to stay
}

// Error returns "blocked " and the subject.
func (e *BlockedError) Error() string { return "blocked " + e.Subject }

// URLError reports a URL that is malformed, whatever the policy. It never quotes
// the URL, which may hold credentials.
type URLError struct {
	Reason string // "must start with https://"
}

// Error returns "invalid URL: " and the reason.
func (e *URLError) Error() string { return "invalid URL: " + e.Reason }

// TimeoutError reports that a request did not end within its deadline. It is a
// [context.DeadlineExceeded].
type TimeoutError struct {
	After time.Duration // the time that the request was given
}

// Error returns "timeout after 15s".
func (e *TimeoutError) Error() string { return "timeout after " + e.After.String() }

// Timeout returns true, as [net.Error] has it.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns [context.DeadlineExceeded].
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }
