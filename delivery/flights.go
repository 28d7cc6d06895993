package delivery

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

const (
	// watchdogInterval is how often the watchdog looks for calls that are overdue.
	watchdogInterval = 250 * time.Millisecond
)

// flights are the calls of the Sender that have not returned. Code that receivers drive may
// wait for a mutex, which no context ends (net/http of Go 1.26.8 did, after two frames of
// HTTP/2). So the watchdog gives up a call that is overdue: it ends the attempt, and starts
// another worker in the place of the one that waits. The late return changes nothing.
//
// A call that was given up costs a goroutine until it returns, so at most maxStuck calls are
// given up at a time. Beyond that, an overdue call keeps its worker.
type flights struct {
	clock    clock.Clock
	maxStuck int           // calls that may be given up at a time
	watch    func()        // looks for overdue calls, watchdogInterval after the first began
	stuck    *atomic.Int32 // calls that were given up and have not returned; of the engine

	mu       sync.Mutex
	calls    []*task // whose calls were not given up
	watching bool    // watch will be called
	closed   bool
}

// begin notes that the call for a task begins. It reports false if the run was aborted.
func (f *flights) begin(t *task) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.calls = append(f.calls, t)
	t.call.place = len(f.calls)
	f.watchCalls()
	return true
}

// watchCalls starts the timer of the watchdog if there are calls.
func (f *flights) watchCalls() {
	if !f.watching && len(f.calls) > 0 {
		f.watching = true
		f.clock.AfterFunc(watchdogInterval, f.watch)
	}
}

// end notes that the call for a task has returned. It reports false if it was given up.
func (f *flights) end(t *task) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.call.place == 0 {
		f.stuck.Add(-1)
		return false
	}
	f.remove(t)
	return true
}

// overdue gives up the calls that are due, and returns their tasks.
func (f *flights) overdue(now time.Time) (given []*task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.calls) - 1; i >= 0 && int(f.stuck.Load()) < f.maxStuck; i-- {
		if t := f.calls[i]; !t.call.due.After(now) {
			given = append(given, f.giveUp(t))
		}
	}
	f.watching = false
	f.watchCalls()
	return given
}

// close gives up all calls, and returns their tasks. None begins anymore.
func (f *flights) close() (given []*task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for len(f.calls) > 0 {
		given = append(given, f.giveUp(f.calls[0]))
	}
	return given
}

func (f *flights) giveUp(t *task) *task {
	f.remove(t)
	f.stuck.Add(1)
	return t
}

// remove puts the last task in the place of one whose call is over.
func (f *flights) remove(t *task) {
	last := len(f.calls) - 1
	moved := f.calls[last]
	f.calls[t.call.place-1], moved.call.place = moved, t.call.place
	f.calls[last], t.call.place = nil, 0
	f.calls = f.calls[:last]
}
