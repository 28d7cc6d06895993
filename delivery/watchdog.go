package delivery

import (
	"log/slog"

	"github.com/ecg-api/webhooks/delivery/guard"
)

// replace starts a worker for each task whose call was given up, in the place of the worker that waits.
func (r *run) replace(given []*task) {
	for _, t := range given {
		go r.takeOver(t)
	}
}

// takeOver ends an attempt whose call does not return, and goes on as its worker.
func (r *run) takeOver(t *task) {
	reason := (&guard.TimeoutError{After: r.timeout(t.to)}).Error() + "; the sender did not return"
	if r.sending.Err() != nil {
		reason = "aborted by Stop; the sender did not return"
	}
	e := r.conclude(t, guard.Result{Err: stuckError(reason)})
	r.logCondition(slog.LevelError, senderStuck, nil, "attemptId", t.AttemptID, "subscriptionId", t.SubscriptionID)
	r.notify(Notice{
		Kind: SenderStuck, OrganizationID: t.OrganizationID, SubscriptionID: t.SubscriptionID,
		MessageID: t.MessageID, AttemptID: t.AttemptID, Number: t.Number, Reason: reason,
	})
	r.work(r.backlog.done(t, e))
}

// Stuck returns how many calls of the Sender were given up, because they had not returned
// 2 s after their deadline, and have not returned since; and the largest possible number. When that
// is reached, further calls keep their workers, and the process should be restarted.
func (e *Engine) Stuck() (calls, most int) { return int(e.stuck.Load()), e.cfg.Workers }
