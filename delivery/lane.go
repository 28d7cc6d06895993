package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
)

const (
	// firstLaneLimit is how many attempts a lane may have in flight before anything is
	// known about its endpoint.
	firstLaneLimit = 4
	// harmlessLatency is the mean time of attempts up to which no lower limit is tried.
	harmlessLatency = 20 * time.Millisecond
	// slowAttempt is how long the attempts of a slow lane take, at least.
	slowAttempt = time.Second
	// laneBurst is for how long the tasks in a lane may last.
	laneBurst = 2 * time.Second
	// firstLatency is assumed of an endpoint of which nothing is known.
	firstLatency = 50 * time.Millisecond
	// minAway and maxAway bound for how long a task goes back to the store for which its lane has no room. The time is an
	// estimate, and the lane may take many more attempts soon: it must not wait for tasks that are away. A task that comes
	// back too early costs two writes.
	minAway, maxAway = 200 * time.Millisecond, 5 * time.Second
)

// A lane is the queue of one subscription: the tasks that wait in memory for a worker. It is
// composed of two rules. The limiter bounds the attempts in flight, and by their throughput the
// tasks that may wait; the pacer, if there is one, says when the next attempt may begin.
type lane struct {
	id, org uuid.UUID
	queue   ring[*task]

	inFlight int
	awaiting int // attempts in flight without an answer: an answered one is in flight until it is recorded
	limiter  limiter

	samples    int           // attempts that ended here, since the average began
	failed     bool          // the last attempt failed
	latency    time.Duration // moving average of how long an attempt takes
	progressAt time.Time     // when an attempt ended last, or the first one began

	pacers   *pacers
	accepted meter       // attempts that the endpoint accepted
	pacer    *pacer      // nil if no rate limits the lane, or none is known
	timer    clock.Timer // offers the lane when the pacer allows it
	pending  uuid.UUID   // the attempt that a worker took and the pacer has not counted yet; zero for none

	refusals     int // tasks that were refused since a claim,
	refusalClaim int // which has this number

	// The fields that follow belong to the room and the turns.
	waitingIndex int      // among the lanes in which tasks wait, from 1; 0 if none waits
	skipped      bool     // the last claim skipped the lane, because it is full
	slow         bool     // its attempts count in the slow pool
	turn         poolKind // the pool in which it has a turn
}

// A poolKind names a pool of workers.
type poolKind uint8

const (
	noPool poolKind = iota
	quickPool
	slowPool
)

// newLane returns the lane of a subscription. It counts as slow until an attempt has ended.
func newLane(id, org uuid.UUID, maxInFlight int, p *pacers, now time.Time) *lane {
	return &lane{
		id: id, org: org, limiter: newLaneLimiter(maxInFlight), pacers: p,
		latency: firstLatency, progressAt: now, slow: true,
	}
}

func newLaneLimiter(maxLimit int) limiter {
	l := newLimiter(1, firstLaneLimit, maxLimit)
	l.harmlessLatency = harmlessLatency
	return l
}

// full reports whether the lane has as many attempts in flight as it may.
func (ln *lane) full() bool { return ln.inFlight >= ln.limiter.limit }

// capacity returns how many tasks may wait in the lane for its endpoint: as many as it takes within
// laneBurst.
func (ln *lane) capacity(now time.Time) int {
	return max(1, int(laneBurst/ln.attemptTime(now))) * ln.limiter.limit
}

// attemptTime returns how long an attempt takes: as long as the past ones on average, or as long
// as the present ones have been without an answer, if the limit is used up by them.
func (ln *lane) attemptTime(now time.Time) time.Duration {
	took := max(ln.latency, time.Millisecond)
	if ln.awaiting >= ln.limiter.limit {
		took = max(took, now.Sub(ln.progressAt))
	}
	return took
}

// admits reports whether a task may wait in the lane.
func (ln *lane) admits(t *task, now time.Time) bool {
	n := ln.queue.len()
	return n < ln.capacity(now) && (ln.pacer == nil || ln.pacer.admits(t.AttemptID, n, now))
}

// ready reports whether the pacer allows an attempt now. If not, it does so after the wait; no wait
// means that the lane has to be looked at when its pending attempt has begun.
func (ln *lane) ready() (ok bool, wait time.Duration) {
	switch {
	case ln.pacer == nil:
		return true, 0
	case ln.pending != uuid.Nil:
		return false, 0
	}
	wait = ln.pacer.wait(0, ln.pacers.clock.Now())
	return wait == 0, wait
}

// take takes the next task, for a worker.
func (ln *lane) take(t *task) {
	if ln.inFlight == 0 {
		ln.progressAt = ln.pacers.clock.Now()
	}
	ln.inFlight++
	ln.awaiting++
	t.laneEpoch = ln.limiter.epoch
	if ln.pacer != nil {
		ln.pending = t.AttemptID
	}
}

