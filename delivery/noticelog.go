package delivery

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// noticeLines are the lines of the log about notices. Conditions that last, such as StoreDown, have
// lines of their own, and FirstFailure and Recovered are in the line about the attempt.
var noticeLines = map[NoticeKind]struct {
	level slog.Level
	text  string
}{
	AttemptEnded:            {slog.LevelDebug, "webhooks: attempt ended"},
	Exhausted:               {slog.LevelInfo, "webhooks: a delivery failed for good"},
	CircuitOpened:           {slog.LevelInfo, "webhooks: circuit opened, the endpoint is only probed"},
	CircuitClosed:           {slog.LevelInfo, "webhooks: circuit closed"},
	SubscriptionDeactivated: {slog.LevelWarn, "webhooks: subscription deactivated"},
	LeaseLost:               {slog.LevelInfo, "webhooks: lease lost, the outcome of the attempt is not recorded"},
}

// logNotice logs a notice.
func logNotice(to *slog.Logger, n Notice) {
	line, ctx := noticeLines[n.Kind], context.Background()
	if line.text == "" || !to.Enabled(ctx, line.level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 10),
		slog.Any("organizationId", n.OrganizationID), slog.Any("subscriptionId", n.SubscriptionID))
	if n.AttemptID != uuid.Nil {
		attrs = append(attrs, slog.Any("messageId", n.MessageID), slog.Any("attemptId", n.AttemptID), slog.Int("number", n.Number),
			slog.String("status", n.Status.String()), slog.Int("httpStatus", n.HTTPStatus), slog.String("duration", n.Duration.String()))
	}
	if n.Reason != "" {
		attrs = append(attrs, slog.String("reason", n.Reason))
	}
	to.LogAttrs(ctx, line.level, line.text, attrs...)
}

// logRecovery logs the end of a recovery.
func logRecovery(to *slog.Logger, r store.Recovery) {
	to.Info("webhooks: recovery ended", "organizationId", r.OrganizationID, "subscriptionId", r.SubscriptionID,
		"recoveryId", r.ID, "state", r.State.String(), "matched", r.Matched, "queued", r.Queued)
}
