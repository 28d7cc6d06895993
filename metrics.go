package webhooks

import (
	"context"
	"errors"
	"runtime"
	"time"

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
	measurer := c.store.Abilities().Measurer
	c.cfg.Metrics.Observe(func(read measure.Reading) {
		measure.BuildInfo.Set(read, 1, Version, runtime.Version())
		measure.StoreUp.Is(read, c.isUp())
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

// isUp reports whether the store answered within the last second, or answers within the next.
func (c *core) isUp() bool {
	_, _, err := c.pinged.Get(context.Background())
	return err == nil
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
