package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/internal/conditionlog"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// Engine delivers. Make one with [New]; it does nothing until [Engine.Start].
type Engine struct {
	cfg       Config
	abilities store.Abilities // of cfg.Store
	activity  clock.Activity  // of cfg.Clock
	log       *conditionlog.Log
	userAgent []string
	endpoints *endpointCache
	pacers    map[uuid.UUID]*pacer // by subscription; used by the backlog of the run, under its lock

	stuck   atomic.Int32 // see flights
	exposed sync.Once    // see exposeGauges

	starting chan struct{} // holds a token while a Start is under way

	mu         sync.Mutex
	run        *run               // nil when stopped
	stopCalled context.Context    // done once Stop is called: a Start that is under way gives up
	callStop   context.CancelFunc // ends stopCalled
}

// run is the engine between a Start and the end of its drain.
type run struct {
	*Engine
	life     context.Context // of Start: the drain begins when it ends
	backlog  *backlog
	flights  flights
	results  chan *result
	wake     *wakeup
	planning sync.Mutex // guards planner, which only claimLoop changes
	planner  planner
	rescan   atomic.Pointer[time.Time] // an attempt that was due since then became claimable: see planner.rescan

	recoveries *wakeup      // a recovery may have been created
	erasures   *wakeup      // an erasure may have been created
	recording  atomic.Int32 // results that are not recorded yet

	listening atomic.Bool // the store wakes this run
	// When the parts of the upkeep last succeeded; nil for never.
	maintained, pruned, auditPruned, usedPruned atomic.Pointer[time.Time]
	measures                                    atomic.Pointer[store.Measures] // of the store; nil if there are none, or the last call failed

	claiming     context.Context // done: claim and hand over nothing more
	stopClaiming context.CancelFunc
	sending      context.Context // done: abort the attempts in flight
	abort        context.CancelFunc
	writing      context.Context // done, flushTimeout after an abort: write nothing more
	stopWriting  context.CancelFunc

	hosts        hosts
	leases       leases
	present      context.Context // done: other hosts need not see this one
	stopPresence context.CancelFunc
	presences    sync.WaitGroup // loops that last until everything is recorded

	intake    sync.WaitGroup // loops and reservations, which put tasks into the backlog
	workers   sync.WaitGroup
	recorders sync.WaitGroup
	outage    outage
	holds     holds
	detach    func() bool // from the ctx of Start
	drained   chan struct{}
}

// New returns an engine, or an error that names the field of the configuration
// which is wrong. It starts nothing.
func New(c Config) (*Engine, error) {
	c = c.WithDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Store = withHostTimes(c.Store, c.Clock)
	e := &Engine{
		cfg: c, abilities: c.Store.Abilities(), log: conditionlog.New(c.Logger, c.Clock.Now),
		activity: clock.ActivityOf(c.Clock), userAgent: []string{c.UserAgent}, pacers: map[uuid.UUID]*pacer{},
	}
	e.starting = make(chan struct{}, 1)
	e.stopCalled, e.callStop = context.WithCancel(context.Background())
	e.endpoints = newEndpointCache(c, e.log)
	return e, nil
}

// now returns the present in whole milliseconds, as stores keep it. It keeps the monotonic reading, and is therefore not in UTC.
func (e *Engine) now() time.Time { return floorMilliseconds(e.cfg.Clock.Now()) }

// bounded returns a context for a call of the store. An answer that takes longer than a
// lease comes too late, and a database that is frozen does not hold the caller for good.
func (e *Engine) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return clock.WithTimeout(ctx, e.cfg.Clock, e.cfg.Lease)
}

// Rescan makes the engine look at the attempts that are due now, also where it looked already.
func (e *Engine) Rescan() {
	if r := e.current(); r != nil {
		r.rescanFrom(r.cfg.Clock.Now().Add(-maxLookBack))
	}
}

// Wake makes the engine look for due attempts now.
func (e *Engine) Wake() {
	if r := e.current(); r != nil {
		r.signal()
	}
}

// WakeRecoveries makes the engine look for recovery jobs now.
func (e *Engine) WakeRecoveries() {
	if r := e.current(); r != nil {
		r.recoveries.signal()
	}
}

// Forget makes the engine read a subscription again before it sends to it.
func (e *Engine) Forget(subscription uuid.UUID) { e.endpoints.forget(subscription) }

func (e *Engine) current() *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run
}

func (r *run) signal() { r.wake.signal() }

// begin starts a goroutine of the run, which is active until f returns, except while it waits.
func (r *run) begin(group *sync.WaitGroup, f func()) {
	r.activity.Begin()
	group.Go(func() {
		defer r.activity.End()
		f()
	})
}

// notify calls the host's hook. A panic there is the host's, not the engine's.
func (e *Engine) notify(n Notice) {
	defer func() {
		if p := recover(); p != nil {
			e.logCondition(slog.LevelError, "webhooks: the observer panicked", nil, "panic", fmt.Sprint(p))
		}
	}()
	logNotice(e.cfg.Logger, n)
	n.At = e.cfg.Clock.Now()
	if n.Kind != AttemptEnded {
		measure.Notices.Add(e.cfg.Metrics, 1, string(n.Kind))
	}
	e.cfg.Observe(n)
}

// logCondition logs an occurrence of a condition, unless that was logged within the hour. The
// subject tells conditions with the same message apart; nil if there is only one.
func (e *Engine) logCondition(level slog.Level, message string, subject any, args ...any) {
	e.log.Occurred(context.Background(), level, message, subject, args...)
}

// logConditionEnd logs the end of a condition that was logged.
func (e *Engine) logConditionEnd(message string, subject any, text string, args ...any) {
	e.log.Ended(context.Background(), message, subject, text, args...)
}

// pause waits until d has passed or ctx ends, and reports whether ctx goes on.
func (r *run) pause(ctx context.Context, d time.Duration) bool {
	newWakeup(r.cfg.Clock).wait(d, ctx.Done())
	return ctx.Err() == nil
}

// wakeAt makes a retry that is due before the next poll leave on time.
func (r *run) wakeAt(due time.Time) {
	if d := due.Sub(r.cfg.Clock.Now()); d < r.cfg.PollInterval {
		r.cfg.Clock.AfterFunc(max(d, 0), r.signal)
	}
}

// timeout returns how long an attempt to an endpoint may take.
func (e *Engine) timeout(to *endpoint) time.Duration {
	if to.Timeout > 0 {
		return min(to.Timeout, MaxTimeout)
	}
	return e.cfg.Timeout
}
