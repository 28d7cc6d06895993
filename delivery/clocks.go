package delivery

import (
	"log/slog"
	"time"
)

// maxSkew is how far the store's clock may be from the engine's. Receivers refuse
// signatures that are more than five minutes old, or young.
const maxSkew = time.Minute

// noteSkew logs by how much the store's clock, which showed at between two times of the
// engine's, is ahead at least, if that is more than maxSkew.
func (r *run) noteSkew(at, from, to time.Time) {
	if skew := outside(at, from, to); skew.Abs() > maxSkew {
		r.logCondition(slog.LevelWarn, clocksDiffer, nil, "store_ahead_by", skew.Round(time.Second).String())
	} else {
		r.logConditionEnd(clocksDiffer, nil, "webhooks: the clocks of the store and of this process agree again")
	}
}

// outside returns how long before or after a period a time is: negative before, 0 within.
func outside(at, from, to time.Time) time.Duration {
	switch {
	case at.Before(from):
		return at.Sub(from)
	case at.After(to):
		return at.Sub(to)
	}
	return 0
}
