package store

import (
	"time"

	"github.com/google/uuid"
)

// DurationQuery chooses attempts of a subscription.
type DurationQuery struct {
	OrganizationID uuid.UUID     // the owner of the subscription
	SubscriptionID uuid.UUID     // whose attempts are counted
	From, To       time.Time     // bounds of PostedAt: not before From, and before To
	Bucket         time.Duration // a whole number of seconds; buckets begin at its multiples since 1970
}

// DurationCount is the number of attempts that were posted in a bucket, had the same outcome
// and took the same time.
type DurationCount struct {
	From      time.Time     // when the bucket begins
	Succeeded bool          // the Status of the attempts: Succeeded, or else Failed
	Duration  time.Duration // in whole milliseconds
	Count     int           // number of attempts, at least 1
}

// Count returns how an attempt of the subscription is counted, with a Count of 1; false if it
// is not counted: it has no answer, or was not posted in the time.
func (q DurationQuery) Count(a *Attempt) (DurationCount, bool) {
	answered := a.Status == Succeeded || a.Status == Failed
	if !answered || a.PostedAt.IsZero() || a.PostedAt.Before(q.From) || !a.PostedAt.Before(q.To) {
		return DurationCount{}, false
	}
	seconds, bucket := a.PostedAt.Unix(), int64(q.Bucket/time.Second)
	begin := time.Unix(seconds-(seconds%bucket+bucket)%bucket, 0).UTC()
	return DurationCount{From: begin, Succeeded: a.Status == Succeeded, Duration: a.Duration, Count: 1}, true
}
