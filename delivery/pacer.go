package delivery

import (
	"cmp"
	"math"
	"time"

	"github.com/google/uuid"
)

const (
	// maxRateWait is how long a task may wait in its lane for the rate to allow it. A task that
	// has to wait longer goes back to the store.
	maxRateWait = 500 * time.Millisecond
	// trialPause follows the first attempt after a hold: time for the endpoint to say
	// that it is not ready yet, before the next attempts begin.
	trialPause = 250 * time.Millisecond
)

// A pacer holds the attempts to one subscription to the lower of two rates: the RateLimit of the
// subscription, and the rate that a throttle finds for its endpoint. A hold, for which the endpoint
// asked by pushing back, stops them altogether. It outlives the lane, which ends when nothing waits.
//
// It does no I/O, takes no lock and reads no clock.
type pacer struct {
	limit    float64  // the subscription's RateLimit; 0 for none
	throttle throttle // the rate that the endpoint takes
	bucket   bucket
	returns  returns

	held  time.Time // no attempt begins before: the endpoint pushed back
	trial bool      // no attempt has begun since the hold

	changedAt time.Time // when the subscription was activated, deactivated, archived or restored last
	uri       string    // its PostURI
}

func newPacer() *pacer {
	return &pacer{bucket: bucket{interval: 1}, returns: returns{spacing: 1}} // until set
}

// set takes over the subscription's limit and its back-pressure from the store, and reports
// whether anything changed. A change of the limit or the subscription voids the planned returns: a
// subscription that is activated again has all its attempts due at once, and a new URI is
// another endpoint.
func (p *pacer) set(to *endpoint, now time.Time) (changed bool) {
	changedAt := latest(to.ActiveChangedAt, to.ArchivedChangedAt)
	if !p.changedAt.Equal(changedAt) || p.uri != to.PostURI {
		p.throttle, p.held, p.trial, changed = throttle{}, time.Time{}, false, true
	}
	if changed || p.limit != to.rate() {
		p.limit, p.changedAt, p.uri, p.returns.last, changed = to.rate(), changedAt, to.PostURI, time.Time{}, true
		p.adjust(now)
	}
	return p.hold(to.BackPressureUntil, now) || changed
}

// adjust takes over a change of a rate. Returns of a throttled subscription are spaced by the
// throttle's limit, which its rate reaches soon.
func (p *pacer) adjust(now time.Time) {
	rate := cmp.Or(p.limit, math.MaxFloat64)
	returnRate := rate
	if learned := p.throttle.rate(); learned > 0 {
		rate, returnRate = min(rate, learned), min(rate, max(learned, p.throttle.limit))
	}
	p.bucket.set(rate, now)
	p.returns.spacing = intervalOf(returnRate)
}

// hold keeps attempts from beginning before a time. It reports whether that is a change.
func (p *pacer) hold(until, now time.Time) bool {
	if !until.After(now) || !until.After(p.held) {
		return false
	}
	if p.trial && !p.held.After(now) { // the endpoint refused the first attempt, which another host made
		p.throttle.outOfService()
	}
	p.held, p.trial, p.throttle.acceptedCount = until, true, 0
	return true
}

// limits reports whether the pacer has anything to limit.
func (p *pacer) limits(now time.Time) bool {
	return p.limit > 0 || p.throttle.rate() > 0 || p.trial || p.held.After(now) || p.bucket.full.After(now)
}

// wait returns how long an attempt has to wait that stands behind n other attempts.
func (p *pacer) wait(n int, now time.Time) time.Duration { return p.bucket.wait(n, p.held, now) }

// begin counts an attempt that begins now.
func (p *pacer) begin(now time.Time) {
	p.bucket.take(now)
	if p.trial {
		p.trial = false
		p.bucket.pause(trialPause, now)
	}
}

// admits reports whether an attempt may wait in the lane, behind n other attempts.
func (p *pacer) admits(id uuid.UUID, n int, now time.Time) bool {
	return !p.returns.precede(id, now) && p.wait(n, now) <= maxRateWait
}

// plan returns for how long an attempt goes back to the store, behind n attempts in the lane.
func (p *pacer) plan(id uuid.UUID, n int, now time.Time) time.Duration {
	return p.returns.plan(id, p.wait(n, now), p.throttle.limit > 0, p.held, now)
}

// provisional reports whether a plan may end early: the rate is learned, or the hold may be lifted.
func (p *pacer) provisional(now time.Time) bool { return p.throttle.limit > 0 || p.held.After(now) }

// accepted notes an attempt that the endpoint took.
func (p *pacer) accepted(began, now time.Time) {
	p.throttle.accepted(began, now)
	p.adjust(now)
}

// pushedBack notes that the endpoint pushed back an attempt that began at a time, and asked for a
// wait. Accepted is how many attempts it took in the last second.
func (p *pacer) pushedBack(began time.Time, wait time.Duration, accepted float64, now time.Time) {
	p.throttle.refused(began, now, accepted)
	p.adjust(now)
	p.hold(now.Add(wait), now)
}

// idle reports whether the pacer has nothing to remember but its rate.
func (p *pacer) idle(now time.Time) bool {
	return !p.bucket.full.After(now) && !p.returns.last.After(now) && !p.held.After(now)
}
