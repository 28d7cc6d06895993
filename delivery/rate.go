package delivery

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

const (
	// moment is how long a task may wait in its lane for the rate to allow it. One
	// that has to wait longer goes back to the store.
	moment = 500 * time.Millisecond
	// burstOf is how long a rate may be saved up.
	burstOf = 100 * time.Millisecond
	// returnPause is between two looks at the store for what was given back, at
	// least: less than a moment, so that what gathers meanwhile can stay.
	returnPause = 100 * time.Millisecond
	// horizon bounds how far ahead anything is planned.
	horizon = 30 * 24 * time.Hour
	// trialPause follows the first attempt after a hold: time for the endpoint to say
	// that it is not ready yet, before the next attempts begin.
	trialPause = 250 * time.Millisecond
	// planAhead is how far ahead returns are planned by a learned rate, which changes.
	planAhead = 10 * time.Second
	// reviewInterval is how far apart the attempts come back that are beyond that, at
	// most: they come twice as often as the rate allows, so that there are always some.
	reviewInterval = 20 * time.Millisecond
)

// pacer holds the attempts to one subscription to its RateLimit, and to the rate that
// its endpoint was found to take, whichever is lower: a token bucket, kept as the time at
// which it is full again. It outlives the lane, which ends when nothing waits.
//
// Attempts that have to wait in the store are given one return after the other, as far
// apart as the rate says, so that each finds room when it comes back. Nothing marks an
// attempt that comes back; but an attempt with an id after all that were given back
// never was. While returns are due such an attempt goes behind them, so that it does
// not take their room and send them away again.
type pacer struct {
	limit    float64   // the subscription's RateLimit; 0 for none
	throttle throttle  // the rate that the endpoint takes
	since    time.Time // when the subscription was last switched, or put away
	uri      string    // its PostURI
	interval time.Duration
	spacing  time.Duration // of returns: the interval, but for a learned rate that of its limit, which it soon has
	slack    time.Duration // how far an attempt may be ahead of its interval

	held   time.Time // no attempt before: the endpoint pushed back
	trial  bool      // none has begun since
	full   time.Time // when the bucket is full again
	last   time.Time // the last return that was given
	review time.Time // when the last attempt comes back for which there was no return yet
	newest uuid.UUID // of what was given back
}

// rate returns how many attempts a second may be made, 0 for any number. What is
// not live is not sent to, so nothing need wait.
func (t *target) rate() float64 {
	if t.Deleted || !t.Live() || !(t.RateLimit > 0) { // so worded for NaN
		return 0
	}
	return t.RateLimit
}

// set takes over the subscription's limit and its back-pressure from the store, and reports
// whether anything changed. Returns given before count for nothing after a change of the
// limit or the subscription: a subscription that is switched on again has all its attempts
// due at once, and with a new URI the endpoint is another one.
func (p *pacer) set(to *target, now time.Time) (changed bool) {
	since := latest(to.ActiveChangedAt, to.ArchivedChangedAt)
	if !p.since.Equal(since) || p.uri != to.PostURI {
		p.throttle, p.held, p.trial, changed = throttle{}, time.Time{}, false, true
	}
	if changed || p.limit != to.rate() {
		p.limit, p.since, p.uri, p.last, changed = to.rate(), since, to.PostURI, time.Time{}, true
		p.adjust(now)
	}
	return p.hold(to.heldUntil, now) || changed
}

// adjust takes over a change of the rate.
func (p *pacer) adjust(now time.Time) {
	rate := cmp.Or(p.limit, math.MaxFloat64)
	returns := rate
	if learned := p.throttle.rate(); learned > 0 {
		rate, returns = min(rate, learned), min(rate, max(learned, p.throttle.limit))
	}
	p.interval, p.spacing = intervalOf(rate), intervalOf(returns)
	p.slack = max(burstOf-p.interval, 0)
	if most := now.Add(p.interval + p.slack); p.full.After(most) {
		p.full = most
	}
}

func intervalOf(rate float64) time.Duration {
	return time.Duration(math.Ceil(min(max(float64(time.Second)/rate, 1), float64(horizon))))
}

// hold keeps attempts from beginning before a time. It reports whether they were free
// to begin before.
func (p *pacer) hold(until, now time.Time) bool {
	if !until.After(now) || !until.After(p.held) {
		return false
	}
	if p.trial && !p.held.After(now) { // the endpoint refused the first attempt, which another host made
		p.throttle.outOfService()
	}
	p.held, p.trial, p.throttle.taken = until, true, 0
	return true
}

