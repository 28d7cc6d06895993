package delivery

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

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
	work     sync.Cond // wakes an idle worker
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

func newLanes(c Config, pacers map[uuid.UUID]*pacer, start func(), wake func()) *lanes {
	l := &lanes{
		maxTasks: c.Backlog, maxBytes: c.BacklogBytes, perLane: c.PerSubscription,
		workers: newWorkers(c.Workers, start), wake: wake, pacers: pacers,
		room:  make(chan struct{}, 1),
		lanes: map[uuid.UUID]*lane{}, held: map[uuid.UUID]*holding{},
	}
	l.work.L = &l.mu
	return l
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
func (l *lanes) put(tasks []*task, now time.Time) (refused []refusal) {
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

func (l *lanes) popLast(ln *lane) *task {
	t := ln.queue.popLast()
	l.count(ln, t, -1)
	return t
}

// count notes that a task waits in the lane, or no longer does.
func (l *lanes) count(ln *lane, t *task, n int) {
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
func (l *lanes) close() []*task {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.work.Broadcast()
	for _, timer := range []*time.Timer{l.returns, l.workers.watch} {
		if timer != nil {
			timer.Stop()
		}
	}
	var left []*task
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
func (l *lanes) lane(t *task) *lane {
	ln := l.lanes[t.SubscriptionID]
	if ln == nil {
		// Of a lane that nothing is known about, assume an ordinary endpoint.
		ln = &lane{
			progress: time.Now(), id: t.SubscriptionID, org: t.OrganizationID, typical: 50 * time.Millisecond, slow: true,
			limiter: newLaneLimiter(l.perLane),
		}
		l.lanes[t.SubscriptionID] = ln
	}
	return ln
}

func (l *lanes) signalRoom() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}
