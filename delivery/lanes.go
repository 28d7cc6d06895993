package delivery

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// task is a job in this process, with the moment until which its lease surely
// lasts. That is measured from before the claim was asked for, by the local
// monotonic clock, so that it needs no agreement with the store's.
type task struct {
	store.Job
	leasedUntil time.Time
	to          *target // the subscription when the task came in; nil if it was not at hand

	epoch, poolEpoch int // of the limiters when the task was taken
}

// lanes holds the tasks that wait for a worker, a first-in-first-out lane for each
// subscription, and chooses the next one fairly: organizations in turn, and
// within an organization its subscriptions in turn.
//
// What waits is shared fairly, too: see share. So what one has queued takes neither
// the room nor the turns of the others.
type lanes struct {
	maxTasks int    // waiting, over all lanes
	maxBytes int    // of bodies waiting, over all lanes
	perLane  int    // in flight in one lane, at most
	wake     func() // look for due attempts

	mu       sync.Mutex
	workers  workers
	room     chan struct{}
	lanes    map[uuid.UUID]*lane
	waiting  []*lane                // those in which tasks wait
	held     map[uuid.UUID]*holding // of the organizations that have tasks waiting
	tasks    int
	bytes    int
	reserved int
	claims   int // for which room was set aside
	closed   bool

	sweepLanes   int // how many lanes there may be before idle ones are dropped
	typicalBytes int // moving average of a body's size

	pacers   map[uuid.UUID]*pacer // of subscriptions with a RateLimit
	sweepAt  int                  // how many pacers there may be before idle ones are dropped
	returns  *time.Timer          // runs until expected, if that is not zero
	expected time.Time            // when the next one is due of what the pacers gave back
}

// holding is how much of the room an organization has.
type holding struct {
	tasks  int
	passed bool // the last claim passed over it, because that is its share
}

func newLanes(c Config, pacers map[uuid.UUID]*pacer, start func(task), wake func()) *lanes {
	return &lanes{
		maxTasks: c.Backlog, maxBytes: c.BacklogBytes, perLane: c.PerSubscription,
		workers: newWorkers(c.Workers, start), wake: wake, pacers: pacers,
		room:  make(chan struct{}, 1),
		lanes: map[uuid.UUID]*lane{}, held: map[uuid.UUID]*holding{},
	}
}

// The shares of the room: what is claimed leaves some of it to what is handed over,
// and nobody has all of it. They are large, for what does not fit when it is handed over
// has to be claimed.
func (l *lanes) forClaims() int { return max(1, l.maxTasks*3/4) }
func (l *lanes) forTenant() int { return max(1, l.maxTasks*3/4) }
func (l *lanes) forLane() int   { return max(1, l.maxTasks/2) }

// reserve sets room aside for a claim of up to most tasks and returns for how many:
// 0 if there is not room for least. It also returns the subscriptions and
// organizations that can take no more, and whose these are.
func (l *lanes) reserve(least, most int) (n int, full, owners []uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = min(most, l.free(l.forClaims()))
	if n < least && l.tasks+l.reserved > 0 || n < 1 {
		return 0, nil, nil
	}
	l.reserved += n
	l.claims++
	now := time.Now()
	for _, ln := range l.waiting {
		if ln.passed = ln.queue.len() >= ln.most(now) || ln.queue.len()+n > l.forLane(); ln.passed {
			full, owners = append(full, ln.id), append(owners, ln.org)
		}
	}
	for org, h := range l.held {
		if h.passed = h.tasks+n > l.forTenant(); h.passed {
			full, owners = append(full, org), append(owners, org)
		}
	}
	return n, full, owners
}

// free returns for how many tasks there is room, if no more than so many may wait.
// What a body takes is guessed from those before it.
func (l *lanes) free(most int) int {
	n := most - l.tasks - l.reserved
	if l.typicalBytes > 0 {
		n = min(n, (l.maxBytes-l.bytes)/l.typicalBytes-l.reserved)
	}
	return n
}

// reserveFor sets room aside for a task of the subscription, if it can take one.
func (l *lanes) reserveFor(org, subscription uuid.UUID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free(l.maxTasks) < 1 {
		return false
	}
	if h := l.held[org]; h != nil && h.tasks >= l.forTenant() {
		return false
	}
	if ln := l.lanes[subscription]; ln != nil && ln.queue.len() >= l.most(ln, time.Now()) {
		return false
	}
	l.reserved++
	return true
}

// most is how many tasks may wait in the lane.
func (l *lanes) most(ln *lane, now time.Time) int { return min(ln.most(now), l.forLane()) }

