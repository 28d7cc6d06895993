package guard

import (
	"context"
	"net/http"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// hangGrace is how long after its deadline a request may take to end. Package delivery
// gives up the call half a second later: by then the next attempt has another transport.
const hangGrace = 1500 * time.Millisecond

// watch looks after a request that is sent through a transport within a time-out, until the request ends and stops
// the timer. A request that has not ended hangGrace after its deadline waits where no context
// reaches, in a mutex of net/http for instance, and other requests would come to wait there, too:
// then the transport is retired.
func (c *Client) watch(ctx context.Context, transport *http.Transport, timeout time.Duration) clock.Timer {
	left := timeout
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	return c.clock.AfterFunc(left+hangGrace, func() { c.retire(transport) })
}

// retire has all further requests use another transport, and closes the idle connections of
// the one that hangs. That may hang itself, and then costs its goroutine.
func (c *Client) retire(hung *http.Transport) {
	if c.transport.CompareAndSwap(hung, hung.Clone()) {
		hung.CloseIdleConnections()
	}
}
