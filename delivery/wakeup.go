package delivery

import (
	"sync"
	"time"

	"github.com/ecg-api/webhooks/clock"
)

// A wakeup ends the wait of a goroutine, one at a time. A signal that comes while none waits ends the next wait at once.
// A goroutine is counted as active from the signal on, not only from when it runs.
type wakeup struct {
	clock    clock.Clock
	activity clock.Activity

	mu      sync.Mutex
	pending bool          // a signal came while no goroutine waited
	waiting chan struct{} // closed to end the wait; nil if no goroutine waits
}

func newWakeup(c clock.Clock) *wakeup { return &wakeup{clock: c, activity: clock.ActivityOf(c)} }

func (w *wakeup) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending = w.waiting == nil; !w.pending {
		w.end()
	}
}

// end ends the wait.
func (w *wakeup) end() {
	w.activity.Begin()
	close(w.waiting)
	w.waiting = nil
}

// wait returns when there was a signal, d has passed, or done is closed.
func (w *wakeup) wait(d time.Duration, done <-chan struct{}) {
	w.mu.Lock()
	if w.pending {
		w.pending = false
		w.mu.Unlock()
		return
	}
	waiting := make(chan struct{})
	w.waiting = waiting
	w.mu.Unlock()
	timer := w.clock.AfterFunc(d, func() { w.expire(waiting) })
	defer timer.Stop()
	w.activity.End()
	select {
	case <-waiting:
	case <-done:
		w.expire(waiting)
	}
}

// expire ends a wait, unless it has ended.
func (w *wakeup) expire(waiting chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == waiting {
		w.end()
	}
}
