package guard

import (
	"context"
	"net/http"

	"github.com/ecg-api/webhooks/clock"
)

// NewTurnstile returns the function that lets the members of each group pass one at a time.
func NewTurnstile() (pass func(group string) (done func())) {
	return (&turnstile{groups: map[string]*group{}}).pass
}

// WithDefaults returns the options of a client that is made with o.
func WithDefaults(o Options) Options { return o.withDefaults() }

// TransportOf returns the transport of the client's next request.
func TransportOf(c *Client) *http.Transport { return c.transport.Load() }

// Watch looks after a request through the client's transport, until the timer is stopped.
func Watch(c *Client, ctx context.Context) clock.Timer { //nolint:revive // the client is the receiver
	return c.watch(ctx, c.transport.Load(), c.timeout)
}

// StatusLine reads the status line of a response.
type StatusLine = statusLine

// ReadStatusLine gives it the next bytes.
func ReadStatusLine(l *StatusLine, p string, request int64, answers bool) (status int) {
	return l.read([]byte(p), request, answers)
}
