package webhooks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store"
)

func TestStatsCountPostedAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.subscribe("*")
		from := time.Now().UTC().Round(0)
		for i := range 100 {
			w.publish("1")
			jobs, _, err := w.store.Claim(t.Context(), store.ClaimOptions{Max: 1, Lease: time.Minute})
			w.must(err)
			_, err = w.store.Record(t.Context(), []store.Outcome{{
				Lease: jobs[0].Lease, Status: webhooks.Succeeded, PostedAt: from.Add(time.Duration(i) * time.Minute),
				Duration: time.Duration(100-i) * time.Millisecond, HTTPStatus: 200, At: from.Add(time.Hour),
			}})
			w.must(err)
		}
		stats, err := w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{From: from, To: from.Add(2 * time.Hour)})
		w.must(err)
		want := webhooks.StatsBucket{
			From: from, Attempts: 100, Succeeded: 100,
			P50: 50 * time.Millisecond, P95: 95 * time.Millisecond, P99: 99 * time.Millisecond,
		}
		if stats.Total != want || len(stats.Items) != 2 || stats.Items[0].Attempts != 60 || stats.Items[1].P50 != 20*time.Millisecond {
			t.Errorf("got %+v", stats)
		}
		weeks, err := w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{
			From: from, To: from.Add(2 * time.Hour), Bucket: 7 * 24 * time.Hour,
		})
		if err != nil || len(weeks.Items) != 1 || weeks.Items[0].Attempts != 100 {
			t.Errorf("by the week: %+v, %v", weeks.Items, err)
		}
		_, err = w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{From: from, To: from})
		wantFault(t, err, webhooks.Invalid, "/from")
		_, err = w.Subscriptions.Stats(t.Context(), w.org, s.ID, webhooks.StatsQuery{
			From: from, To: from.Add(time.Hour * webhooks.MaxBuckets * 2),
		})
		wantFault(t, err, webhooks.Invalid, "/from")
	})
}
