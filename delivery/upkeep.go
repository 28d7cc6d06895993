package delivery

import (
	"log/slog"
	"time"
)

const (
	upkeepInterval = time.Hour
	// pruneBatch bounds the messages that one call removes: 200 keep the one writer of SQLite for
	// some 5 ms, seldom for more than 30.
	pruneBatch = 200
)

// upkeepLoop lets the store do its upkeep, and ends history that is older than
// Config.Retention.
func (r *run) upkeepLoop() {
	for r.claiming.Err() == nil {
		if m := r.abilities.Maintainer; m != nil {
			ctx, cancel := r.bounded(r.claiming)
			r.noteUpkeep("partitions", m.Maintain(ctx, r.cfg.Clock.Now()))
			cancel()
		}
		r.prune()
		r.pause(r.claiming, upkeepInterval)
	}
}

// prune goes in small batches.
func (r *run) prune() {
	for r.cfg.Retention > 0 && r.claiming.Err() == nil {
		ctx, cancel := r.bounded(r.claiming)
		n, err := r.cfg.Store.Prune(ctx, cutoff(r.cfg.Clock.Now(), r.cfg.Retention), pruneBatch)
		cancel()
		r.noteUpkeep("retention", err)
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

// noteUpkeep logs whether a part of the upkeep works.
func (r *run) noteUpkeep(part string, err error) {
	switch {
	case r.claiming.Err() != nil:
	case err == nil:
		r.logConditionEnd(upkeepFailed, part, "webhooks: the upkeep of the store works again", "part", part)
	case unavailable(err):
		r.outage.failed(err)
	default:
		r.logCondition(slog.LevelError, upkeepFailed, part, "part", part, "error", err)
	}
}
