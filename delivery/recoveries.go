package delivery

import (
	"context"
	"time"

	"github.com/ecg-api/webhooks/measure"
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
	r.advance(job{
		wake: r.recoveries, stuck: recoveryStuck, goesOn: "webhooks: recoveries go on",
		step: func(ctx context.Context, now time.Time) (bool, error) {
			advanced, err := r.cfg.Store.AdvanceRecovery(r.TellingOfRecovery(ctx), store.AdvanceOptions{
				Max: recoverBatch, NewID: r.cfg.NewID, At: now, ExpiresAt: now.Add(r.cfg.Deadline),
				Ended: func(job store.Recovery) { logRecovery(r.cfg.Logger, job) },
			})
			if advanced && r.claiming.Err() == nil {
				measure.RecoveryBatches.Add(r.cfg.Metrics, 1)
				r.signal()
			}
			return advanced, err
		},
		idle: func(since time.Duration) time.Duration {
			if since >= recoverIdle {
				return max(recoverInterval, r.cfg.PollInterval)
			}
			return recoverInterval
		},
	})
}
