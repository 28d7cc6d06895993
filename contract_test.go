package webhooks_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// The numbers that are promised, as literals: a test that uses the constant of the code follows
// wherever it goes. The sizes of requests are in httpapi's TestSizes.
func TestPromisedNumbers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want any }{
		"failures that open the circuit":         {delivery.CircuitAfter, 10},
		"time of failures until deactivation":    {delivery.GiveUpAfter, 120 * time.Hour},
		"spread of a wait":                       {delivery.Jitter, 0.2},
		"longest wait that Retry-After asks for": {delivery.MaxRetryAfter, 24 * time.Hour},
		"longest time-out of an attempt":         {delivery.MaxTimeout, 30 * time.Second},
		"events of a batch":                      {webhooks.MaxBatch, 1_000},
		"highest rate of a recovery":             {webhooks.MaxRecoveryRate, 10_000},
		"default schedule": {webhooks.DefaultRetrySchedule(), []time.Duration{
			5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
			24 * time.Hour,
		}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Each time is probed shortly before its end and shortly after it.
func TestPromisedTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, ctx := newWorld(t), t.Context()
		s, first, err := w.Subscriptions.Create(ctx, w.org, webhooks.SubscriptionInput{PostURI: "https://example.com", Events: []string{"*"}})
		w.must(err)
		secrets := []string{first}
		rotate := func() {
			secret, err := w.Subscriptions.RotateSecret(ctx, w.org, s.ID, nil)
			w.must(err)
			secrets = append([]string{secret.Key}, secrets...)
		}
		keyed := event("1")
		keyed.IdempotencyKey = "k"
		duplicate := func() bool {
			published, err := w.Dispatcher.Publish(ctx, w.org, keyed)
			w.must(err)
			return published.Duplicate
		}

		published := w.publish("1")
		jobs, _, err := w.store.Claim(ctx, store.ClaimOptions{Max: 1, Lease: time.Minute})
		w.must(err)
		if deadline := jobs[0].ExpiresAt.Sub(jobs[0].CreatedAt); jobs[0].MessageID != published.ID || deadline != 96*time.Hour {
			t.Errorf("a delivery may be sent for %v, want 96h", deadline)
		}

		w.must(w.Dispatcher.Start(ctx))
		if duplicate() {
			t.Error("the first event with a key is a duplicate")
		}
		for range 6 {
			time.Sleep(time.Second)
			rotate()
		}
		w.wantSecrets(secrets, 5)
		if timeout := w.sent()[0].Timeout; timeout != 15*time.Second {
			t.Errorf("an attempt may take %v, want 15s", timeout)
		}
		time.Sleep(24*time.Hour - 20*time.Second)
		if !duplicate() {
			t.Error("a key is forgotten within 24h")
		}
		w.wantSecrets(secrets, 5)
		time.Sleep(30 * time.Second)
		if duplicate() {
			t.Error("a key is known after 24h")
		}
		w.wantSecrets(secrets, 1)
		w.must(w.Dispatcher.Stop(ctx))
	})
}

// wantSecrets publishes, and demands signatures by the first n secrets, in their order.
func (w *world) wantSecrets(secrets []string, n int) {
	w.t.Helper()
	w.publish("1")
	time.Sleep(2 * time.Second)
	synctest.Wait()
	sent := w.sent()
	last := sent[len(sent)-1]
	signatures := strings.Fields(last.Header.Get("webhook-signature"))
	if len(signatures) != n {
		w.t.Fatalf("%d secrets sign, want %d", len(signatures), n)
	}
	for i, signature := range signatures {
		keys, err := signing.ParseKeys(secrets[i])
		w.must(err)
		header := last.Header.Clone()
		header.Set("webhook-signature", signature)
		if err := signing.Verify(header, last.Body, keys, time.Now(), 0); err != nil {
			w.t.Errorf("signature %d is not by secret %d: %v", i, i, err)
		}
	}
}
