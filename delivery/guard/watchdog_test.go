package guard_test

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// hanging returns a context with which net/http does not return, whatever happens, until it
// is let go, and a channel that is closed when it hangs.
func hanging(ctx context.Context, letGo <-chan struct{}) (_ context.Context, hangs <-chan struct{}) {
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		begin()
		<-letGo
	}}), begun
}

// Further requests would come to wait for the same mutex.
func TestPost_ATransportInWhichARequestHangsIsReplaced(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 10)
	r := newReceiver(t, func(r *receiver, conn net.Conn) {
		answer("HTTP/1.1 204 No Content\r\n\r\n")(r, conn) // until the end of the connection
		closed <- struct{}{}
	})
	other := newReceiver(t, answer("HTTP/1.1 204 No Content\r\n\r\n"))
	client := newClient(t, guard.Options{IdleTimeout: time.Hour})
	for range 2 {
		if res := post(t, client, r.URL()); res.Err != nil {
			t.Fatal(res.Err)
		}
	}

	letGo, results := make(chan struct{}), make(chan guard.Result, 1)
	t.Cleanup(sync.OnceFunc(func() { close(letGo) }))
	ctx, hangs := hanging(t.Context(), letGo)
	go func() {
		results <- client.Post(ctx, guard.Request{URL: mustParse(t, other.URL()), Timeout: short})
	}()
	<-hangs
	select {
	case <-closed: // the idle connection
	case <-time.After(long):
		t.Fatal("the transport is not retired")
	}
	if res := post(t, client, r.URL()); res.Err != nil || r.Connections.Load() != 2 {
		t.Errorf("the next request has %v, over connection %d", res.Err, r.Connections.Load())
	}
	select {
	case res := <-results:
		t.Errorf("it did not hang: %+v", res)
	default:
	}
}

// A request that is merely late costs nobody a connection.
func TestPost_ATransportIsReplacedOnlyWhileARequestHangsInIt(t *testing.T) {
	t.Parallel()
	const deadline, grace = time.Second, 1500 * time.Millisecond
	for name, c := range map[string]struct {
		ends     time.Duration // after the request began
		replaced bool
	}{
		"InTime":    {deadline / 2, false},
		"Late":      {deadline + grace - 1, false},
		"MuchLater": {deadline + grace + 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := guard.NewClient(guard.Options{})
				before := guard.TransportOf(client)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				watch := guard.Watch(client, ctx)
				time.Sleep(c.ends)
				synctest.Wait()
				watch.Stop()
				time.Sleep(time.Minute)
				synctest.Wait()
				if replaced := guard.TransportOf(client) != before; replaced != c.replaced {
					t.Errorf("replaced: %t", replaced)
				}
			})
		})
	}
}
