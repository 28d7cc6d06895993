package delivery

import (
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
}

// lanes holds the tasks that wait for a worker, a first-in-first-out lane for each
// subscription, and chooses the next one fairly: organizations in turn, and
// within an organization its subscriptions in turn.
type lanes struct {
	maxTasks int    // waiting, over all lanes
	maxBytes int    // of bodies waiting, over all lanes
	perLane  int    // in flight in one lane, at most
	wake     func() // look for due attempts

	mu       sync.Mutex
	ready    sync.Cond // a task can be taken, or closed
	room     chan struct{}
	lanes    map[uuid.UUID]*lane
	turns    ring[*tenant]
	tenants  map[uuid.UUID]*tenant
	tasks    int
	bytes    int
	reserved int
	closed   bool

	typicalBytes int // moving average of a body's size

	pacers   map[uuid.UUID]*pacer // of subscriptions with a RateLimit
	sweepAt  int                  // how many pacers there may be before idle ones are dropped
	returns  *time.Timer          // runs until expected, if that is not zero
	expected time.Time            // when the next one is due of what the pacers gave back
}

// tenant is an organization with lanes that have a task to give.
type tenant struct {
	id    uuid.UUID
	turns ring[*lane]
}

type lane struct {
	id       uuid.UUID
	org      uuid.UUID
	queue    ring[task]
	inFlight int
	limit    int  // of inFlight: see done
	queued   bool // in its tenant's turns

	typical  time.Duration // moving average of how long an attempt takes here
	progress time.Time     // when an attempt last ended, or the first one began

	pacer    *pacer      // nil if there is no RateLimit, or it is not known
	timer    *time.Timer // offers the lane when the pacer allows it
	entering uuid.UUID   // the attempt that was taken and did not come to the pacer yet; zero for none
}

func newLanes(c Config, pacers map[uuid.UUID]*pacer, wake func()) *lanes {
	l := &lanes{
		maxTasks: c.Backlog, maxBytes: c.BacklogBytes, perLane: c.PerSubscription,
		wake: wake, pacers: pacers,
		room:  make(chan struct{}, 1),
		lanes: map[uuid.UUID]*lane{}, tenants: map[uuid.UUID]*tenant{},
	}
	l.ready.L = &l.mu
	return l
}

// reserve sets room aside for up to most tasks and returns for how many: 0 if
// there is not room for least. What a body takes is guessed from those before it.
func (l *lanes) reserve(least, most int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(most, l.maxTasks-l.tasks-l.reserved)
	if l.typicalBytes > 0 {
		n = min(n, (l.maxBytes-l.bytes)/l.typicalBytes-l.reserved)
	}
	if n < least && l.tasks+l.reserved > 0 || n < 1 {
		return 0
	}
	l.reserved += n
	return n
}

// release gives back reserved room that was not used.
func (l *lanes) release(n int) {
	l.mu.Lock()
	l.reserved -= n
	l.signalRoom()
	l.mu.Unlock()
}

