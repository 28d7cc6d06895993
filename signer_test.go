package webhooks_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ecg-api/webhooks"
)

// A caller that makes the request itself sends the headers that the dispatcher would send.
func TestHeadersEqualTheRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *webhooks.Config) { c.PrivateKey = "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" })
		s := w.subscribe("*")
		w.must(w.Dispatcher.Start(t.Context()))
		w.publish("1")
		synctest.Wait()
		headers, err := w.Signer.Headers(t.Context(), w.attempts(s)[0])
		w.must(err)
		if diff := cmp.Diff(w.sent()[0].Header, headers); diff != "" || len(headers) < 7 {
			t.Errorf("request and Headers differ: %s%v", diff, headers)
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}