// release gives back reserved room that was not used.
func (l *lanes) release(n int) {
	l.mu.Lock()
	l.reserved -= n
	l.signalRoom()
	l.mu.Unlock()
}

// put adds tasks for which room was reserved. It returns those that their lane is
// too slow to take, or has to be, each with how long it should stay away. Shares do not
// count here: what is handed over meanwhile may have used them up, but to give back what
// was claimed would cost two writes more.
func (l *lanes) put(tasks []task, now time.Time) (refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved -= len(tasks)
	for _, t := range tasks {
		if l.closed {
			refused = append(refused, refusal{task: t})
			continue
		}
		ln := l.lane(t)
		for _, over := range l.regulate(ln, t.to, now) {
			refused = append(refused, l.refuse(ln, over, now))
		}
		if n := ln.queue.len(); n >= ln.most(now) || ln.pacer != nil && !ln.pacer.admits(t.AttemptID, n, now) {
			refused = append(refused, l.refuse(ln, t, now))
			continue
		}
		ln.queue.push(t)
		l.count(ln, t, 1)
		l.typicalBytes += (len(t.Body) - l.typicalBytes) / 8
		l.offer(ln)
	}
	l.sweep(now)
	if len(refused) > 0 {
		l.signalRoom()
	}
	return refused
}

// served reports whether somebody else than these was served since then.
func (l *lanes) served(since time.Time, than []uuid.UUID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.lanes {
		if ln.progress.After(since) && !slices.Contains(than, ln.org) {
			return true
		}
	}
	return false
}

// evict takes out of the lanes what they hold beyond what they can take by now: a
// lane may have filled up before its endpoint began to hang.
func (l *lanes) evict(now time.Time) (refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.waiting { // each keeps one, and so its place
		for most := ln.most(now); ln.queue.len() > most; {
			refused = append(refused, l.refuse(ln, l.popLast(ln), now))
		}
	}
	return refused
}

func (l *lanes) popLast(ln *lane) task {
	t := ln.queue.popLast()
	l.count(ln, t, -1)
	return t
}

// count notes that a task waits in the lane, or no longer does.
func (l *lanes) count(ln *lane, t task, n int) {
	switch waits := ln.queue.len() > 0; {
	case waits && ln.place == 0:
		l.waiting = append(l.waiting, ln)
		ln.place = len(l.waiting)
	case !waits:
		last := len(l.waiting) - 1
		moved := l.waiting[last]
		l.waiting[ln.place-1], moved.place = moved, ln.place
		l.waiting[last], ln.place = nil, 0
		l.waiting = l.waiting[:last]
	}
	l.tasks += n
	l.bytes += n * len(t.Body)
	h := l.held[t.OrganizationID]
	if h == nil {
		h = &holding{}
		l.held[t.OrganizationID] = h
	}
	if h.tasks += n; h.tasks == 0 {
		delete(l.held, t.OrganizationID)
	}
	if h.passed && h.tasks <= l.forTenant()/2 {
		h.passed = false
		l.wake()
	}
}

// refusal is a task that is to be given back, for some time.
type refusal struct {
	task
	away time.Duration
	held bool // Release may end it
}

// next takes the task whose turn it is, if there is a worker for it.
func (l *lanes) next() (task, bool) {
	for !l.closed {
		ln := l.workers.next()
		switch {
		case ln == nil:
			l.watch()
			return task{}, false
		case ln.queue.len() > 0:
			return l.take(ln), true
		}
	}
	return task{}, false
}

// take takes a task out of a lane, for a worker.
func (l *lanes) take(ln *lane) task {
	t := ln.queue.pop()
	l.count(ln, t, -1)
	if ln.passed && ln.queue.len() <= l.most(ln, time.Now())/2 {
		ln.passed = false
		l.wake()
	}
	if ln.inFlight == 0 {
		ln.progress = time.Now()
	}
	ln.inFlight++
	ln.awaiting++
	l.workers.add(ln, 1)
	t.epoch, t.poolEpoch = ln.limiter.epoch, l.workers.limiter.epoch
	if ln.pacer != nil {
		ln.entering = t.AttemptID
	}
	l.list(ln)
	l.signalRoom()
	return t
}

// dispatch starts a worker for each task that may have one.
func (l *lanes) dispatch() {
	for t, ok := l.next(); ok; t, ok = l.next() {
		l.workers.start(t)
	}
}

// answered says that the POST of a task which was taken has ended.
func (l *lanes) answered(t task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.lanes[t.SubscriptionID]
	ln.awaiting--
	ln.progress = time.Now()
}

