package delivery

import (
	"bytes"
	"cmp"
	"time"

	"github.com/google/uuid"
)

const (
	// learnedRateHorizon is how far ahead returns are planned by a learned rate, which changes.
	learnedRateHorizon = 10 * time.Second
	// reviewInterval is the longest time between the returns of attempts beyond
	// learnedRateHorizon. They return twice as often as the rate allows, so that the lane never
	// runs out of attempts while the rate grows.
	reviewInterval = 20 * time.Millisecond
)

// returns are the times at which the attempts of one subscription come back that wait in the store
// for its rate: one after the other, as far apart as the rate says, so that each finds room.
//
// Nothing marks an attempt that comes back. But an attempt whose id is above the ids of all
// attempts that were given back is new. While returns are due, a new attempt goes behind them, so
// that it does not take their room and send them away again.
//
// It does no I/O, takes no lock and reads no clock.
type returns struct {
	spacing time.Duration // between two returns
	last    time.Time     // the last planned return
	review  time.Time     // the last return of an attempt beyond learnedRateHorizon
	newest  uuid.UUID     // the highest id that was given back
}

// precede reports whether planned returns have precedence over an attempt.
func (r *returns) precede(id uuid.UUID, now time.Time) bool {
	return r.last.After(now) && r.isNew(id)
}

func (r *returns) isNew(id uuid.UUID) bool { return bytes.Compare(id[:], r.newest[:]) > 0 }

// plan returns after how long an attempt comes back that has to wait at least some time. With a
// learned rate it returns within learnedRateHorizon, after a hold that ends at held.
func (r *returns) plan(id uuid.UUID, wait time.Duration, learned bool, held, now time.Time) time.Duration {
	if r.isNew(id) {
		r.newest = id
	}
	awayFor := max(wait, r.last.Add(r.spacing).Sub(now))
	horizon := latest(held, now).Add(learnedRateHorizon)
	switch {
	case learned && now.Add(awayFor).After(horizon):
		r.review = latest(r.review, horizon).Add(min(r.spacing/2, reviewInterval))
		return r.review.Sub(now)
	case awayFor > planHorizon:
		return planHorizon
	}
	r.last = now.Add(awayFor)
	return awayFor
}

// next returns the first planned return after now, but none before the end of a hold; false if none is planned.
func (r *returns) next(held, now time.Time) (time.Time, bool) {
	left := r.last.Sub(now)
	if left <= 0 {
		return time.Time{}, false
	}
	first := cmp.Or(left%r.spacing, r.spacing)
	return latest(now.Add(first), held), true
}
