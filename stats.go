package webhooks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// MaxBuckets is the largest number of buckets that [Subscriptions.Stats] returns.
const MaxBuckets = 1500

// StatsQuery selects attempts by the time of their POST, and groups them by time.
type StatsQuery struct {
	// From and To, exclusive, bound the time of the POST. The milliseconds of both bounds are
	// included, as in RecoveryInput. Default: the 24 hours that end now.
	From, To time.Time
	// Bucket is the length of a group, in whole seconds; the first bucket begins at or before
	// From. A query has at most [MaxBuckets]. Default: an hour.
	Bucket time.Duration
}

// Stats of a subscription's attempts that succeeded or failed.
type Stats struct {
	Items []StatsBucket // one for each bucket, in order of time, also for a bucket without attempts
	Total StatsBucket   // of the whole time; its percentiles are computed from all attempts
}

// StatsBucket counts attempts. A percentile is the duration of one of the attempts; zero without
// an attempt.
type StatsBucket struct {
	From          time.Time     // when the bucket begins
	Attempts      int           // Succeeded and Failed together; attempts without an outcome do not count
	Succeeded     int           // attempts that succeeded
	Failed        int           // attempts that failed, also those that are retried
	P50, P95, P99 time.Duration // percentiles of the durations of all attempts, in whole milliseconds
}

// Stats counts a subscription's attempts, and computes percentiles of their durations. A
// *[ValidationError] if the query has too many buckets.
func (s *Subscriptions) Stats(ctx context.Context, org, subscription uuid.UUID, q StatsQuery) (Stats, error) {
	first, buckets, err := q.check(s.now())
	if err != nil {
		return Stats{}, err
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

// check sets defaults and returns the start of the first bucket and the number of buckets.
func (q *StatsQuery) check(now time.Time) (first time.Time, buckets time.Duration, err error) {
	if q.Bucket == 0 {
		q.Bucket = time.Hour
	}
	if q.To.IsZero() {
		q.To = now.Add(time.Millisecond)
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	if q.Bucket < time.Second || q.Bucket%time.Second != 0 {
		return first, 0, wrongField(Invalid, "/bucket", "must be a whole number of seconds")
	}
	if !q.From.Before(q.To) {
		return first, 0, wrongField(Invalid, "/from", "must be before to")
	}
	q.From, q.To = milliseconds(q.From, q.To)
	first = bucketStart(q.From, q.Bucket)
	span := q.To.Sub(first) // Sub returns at most 292 years
	buckets = span / q.Bucket
	if span%q.Bucket > 0 {
		buckets++
	}
	switch {
	case !first.After(time.Time{}): // a zero time means no time
		return first, 0, wrongField(Invalid, "/from", "must be in the years 1–9999, and not in the first bucket of these")
	case buckets > MaxBuckets:
		return first, 0, wrongField(Invalid, "/from", fmt.Sprintf("must be at most %d buckets before to", MaxBuckets))
	}
	return first, buckets, nil
}

// bucketStart returns the start of the bucket of a time. Buckets are counted from 1970.
func bucketStart(t time.Time, bucket time.Duration) time.Time {
	seconds := int64(bucket / time.Second)
	n := t.Unix() / seconds
	if t.Unix() < n*seconds { // before 1970
		n--
	}
	return time.Unix(n*seconds, 0).UTC()
}

// summarize returns the bucket of counts, which are sorted by duration.
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

// percentile returns the p-th percentile of the durations of n attempts (nearest rank).
func percentile(counts []store.DurationCount, n, p int) time.Duration {
	rank := (n*p + 99) / 100
	for _, c := range counts {
		if rank -= c.Count; rank <= 0 {
			return c.Duration
		}
	}
	return 0
}
