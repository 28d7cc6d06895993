package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/store"
)

// codeOf returns the code of the event type of a message from its body, which the function body made.
func codeOf(message []byte) string {
	_, rest, _ := bytes.Cut(message, []byte(`","type":"`))
	code, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(code)
}

// isOperational reports whether a message, by its body, is an operational event.
func isOperational(message []byte) bool { return operationalIDs[codeOf(message)] != uuid.Nil }

// announce makes the operational event of an announcement, and its copy for the operator.
func (c *core) announce(a delivery.Announcement) []store.NewMessage {
	data, err := json.Marshal(operationalData(a))
	if err != nil {
		panic(err) // it holds ids, texts and numbers
	}
	organizations := []uuid.UUID{a.OrganizationID}
	if operator := c.cfg.OperationalEvents.Operator; operator != uuid.Nil && operator != a.OrganizationID {
		organizations = append(organizations, operator)
	}
	t, ctx := operationalTypes[a.Kind], WithActor(context.Background(), engineActor)
	messages := make([]store.NewMessage, len(organizations))
	for i, org := range organizations {
		m := c.newMessage(ctx, org, t, data)
		m.OrderingKey = a.SubscriptionID.String()
		messages[i] = store.NewMessage{Message: m, Topics: store.Topics(t.ID, t.Code, t.Version), ExpiresAt: m.CreatedAt.Add(c.cfg.Deadline)}
	}
	return messages
}

// operationalData returns the data of an operational event, in the words of the REST interface: ids, times, counts, and
// texts without an address, a header or a payload.
func operationalData(a delivery.Announcement) map[string]any {
	d := map[string]any{"organizationId": a.OrganizationID, "subscriptionId": a.SubscriptionID}
	switch a.Kind {
	case delivery.EndpointFailing, delivery.EndpointOpened, delivery.EndpointRecovered:
		d["state"] = SubscriptionEnabled
		if a.Kind == delivery.EndpointOpened {
			d["state"], d["nextProbeAt"] = SubscriptionFailing, timeText(a.Health.ProbeAt)
		}
		if !a.Health.Since.IsZero() { // the success of an operational event may have ended the failures before
			d["since"], d["failures"] = timeText(a.Health.Since), a.Health.Failures
		}
	case delivery.EndpointDeactivated:
		d["state"], d["since"] = SubscriptionDisabled, timeText(a.At)
	case delivery.DeliveryExhausted:
		d["eventId"], d["eventType"] = a.Attempt.MessageID, codeOf(a.Attempt.Body)
		d["activationId"], d["activityId"], d["attempts"] = a.Attempt.DeliveryID, a.Attempt.AttemptID, a.Attempt.Number
	case delivery.RecoveryEnded:
		d["recoveryId"], d["state"], d["matched"], d["queued"] = a.Recovery.ID, a.Recovery.State.String(), a.Recovery.Matched, a.Recovery.Queued
		d["createdAt"], d["finishedAt"] = timeText(a.Recovery.CreatedAt), timeText(a.Recovery.FinishedAt)
	}
	if a.Kind == delivery.EndpointRecovered {
		return d
	}
	if a.HTTPStatus != 0 {
		d["httpStatus"] = a.HTTPStatus
	}
	if a.Class != "" {
		d["class"] = a.Class
	}
	if a.Reason != "" {
		d["reason"] = a.Reason
	}
	return d
}

func timeText(t time.Time) string { return t.UTC().Format(timeForm) }