// limits reports whether the pacer has anything to limit.
func (p *pacer) limits(now time.Time) bool {
	return p.limit > 0 || p.throttle.rate() > 0 || p.trial || p.held.After(now) || p.full.After(now)
}

// wait returns how long an attempt has to wait that has n others before it.
func (p *pacer) wait(n int, now time.Time) time.Duration {
	if n > int(horizon/p.interval) {
		return horizon
	}
	inTurn := time.Duration(n) * p.interval
	return max(max(p.full.Sub(now), 0)+inTurn-p.slack, max(p.held.Sub(now), 0)+inTurn-p.slack, p.held.Sub(now), 0)
}

// begin counts an attempt that begins now.
func (p *pacer) begin(now time.Time) {
	p.full = latest(p.full, now).Add(p.interval)
	if p.trial {
		p.trial, p.full = false, latest(p.full, now.Add(p.slack+trialPause))
	}
}

// admits reports whether an attempt may stay, with n others before it.
func (p *pacer) admits(id uuid.UUID, n int, now time.Time) bool {
	if p.last.After(now) && bytes.Compare(id[:], p.newest[:]) > 0 {
		return false
	}
	return p.wait(n, now) <= moment
}

// plan gives an attempt its return, behind the n in the lane and the returns given
// before.
func (p *pacer) plan(id uuid.UUID, n int, now time.Time) time.Duration {
	if bytes.Compare(id[:], p.newest[:]) > 0 {
		p.newest = id
	}
	away := max(p.wait(n, now), p.last.Add(p.spacing).Sub(now))
	switch {
	case p.throttle.limit > 0 && now.Add(away).After(latest(p.held, now).Add(planAhead)):
		p.review = latest(p.review, latest(p.held, now).Add(planAhead)).Add(min(p.spacing/2, reviewInterval))
		return p.review.Sub(now)
	case away > horizon:
		return horizon
	}
	p.last = now.Add(away)
	return away
}

// next returns when there is a return after now, if there is one.
func (p *pacer) next(now time.Time) (time.Time, bool) {
	left := p.last.Sub(now)
	if left <= 0 {
		return time.Time{}, false
	}
	if rest := left % p.spacing; rest > 0 {
		return now.Add(rest), true
	}
	return now.Add(p.spacing), true
}

// regulate makes the lane obey the limit of its subscription. It takes out and
// returns what must now wait for longer than a moment.
func (l *lanes) regulate(ln *lane, to *target, now time.Time) (over []*task) {
	switch {
	case to == nil: // the next attempt will find out, and if one waits it will be soon
		if ln.queue.len() == 0 && ln.entering == uuid.Nil {
			ln.pacer = nil
		}
		return nil
	case to.Deleted || !to.Live():
		return l.unpace(ln)
	}
	p := l.pacers[ln.id]
	if p == nil {
		if to.rate() == 0 && !to.heldUntil.After(now) {
			return nil
		}
		p = l.pacer(ln.id, now)
	}
	changed := p.set(to, now)
	if !p.limits(now) {
		return l.unpace(ln)
	}
	if !changed && ln.pacer == p {
		return nil
	}
	return l.pace(ln, p, now)
}

// unpace lets the lane send at any rate.
func (l *lanes) unpace(ln *lane) []*task {
	if ln.pacer != nil {
		ln.pacer = nil
		l.offer(ln)
	}
	return nil
}

// pace makes the lane obey the pacer, as it is now. It takes out and returns the tasks that
// must now wait for longer than a moment.
func (l *lanes) pace(ln *lane, p *pacer, now time.Time) (over []*task) {
	ln.pacer = p
	keep := 0
	if ln.turn != nil {
		keep = 1 // for whoever takes the turn
	}
	for ln.queue.len() > keep && p.wait(ln.queue.len()-1, now) > moment {
		over = append(over, l.popLast(ln))
	}
	slices.Reverse(over)
	l.offer(ln)
	return over
}

