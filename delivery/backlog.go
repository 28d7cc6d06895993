package delivery

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
)

// A backlog holds the tasks of a run that wait in memory, in a lane for each subscription, and
// gives them to workers. It is composed of rules that know nothing of each other: the room bounds
// the tasks that wait, the turns choose the lane that sends next, and each lane says how many tasks
// it can take and when it may send.
type backlog struct {
	maxInFlight int    // of one lane
	wake        func() // looks for due attempts
	clock       clock.Clock

	mu      sync.Mutex // guards all that follows
	lanes   map[uuid.UUID]*lane
	room    room
	turns   turns
	workers workers
	pacers  pacers
	claims  int // for which room was reserved
	closed  bool

	freed       *wakeup     // signals that there may be room
	sweepSize   int         // idle lanes are dropped when there are as many lanes
	silentTimer clock.Timer // looks for lanes that get no answers; nil if it never ran
	watching    bool        // silentTimer runs
}

func newBacklog(c Config, all map[uuid.UUID]*pacer, start func(), wake func()) *backlog {
	b := &backlog{
		maxInFlight: c.PerSubscription, wake: wake, clock: c.Clock, lanes: map[uuid.UUID]*lane{},
		room:  room{maxTasks: c.Backlog, maxBytes: c.BacklogBytes, clock: c.Clock, wake: wake, orgs: map[uuid.UUID]*orgRoom{}},
		turns: newTurns(c.Workers), freed: newWakeup(c.Clock),
	}
	b.pacers = pacers{mu: &b.mu, clock: c.Clock, wake: wake, detach: b.detach, all: all}
	b.workers.init(&b.mu, clock.ActivityOf(c.Clock), start)
	return b
}

// reserve sets room aside for a claim of at most maxClaimJobs tasks and returns for how many: 0 if there
// is not enough for minClaim. It also returns the subscriptions and organizations that can take no
// more, and the organization of each.
func (b *backlog) reserve(minClaim, maxClaim int) (n int, full, owners []uuid.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n = b.room.reserve(minClaim, maxClaim); n == 0 {
		return 0, nil, nil
	}
	b.claims++
	full, owners = b.room.full(n, b.clock.Now())
	return n, full, owners
}

// reserveOne sets room aside for a task of the subscription, if it can take one.
func (b *backlog) reserveOne(org, subscription uuid.UUID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.room.reserveOne(org, b.lanes[subscription], b.clock.Now())
}

// unreserve gives back reserved room that is not used.
func (b *backlog) unreserve(n int) {
	b.mu.Lock()
	b.room.reserved -= n
	b.freed.signal()
	b.mu.Unlock()
}

// put adds tasks for which room is reserved. It returns the tasks that their lane cannot take,
// each with the time for which it goes back to the store. Shares of the room do not count here: an
// attempt that was handed over meanwhile may have used them up, but to give a claimed attempt back would
// cost two writes more.
func (b *backlog) put(tasks []*task, now time.Time) (refused []refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room.reserved -= len(tasks)
	for _, t := range tasks {
		if b.closed {
			refused = append(refused, refusal{task: t})
			continue
		}
		ln := b.lane(t, now)
		refused = b.refuse(refused, ln, b.follow(ln, t.to, now), now)
		if !ln.admits(t, now) {
			refused = append(refused, ln.refuse(t, b.claims, now))
			continue
		}
		b.room.put(ln, t)
		b.offer(ln)
	}
	b.sweep(now)
	if len(refused) > 0 {
		b.freed.signal()
	}
	return refused
}

// lane returns the lane of a task, a new one if need be.
func (b *backlog) lane(t *task, now time.Time) *lane {
	ln := b.lanes[t.SubscriptionID]
	if ln == nil {
		ln = newLane(t.SubscriptionID, t.OrganizationID, b.maxInFlight, &b.pacers, now)
		b.lanes[t.SubscriptionID] = ln
	}
	return ln
}

// follow makes a lane obey the rate of its endpoint. It returns the tasks that it can no longer keep.
func (b *backlog) follow(ln *lane, to *endpoint, now time.Time) (over []*task) {
	if ln.follow(to, now) {
		return b.trim(ln, now)
	}
	return nil
}

// trim takes out of a lane the tasks that have to wait too long for its rate, which has changed.
func (b *backlog) trim(ln *lane, now time.Time) (over []*task) {
	for ln.overRate(now) {
		over = append(over, b.room.takeLast(ln))
	}
	slices.Reverse(over)
	b.offer(ln)
	return over
}

// refuse appends tasks that a lane cannot keep.
func (b *backlog) refuse(refused []refusal, ln *lane, tasks []*task, now time.Time) []refusal {
	for _, t := range tasks {
		refused = append(refused, ln.refuse(t, b.claims, now))
	}
	return refused
}

