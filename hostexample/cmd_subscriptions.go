package main

import (
	"context"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/signing"
)

// subscriptionsCmd shows and changes subscriptions.
type subscriptionsCmd struct {
	List   subscriptionsList   `cmd:"" help:"List the subscriptions of an organization."`
	Show   subscriptionsShow   `cmd:"" help:"Show a subscription, and whether events are sent to it."`
	Test   subscriptionsTest   `cmd:"" help:"Send the sample of an event type, and wait for the outcome."`
	Enable subscriptionsEnable `cmd:"" help:"Activate a subscription, or close the open circuit of an active one."`
}

// subscriptionArg names a subscription.
type subscriptionArg struct {
	orgSettings
	Subscription recordID `arg:"" help:"Subscription: its UUID."`
}

// limitSettings bound a list.
type limitSettings struct {
	Limit count `help:"Entries that are shown at most." default:"50"`
}

type subscriptionsList struct {
	orgSettings
	limitSettings
	Archived bool `help:"Show archived subscriptions too."`
}

func (s *subscriptionsList) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &s.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	query := client.SubscriptionQuery{}
	if s.Archived {
		query.Archived = client.IncludeArchived
	}
	found, err := first(a.Subscriptions.All(ctx, string(s.Org), query), int(s.Limit))
	if err != nil {
		return plain(err)
	}
	return a.print(found, func(w *tabwriter.Writer) {
		row(w, "SUBSCRIPTION", "STATE", "SINCE", "EVENTS", "HOST", "DESCRIPTION")
		for _, sub := range found {
			row(w, sub.ID, sub.Status.State, sub.Status.Since, eventNames(sub), hostOf(sub.PostURI), sub.Description)
		}
	})
}

// first returns the first n items of a list; n of 0 is none.
func first[T any](list func(yield func(T, error) bool), n int) (found []T, err error) {
	found = []T{}
	for item, failed := range list {
		if failed != nil {
			return nil, failed
		}
		if found = append(found, item); len(found) == n {
			break
		}
	}
	return found, nil
}

// eventNames are the event types and patterns of a subscription.
func eventNames(s client.Subscription) string {
	names := make([]string, 0, len(s.Events))
	for _, e := range s.Events {
		names = append(names, e.Code+e.Pattern) // one of them is ""
	}
	return strings.Join(names, ",")
}

type subscriptionsShow struct{ subscriptionArg }

func (s *subscriptionsShow) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &s.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	return a.showSubscription(ctx, string(s.Org), s.Subscription.UUID)
}

func (a *access) showSubscription(ctx context.Context, org string, id uuid.UUID) error {
	sub, err := a.Subscriptions.Get(ctx, org, id)
	if err != nil {
		return plain(err)
	}
	return a.print(sub, func(w *tabwriter.Writer) {
		row(w, "subscription", sub.ID)
		row(w, "state", sub.Status.State)
		row(w, "reason", sub.Status.Reason)
		row(w, "since", sub.Status.Since)
		if circuit := sub.Status.Circuit; circuit != nil {
			row(w, "failures", circuit.Failures)
			row(w, "next probe", circuit.NextProbeAt)
		}
		if pressed := sub.Status.BackPressure; pressed != nil {
			row(w, "left alone until", pressed.Until)
		}
		row(w, "url", sub.PostURI)
		row(w, "events", eventNames(sub))
		row(w, "version", sub.Version)
		row(w, "description", sub.Description)
		row(w, "secret", signing.Mask(string(sub.SecretKey)))
		for _, name := range slices.Sorted(maps.Keys(sub.Headers)) {
			row(w, "header", name+": "+signing.Mask(sub.Headers[name]))
		}
		row(w, "created", sub.AuditInfo.CreatedAt)
		row(w, "created by", sub.AuditInfo.CreatedBy)
	})
}

type subscriptionsTest struct {
	subscriptionArg
	waitSettings
	EventType    string `help:"Code of the event type. Default: the first that the subscription lists."`
	EventVersion string `help:"Version of the event type." default:"v1"`
}

func (s *subscriptionsTest) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &s.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	in := client.TestInput{EventType: s.EventType}
	if s.EventType != "" {
		in.Version = s.EventVersion
	}
	made, err := a.Dispatcher.Test(ctx, string(s.Org), s.Subscription.UUID, in)
	if err != nil {
		return plain(err)
	}
	return a.outcome(ctx, string(s.Org), s.Subscription.UUID, made, s.waitSettings)
}

type subscriptionsEnable struct{ subscriptionArg }

func (s *subscriptionsEnable) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &s.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	if err := a.Subscriptions.Activate(ctx, string(s.Org), s.Subscription.UUID); err != nil {
		return plain(err)
	}
	return a.showSubscription(ctx, string(s.Org), s.Subscription.UUID)
}
