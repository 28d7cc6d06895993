package client

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Attempts yields all attempts of a subscription that the query selects.
func (s *Subscriptions) Attempts(ctx context.Context, org string, id uuid.UUID, q AttemptQuery) iter.Seq2[Attempt, error] {
	return byCursor(q.CursorQuery, func(page CursorQuery) (Page[Attempt], error) {
		q.CursorQuery = page
		return s.ListAttempts(ctx, org, id, q)
	})
}

// ListAttempts returns one page of the attempts of a subscription.
func (s *Subscriptions) ListAttempts(ctx context.Context, org string, id uuid.UUID, q AttemptQuery) (Page[Attempt], error) {
	return get[Page[Attempt]](ctx, s.c, subscriptionPath(org, id, "activity"), q)
}

// DetailMode is the form in which an [AttemptDetail] has its retries.
type DetailMode string

// The modes.
const (
	Nested DetailMode = "nested" // a tree
	Flat   DetailMode = "flat"   // one list by time
)

type detailQuery struct {
	Mode DetailMode `query:"mode"`
}

// Attempt returns one attempt with its retries.
func (s *Subscriptions) Attempt(ctx context.Context, org string, id, attempt uuid.UUID, mode DetailMode) (AttemptDetail, error) {
	return get[AttemptDetail](ctx, s.c, subscriptionPath(org, id, "activity", attempt.String()), detailQuery{mode})
}

// Deliveries yields all deliveries to a subscription that the query selects.
func (s *Subscriptions) Deliveries(ctx context.Context, org string, id uuid.UUID, q DeliveryQuery) iter.Seq2[Delivery, error] {
	return byCursor(q.CursorQuery, func(page CursorQuery) (Page[Delivery], error) {
		q.CursorQuery = page
		return s.ListDeliveries(ctx, org, id, q)
	})
}

// ListDeliveries returns one page of the deliveries to a subscription.
func (s *Subscriptions) ListDeliveries(ctx context.Context, org string, id uuid.UUID, q DeliveryQuery) (Page[Delivery], error) {
	return get[Page[Delivery]](ctx, s.c, subscriptionPath(org, id, "activations"), q)
}

// Delivery returns one delivery. Its ID is that of its first attempt.
func (s *Subscriptions) Delivery(ctx context.Context, org string, id, delivery uuid.UUID) (Delivery, error) {
	return get[Delivery](ctx, s.c, subscriptionPath(org, id, "activations", delivery.String()), nil)
}

// Bucket is the time that one [StatsBucket] sums up.
type Bucket string

// The buckets.
const (
	ByMinute Bucket = "minute" // a query spans at most 25 hours of them
	ByHour   Bucket = "hour"   // the default
	ByDay    Bucket = "day"    // days in UTC
)

// StatsQuery asks for statistics of at most 1,500 buckets.
type StatsQuery struct {
	From   time.Time `query:"from"`   // default: 24 hours before To
	To     time.Time `query:"to"`     // default: now
	Bucket Bucket    `query:"bucket"` // default: ByHour
}

// Stats sums up the attempts of a subscription.
type Stats struct {
	Items []StatsBucket `json:"items"` // one for each bucket, in order of time
	Total StatsBucket   `json:"total"` // of the whole time
}

// StatsBucket sums up the attempts that ended in a time. The pointers are nil where there are none.
type StatsBucket struct {
	From        time.Time `json:"from"`        // when the bucket begins
	Attempts    int       `json:"attempts"`    // Succeeded and Failed together
	Succeeded   int       `json:"succeeded"`   // attempts that succeeded
	Failed      int       `json:"failed"`      // attempts that failed, also those that are retried
	SuccessRate *float64  `json:"successRate"` // 0–1
	P50Ms       *int64    `json:"p50Ms"`       // median of the durations, in milliseconds
	P95Ms       *int64    `json:"p95Ms"`       // 95th percentile of the durations
	P99Ms       *int64    `json:"p99Ms"`       // 99th percentile of the durations
}

// Stats sums up the attempts of a subscription: counts, success rate and durations.
func (s *Subscriptions) Stats(ctx context.Context, org string, id uuid.UUID, q StatsQuery) (Stats, error) {
	return get[Stats](ctx, s.c, subscriptionPath(org, id, "stats"), q)
}
