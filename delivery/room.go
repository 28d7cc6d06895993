package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
)

// room is the memory for tasks that wait, and its shares. No subscription has more than half of it
// and no organization more than three quarters. Claims use three quarters and leave the remainder
// to attempts that are handed over. The shares are large, because an attempt that does not
// fit when it is handed over has to be claimed.
//
// Room is reserved before a claim or a hand-over, and used or given back after it.
type room struct {
	maxTasks, maxBytes int // waiting, over all lanes; the bytes are those of bodies
	tasks, bytes       int
	reserved           int // tasks
	typicalBytes       int // moving average of a body's size
	clock              clock.Clock
	wake               func() // looks for due attempts

	waiting []*lane // the lanes in which tasks wait
	orgs    map[uuid.UUID]*orgRoom
}

// orgRoom is the room that an organization uses.
type orgRoom struct {
	tasks   int
	skipped bool // the last claim skipped the organization, because it uses its share
}

func (r *room) claimShare() int { return max(1, r.maxTasks*3/4) }
func (r *room) orgShare() int   { return max(1, r.maxTasks*3/4) }
func (r *room) laneShare() int  { return max(1, r.maxTasks/2) }

// free returns for how many tasks there is room, if at most maxTasks may wait. The size of their
// bodies is estimated from the bodies before.
func (r *room) free(maxTasks int) int {
	n := maxTasks - r.tasks - r.reserved
	if r.typicalBytes > 0 {
		n = min(n, (r.maxBytes-r.bytes)/r.typicalBytes-r.reserved)
	}
	return n
}

// reserve sets room aside for a claim of at most maxClaim tasks and returns for how many: 0 if
// there is not enough for minClaim.
func (r *room) reserve(minClaim, maxClaim int) int {
	n := min(maxClaim, r.free(r.claimShare()))
	if n < minClaim && r.tasks+r.reserved > 0 || n < 1 {
		return 0
	}
	r.reserved += n
	return n
}

// full returns the subscriptions and organizations that a claim of n tasks has to skip, because they
// can take no more, and the organization of each.
func (r *room) full(n int, now time.Time) (full, owners []uuid.UUID) {
	for _, ln := range r.waiting {
		tasks := ln.queue.len()
		if ln.skipped = tasks >= ln.capacity(now) || tasks+n > r.laneShare(); ln.skipped {
			full, owners = append(full, ln.id), append(owners, ln.org)
		}
	}
	for org, o := range r.orgs {
		if o.skipped = o.tasks+n > r.orgShare(); o.skipped {
			full, owners = append(full, org), append(owners, org)
		}
	}
	return full, owners
}

// reserveOne sets room aside for a task of an organization, if it can take one. Lane is nil if its
// subscription has none.
func (r *room) reserveOne(org uuid.UUID, ln *lane, now time.Time) bool {
	if r.free(r.maxTasks) < 1 {
		return false
	}
	if o := r.orgs[org]; o != nil && o.tasks >= r.orgShare() {
		return false
	}
	if ln != nil && ln.queue.len() >= r.capacity(ln, now) {
		return false
	}
	r.reserved++
	return true
}

// capacity returns how many tasks may wait in a lane.
func (r *room) capacity(ln *lane, now time.Time) int { return min(ln.capacity(now), r.laneShare()) }

// put adds a task to its lane.
func (r *room) put(ln *lane, t *task) {
	ln.queue.push(t)
	r.count(ln, t, 1)
	r.typicalBytes += (len(t.Body) - r.typicalBytes) / 8
}

// take takes the first task out of a lane. A lane that the last claim skipped, and which is half empty
// now, needs a claim.
func (r *room) take(ln *lane) *task {
	t := ln.queue.pop()
	r.count(ln, t, -1)
	if ln.skipped && ln.queue.len() <= r.capacity(ln, r.clock.Now())/2 {
		ln.skipped = false
		r.wake()
	}
	return t
}

// takeLast takes the last task out of a lane.
func (r *room) takeLast(ln *lane) *task {
	t := ln.queue.popLast()
	r.count(ln, t, -1)
	return t
}

// count notes that a task waits in a lane, or no longer waits there if n is -1.
func (r *room) count(ln *lane, t *task, n int) {
	switch waits := ln.queue.len() > 0; {
	case waits && ln.waitingIndex == 0:
		r.waiting = append(r.waiting, ln)
		ln.waitingIndex = len(r.waiting)
	case !waits:
		r.removeWaiting(ln)
	}
	r.tasks += n
	r.bytes += n * len(t.Body)
	o := r.orgs[t.OrganizationID]
	if o == nil {
		o = &orgRoom{}
		r.orgs[t.OrganizationID] = o
	}
	if o.tasks += n; o.tasks == 0 {
		delete(r.orgs, t.OrganizationID)
	}
	if o.skipped && o.tasks <= r.orgShare()/2 {
		o.skipped = false
		r.wake()
	}
}

// removeWaiting puts the last lane in the place of one in which no task waits anymore.
func (r *room) removeWaiting(ln *lane) {
	last := len(r.waiting) - 1
	moved := r.waiting[last]
	r.waiting[ln.waitingIndex-1], moved.waitingIndex = moved, ln.waitingIndex
	r.waiting[last], ln.waitingIndex = nil, 0
	r.waiting = r.waiting[:last]
}