// admit reports whether a task that was taken may be sent now, and counts it
// then. It returns what must be given back, the task itself if it may not.
func (l *lanes) admit(t *task, to *target, now time.Time) (ok bool, refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.lanes[t.SubscriptionID]
	over := l.regulate(ln, to, now)
	ok = ln.pacer == nil || ln.pacer.wait(0, now) == 0
	switch {
	case !ok:
		over = slices.Insert(over, 0, t)
	case ln.pacer != nil:
		ln.pacer.begin(now)
	}
	for _, o := range over {
		refused = append(refused, l.refuse(ln, o, now))
	}
	l.entered(ln, t)
	l.offer(ln)
	return ok, refused
}

// entered ends the time in which the lane waits for what becomes of the task.
func (l *lanes) entered(ln *lane, t *task) {
	if ln.entering == t.AttemptID {
		ln.entering = uuid.Nil
	}
}

// open reports whether the lane's rate allows an attempt now. If not, the lane is
// offered again when it does.
func (l *lanes) open(ln *lane) bool {
	if ln.pacer == nil {
		return true
	}
	if ln.entering != uuid.Nil {
		return false
	}
	wait := ln.pacer.wait(0, time.Now())
	switch {
	case wait == 0:
		return true
	case ln.timer != nil:
		ln.timer.Reset(wait)
	default:
		ln.timer = time.AfterFunc(wait, func() {
			l.mu.Lock()
			l.offer(ln)
			l.mu.Unlock()
		})
	}
	return false
}

// accepted notes that the endpoint of a lane took an attempt.
func (l *lanes) accepted(ln *lane, began, now time.Time) {
	ln.taken.add(now)
	p := l.pacers[ln.id]
	if p == nil {
		return
	}
	p.throttle.accepted(began, now)
	p.adjust(now)
}

// slowDown notes that the endpoint pushed back an attempt that began at a time, and
// takes nothing for a while. It returns the tasks that must be given back.
func (l *lanes) slowDown(t *task, to *target, began time.Time, wait time.Duration) (refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln, now := l.lanes[t.SubscriptionID], time.Now()
	p := l.pacer(ln.id, now)
	p.set(to, now)
	p.throttle.refused(began, now, ln.taken.perSecond(now))
	p.adjust(now)
	p.hold(now.Add(wait), now)
	for _, o := range l.pace(ln, p, now) {
		refused = append(refused, l.refuse(ln, o, now))
	}
	return refused
}

// refuse says for how long a task is to be given back.
func (l *lanes) refuse(ln *lane, t *task, now time.Time) refusal {
	if ln.claim != l.claims {
		ln.claim, ln.refused = l.claims, 0
	}
	away := ln.away(now)
	if ln.pacer != nil {
		away = max(away, ln.pacer.plan(t.AttemptID, ln.queue.len(), now))
		l.expect(now.Add(away), now)
	}
	return refusal{t, away, ln.pacer != nil && (ln.pacer.throttle.limit > 0 || ln.pacer.held.After(now))}
}

// expect has the store looked at when something that was given back is due.
func (l *lanes) expect(at, now time.Time) {
	if l.closed || !l.expected.IsZero() && !at.Before(l.expected) {
		return
	}
	l.expected = at
	after := max(at.Sub(now), returnPause)
	if l.returns == nil {
		l.returns = time.AfterFunc(after, l.returned)
	} else {
		l.returns.Reset(after)
	}
}

func (l *lanes) returned() {
	l.mu.Lock()
	now := time.Now()
	l.expected = time.Time{}
	for _, p := range l.pacers {
		if at, ok := p.next(now); ok {
			l.expect(at, now)
		}
	}
	l.mu.Unlock()
	l.wake()
}

// pacer returns the subscription's pacer, a new one if need be. Those that have
// nothing to remember are dropped now and then.
func (l *lanes) pacer(id uuid.UUID, now time.Time) *pacer {
	p := l.pacers[id]
	if p != nil {
		return p
	}
	if len(l.pacers) >= l.sweepAt {
		for id, p := range l.pacers {
			ln := l.lanes[id]
			idle := ln == nil || ln.inFlight == 0 && ln.queue.len() == 0
			if idle && !p.full.After(now) && !p.last.After(now) && !p.held.After(now) {
				delete(l.pacers, id)
				if ln != nil {
					ln.pacer = nil
				}
			}
		}
		l.sweepAt = max(1000, 2*len(l.pacers))
	}
	p = &pacer{interval: 1, spacing: 1} // until it is set
	l.pacers[id] = p
	return p
}
