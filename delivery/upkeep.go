package delivery

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ecg-api/webhooks/measure"
)

const (
	upkeepInterval = time.Hour
	// usedMargin is the time for which an expired id of store.OneTime is kept: the clocks of hosts differ.
	usedMargin = time.Hour
	// pruneBatch bounds the messages, audit entries or ids that one call removes: 200 keep the one writer of SQLite for
	// some 5 ms, seldom for more than 30.
	pruneBatch = 200
)

// upkeepLoop lets the store do its upkeep, and ends history that is older than
// Config.Retention, audit entries that are older than Config.AuditRetention, and expired ids of
// store.OneTime.
func (r *run) upkeepLoop() {
	for r.claiming.Err() == nil {
		if m := r.abilities.Maintainer; m != nil {
			ctx, cancel := r.bounded(r.claiming)
			r.noteUpkeep(measure.Partitions, &r.maintained, m.Maintain(ctx, r.cfg.Clock.Now()))
			cancel()
		}
		r.prune(measure.Retention, &r.pruned, r.cfg.Retention, r.cfg.Store.Prune)
		r.prune(measure.AuditRetention, &r.auditPruned, r.cfg.AuditRetention, r.cfg.Store.PruneAudit)
		r.prune(measure.OneTime, &r.usedPruned, usedMargin, r.cfg.Store.PruneUsed)
		r.pause(r.claiming, upkeepInterval)
	}
}

// prune removes records that are older than a retention, in small batches.
func (r *run) prune(
	part string, last *atomic.Pointer[time.Time], retention time.Duration,
	remove func(ctx context.Context, before time.Time, max int) (int, error),
) {
	for retention > 0 && r.claiming.Err() == nil {
		ctx, cancel := r.bounded(r.claiming)
		n, err := remove(ctx, cutoff(r.cfg.Clock.Now(), retention), pruneBatch)
		cancel()
		r.noteUpkeep(part, last, err)
		if part == measure.Retention {
			measure.RemovedMessages.Add(r.cfg.Metrics, float64(n))
		}
		if err != nil || n < pruneBatch {
			return
		}
	}
}

// cutoff is the time before which history ends. Unless so little is kept that it
// matters, it is the beginning of a day, as a store may be able to remove whole days.
func cutoff(now time.Time, retention time.Duration) time.Time {
	before := now.Add(-retention).UTC()
	if retention >= 48*time.Hour {
		before = before.Truncate(24 * time.Hour)
	}
	return before
}

// noteUpkeep logs and measures whether a part of the upkeep works. Last is when it last succeeded.
func (r *run) noteUpkeep(part string, last *atomic.Pointer[time.Time], err error) {
	if err != nil && r.claiming.Err() == nil {
		measure.UpkeepFailures.Add(r.cfg.Metrics, 1, part)
	}
	switch {
	case r.claiming.Err() != nil:
	case err == nil:
		now := r.cfg.Clock.Now()
		last.Store(&now)
		r.logConditionEnd(upkeepFailed, part, "webhooks: the upkeep of the store works again", "part", part)
	case unavailable(err):
		r.outage.failed(err)
	default:
		r.logCondition(slog.LevelError, upkeepFailed, part, "part", part, "error", err)
	}
}
