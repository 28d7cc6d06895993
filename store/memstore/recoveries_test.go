package memstore_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestStore_RecoveriesKeepToTheirRateByTheBubblesClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, org := memstore.New(), newID()
		sub := subscribe(t, s, org)
		publishMissed(t, s, sub, 7)
		ctx, cancel := context.WithCancel(t.Context())
		woken := 0
		go func() { _ = s.Listen(ctx, func() { woken++ }) }()
		synctest.Wait()
		woken = 0 // by the beginning of Listen
		r := store.Recovery{
			ID: newID(), OrganizationID: org, SubscriptionID: sub.ID, Scope: store.RecoverAll,
			Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour), RatePerSecond: 4,
		}
		if err := s.CreateRecovery(ctx, r); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			after  time.Duration
			max    int
			queued int
		}{
			{0, 100, 4},
			{0, 100, 4},
			{time.Second - time.Nanosecond, 100, 4},
			{time.Nanosecond, 1, 5},
			{249 * time.Millisecond, 1, 5},
			{time.Millisecond, 100, 7},
		} {
			time.Sleep(step.after) // the bubble's clock, not ours
			_, err := s.AdvanceRecovery(ctx, store.AdvanceOptions{Max: step.max, NewID: newID, At: time.Now()})
			if got, errRead := s.Recovery(ctx, org, sub.ID, r.ID); err != nil || errRead != nil || got.Queued != step.queued {
				t.Errorf("after %v: %d queued, errors %v, %v; want %d", step.after, got.Queued, err, errRead, step.queued)
			}
		}
		if woken != 3 {
			t.Errorf("woken %d times, want 3 times", woken)
		}
		cancel()
	})
}

// publishMissed publishes n messages while the subscription is off.
func publishMissed(t *testing.T, s *memstore.Store, sub store.Subscription, n int) {
	t.Helper()
	set := func(active bool) {
		t.Helper()
		_, err := s.UpdateSubscription(t.Context(), sub.OrganizationID, sub.ID, time.Now(), func(sub *store.Subscription) error {
			sub.Active = active
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	for range n {
		m := newMessage(sub.OrganizationID, "")
		m.Type, m.Version = "a", "v1"
		if _, err := s.Publish(t.Context(), nil, []store.NewMessage{m}, options); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
}
