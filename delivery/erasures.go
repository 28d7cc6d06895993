package delivery

import (
	"context"
	"time"
)

const (
	// eraseInterval is the time between two looks for erasures. A running one is advanced without a pause.
	eraseInterval = 5 * time.Second
	// eraseBatch bounds the records that one step removes. It keeps the one writer of SQLite for some milliseconds.
	eraseBatch = 500
)

// eraseLoop removes the records of organizations that erasures name, in batches.
func (r *run) eraseLoop() {
	r.advance(job{
		wake: r.erasures, stuck: erasureStuck, goesOn: "webhooks: erasures go on",
		step: func(ctx context.Context, now time.Time) (bool, error) {
			return r.cfg.Store.AdvanceErasure(ctx, now, eraseBatch)
		},
		idle: func(time.Duration) time.Duration { return eraseInterval },
	})
}

// WakeErasures makes the engine look for erasures now.
func (e *Engine) WakeErasures() {
	if r := e.current(); r != nil {
		r.erasures.signal()
	}
}

// ForgetAll makes the engine read every subscription again before it sends to it.
func (e *Engine) ForgetAll() { e.endpoints.forgetAll() }
