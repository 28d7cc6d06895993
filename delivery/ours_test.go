package delivery_test

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// A neighbour that uses up the open files, or a key that the operator forgot, opens no
// circuit of an endpoint and deactivates no subscription.
func TestAFailureOfOurSideTellsNothingOfTheEndpoint(t *testing.T) {
	t.Parallel()
	dial := func(err syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", err)}
	}
	noKey := func(c *delivery.Config) {
		c.Signer = func(store.Target) (signing.Signer, error) { return nil, errors.New("no key") }
	}
	for rule, c := range map[string]struct {
		err    error
		change func(*delivery.Config)
		opens  bool
	}{
		"NoFileIsLeft":      {err: dial(syscall.EMFILE)},
		"NoPortIsLeft":      {err: dial(syscall.EADDRNOTAVAIL)},
		"TheSecretIsLocked": {change: noKey},
		"TheProxyIsAway":    {err: &guard.ProxyError{Reason: "connection refused", Ours: true}},
		"TheProxyIsRefused": {err: &guard.ProxyError{Reason: "HTTP 502 of the egress proxy"}, opens: true},
		"Refused":           {err: dial(syscall.ECONNREFUSED), opens: true},
		"TimedOut":          {err: &guard.TimeoutError{After: time.Second}, opens: true},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, org := newWorld(t), newID()
				sub := w.subscribe(org)
				e := w.engine(sender(func(context.Context, guard.Request) guard.Result { return guard.Result{Err: c.err} }),
					func(config *delivery.Config) {
						config.Schedule = delivery.Schedule{time.Hour}
						if c.change != nil {
							c.change(config)
						}
					})
				w.must(e.Start(t.Context()))
				for range 11 {
					w.publish(org, 1)
					settle()
				}
				if failures := w.health(sub.ID).Failures; (failures > 0) != c.opens || (w.count(delivery.CircuitOpened) > 0) != c.opens {
					t.Errorf("%d failures count, the circuit was opened %d times", failures, w.count(delivery.CircuitOpened))
				}
				if a := w.attempts(sub)[0]; a.Status != store.Failed || a.Error == "" {
					t.Errorf("the attempt is %v, %q", a.Status, a.Error)
				}
				w.must(e.Stop(t.Context()))
			})
		})
	}
}
