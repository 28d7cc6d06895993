package guard

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// hangGrace is how long after the end of its context a request may take to end. Package delivery
// gives up the call half a second later: by then the next attempt has another transport.
const hangGrace = 1500 * time.Millisecond

// watch looks after a request that is sent through a transport. If the request has not ended
// hangGrace after its context, it waits where no context reaches, in a mutex of net/http for
// instance, and other requests would come to wait there, too: then the transport is retired.
// The request calls stop when it ends. Until its context ends, watch costs no timer.
func (c *Client) watch(ctx context.Context, transport *http.Transport) (stop func()) {
	var ended atomic.Bool
	forget := context.AfterFunc(ctx, func() {
		time.AfterFunc(hangGrace, func() {
			if !ended.Load() {
				c.retire(transport)
			}
		})
	})
	return func() {
		ended.Store(true)
		forget()
	}
}

// retire has all further requests use another transport, and closes the idle connections of
// the one that hangs. That may hang itself, and then costs its goroutine.
func (c *Client) retire(hung *http.Transport) {
	if c.transport.CompareAndSwap(hung, hung.Clone()) {
		hung.CloseIdleConnections()
	}
}
