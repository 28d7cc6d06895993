package delivery

import (
	"log/slog"
	"time"
)

// listenLoop turns the store's notifications into wake-ups. Polling goes on
// beside it, so a failure costs latency only. It lasts through the drain, because the session
// that listens may prove that this process is alive.
func (r *run) listenLoop() {
	backOff := storeBackOff()
	for r.present.Err() == nil {
		began := r.cfg.Clock.Now()
		listens := r.cfg.Clock.AfterFunc(time.Minute, func() { r.logConditionEnd(cannotListen, nil, "webhooks: listening for wake-ups") })
		r.activity.End() // Listen waits for the store
		err := r.abilities.Notifier.Listen(r.present, func() {
			r.listening.Store(true)
			r.signal()
		})
		r.listening.Store(false)
		r.activity.Begin()
		listens.Stop()
		if r.present.Err() != nil {
			return
		}
		if r.cfg.Clock.Now().Sub(began) > time.Minute {
			backOff.Reset()
		}
		r.logCondition(slog.LevelWarn, cannotListen, nil, "error", err)
		r.pause(r.present, 10*backOff.NextBackOff())
	}
}