// follow takes over the rate and the hold of the lane's subscription, and reports whether the
// lane has another pacer, or a changed one.
func (ln *lane) follow(to *endpoint, now time.Time) (changed bool) {
	switch {
	case to == nil: // the next attempt reads the endpoint; if one waits, it does so soon
		if ln.queue.len() == 0 && ln.pending == uuid.Nil {
			ln.pacer = nil
		}
		return false
	case to.Deleted || !to.Live():
		return ln.unpace()
	case ln.pacers.all[ln.id] == nil && to.rate() == 0 && !to.BackPressureUntil.After(now):
		return false
	}
	p := ln.pacers.get(ln.id, now)
	changed = p.set(to, now)
	if !p.limits(now) {
		return ln.unpace()
	}
	changed = changed || ln.pacer != p
	ln.pacer = p
	return changed
}

// unpace lets the lane send at any rate. It reports whether that is a change.
func (ln *lane) unpace() bool {
	paced := ln.pacer != nil
	ln.pacer = nil
	return paced
}

// overRate reports whether the last task of the lane has to wait for the rate for longer than
// maxRateWait. A lane with a turn keeps one task, for the worker that takes the turn.
func (ln *lane) overRate(now time.Time) bool {
	kept := 0
	if ln.turn != noPool {
		kept = 1
	}
	n := ln.queue.len()
	return ln.pacer != nil && n > kept && ln.pacer.wait(n-1, now) > maxRateWait
}

// begin reports whether an attempt may begin now, and counts it.
func (ln *lane) begin(now time.Time) bool {
	switch {
	case ln.pacer == nil:
	case ln.pacer.wait(0, now) > 0:
		return false
	default:
		ln.pacer.begin(now)
	}
	return true
}

// settled notes that the pacer has counted a task, or that its attempt does not begin.
func (ln *lane) settled(t *task) {
	if ln.pending == t.AttemptID {
		ln.pending = uuid.Nil
	}
}

// refuse says for how long a task goes back to the store. Claim is the number of the last claim.
func (ln *lane) refuse(t *task, claim int, now time.Time) refusal {
	if ln.refusalClaim != claim {
		ln.refusalClaim, ln.refusals = claim, 0
	}
	awayFor := ln.awayFor(now)
	if ln.pacer == nil {
		return refusal{t, awayFor, false}
	}
	awayFor = max(awayFor, ln.pacer.plan(t.AttemptID, ln.queue.len(), now))
	ln.pacers.expect(now.Add(awayFor), now)
	return refusal{t, awayFor, ln.pacer.provisional(now)}
}

// awayFor returns how long a task that finds no room goes back to the store: until the tasks before
// it may have gone out, the refused ones too.
func (ln *lane) awayFor(now time.Time) time.Duration {
	const fewSamples = 8
	ln.refusals++
	if ln.samples < fewSamples && now.Sub(ln.progressAt) < time.Second {
		return minAway
	}
	return min(max(ln.attemptTime(now)*time.Duration(1+ln.refusals/ln.limiter.limit), minAway), maxAway)
}

// answered notes that the call for an attempt has returned, or that it was not made.
func (ln *lane) answered(now time.Time) {
	ln.awaiting--
	ln.progressAt = now
}

// learn notes how an attempt ended. An attempt that the receiver pushed back says nothing about the
// limit of attempts in flight: its cure is a lower rate.
func (ln *lane) learn(epoch int, e ending, now time.Time) {
	success := e.kind == endSuccess
	ln.average(e.took, success)
	if e.kind == endPushback {
		return
	}
	if success {
		ln.accepted.add(now)
		if p := ln.pacers.all[ln.id]; p != nil {
			p.accepted(now.Add(-e.took), now)
		}
	}
	ln.limiter.end(epoch, e.took, success, ln.full(), now)
}

// forget drops the average, since the subscription is gone: its other attempts end without a POST, at
// once, and the pace of the endpoint does not hold them up.
func (ln *lane) forget() { ln.samples, ln.latency = 0, firstLatency }

// average takes an attempt into the average. The first success after failures that took much
// longer begins a new average: the endpoint is back.
func (ln *lane) average(took time.Duration, success bool) {
	const muchLonger = 4
	if success && ln.failed && took < ln.latency/muchLonger {
		ln.samples = 0
	}
	ln.failed = !success
	ln.samples++
	ln.latency += (took - ln.latency) / time.Duration(min(ln.samples, 8))
}

// pushedBack notes that the endpoint pushed back an attempt that began at a time, and asked for a
// wait.
func (ln *lane) pushedBack(to *endpoint, began time.Time, wait time.Duration, now time.Time) {
	p := ln.pacers.get(ln.id, now)
	p.set(to, now)
	p.pushedBack(began, wait, ln.accepted.perSecond(now), now)
	ln.pacer = p
}

// isSlow reports whether attempts take slowAttempt or longer, wait for an answer for as long, or
// never ended.
func (ln *lane) isSlow(now time.Time) bool {
	return ln.samples == 0 || ln.latency >= slowAttempt || ln.awaiting > 0 && now.Sub(ln.progressAt) >= slowAttempt
}

// idle reports whether the lane has no task, waiting or in flight.
func (ln *lane) idle() bool { return ln.inFlight == 0 && ln.queue.len() == 0 }

// stop ends the lane's timer.
func (ln *lane) stop() {
	if ln.timer != nil {
		ln.timer.Stop()
	}
}