// done says that a task which was taken is over, and how its attempt ended. It returns
// the next task for the worker; if there is none, the worker has to end.
func (l *lanes) done(t task, e ending) (next task, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln, now := l.lanes[t.SubscriptionID], time.Now()
	if e.kind == unsent {
		ln.awaiting--
		ln.progress = now
	} else {
		l.learn(ln, t, e, now)
	}
	ln.inFlight--
	l.workers.add(ln, -1)
	l.classify(ln, now)
	l.entered(ln, t)
	l.list(ln)
	if ln.inFlight == 0 && ln.queue.len() == 0 {
		ln.queue = ring[task]{} // there may be ten thousand that have nothing to do
	}
	l.workers.unpark()
	next, ok = l.next()
	l.dispatch()
	return next, ok
}

// learn notes how an attempt ended, in the lane and in the quick pool. One that the
// receiver pushed back says nothing about concurrency: its cure is a lower rate.
func (l *lanes) learn(ln *lane, t task, e ending, now time.Time) {
	ln.learn(e.took, e.kind == succeeded)
	switch e.kind {
	case pushedBack:
		return
	case succeeded:
		l.accepted(ln, now.Add(-e.took), now)
	}
	ln.limiter.end(t.epoch, e.took, e.kind == succeeded, ln.full(), now)
	if !ln.slow {
		// An attempt that failed kept a worker busy, too: what counts is how many end.
		l.workers.limiter.end(t.poolEpoch, e.took, true, l.workers.quick.waits(), now)
	}
}

// classify moves a lane to the pool that it belongs to now, with its attempts in flight.
func (l *lanes) classify(ln *lane, now time.Time) {
	slow := ln.isSlow(now)
	if slow == ln.slow {
		return
	}
	l.workers.add(ln, -ln.inFlight)
	ln.slow = slow
	l.workers.add(ln, ln.inFlight)
}

// watch looks for lanes that get no answers while tasks wait for a worker: a lane that
// has become slow in silence would keep its workers of the quick pool.
func (l *lanes) watch() {
	w := &l.workers
	switch {
	case w.watching || !w.quick.waits():
		return
	case w.watch == nil:
		w.watch = time.AfterFunc(watchInterval, l.reclassify)
	default:
		w.watch.Reset(watchInterval)
	}
	w.watching = true
}

func (l *lanes) reclassify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.workers.watching = false
	now := time.Now()
	for _, ln := range l.lanes {
		l.classify(ln, now)
	}
	for range l.workers.quick.parked.len() + l.workers.slow.parked.len() {
		l.workers.unpark()
	}
	l.dispatch()
}

// sweep ends lanes that hold nothing and did not for a while. Until then they keep
// what was learned about their endpoints.
func (l *lanes) sweep(now time.Time) {
	if len(l.lanes) < l.sweepLanes {
		return
	}
	for id, ln := range l.lanes {
		if ln.inFlight > 0 || ln.queue.len() > 0 || now.Sub(ln.progress) < time.Minute {
			continue
		}
		delete(l.lanes, id)
		if ln.timer != nil {
			ln.timer.Stop()
		}
	}
	l.sweepLanes = max(1000, 2*len(l.lanes))
}

// close ends the turns, so that workers end after their task, and returns the tasks that
// were waiting.
func (l *lanes) close() []task {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, timer := range []*time.Timer{l.returns, l.workers.watch} {
		if timer != nil {
			timer.Stop()
		}
	}
	var left []task
	for _, ln := range l.lanes {
		if ln.timer != nil {
			ln.timer.Stop()
		}
		for ln.queue.len() > 0 {
			left = append(left, ln.queue.pop())
		}
	}
	return left
}

// lane returns the task's lane, a new one if need be.
func (l *lanes) lane(t task) *lane {
	ln := l.lanes[t.SubscriptionID]
	if ln == nil {
		// Of a lane that nothing is known about, assume an ordinary endpoint.
		ln = &lane{
			progress: time.Now(), id: t.SubscriptionID, org: t.OrganizationID, typical: 50 * time.Millisecond, slow: true,
			limiter: newLimiter(1, firstLimit, l.perLane),
		}
		l.lanes[t.SubscriptionID] = ln
	}
	return ln
}

// offer gives the lane a turn if it has a task and may send it, and starts workers.
func (l *lanes) offer(ln *lane) {
	l.list(ln)
	l.dispatch()
}

// list gives the lane a turn if it has a task and may send it.
func (l *lanes) list(ln *lane) {
	if ln.queue.len() > 0 && !ln.full() && !l.workers.listed(ln) && l.open(ln) {
		l.workers.list(ln)
	}
}

func (l *lanes) signalRoom() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}
