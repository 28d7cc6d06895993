package delivery

import (
	"log/slog"
	"time"

	"github.com/ecg-api/webhooks/store"
)

const (
	recoverInterval = time.Second
	recoverBatch    = 500
)

// recoverLoop queues the deliveries again that recovery jobs ask for, in batches.
func (r *run) recoverLoop() {
	backOff := storeBackOff()
	for r.claiming.Err() == nil {
		now := r.cfg.Now().UTC().Truncate(time.Millisecond)
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
			r.wait(nil, backOff.NextBackOff())
		case advanced:
			backOff.Reset()
			r.signal()
		default:
			backOff.Reset()
			r.wait(r.recoveries, recoverInterval)
		}
	}
}
