package webhooks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// MaxBuckets is how many buckets [Subscriptions.Stats] returns at most.
const MaxBuckets = 1500

// StatsQuery chooses attempts by when they were posted, and how they are put
// together.
type StatsQuery struct {
	// From and To, exclusive. The millisecond that either falls into is included, as in
	// RecoveryInput. Default: the 24 hours that end now.
	From, To time.Time
	// Bucket is how much time is put together; the first one begins at or before
	// From. Default: an hour.
	Bucket time.Duration
}

// Stats of a subscription's attempts that succeeded or failed.
type Stats struct {
	Items []StatsBucket // one for each bucket, in order of time, the empty ones too
	Total StatsBucket
}

// StatsBucket sums attempts up. The percentiles are of how long they took, each a
// duration that occurred; zero where there was no attempt.
type StatsBucket struct {
	From          time.Time
	Attempts      int
	Succeeded     int
	Failed        int
	P50, P95, P99 time.Duration
}

// Stats sums up a subscription's attempts.
func (s *Subscriptions) Stats(ctx context.Context, org, subscription uuid.UUID, q StatsQuery) (Stats, error) {
	if q.Bucket == 0 {
		q.Bucket = time.Hour
	}
	if q.To.IsZero() {
		q.To = s.now().Add(time.Millisecond)
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	if q.Bucket < time.Second || q.Bucket%time.Second != 0 {
		return Stats{}, wrongField(Invalid, "/bucket", "must be a whole number of seconds")
	}
	if !q.From.Before(q.To) {
		return Stats{}, wrongField(Invalid, "/from", "must be before to")
	}
	q.From, q.To = milliseconds(q.From, q.To)
	first := bucketStart(q.From, q.Bucket)
	span := q.To.Sub(first) // at most 292 years, also of more
	buckets := span / q.Bucket
	if span%q.Bucket > 0 {
		buckets++
	}
	switch {
	case !first.After(time.Time{}): // which would mean no time
		return Stats{}, wrongField(Invalid, "/from", "must be in the years 1–9999, and not in the first bucket of these")
	case buckets > MaxBuckets:
		return Stats{}, wrongField(Invalid, "/from", fmt.Sprintf("must be at most %d buckets before to", MaxBuckets))
	}
	counts, err := s.store.Durations(ctx, store.DurationQuery{
		OrganizationID: org, SubscriptionID: subscription, From: q.From, To: q.To, Bucket: q.Bucket,
	})
	if err != nil {
		return Stats{}, err
	}
	slices.SortFunc(counts, func(a, b store.DurationCount) int { return int(a.Duration - b.Duration) })
	byBucket := make([][]store.DurationCount, buckets)
	for _, c := range counts {
		i := c.From.Sub(first) / q.Bucket
		byBucket[i] = append(byBucket[i], c)
	}
	out := Stats{Total: summarize(q.From, counts)}
	for i, counts := range byBucket {
		out.Items = append(out.Items, summarize(first.Add(time.Duration(i)*q.Bucket), counts))
	}
	return out, nil
}

// beginning returns when the bucket of a time begins: at a multiple since 1970.
func bucketStart(t time.Time, bucket time.Duration) time.Time {
	seconds := int64(bucket / time.Second)
	n := t.Unix() / seconds
	if t.Unix() < n*seconds { // before 1970
		n--
	}
	return time.Unix(n*seconds, 0).UTC()
}

// summarize makes a bucket of counts that are in the order of their durations.
func summarize(from time.Time, counts []store.DurationCount) StatsBucket {
	b := StatsBucket{From: from}
	for _, c := range counts {
		b.Attempts += c.Count
		if c.Succeeded {
			b.Succeeded += c.Count
		} else {
			b.Failed += c.Count
		}
	}
	b.P50, b.P95, b.P99 = percentile(counts, b.Attempts, 50), percentile(counts, b.Attempts, 95), percentile(counts, b.Attempts, 99)
	return b
}

// percentile returns the duration that p per cent of the n attempts do not exceed
// (nearest rank).
func percentile(counts []store.DurationCount, n, p int) time.Duration {
	rank := (n*p + 99) / 100
	for _, c := range counts {
		if rank -= c.Count; rank <= 0 {
			return c.Duration
		}
	}
	return 0
}