// evict takes tasks out of lanes that have more than they can take now: a lane may have filled
// up before its endpoint began to hang.
func (b *backlog) evict(now time.Time) (refused []refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ln := range b.room.waiting { // each keeps one task, and so its place
		for capacity := ln.capacity(now); ln.queue.len() > capacity; {
			refused = append(refused, ln.refuse(b.room.takeLast(ln), b.claims, now))
		}
	}
	return refused
}

// offer gives a lane a turn if it has a task and may send it, and calls a worker.
func (b *backlog) offer(ln *lane) {
	b.list(ln)
	b.dispatch()
}

// list gives a lane a turn if it has a task and may send it. If only its rate does not allow that
// yet, the lane is offered again when it does.
func (b *backlog) list(ln *lane) {
	if ln.queue.len() == 0 || ln.full() || b.turns.listed(ln) {
		return
	}
	switch ready, wait := ln.ready(); {
	case ready:
		b.turns.list(ln)
	case wait == 0:
	case ln.timer != nil:
		ln.timer.Reset(wait)
	default:
		ln.timer = b.clock.AfterFunc(wait, func() {
			b.mu.Lock()
			b.offer(ln)
			b.mu.Unlock()
		})
	}
}

// dispatch calls a worker if a task may have one.
func (b *backlog) dispatch() {
	switch {
	case b.closed:
	case b.turns.ready():
		b.workers.call()
	default:
		b.watchSilence()
	}
}

// begin returns the first task of a worker that was started; nil: it has to end.
func (b *backlog) begin() *task {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.workers.starting--
	return b.await()
}

// await returns the next task of a worker, and waits for it. It returns nil if the worker has to
// end.
func (b *backlog) await() *task {
	for {
		t := b.next()
		b.dispatch()
		if t != nil || b.closed || !b.workers.rest() {
			return t
		}
	}
}

// next takes the next task; nil if there is none, or no worker for it.
func (b *backlog) next() *task {
	for !b.closed {
		ln := b.turns.next()
		if ln == nil {
			return nil
		}
		if ln.queue.len() > 0 {
			return b.take(ln)
		}
	}
	return nil
}

// take takes a task out of a lane, for a worker.
func (b *backlog) take(ln *lane) *task {
	t := b.room.take(ln)
	ln.take(t)
	b.turns.add(ln, 1)
	t.poolEpoch = b.turns.limiter.epoch
	b.list(ln)
	b.freed.signal()
	return t
}

// servedOther reports whether an attempt of an organization that is not among orgs ended after a time.
func (b *backlog) servedOther(since time.Time, orgs []uuid.UUID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ln := range b.lanes {
		if ln.progressAt.After(since) && !slices.Contains(orgs, ln.org) {
			return true
		}
	}
	return false
}

// watchSilence looks for lanes that get no answers while tasks wait for a worker: a lane that
// has become slow in silence would keep its workers of the quick pool.
func (b *backlog) watchSilence() {
	switch {
	case b.watching || !b.turns.quick.waits():
		return
	case b.silentTimer == nil:
		b.silentTimer = b.clock.AfterFunc(watchInterval, b.reclassify)
	default:
		b.silentTimer.Reset(watchInterval)
	}
	b.watching = true
}

func (b *backlog) reclassify() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watching = false
	now := b.clock.Now()
	for _, ln := range b.lanes {
		b.turns.classify(ln, now)
	}
	b.turns.unparkAll()
	b.dispatch()
}

// sweep drops lanes that are idle for a while. Until then they keep the experience with their
// endpoints.
func (b *backlog) sweep(now time.Time) {
	if len(b.lanes) < b.sweepSize {
		return
	}
	for id, ln := range b.lanes {
		if ln.idle() && now.Sub(ln.progressAt) >= time.Minute {
			delete(b.lanes, id)
			ln.stop()
		}
	}
	b.sweepSize = max(1000, 2*len(b.lanes))
}

// detach takes the pacer away from a lane; false: the lane is in use.
func (b *backlog) detach(id uuid.UUID) bool {
	ln := b.lanes[id]
	if ln == nil {
		return true
	}
	if ln.idle() {
		ln.pacer = nil
	}
	return ln.idle()
}

// close ends the turns, so that workers end after their task, and returns the tasks that
// were waiting.
func (b *backlog) close() (left []*task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.workers.wakeAll()
	b.pacers.close()
	if b.silentTimer != nil {
		b.silentTimer.Stop()
	}
	for _, ln := range b.lanes {
		ln.stop()
		for ln.queue.len() > 0 {
			left = append(left, ln.queue.pop())
		}
	}
	return left
}
