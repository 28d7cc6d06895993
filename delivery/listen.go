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
		began := time.Now()
		listens := time.AfterFunc(time.Minute, func() { r.logConditionEnd(cannotListen, nil, "webhooks: listening for wake-ups") })
		err := r.abilities.Notifier.Listen(r.claiming, r.signal)
		listens.Stop()
		if r.claiming.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			backOff.Reset()
		}
		r.logCondition(slog.LevelWarn, cannotListen, nil, "error", err)
		r.wait(nil, 10*backOff.NextBackOff())
	}
}
