package delivery

import "time"

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

// next takes the task whose turn it is; nil if there is none, or no worker for it.
func (l *lanes) next() *task {
	for !l.closed {
		ln := l.workers.next()
		if ln == nil {
			return nil
		}
		if ln.queue.len() > 0 {
			return l.take(ln)
		}
	}
	return nil
}

// take takes a task out of a lane, for a worker.
func (l *lanes) take(ln *lane) *task {
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

// dispatch has a worker take a task, if a task may have one: an idle worker or a new one. The
// task is chosen only when the worker runs: where the processors are busy, another one becomes
// free before. So few workers are started at a time, and each has the next one started.
func (l *lanes) dispatch() {
	switch w := &l.workers; {
	case l.closed:
	case !w.ready():
		l.watch()
	case w.starting == w.mostStarting:
	case w.idle > 0:
		w.starting++
		w.idle--
		l.work.Signal()
	default:
		w.starting++
		w.start()
	}
}

// begin returns the first task of a worker that was started, or nil: then it has to end.
func (l *lanes) begin() *task {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.workers.starting--
	return l.await()
}

// await returns the next task of a worker, and waits for it. It returns nil if the worker has
// to end.
func (l *lanes) await() *task {
	w := &l.workers
	for {
		t := l.next()
		l.dispatch()
		if t != nil || l.closed || w.idle == w.mostIdle {
			return t
		}
		w.idle++
		l.work.Wait()
		w.starting-- // dispatch woke it, or close, after which nobody counts
	}
}

// answered says that the POST of a task which was taken has ended.
func (l *lanes) answered(t *task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.lanes[t.SubscriptionID]
	ln.awaiting--
	ln.progress = time.Now()
}

// done says that a task which was taken is over, and how its attempt ended. It returns
// the next task of the worker, as await does.
func (l *lanes) done(t *task, e ending) (next *task) {
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
		ln.queue = ring[*task]{} // there may be ten thousand that have nothing to do
	}
	l.workers.unpark()
	return l.await()
}

// learn notes how an attempt ended, in the lane and in the quick pool. One that the
// receiver pushed back says nothing about concurrency: its cure is a lower rate.
func (l *lanes) learn(ln *lane, t *task, e ending, now time.Time) {
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
		l.workers.limiter.end(t.poolEpoch, e.took, true, l.workers.short(), now)
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
