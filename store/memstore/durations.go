package memstore

import (
	"context"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// Durations counts the attempts of a subscription that were posted.
func (s *Store) Durations(ctx context.Context, q store.DurationQuery) ([]store.DurationCount, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	sub, err := s.subscription(q.OrganizationID, q.SubscriptionID)
	if err != nil {
		return nil, err
	}
	counts := map[store.DurationCount]int{}
	for _, a := range sub.attempts {
		ended := a.Status == store.Succeeded || a.Status == store.Failed
		if ended && !a.PostedAt.IsZero() && !a.PostedAt.Before(q.From) && a.PostedAt.Before(q.To) {
			counts[store.DurationCount{
				From: bucket(a.PostedAt, q.Bucket), Succeeded: a.Status == store.Succeeded, Duration: a.Duration,
			}]++
		}
	}
	var out []store.DurationCount
	for c, n := range counts {
		c.Count = n
		out = append(out, c)
	}
	return out, nil
}

// bucket returns when the bucket of a time begins.
func bucket(t time.Time, size time.Duration) time.Time {
	seconds, n := t.Unix(), int64(size/time.Second)
	return time.Unix(seconds-(seconds%n+n)%n, 0).UTC()
}
