package delivery

import (
	"runtime"
	"sync"

	"github.com/ecg-api/webhooks/clock"
)

// idlePerCPU is how many workers without a task are kept. A new one has to grow its
// stack, which costs a twentieth of a delivery.
const idlePerCPU = 32

// workers are the goroutines that make attempts: idle ones are kept, and more are started when
// they are needed. A task is chosen only when its worker runs: where the processors are busy, another
// worker becomes free before. So few workers start at a time, and each has the next one started.
//
// Its methods need the lock of the backlog.
type workers struct {
	start       func() // starts a goroutine, which calls backlog.begin
	activity    clock.Activity
	starting    int // workers that were started or woken, and have not looked for a task yet
	maxStarting int
	idle        int // workers that wait for a task
	maxIdle     int
	work        sync.Cond // wakes an idle worker
}

func (w *workers) init(mu *sync.Mutex, a clock.Activity, start func()) {
	cpus := runtime.GOMAXPROCS(0)
	w.activity, w.start, w.maxStarting, w.maxIdle, w.work.L = a, start, cpus, idlePerCPU*cpus, mu
}

// call has a worker look for a task: an idle one, or a new one.
func (w *workers) call() {
	switch {
	case w.starting == w.maxStarting:
	case w.idle > 0:
		w.activity.Begin()
		w.starting++
		w.idle--
		w.work.Signal()
	default:
		w.activity.Begin()
		w.starting++
		w.start()
	}
}

// rest waits until call wakes the worker, or returns false if enough workers wait.
func (w *workers) rest() bool {
	if w.idle == w.maxIdle {
		return false
	}
	w.idle++
	w.activity.End()
	w.work.Wait()
	w.starting-- // call woke it, or the end of the run, after which the number does not matter
	return true
}

// wakeAll ends the waits of all workers, at the end of the run.
func (w *workers) wakeAll() {
	for range w.idle {
		w.activity.Begin()
	}
	w.work.Broadcast()
}
