package delivery

import (
	"context"
	"log/slog"
)

// Conditions that last, by their messages in the log. Each of them, and each failure that
// can repeat, is logged through lasts: once, then at most hourly.
const (
	storeAway     = "webhooks: the store does not answer"
	clocksDiffer  = "webhooks: the clocks of the store and of this process differ; receivers may refuse signatures, whose time is this process's"
	cannotListen  = "webhooks: cannot listen for wake-ups, polling"
	upkeepFailed  = "webhooks: the upkeep of the store failed"
	recoveryStuck = "webhooks: a recovery cannot go on"
	damaged       = "webhooks: the stored data of a subscription cannot be read"
	damagedBody   = "webhooks: the stored body of a message cannot be read"
	senderStuck   = "webhooks: a call of the sender did not return 2 s after its deadline; it was given up"
	cannotSign    = "webhooks: the secrets of a subscription cannot be used"
)

// lasts logs an occurrence of a condition, unless that was logged within the hour. The
// subject is what the condition is about, nil if there is only one.
func (e *Engine) lasts(level slog.Level, message string, subject any, args ...any) {
	e.log.Occurred(context.Background(), level, message, subject, args...)
}

// ended logs the end of a condition that was logged.
func (e *Engine) ended(message string, subject any, text string, args ...any) {
	e.log.Ended(context.Background(), message, subject, text, args...)
}
