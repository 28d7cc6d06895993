package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
)

// eraseCmd removes data, on the store or over REST.
type eraseCmd struct {
	Organization eraseOrganizationCmd `cmd:"" default:"withargs" help:"Remove everything of an organization (the default)."`
	Payload      erasePayloadCmd      `cmd:"" help:"Remove the payload of one event, and the answers to its deliveries."`
}

// eraseSettings are the settings of both commands.
type eraseSettings struct {
	accessSettings
	Organization uuid.UUID `required:"" help:"UUID of the organization."`
	Actor        string    `help:"Name that the audit trail keeps, without --url. Over REST it keeps the subject of the token. Default: cli/ and the name in USER."`
}

// open opens the library, and adds the actor to the context.
func (s *eraseSettings) open(ctx context.Context, h *host, c *cli) (context.Context, *webhooks.Webhooks, func(), error) {
	hooks, db, err := h.openLibrary(ctx, &s.storeSettings, webhooks.Config{Logger: c.logger(h.stderr)})
	if err != nil {
		return ctx, nil, nil, err
	}
	return webhooks.WithActor(ctx, cmp.Or(s.Actor, h.actor())), hooks, func() { _ = db.Close() }, nil
}

// eraseOrganizationCmd removes an organization, and waits for the end.
type eraseOrganizationCmd struct {
	eraseSettings
	Confirm bool `help:"Remove it. Without this flag the command only says how much there is."`
}

// Help describes the effect.
func (*eraseOrganizationCmd) Help() string {
	return `Removes the subscriptions of an organization with their headers and secrets, all
events and deliveries, idempotency keys and the audit trail, except for the entry of the
removal. Hosts may run meanwhile: they send nothing more to its subscriptions after a
second. The command can be interrupted: running dispatchers continue, and so does the
same command. Backups keep the data until they are deleted.

With --url a dispatcher of the host's database does the work. The token of WEBHOOKS_TOKEN
needs the scope webhooks:admin.`
}

// erased is the result, or with Confirm false the amount of data.
type erased struct {
	ID            *uuid.UUID `json:"id"`
	State         string     `json:"state"`
	Subscriptions int        `json:"subscriptions"`
	Events        int        `json:"events"`
	Attempts      int        `json:"attempts"`
	AuditEntries  int        `json:"auditEntries"`
}

func (r *eraseOrganizationCmd) run(ctx context.Context, h *host, c *cli) error {
	if r.URL != "" {
		return r.overREST(ctx, h, c)
	}
	ctx, hooks, end, err := r.open(ctx, h, c)
	if err != nil {
		return err
	}
	defer end()
	if !r.Confirm {
		return r.count(ctx, h, hooks)
	}
	e, err := hooks.Erase(ctx, r.Organization)
	if err != nil {
		return err
	}
	shown := time.Now()
	e, err = hooks.FinishErasure(ctx, e.ID, func(e webhooks.Erasure) {
		shown = h.showErased(shown, amount(e.Subscriptions, e.Messages, e.Attempts, e.AuditEntries))
	})
	if err != nil {
		return fmt.Errorf("the removal %s goes on where a dispatcher runs, or with the same command: %w", e.ID, err)
	}
	return r.printErased(h, erased{&e.ID, e.State.String(), e.Subscriptions, e.Messages, e.Attempts, e.AuditEntries})
}

