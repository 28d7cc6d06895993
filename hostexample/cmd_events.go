package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// eventsCmd shows published events.
type eventsCmd struct {
	List    eventsList    `cmd:"" help:"List the latest events of an organization, with the states of their deliveries."`
	Show    eventsShow    `cmd:"" help:"Show an event, its deliveries and its data."`
	Explain eventsExplain `cmd:"" help:"Say for each subscription whether it got an event, and why not."`
}

// eventArg names an event.
type eventArg struct {
	orgSettings
	Event recordID `arg:"" help:"Event: its UUID, the webhook-id of its deliveries."`
}

type eventsList struct {
	orgSettings
	limitSettings
}

func (e *eventsList) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &e.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	found, err := first(a.Dispatcher.Messages(ctx, string(e.Org), client.MessageQuery{}), int(e.Limit))
	if err != nil {
		return plain(err)
	}
	return a.print(found, func(w *tabwriter.Writer) {
		row(w, "EVENT", "TYPE", "VERSION", "PUBLISHED", "DELIVERIES", "SUCCEEDED", "PENDING", "FAILED", "CANCELLED")
		for _, m := range found {
			d := m.Deliveries
			row(w, m.ID, m.EventType, m.Version, m.CreatedAt, d.Total, d.Succeeded, d.Pending, d.Failed, d.Cancelled)
		}
	})
}

type eventsShow struct{ eventArg }

func (e *eventsShow) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &e.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	m, err := a.Dispatcher.Message(ctx, string(e.Org), e.Event.UUID)
	if err != nil {
		return plain(err)
	}
	if err := a.print(m, func(w *tabwriter.Writer) {
		row(w, "event", m.ID)
		row(w, "type", m.EventType+" "+m.Version)
		row(w, "published", m.CreatedAt)
		row(w, "ordering key", m.OrderingKey)
	}); err != nil || a.json {
		return err
	}
	if err := a.print(nil, func(w *tabwriter.Writer) {
		fmt.Fprintln(w)
		row(w, "DELIVERY", "SUBSCRIPTION", "STATUS", "ATTEMPTS", "CODE", "NEXT RETRY", "HELD UNTIL", "ERROR")
		for _, d := range m.Activations {
			row(w, d.ID, d.Subscription.ID, d.Status, d.Attempts, codeOf(d.HTTPStatusCode), d.NextRetryAt, d.HeldUntil, d.Error)
		}
	}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "\n%s\n", printableLines(indented(m.Data)))
	return err
}

// codeOf writes an HTTP status; "" for none.
func codeOf(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprint(status)
}

// indented returns JSON for people.
func indented(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}

type eventsExplain struct{ eventArg }

func (e *eventsExplain) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &e.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	found, err := a.Dispatcher.Explain(ctx, string(e.Org), e.Event.UUID)
	if err != nil {
		return plain(err)
	}
	return a.print(slices.Concat([]client.Explanation{}, found), func(w *tabwriter.Writer) {
		row(w, "SUBSCRIPTION", "HOST", "MATCHED", "REASON", "STATUS", "DELIVERY", "HELD UNTIL")
		for _, x := range found {
			delivery := ""
			if x.ActivationID != uuid.Nil {
				delivery = x.ActivationID.String()
			}
			row(w, x.SubscriptionID, hostOf(x.PostURI), x.Matched, x.Reason, x.Status, delivery, x.HeldUntil)
		}
	})
}
