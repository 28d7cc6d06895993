package delivery

import (
	"context"
	"log/slog"
	"time"
)

// A job is a kind of work that is in the store, so that any engine continues it step by step.
type job struct {
	wake   *wakeup // new work may have been created
	stuck  string  // the condition of a step that fails
	goesOn string  // logged when steps succeed again

	// step reports whether it found work.
	step func(ctx context.Context, now time.Time) (found bool, err error)
	// idle returns how long to wait if there was no work for the given time.
	idle func(since time.Duration) time.Duration
}

// advance does the steps of a job until the drain begins.
func (r *run) advance(j job) {
	backOff, foundAt := storeBackOff(), r.cfg.Clock.Now()
	for r.claiming.Err() == nil {
		now := r.cfg.Clock.Now().UTC().Truncate(time.Millisecond)
		ctx, cancel := r.bounded(r.claiming)
		found, err := j.step(ctx, now)
		cancel()
		if err == nil {
			r.logConditionEnd(j.stuck, nil, j.goesOn)
		}
		switch {
		case r.claiming.Err() != nil:
		case err != nil:
			if unavailable(err) {
				r.outage.failed(err)
			} else {
				r.logCondition(slog.LevelError, j.stuck, nil, "error", err)
			}
			r.pause(r.claiming, backOff.NextBackOff())
		case found:
			backOff.Reset()
			foundAt = now
		default:
			backOff.Reset()
			j.wake.wait(j.idle(now.Sub(foundAt)), r.claiming.Done())
		}
	}
}
