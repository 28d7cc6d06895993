package delivery

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/delivery/guard"
)

const (
	// senderGrace is how long after the deadline of an attempt its Sender may return.
	senderGrace = 2 * time.Second
	// watchdogInterval is how often the watchdog looks for calls that are later than that.
	watchdogInterval = 250 * time.Millisecond
	// abortGrace is how long after an abort the Senders may return. The rest of
	// flushTimeout is for giving the attempts back.
	abortGrace = flushTimeout / 2
)

// A flight is a call of the Sender.
type flight struct {
	task
	at    time.Time // of the attempt, by the host's clock
	began time.Time // the call, by the host's clock
	start time.Time // of the call, by the monotonic clock
	due   time.Time // the Sender must have returned
}

// flights are the calls of the Sender that have not returned. Code that strangers drive may
// wait for a mutex, which no context ends (net/http of Go 1.26.8 did, after two frames of
// HTTP/2). So the watchdog gives up a call that is overdue: it ends the attempt, and starts
// a worker in the place of the one that waits. The late return changes nothing.
//
// A call that was given up costs a goroutine until it returns, so there are at most as many
// of these as workers. When there are, an overdue call keeps its worker.
type flights struct {
	most  int           // calls that may be given up
	watch func()        // looks for overdue calls, watchdogInterval after the first began
	stuck *atomic.Int32 // calls that were given up and have not returned; of the engine

	mu       sync.Mutex
	calls    map[*flight]struct{} // but for those that were given up
	watching bool                 // watch will be called
	closed   bool
}

// begin notes a call that begins. It reports false if the run was aborted.
func (f *flights) begin(c *flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.calls[c] = struct{}{}
	f.watchCalls()
	return true
}

// watchCalls has the calls looked at, if there are any.
func (f *flights) watchCalls() {
	if !f.watching && len(f.calls) > 0 {
		f.watching = true
		time.AfterFunc(watchdogInterval, f.watch)
	}
}

// end notes that a call has returned. It reports false if the call was given up.
func (f *flights) end(c *flight) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, mine := f.calls[c]; !mine {
		f.stuck.Add(-1)
		return false
	}
	delete(f.calls, c)
	return true
}

// overdue gives up the calls that should have returned by now, and returns them.
func (f *flights) overdue(now time.Time) (given []*flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.calls {
		if int(f.stuck.Load()) >= f.most {
			break
		}
		if !c.due.After(now) {
			given = append(given, f.giveUp(c))
		}
	}
	f.watching = false
	f.watchCalls()
	return given
}

// close gives up all calls, and returns them. None begins anymore.
func (f *flights) close() (given []*flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for c := range f.calls {
		given = append(given, f.giveUp(c))
	}
	return given
}

func (f *flights) giveUp(c *flight) *flight {
	delete(f.calls, c)
	f.stuck.Add(1)
	return c
}

// replace starts a worker in the place of each that waits for a call which was given up.
func (r *run) replace(given []*flight) {
	for _, f := range given {
		go r.takeOver(f)
	}
}

// takeOver ends an attempt whose Sender does not return, and goes on as its worker.
func (r *run) takeOver(f *flight) {
	reason := (&guard.TimeoutError{After: r.timeout(f.to)}).Error() + "; the sender did not return"
	if r.sending.Err() != nil {
		reason = "aborted by Stop; the sender did not return"
	}
	e := r.conclude(f, guard.Result{Err: stuck(reason)})
	r.lasts(slog.LevelError, senderStuck, nil, "attempt", f.AttemptID, "subscription", f.SubscriptionID)
	r.notify(Notice{
		Kind: SenderStuck, OrganizationID: f.OrganizationID, SubscriptionID: f.SubscriptionID,
		MessageID: f.MessageID, AttemptID: f.AttemptID, Number: f.Number, Reason: reason,
	})
	if next, ok := r.lanes.done(f.task, e); ok {
		r.work(next)
	} else {
		r.workers.Done()
	}
}

// Stuck returns how many calls of the Sender were given up, because they had not returned
// 2 s after their deadline, and have not returned since; and the most that are given up.
// When there are as many, further calls hold their workers, and the process should be
// restarted.
func (e *Engine) Stuck() (calls, most int) { return int(e.stuck.Load()), e.cfg.Workers }
