package delivery

import (
	"log/slog"
	"time"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

const (
	// measureInterval is the least time from one measurement of the store to the next. A measurement that takes long is
	// repeated less often, so that it takes at most 1/measureShare of the time.
	measureInterval    = 10 * time.Second
	maxMeasureInterval = 5 * time.Minute
	measureShare       = 100
	measureTimeout     = 5 * time.Second

	// maxMeasured is the largest number of attempts that is told exactly.
	maxMeasured = 100_000
)

// measureLoop has the store measure itself, for the metrics. Reading the metrics then costs no query.
func (r *run) measureLoop() {
	for r.claiming.Err() == nil {
		began := r.cfg.Clock.Now()
		ctx, cancel := clock.WithTimeout(r.claiming, r.cfg.Clock, measureTimeout)
		m, err := r.abilities.Measurer.Measure(ctx, maxMeasured)
		cancel()
		r.noteMeasures(&m, err)
		took := r.cfg.Clock.Now().Sub(began)
		r.pause(r.claiming, min(max(measureInterval, measureShare*took), maxMeasureInterval))
	}
}

// noteMeasures keeps measures for the metrics, which are without them after an error.
func (r *run) noteMeasures(m *store.Measures, err error) {
	switch {
	case err == nil:
		r.measures.Store(m)
		r.logConditionEnd(cannotMeasure, nil, "webhooks: the queue is measured again")
		return
	case r.claiming.Err() != nil:
	case unavailable(err): // the claims say so
	default:
		r.logCondition(slog.LevelWarn, cannotMeasure, nil, "error", err)
	}
	r.measures.Store(nil)
}

// exposeGauges has the gauges of the engine read with the metrics, from its first Start on.
func (e *Engine) exposeGauges() {
	if e.cfg.Metrics != nil {
		e.exposed.Do(func() { e.cfg.Metrics.Observe(e.observe) })
	}
}

// observe reads the gauges of the engine.
func (e *Engine) observe(read measure.Reading) {
	stuck, most := e.Stuck()
	measure.DispatcherRunning.Is(read, e.Running() && stuck < most)
	measure.Stuck.Set(read, float64(stuck))
	measure.Workers.Set(read, float64(e.cfg.Workers))
	measure.WaitingLimit.Set(read, float64(e.cfg.Backlog))
	measure.WaitingBytesLimit.Set(read, float64(e.cfg.BacklogBytes))
	if r := e.current(); r != nil {
		r.observe(read)
	}
}

func (r *run) observe(read measure.Reading) {
	tasks, bytes, inFlight := r.backlog.load()
	measure.InFlight.Set(read, float64(inFlight))
	measure.Waiting.Set(read, float64(tasks))
	measure.WaitingBytes.Set(read, float64(bytes))
	measure.Unrecorded.Set(read, float64(r.recording.Load()))
	measure.DispatcherListening.Is(read, r.listening.Load())
	for part, at := range map[string]*time.Time{
		measure.Partitions: r.maintained.Load(), measure.Retention: r.pruned.Load(), measure.AuditRetention: r.auditPruned.Load(),
		measure.OneTime: r.usedPruned.Load(),
	} {
		if at != nil {
			measure.UpkeepLastSuccess.Set(read, float64(at.UnixMilli())/1000, part)
		}
	}
	if m := r.measures.Load(); m != nil {
		observeQueue(read, m)
	}
}

func observeQueue(read measure.Reading, m *store.Measures) {
	measure.QueueAttempts.Set(read, float64(m.Due), measure.Due)
	measure.QueueAttempts.Set(read, float64(m.Scheduled), measure.Scheduled)
	measure.QueueAttempts.Set(read, float64(m.Held), measure.Held)
	measure.QueueOldestDue.Set(read, m.OldestDue.Seconds())
	measure.CircuitsOpen.Set(read, float64(m.OpenCircuits))
	measure.RecoveriesRunning.Set(read, float64(m.RunningRecoveries))
	if m.DaysAhead >= 0 {
		measure.PartitionsAhead.Set(read, float64(m.DaysAhead))
	}
}

// load returns how many tasks wait, the bytes of their bodies, and the attempts in flight.
func (b *backlog) load() (tasks, bytes, inFlight int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.room.tasks, b.room.bytes, b.turns.quick.inFlight + b.turns.slow.inFlight
}
