package delivery

import (
	"slices"
	"time"
)

// admit reports whether a task that was taken may be sent now, and counts it then. It returns the
// tasks that must be given back, the task itself if it may not be sent.
func (b *backlog) admit(t *task, to *endpoint, now time.Time) (ok bool, refused []refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ln := b.lanes[t.SubscriptionID]
	over := b.follow(ln, to, now)
	if ok = ln.begin(now); !ok {
		over = slices.Insert(over, 0, t)
	}
	refused = b.refuse(nil, ln, over, now)
	ln.settled(t)
	b.offer(ln)
	return ok, refused
}

// answered notes that the POST of a task has ended.
func (b *backlog) answered(t *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lanes[t.SubscriptionID].answered(b.clock.Now())
}

// pushedBack notes that the endpoint pushed back an attempt that began at a time, and asked for a
// wait. It returns the tasks that must be given back.
func (b *backlog) pushedBack(t *task, to *endpoint, began time.Time, wait time.Duration) (refused []refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ln, now := b.lanes[t.SubscriptionID], b.clock.Now()
	ln.pushedBack(to, began, wait, now)
	return b.refuse(nil, ln, b.trim(ln, now), now)
}

// done notes that a task is over, and how its attempt ended. It returns the next task of the worker,
// as await does.
func (b *backlog) done(t *task, e ending) (next *task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ln, now := b.lanes[t.SubscriptionID], b.clock.Now()
	switch e.kind {
	case endGone:
		ln.forget()
		fallthrough
	case endUnsent:
		ln.answered(now)
	default:
		ln.learn(t.laneEpoch, e, now)
		b.turns.learn(ln, t.poolEpoch, e, now)
	}
	ln.inFlight--
	b.turns.add(ln, -1)
	b.turns.classify(ln, now)
	ln.settled(t)
	b.list(ln)
	if ln.idle() {
		ln.queue = ring[*task]{} // ten thousand lanes may have nothing to do
	}
	b.turns.unpark()
	return b.await()
}
