package delivery

import (
	"log/slog"
	"time"

	"github.com/ecg-api/webhooks/store"
)

const (
	// recoverInterval is the time between two looks for recovery jobs while one goes on: a job that is paced is due
	// again within a second. After recoverIdle without one it is at least Config.PollInterval.
	recoverInterval = time.Second
	recoverIdle     = time.Minute

	recoverBatch = 500
)

// recoverLoop queues the deliveries again that recovery jobs ask for, in batches.
func (r *run) recoverLoop() {
	backOff, advancedAt := storeBackOff(), r.cfg.Clock.Now()
	for r.claiming.Err() == nil {
		now := r.cfg.Clock.Now().UTC().Truncate(time.Millisecond)
		ctx, cancel := r.bounded(r.claiming)
		advanced, err := r.cfg.Store.AdvanceRecovery(ctx, store.AdvanceOptions{
			Max: recoverBatch, NewID: r.cfg.NewID, At: now, ExpiresAt: now.Add(r.cfg.Deadline),
		})
		cancel()
		if err == nil {
			r.logConditionEnd(recoveryStuck, nil, "webhooks: recoveries go on")
		}
		switch {
		case r.claiming.Err() != nil:
		case err != nil:
			if unavailable(err) {
				r.outage.failed(err)
			} else {
				r.logCondition(slog.LevelError, recoveryStuck, nil, "error", err)
			}
			r.pause(r.claiming, backOff.NextBackOff())
		case advanced:
			backOff.Reset()
			advancedAt = now
			r.signal()
		default:
			backOff.Reset()
			wait := recoverInterval
			if now.Sub(advancedAt) >= recoverIdle {
				wait = max(wait, r.cfg.PollInterval)
			}
			r.recoveries.wait(wait, r.claiming.Done())
		}
	}
}
