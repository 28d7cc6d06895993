package webhooks

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/ecg-api/webhooks/clock"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// Metrics returns Config.Metrics, for packages that measure too, such as httpapi. Nil: nothing is measured.
func (w *Webhooks) Metrics() measure.Sink { return w.core.cfg.Metrics }

// exposeGauges has the gauges of the store and of the program read with the metrics.
func (c *core) exposeGauges() {
	if c.cfg.Metrics == nil {
		return
	}
	probe := &storeProbe{ping: c.store.Ping, clock: c.cfg.Clock}
	measurer := c.store.Abilities().Measurer
	c.cfg.Metrics.Observe(func(read measure.Reading) {
		measure.BuildInfo.Set(read, 1, Version, runtime.Version())
		measure.StoreUp.Is(read, probe.up())
		if measurer == nil {
			return
		}
		if p := measurer.Pool(); p != (store.Pool{}) {
			measure.PoolConnections.Set(read, float64(p.InUse), "in_use")
			measure.PoolConnections.Set(read, float64(p.Idle), "idle")
			measure.PoolLimit.Set(read, float64(p.Limit))
			measure.PoolWaits.Set(read, float64(p.Waits))
			measure.PoolWaitTime.Set(read, p.Waited.Seconds())
		}
	})
}

// probeTimeout bounds the time that a reading of the metrics waits for the store. For as long, readings share a result.
const probeTimeout = time.Second

// storeProbe asks the store whether it answers. One call runs at a time, so that a store which hangs holds one goroutine.
type storeProbe struct {
	ping  func(context.Context) error
	clock clock.Clock

	mu      sync.Mutex
	running chan struct{} // closed at the end of the call that runs; nil if none does
	ok      bool          // result of the last call
	at      time.Time     // end of the last call; zero if there was none
}

// up reports whether the store answered within the last probeTimeout, or answers within the next.
func (p *storeProbe) up() bool {
	p.mu.Lock()
	if !p.at.IsZero() && p.clock.Now().Sub(p.at) < probeTimeout {
		defer p.mu.Unlock()
		return p.ok
	}
	if p.running == nil {
		p.running = make(chan struct{})
		go p.run(p.running)
	}
	running := p.running
	p.mu.Unlock()

	wait, cancel := clock.WithTimeout(context.Background(), p.clock, probeTimeout)
	defer cancel()
	select {
	case <-running:
	case <-wait.Done():
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ok
}

func (p *storeProbe) run(done chan struct{}) {
	ctx, cancel := clock.WithTimeout(context.Background(), p.clock, probeTimeout)
	defer cancel()
	err := errors.New("it panicked")
	defer func() {
		_ = recover()
		p.mu.Lock()
		p.ok, p.at, p.running = err == nil, p.clock.Now(), nil
		p.mu.Unlock()
		close(done)
	}()
	err = p.ping(ctx)
}

// measurePublish counts the events of a call that published them, and its duration.
func (d *Dispatcher) measurePublish(began time.Time, events int, results []Published, err error) {
	sink := d.cfg.Metrics
	if sink == nil {
		return
	}
	measure.PublishDuration.Record(sink, d.cfg.Clock.Now().Sub(began).Seconds())
	if err != nil {
		measure.PublishEvents.Add(sink, float64(events), publishFailure(err))
		return
	}
	for _, r := range results {
		if r.Duplicate {
			measure.PublishEvents.Add(sink, 1, measure.Duplicate)
			continue
		}
		measure.PublishEvents.Add(sink, 1, measure.Stored)
		measure.PublishFanOut.Record(sink, float64(r.Deliveries))
	}
}

// publishFailure returns the result of a publish that failed.
func publishFailure(err error) string {
	if _, ok := errors.AsType[*ValidationError](err); ok {
		return measure.Refused
	}
	switch {
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrReadOnly):
		return measure.Unavailable
	case errors.Is(err, ErrConflict), errors.Is(err, ErrForeignTx), errors.Is(err, ErrTxEnded):
		return measure.Refused
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return measure.Canceled
	}
	return measure.Failed
}
