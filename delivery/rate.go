package delivery

import (
	"bytes"
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
)

// pacer holds the attempts to one subscription to its RateLimit: a token bucket,
// kept as the time at which it is full again. It outlives the lane, which ends
// when nothing waits.
//
// What has to wait in the store is given one return after the other, as far apart
// as the rate says, so that each finds room when it comes back. Nothing marks an
// attempt that comes back; but one with an id after all that were given back
// never was. While returns are due such a one goes behind them, so that it does
// not take their room and send them away again.
type pacer struct {
	rate     float64
	since    time.Time // when the subscription was last switched, or put away
	interval time.Duration
	slack    time.Duration // how far an attempt may be ahead of its interval

	full   time.Time // when the bucket is full again
	last   time.Time // the last return that was given
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

// set takes over the subscription's limit and reports whether it changed. Returns
// given before count for nothing then: a subscription that is switched on again
// has all its attempts due at once.
func (p *pacer) set(to *target, now time.Time) bool {
	since := to.ActiveChangedAt
	if to.ArchivedChangedAt.After(since) {
		since = to.ArchivedChangedAt
	}
	if p.rate == to.rate() && p.since.Equal(since) {
		return false
	}
	p.rate, p.since, p.last = to.rate(), since, time.Time{}
	p.interval = time.Duration(math.Ceil(min(max(float64(time.Second)/p.rate, 1), float64(horizon))))
	p.slack = max(burstOf-p.interval, 0)
	if most := now.Add(p.interval + p.slack); p.full.After(most) {
		p.full = most
	}
	return true
}

// wait returns how long an attempt has to wait that has n others before it.
func (p *pacer) wait(n int, now time.Time) time.Duration {
	if n > int(horizon/p.interval) {
		return horizon
	}
	return max(max(p.full.Sub(now), 0)+time.Duration(n)*p.interval-p.slack, 0)
}

// begin counts an attempt that begins now.
func (p *pacer) begin(now time.Time) {
	if p.full.Before(now) {
		p.full = now
	}
	p.full = p.full.Add(p.interval)
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
	away := max(p.wait(n, now), p.last.Add(p.interval).Sub(now))
	if away > horizon {
		return horizon
	}
	p.last = now.Add(away)
	if bytes.Compare(id[:], p.newest[:]) > 0 {
		p.newest = id
	}
	return away
}

// next returns when there is a return after now, if there is one.
func (p *pacer) next(now time.Time) (time.Time, bool) {
	left := p.last.Sub(now)
	if left <= 0 {
		return time.Time{}, false
	}
	if rest := left % p.interval; rest > 0 {
		return now.Add(rest), true
	}
	return now.Add(p.interval), true
}

// regulate makes the lane obey the limit of its subscription. It takes out and
// returns what must now wait for longer than a moment.
func (l *lanes) regulate(ln *lane, to *target, now time.Time) (over []task) {
	switch {
	case to == nil: // the next attempt will find out, and if one waits it will be soon
		if ln.queue.len() == 0 && ln.entering == uuid.Nil {
			ln.pacer = nil
		}
		return nil
	case to.rate() == 0:
		if ln.pacer != nil {
			ln.pacer = nil
			l.offer(ln)
		}
		return nil
	}
	p := ln.pacer
	if p == nil {
		p = l.pacer(ln.id, now)
	}
	if changed := p.set(to, now); !changed && ln.pacer == p {
		return nil
	}
	ln.pacer = p
	keep := 0
	if ln.queued {
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
func (l *lanes) admit(t task, to *target, now time.Time) (ok bool, refused []refusal) {
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
func (l *lanes) entered(ln *lane, t task) {
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

// refuse says for how long a task is to be given back.
func (l *lanes) refuse(ln *lane, t task, now time.Time) refusal {
	if ln.claim != l.claims {
		ln.claim, ln.refused = l.claims, 0
	}
	away := ln.away(now)
	if ln.pacer != nil {
		away = max(away, ln.pacer.plan(t.AttemptID, ln.queue.len(), now))
		l.expect(now.Add(away), now)
	}
	return refusal{t, away}
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
			if idle && !p.full.After(now) && !p.last.After(now) {
				delete(l.pacers, id)
				if ln != nil {
					ln.pacer = nil
				}
			}
		}
		l.sweepAt = max(1000, 2*len(l.pacers))
	}
	p = &pacer{}
	l.pacers[id] = p
	return p
}
