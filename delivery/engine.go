package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/conditionlog"
	"github.com/ecg-api/webhooks/store"
)

// leaseMargin is what must be left of a lease, beyond the time-out, for an
// attempt to be begun: time to give up its Sender, and to record it.
const leaseMargin = senderGrace + 2*time.Second

// Engine delivers. Make one with [New]; it does nothing until [Engine.Start].
type Engine struct {
	cfg       Config
	abilities store.Abilities // of cfg.Store
	log       *conditionlog.Log
	userAgent []string
	targets   *targets
	pacers    map[uuid.UUID]*pacer // used by the lanes of the run, under their lock

	stuck atomic.Int32 // see flights

	starting chan struct{} // holds a token while a Start is under way

	mu     sync.Mutex
	run    *run               // nil when stopped
	wanted context.Context    // done once Stop is called: a Start that is under way gives up
	unwant context.CancelFunc // ends wanted
}

// run is the engine between a Start and the end of its drain.
type run struct {
	*Engine
	life     context.Context // of Start: the drain begins when it ends
	lanes    *lanes
	flights  flights
	results  chan *result
	wake     chan struct{}
	planning sync.Mutex // guards planner, which only claimLoop changes
	planner  planner
	rescan   atomic.Bool // an attempt that was due before can be claimed only now: see planner.rescan

	recoveries chan struct{} // a recovery may have been created

	claiming     context.Context // done: take nothing more
	stopClaiming context.CancelFunc
	sending      context.Context // done: abort what is in flight
	abort        context.CancelFunc
	writing      context.Context // done, flushTimeout after an abort: write nothing more
	stopWriting  context.CancelFunc

	intake    sync.WaitGroup // who puts into the lanes
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
	e := &Engine{
		cfg: c, abilities: c.Store.Abilities(), log: conditionlog.New(c.Logger, c.Now),
		userAgent: []string{c.UserAgent}, pacers: map[uuid.UUID]*pacer{},
	}
	e.starting = make(chan struct{}, 1)
	e.wanted, e.unwant = context.WithCancel(context.Background())
	e.targets = &targets{store: c.Store, timeout: c.Lease, prepare: e.prepare, overlap: c.SecretOverlap, now: c.Now, m: map[uuid.UUID]*target{}, busy: make(chan struct{}, 1)}
	return e, nil
}

// bounded returns a context for a call of the store. An answer that takes longer than a
// lease comes too late, and a database that is frozen does not hold the caller for good.
func (e *Engine) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, e.cfg.Lease)
}

// Wake makes the engine look for due attempts now.
func (e *Engine) Wake() {
	if r := e.current(); r != nil {
		r.signal()
	}
}

// WakeRecoveries makes the engine look for recovery jobs now.
func (e *Engine) WakeRecoveries() {
	r := e.current()
	if r == nil {
		return
	}
	select {
	case r.recoveries <- struct{}{}:
	default:
	}
}

// Forget makes the engine read a subscription again before it sends to it.
func (e *Engine) Forget(subscription uuid.UUID) { e.targets.forget(subscription) }

// Reserve begins a reservation, under which attempts can be handed over without a
// claim. End it with [Reservation.HandOver].
func (e *Engine) Reserve() *Reservation {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.run
	if r == nil || r.claiming.Err() != nil {
		return &Reservation{}
	}
	r.intake.Add(1)
	return &Reservation{run: r, Lease: e.cfg.Lease, until: time.Now().Add(e.cfg.Lease)}
}

// Reservation is room for attempts. HandOver must be called once on each.
type Reservation struct {
	Lease time.Duration // how long the attempts must be leased

	run   *run
	until time.Time
	taken int
}

// maxHandOff bounds how many attempts are handed over under one reservation.
const maxHandOff = 1000

// Take reports whether there is room for an attempt, and keeps it. There is none
// for who has taken up more than a fair share of it, and for endpoints that fail.
func (v *Reservation) Take(organization, subscription uuid.UUID) bool {
	if v.run == nil || v.taken == maxHandOff || v.run.targets.circuitOpen(subscription) || !v.run.lanes.reserveFor(organization, subscription) {
		return false
	}
	v.taken++
	return true
}

// HandOver passes on what was leased under the reservation: no more than was taken.
func (v *Reservation) HandOver(jobs []store.Job) {
	if v.run == nil {
		return
	}
	v.run.lanes.release(v.taken - len(jobs))
	v.run.put(jobs, v.until)
	v.run.intake.Done()
}

func (e *Engine) current() *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run
}

func (e *Engine) newRun(life context.Context) *run {
	c := e.cfg
	r := &run{
		Engine:  e,
		life:    life,
		results: make(chan *result, c.Workers),
		wake:    make(chan struct{}, 1),
		drained: make(chan struct{}),

		recoveries: make(chan struct{}, 1),
	}
	r.lanes = newLanes(c, e.pacers, r.startWorker, r.signal)
	r.flights = flights{
		most: c.Workers, stuck: &e.stuck,
		watch: func() { r.replace(r.flights.overdue(time.Now())) },
	}
	r.claiming, r.stopClaiming = context.WithCancel(context.Background())
	r.sending, r.abort = context.WithCancel(context.Background())
	r.writing, r.stopWriting = context.WithCancel(context.Background())
	r.holds.planned = map[uuid.UUID]hold{}
	context.AfterFunc(r.sending, func() {
		time.AfterFunc(abortGrace, func() { r.replace(r.flights.close()) })
		time.AfterFunc(flushTimeout, r.stopWriting)
	})
	r.outage = outage{notice: e.notify, log: e.log}
	return r
}

func (r *run) start() {
	r.detach = context.AfterFunc(r.life, func() {
		r.stopClaiming()
		time.AfterFunc(r.cfg.DrainTimeout, r.abort)
	})
	r.intake.Go(r.claimLoop)
	r.intake.Go(r.listenLoop)
	r.intake.Go(r.upkeepLoop)
	r.intake.Go(r.recoverLoop)
	for range recorders {
		r.recorders.Go(r.recordLoop)
	}
	go r.end()
}

func (r *run) startWorker() {
	r.workers.Add(1)
	go func() { r.work(r.lanes.begin()) }()
}

// end waits for the drain to begin and sees it through: first nothing more comes
// in, then the workers finish, then everything is recorded.
func (r *run) end() {
	<-r.claiming.Done()
	r.detach()
	r.Engine.mu.Lock()   // whoever is inside Reserve has joined the intake, or will see that it is over
	r.Engine.mu.Unlock() //nolint:staticcheck // the empty section is the point
	r.intake.Wait()
	for _, t := range r.lanes.close() {
		r.giveBack(t, r.cfg.Now())
	}
	r.workers.Wait()
	close(r.results)
	r.recorders.Wait()
	r.abort()
	r.stopWriting()
	r.Engine.mu.Lock()
	r.Engine.run = nil
	r.Engine.mu.Unlock()
	close(r.drained)
}

func (r *run) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// notify calls the host's hook. A panic there is the host's, not the engine's.
func (e *Engine) notify(n Notice) {
	defer func() {
		if p := recover(); p != nil {
			e.lasts(slog.LevelError, "webhooks: the observer panicked", nil, "panic", fmt.Sprint(p))
		}
	}()
	n.At = e.cfg.Now()
	e.cfg.Observe(n)
}

var errAborted = errors.New("aborted by Stop")
