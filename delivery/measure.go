package delivery

import (
	"time"

	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store"
)

// measureAttempt records the times of an attempt that was posted.
func (r *run) measureAttempt(t *task, x *Exchange, took time.Duration, status store.Status) {
	measure.AttemptDuration.Record(r.cfg.Metrics, took.Seconds(), status.String())
	sent := x.Result.SentAt
	if sent.IsZero() && x.Result.Status != 0 { // by a Sender that does not tell
		sent = x.Began
	}
	if !sent.IsZero() {
		measure.AttemptLag.Record(r.cfg.Metrics, max(0, sent.Sub(t.dueAt)).Seconds())
	}
}

// measureOutcome counts a recorded outcome.
func (r *run) measureOutcome(b *result) {
	measure.Attempts.Add(r.cfg.Metrics, 1, b.outcome.Status.String())
	if b.outcome.Status == store.Failed {
		measure.AttemptFailures.Add(r.cfg.Metrics, 1, b.failure)
	}
}

// batched records the size of a batch. An empty one is none.
func (r *run) batched(operation string, n int) {
	if n > 0 {
		measure.BatchSize.Record(r.cfg.Metrics, float64(n), operation)
	}
}
