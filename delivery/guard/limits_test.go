package guard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// The defaults that are documented, as literals.
func TestOptions_Defaults(t *testing.T) {
	t.Parallel()
	o := guard.WithDefaults(guard.Options{})
	if o.Timeout != 15*time.Second || o.ConnectTimeout != 5*time.Second || o.IdleTimeout != 4*time.Second ||
		o.MaxIdle != 4_096 || o.MaxIdlePerHost != 4_096 || o.Policy == nil {
		t.Errorf("%+v", o)
	}
}

func TestPost_ResponseHeaderBytes(t *testing.T) {
	t.Parallel()
	for size, accepted := range map[int]bool{65_000: true, 66_000: false} { // the status line counts too
		r := newReceiver(t, answer("HTTP/1.1 204 No Content\r\nX-A: "+strings.Repeat("x", size)+"\r\n\r\n"))
		res := post(t, newClient(t, guard.Options{}), r.URL())
		if (res.Err == nil && res.Status == http.StatusNoContent) != accepted {
			t.Errorf("%d bytes: %d, %v, want them accepted: %v", size, res.Status, res.Err, accepted)
		}
	}
}