// put adds tasks for which room was reserved. It returns those that their lane is
// too slow to take, or has to be, each with how long it should stay away.
func (l *lanes) put(tasks []task, now time.Time) (refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved -= len(tasks)
	for _, t := range tasks {
		if l.closed {
			refused = append(refused, refusal{t, 0})
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
		l.tasks++
		l.bytes += len(t.Body)
		l.typicalBytes += (len(t.Body) - l.typicalBytes) / 8
		l.offer(ln)
	}
	for _, t := range refused {
		if ln := l.lanes[t.SubscriptionID]; ln != nil {
			l.drop(ln)
		}
	}
	if len(refused) > 0 {
		l.signalRoom()
	}
	return refused
}

// evict takes out of the lanes what they hold beyond what they can take by now: a
// lane may have filled up before its endpoint began to hang.
func (l *lanes) evict(now time.Time) (refused []refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.lanes {
		for most := ln.most(now); ln.queue.len() > most; {
			refused = append(refused, l.refuse(ln, l.popLast(ln), now))
		}
	}
	return refused
}

func (l *lanes) popLast(ln *lane) task {
	t := ln.queue.popLast()
	l.tasks--
	l.bytes -= len(t.Body)
	return t
}

// refusal is a task that is to be given back, for some time.
type refusal struct {
	task
	away time.Duration
}

// take waits for a task and returns it, or reports false when the lanes are
// closed.
func (l *lanes) take() (task, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.turns.len() == 0 && !l.closed {
		l.ready.Wait()
	}
	if l.closed {
		return task{}, false
	}
	org := l.turns.pop()
	ln := org.turns.pop()
	ln.queued = false
	t := ln.queue.pop()
	l.tasks--
	l.bytes -= len(t.Body)
	if ln.inFlight == 0 {
		ln.progress = time.Now()
	}
	ln.inFlight++
	if ln.pacer != nil {
		ln.entering = t.AttemptID
	}
	l.offer(ln)
	if org.turns.len() > 0 {
		l.turns.push(org)
	} else {
		delete(l.tenants, org.id)
	}
	l.signalRoom()
	return t, true
}

// done says that a task which was taken is over, after an attempt that took so
// long (0 if there was none).
func (l *lanes) done(t task, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.lanes[t.SubscriptionID]
	ln.inFlight--
	ln.progress = time.Now()
	if took > 0 {
		ln.learn(took, l.perLane)
	}
	l.entered(ln, t)
	l.offer(ln)
	l.drop(ln)
}

// drop ends the lane if it holds nothing.
func (l *lanes) drop(ln *lane) {
	if ln.inFlight > 0 || ln.queue.len() > 0 {
		return
	}
	delete(l.lanes, ln.id)
	if ln.timer != nil {
		ln.timer.Stop()
	}
}

// close makes take return false from now on and returns what was waiting.
func (l *lanes) close() []task {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.ready.Broadcast()
	if l.returns != nil {
		l.returns.Stop()
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
		ln = &lane{id: t.SubscriptionID, org: t.OrganizationID, typical: 50 * time.Millisecond, limit: min(firstLimit, l.perLane)}
		l.lanes[t.SubscriptionID] = ln
	}
	return ln
}

// offer gives the lane a turn if it has a task and may send it.
func (l *lanes) offer(ln *lane) {
	if ln.queued || ln.queue.len() == 0 || ln.inFlight >= ln.limit || !l.open(ln) {
		return
	}
	org := l.tenants[ln.org]
	if org == nil {
		org = &tenant{id: ln.org}
		l.tenants[ln.org] = org
		l.turns.push(org)
	}
	org.turns.push(ln)
	ln.queued = true
	l.ready.Signal()
}

func (l *lanes) signalRoom() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

const (
	// firstLimit is how many attempts a lane may have in flight before anything is
	// known about its endpoint.
	firstLimit = 4
	// slow is from when on an attempt speaks against more of them at once.
	slow = time.Second
	// burst is for how long the tasks in a lane may last.
	burst = 2 * time.Second
)

// learn notes how long an attempt took. Quick ones let a lane have more in flight,
// one by one up to the bound; a slow one halves that. So a strange endpoint that
// hangs takes few workers with it, and a good one soon has all that it can use.
func (ln *lane) learn(took time.Duration, bound int) {
	ln.typical += (took - ln.typical) / 8
	if took < slow {
		ln.limit = min(ln.limit+1, bound)
	} else {
		ln.limit = max(ln.limit/2, 1)
	}
}

// pace returns how long an attempt takes in the lane, as far as can be told: what
// the past ones took, or how long the present ones have been silent.
func (ln *lane) pace(now time.Time) time.Duration {
	pace := max(ln.typical, time.Millisecond)
	if ln.inFlight >= ln.limit {
		pace = max(pace, now.Sub(ln.progress))
	}
	return pace
}

// most is how many tasks may wait in the lane.
func (ln *lane) most(now time.Time) int {
	return max(1, int(burst/ln.pace(now))) * ln.limit
}

// away is how long a task that does not fit should stay away.
func (ln *lane) away(now time.Time) time.Duration {
	return min(max(ln.pace(now), 200*time.Millisecond), 30*time.Second)
}

// ring is a queue on a slice that grows and is reused.
type ring[T any] struct {
	items []T
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

func (r *ring[T]) push(v T) {
	if r.n == len(r.items) {
		grown := make([]T, max(4, 2*r.n))
		copied := copy(grown, r.items[r.head:])
		copy(grown[copied:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.n)%len(r.items)] = v
	r.n++
}

func (r *ring[T]) popLast() T {
	r.n--
	at := (r.head + r.n) % len(r.items)
	v := r.items[at]
	r.items[at] = *new(T)
	return v
}

func (r *ring[T]) pop() T {
	v := r.items[r.head]
	r.items[r.head] = *new(T)
	r.head = (r.head + 1) % len(r.items)
	r.n--
	return v
}
