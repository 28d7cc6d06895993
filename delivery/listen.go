package delivery

import (
	"log/slog"
	"time"
)

// listenLoop turns the store's notifications into wake-ups. Polling goes on
// beside it, so a failure costs latency only.
func (r *run) listenLoop() {
	if r.abilities.Notifier == nil {
		return
	}
	backOff := storeBackOff()
	for r.claiming.Err() == nil {
		began := r.cfg.Clock.Now()
		listens := r.cfg.Clock.AfterFunc(time.Minute, func() { r.logConditionEnd(cannotListen, nil, "webhooks: listening for wake-ups") })
		r.activity.End() // Listen waits for the store
		err := r.abilities.Notifier.Listen(r.claiming, r.signal)
		r.activity.Begin()
		listens.Stop()
		if r.claiming.Err() != nil {
			return
		}
		if r.cfg.Clock.Now().Sub(began) > time.Minute {
			backOff.Reset()
		}
		r.logCondition(slog.LevelWarn, cannotListen, nil, "error", err)
		r.pause(10 * backOff.NextBackOff())
	}
}