// overREST asks a host to remove the organization, and waits for the end.
func (r *eraseOrganizationCmd) overREST(ctx context.Context, h *host, c *cli) error {
	a, err := h.connectREST(&r.accessSettings, c)
	if err != nil {
		return err
	}
	org := r.Organization.String()
	if !r.Confirm {
		subscriptions, err := a.Subscriptions.List(ctx, org, client.SubscriptionQuery{Archived: client.IncludeArchived})
		if err != nil {
			return plain(err)
		}
		messages, err := a.Dispatcher.ListMessages(ctx, org, client.MessageQuery{})
		if err != nil {
			return plain(err)
		}
		return r.printCount(h, subscriptions.TotalRecords, messages.TotalRecords)
	}
	begun, err := a.Erase(ctx, org)
	if err != nil {
		return plain(err)
	}
	for shown := time.Now(); ; {
		e, err := a.Erasure(ctx, begun.ID)
		switch {
		case err == nil && e.State != client.ErasureRunning:
			return r.printErased(h, erased{&e.ID, string(e.State), e.Subscriptions, e.Messages, e.Attempts, e.AuditEntries})
		case err == nil:
			shown = h.showErased(shown, amount(e.Subscriptions, e.Messages, e.Attempts, e.AuditEntries))
			err = waitFor(ctx, pollInterval)
		}
		if err != nil {
			return fmt.Errorf("the removal %s goes on where a dispatcher runs: %w", begun.ID, plain(err))
		}
	}
}

// printErased prints the result.
func (r *eraseOrganizationCmd) printErased(h *host, e erased) error {
	if r.JSON {
		return h.printJSON(e)
	}
	fmt.Fprintf(h.stdout, "removed %s\n", amount(e.Subscriptions, e.Events, e.Attempts, e.AuditEntries))
	return nil
}

// showErased prints the progress if 2 s have passed since it was shown. It returns when it was shown last.
func (h *host) showErased(shown time.Time, text string) time.Time {
	if time.Since(shown) < 2*time.Second {
		return shown
	}
	fmt.Fprintf(h.stderr, "so far %s\n", text)
	return time.Now()
}

// count prints how much there is to remove.
func (r *eraseOrganizationCmd) count(ctx context.Context, h *host, hooks *webhooks.Webhooks) error {
	subscriptions, err := hooks.Subscriptions.List(ctx, r.Organization, webhooks.SubscriptionQuery{Archived: webhooks.IncludeArchived})
	if err != nil {
		return err
	}
	messages, err := hooks.Dispatcher.Messages(ctx, r.Organization, webhooks.Page{})
	if err != nil {
		return err
	}
	return r.printCount(h, subscriptions.Total, messages.Total)
}

func (r *eraseOrganizationCmd) printCount(h *host, subscriptions, events int) error {
	if r.JSON {
		return h.printJSON(erased{State: "unconfirmed", Subscriptions: subscriptions, Events: events})
	}
	fmt.Fprintf(h.stdout, "there are %d subscriptions and %d events; nothing was removed: that needs --confirm\n", subscriptions, events)
	return nil
}

func amount(subscriptions, events, attempts, entries int) string {
	return fmt.Sprintf("%d subscriptions, %d events, %d attempts and %d entries of the audit trail", subscriptions, events, attempts, entries)
}

// erasePayloadCmd removes the payload of one event.
type erasePayloadCmd struct {
	eraseSettings
	Event uuid.UUID `required:"" help:"UUID of the event: the webhook-id."`
}

func (r *erasePayloadCmd) run(ctx context.Context, h *host, c *cli) error {
	if err := r.expunge(ctx, h, c); err != nil {
		return err
	}
	if r.JSON {
		return h.printJSON(map[string]bool{"value": true})
	}
	fmt.Fprintln(h.stdout, "the payload is gone, and so are the bodies of the answers")
	return nil
}

func (r *erasePayloadCmd) expunge(ctx context.Context, h *host, c *cli) error {
	if r.URL != "" {
		a, err := h.connectREST(&r.accessSettings, c)
		if err != nil {
			return err
		}
		return plain(a.Dispatcher.Expunge(ctx, r.Organization.String(), r.Event))
	}
	ctx, hooks, end, err := r.open(ctx, h, c)
	if err != nil {
		return err
	}
	defer end()
	return hooks.Dispatcher.Expunge(ctx, r.Organization, r.Event)
}

// printJSON prints a result for programs, in one line.
func (h *host) printJSON(v any) error { return json.NewEncoder(h.stdout).Encode(v) }
