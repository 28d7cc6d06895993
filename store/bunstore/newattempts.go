package bunstore

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// numbered replaces the names of statuses, attempt types and states in a statement, such as
// {Pending}, by the numbers of package store.
func numbered(text string) string { return numbers.Replace(text) }

var numbers = strings.NewReplacer(
	"{Pending}", strconv.Itoa(int(store.Pending)), "{Succeeded}", strconv.Itoa(int(store.Succeeded)),
	"{Failed}", strconv.Itoa(int(store.Failed)), "{Cancelled}", strconv.Itoa(int(store.Cancelled)),
	"{FirstPost}", strconv.Itoa(int(store.FirstPost)), "{AutomaticRetry}", strconv.Itoa(int(store.AutomaticRetry)),
	"{ManualRetry}", strconv.Itoa(int(store.ManualRetry)), "{TestPost}", strconv.Itoa(int(store.TestPost)),
	"{RecoveryRunning}", strconv.Itoa(int(store.RecoveryRunning)),
)

// attemptValues are the columns of new attempts, as SQL expressions. An empty expression leaves
// its column at the default of the table. A new attempt is pending.
type attemptValues struct {
	id, delivery, message, organization, subscription, eventType, line string
	number, step, kind, external, retryOf, expires, posted             string
	created, creator                                                   string
}

// insertAttempts is the one INSERT into attempts.
func insertAttempts(v attemptValues, from string) string {
	var columns, values []string
	for _, c := range []struct{ column, value string }{
		{"id", v.id},
		{"delivery_id", v.delivery},
		{"message_id", v.message},
		{"organization_id", v.organization},
		{"subscription_id", v.subscription},
		{"event_type_id", v.eventType},
		{"line", v.line},
		{"number", v.number},
		{"step", v.step},
		{"type", v.kind},
		{"external", v.external},
		{"status", "{Pending}"},
		{"retry_of", v.retryOf},
		{"expires_at", v.expires},
		{"posted_at", v.posted},
		{"created_at", v.created},
		{"created_by", v.creator},
		{"updated_at", v.created},
		{"updated_by", v.creator},
	} {
		if c.value != "" {
			columns, values = append(columns, c.column), append(values, c.value)
		}
	}
	return numbered("\nINSERT INTO {}attempts{partition} (" + strings.Join(columns, ", ") +
		")\nSELECT " + strings.Join(values, ", ") + "\nFROM " + from)
}

// queueValues are the columns of new rows of the queue, as SQL expressions.
type queueValues struct {
	attempt, delivery, organization, subscription, line, number string
	token, sending                                              string
	wait                                                        string // microseconds until the attempt is due
}

// insertQueue is the one INSERT into queue. An attempt stands in its sequence (column line) in the place of its
// delivery.
func insertQueue(v queueValues, from string) string {
	return `
INSERT INTO {}queue (attempt_id, organization_id, subscription_id, line, position, token, sending, number, due_at)
SELECT ` + strings.Join([]string{
		v.attempt, v.organization, v.subscription, v.line, "CASE WHEN " + v.line + " IS NOT NULL THEN " + v.delivery + " END",
		v.token, v.sending, v.number, "{now} + " + v.wait + "{us}",
	}, ", ") + "\nFROM " + from
}

// queueing is an attempt that is to be queued.
type queueing struct {
	attempt uuid.UUID
	due     time.Time // by the clock of this process; zero for at once
}

// enqueue adds attempts of the table attempts to the queue.
func enqueue(ctx context.Context, c conn, queue []queueing) error {
	return c.each(ctx, queueAttempts, paramRows{len(queue), []column{
		uuids(func(i int) uuid.UUID { return queue[i].attempt }),
		waits(func(i int) time.Time { return queue[i].due }),
	}}, nil)
}

var queueAttempts = `
WITH r(attempt, wait) AS (?)` + insertQueue(queueValues{
	attempt: "a.id", delivery: "a.delivery_id", organization: "a.organization_id", subscription: "a.subscription_id",
	line: "a.line", number: "a.number", token: "0", sending: "false", wait: "r.wait",
}, `r JOIN {}attempts AS a ON a.id = r.attempt`)
