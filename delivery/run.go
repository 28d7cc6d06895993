package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"
)

const (
	// abortGrace is how long after an abort the Senders may return. The remainder of
	// flushTimeout is for giving the attempts back.
	abortGrace = flushTimeout / 2
	// flushTimeout bounds the last writes of a run that was aborted, all together.
	flushTimeout = time.Second
	// abortTimeout is how long after flushTimeout Stop waits for an aborted run.
	abortTimeout = 500 * time.Millisecond
)

func (e *Engine) newRun(life context.Context) *run {
	c := e.cfg
	r := &run{
		Engine:  e,
		life:    life,
		results: make(chan *result, c.Workers),
		wake:    newWakeup(c.Clock),
		drained: make(chan struct{}),

		recoveries: newWakeup(c.Clock),
		erasures:   newWakeup(c.Clock),
	}
	r.backlog = newBacklog(c, e.pacers, r.startWorker, r.signal)
	r.flights = flights{
		maxStuck: c.Workers, stuck: &e.stuck, clock: c.Clock,
		watch: func() { r.replace(r.flights.overdue(c.Clock.Now())) },
	}
	r.claiming, r.stopClaiming = context.WithCancel(context.Background())
	r.sending, r.abort = context.WithCancel(context.Background())
	r.writing, r.stopWriting = context.WithCancel(context.Background())
	r.present, r.stopPresence = context.WithCancel(context.Background())
	r.hosts.beating = make(chan struct{}, 1)
	r.hosts.presence.Store(&presence{})
	r.leases.init()
	r.holds.planned, r.holds.trying = map[uuid.UUID]hold{}, map[uuid.UUID]bool{}
	context.AfterFunc(r.sending, func() {
		c.Clock.AfterFunc(abortGrace, func() { r.replace(r.flights.close()) })
		c.Clock.AfterFunc(flushTimeout, r.stopWriting)
	})
	r.outage = outage{notice: e.notify, log: e.log}
	return r
}

func (r *run) start() {
	r.detach = context.AfterFunc(r.life, func() {
		r.stopClaiming()
		r.cfg.Clock.AfterFunc(r.cfg.DrainTimeout, r.abort)
	})
	r.begin(&r.intake, r.claimLoop)
	if r.abilities.Hosts != nil {
		r.begin(&r.presences, r.beatLoop)
		r.begin(&r.presences, r.doubtLoop)
	}
	if r.abilities.Notifier != nil {
		r.begin(&r.presences, r.listenLoop)
	}
	if r.cfg.Metrics != nil && r.abilities.Measurer != nil {
		r.begin(&r.intake, r.measureLoop)
	}
	r.begin(&r.intake, r.upkeepLoop)
	r.begin(&r.intake, r.recoverLoop)
	r.begin(&r.intake, r.eraseLoop)
	for range recorders {
		r.recorders.Go(r.recordLoop)
	}
	go r.end()
}

func (r *run) startWorker() {
	r.workers.Add(1)
	go func() { r.work(r.backlog.begin()) }()
}

// end waits for the drain to begin and sees it through: first nothing more comes
// in, then the workers finish, then everything is recorded, and the host leaves.
func (r *run) end() {
	<-r.claiming.Done()
	r.detach()
	r.Engine.mu.Lock()   // whoever is inside Reserve has joined the intake, or will see that it is over
	r.Engine.mu.Unlock() //nolint:staticcheck // the empty section is the point
	r.intake.Wait()
	for _, t := range r.backlog.close() {
		r.giveBack(t, r.cfg.Clock.Now())
	}
	r.workers.Wait()
	close(r.results)
	r.recorders.Wait()
	r.leave()
	r.abort()
	r.stopWriting()
	r.Engine.mu.Lock()
	r.Engine.run = nil
	r.Engine.mu.Unlock()
	close(r.drained)
}
