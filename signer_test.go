package webhooks_test

import (
	"testing"
	"testing/synctest"
	"time"

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

func TestSentHeadersEqualTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *webhooks.Config) { c.PrivateKey = "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" })
		s := w.subscribe("*")
		rotate := func() {
			time.Sleep(2 * time.Second) // longer than the dispatcher keeps a subscription in memory
			_, err := w.Subscriptions.RotateSecret(t.Context(), s.OrganizationID, s.ID, nil)
			w.must(err)
			time.Sleep(2 * time.Second)
		}
		w.must(w.Dispatcher.Start(t.Context()))
		rotate()
		w.publish("1")
		synctest.Wait()
		rotate()
		a := w.attempts(s)[0]
		headers, err := w.Signer.SentHeaders(t.Context(), a)
		w.must(err)
		if diff := cmp.Diff(w.sent()[0].Header, headers); diff != "" || len(headers) < 7 {
			t.Errorf("request and SentHeaders differ: %s%v", diff, headers)
		}
		_, err = w.Subscriptions.Update(t.Context(), s.OrganizationID, s.ID, func(_ webhooks.Subscription, in *webhooks.SubscriptionInput) error {
			in.Headers = map[string]string{"X-Key": "one-secret-key"}
			return nil
		})
		w.must(err)
		headers, err = w.Signer.SentHeaders(t.Context(), a)
		w.must(err)
		if got := headers.Get("X-Key"); got != "••••-key" {
			t.Errorf("the header of the subscription is shown as %q", got)
		}
		for name, change := range map[string]func(a *webhooks.Attempt){
			"not sent": func(a *webhooks.Attempt) { a.PostedAt = time.Time{} },
			"external": func(a *webhooks.Attempt) { a.External = true },
			"expunged": func(a *webhooks.Attempt) { a.Body = nil },
		} {
			changed := a
			change(&changed)
			if headers, err := w.Signer.SentHeaders(t.Context(), changed); headers != nil || err != nil {
				t.Errorf("%s: %v, %v", name, headers, err)
			}
		}
		w.must(w.Dispatcher.Stop(t.Context()))
	})
}
