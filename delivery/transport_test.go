package delivery_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/hostile"
	"github.com/ecg-api/webhooks/store"
)

// A receiver makes net/http hang. That of Go 1.26.8 does when a window of HTTP/2 overflows: it
// waits for a mutex that it holds itself, and so do all later requests over HTTP/2. Whatever
// hangs there next is stood for by a hook of net/http that does not return.
func TestReceiverThatHangsNetHTTPHoldsUpNoOtherReceiver(t *testing.T) {
	t.Parallel()
	for rule, hook := range map[string]bool{"HTTP2StreamWindowOverflows": false, "AHookDoesNotReturn": true} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w, authority, letGo := newWorld(t), hostile.NewAuthority(t), make(chan struct{})
			t.Cleanup(func() { close(letGo) })
			list := hostile.Secure()
			kind := list[slices.IndexFunc(list, func(r hostile.Receiver) bool { return r.Name == "HTTP2StreamWindowOverflows" })]
			healthy := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			healthy.EnableHTTP2 = true
			healthy.StartTLS()
			t.Cleanup(healthy.Close)
			roots := authority.Roots()
			roots.AddCert(healthy.Certificate())
			to := func(url string) func(*store.Subscription) { return func(s *store.Subscription) { s.PostURI = url } }
			once := func(s *store.Subscription) { s.RetrySchedule = []time.Duration{time.Hour} }
			bad, good := w.subscribe(newID(), once, to(kind.URL(kind.Start(authority, nil)))), w.subscribe(newID(), to(healthy.URL))

			client := guard.NewClient(guard.Options{
				Policy:  &guard.Policy{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
				RootCAs: roots,
			})
			t.Cleanup(client.CloseIdleConnections)
			succeeded, stuck := make(chan struct{}, 100), make(chan struct{}, 100)
			e := w.engine(sender(func(ctx context.Context, r guard.Request) guard.Result {
				if hook && r.URL.String() == bad.PostURI {
					ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-letGo }})
				}
				return client.Post(ctx, r)
			}), func(c *delivery.Config) {
				c.Workers, c.Timeout, c.Schedule = 100, 500*time.Millisecond, slices.Repeat(delivery.Schedule{50 * time.Millisecond}, 10)
				c.Observe = func(n delivery.Notice) {
					switch {
					case n.Kind == delivery.SenderStuck:
						stuck <- struct{}{}
					case n.Status == store.Succeeded && n.SubscriptionID == good.ID:
						succeeded <- struct{}{}
					}
				}
			})
			w.must(e.Start(context.Background()))
			for range 3 {
				w.publish(bad.OrganizationID, 1)
				w.publish(good.OrganizationID, 1)
				<-succeeded
			}
			if hook {
				<-stuck
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_ = e.Stop(ctx) // which aborts hanging attempts
			if e.Running() {
				t.Error("it runs after Stop")
			}
		})
	}
}
