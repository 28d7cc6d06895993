package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
)

// statusCmd shows whether webhooks go out.
type statusCmd struct {
	accessSettings
	Org organization `help:"Organization whose subscriptions that get no events are listed. Default: none."`
}

// Help says which token the command needs.
func (*statusCmd) Help() string {
	return `Shows the health check, the queue, open circuits, the schema and dispatchers: on --store, or
over --url with a token of the scope webhooks:admin. Without the scope it shows the
health check alone, and says so. On --store it also checks that every secret can be read.
With --org it lists the subscriptions that fail or are switched off.`
}

// statusReport is the output of status.
type statusReport struct {
	Address  string                         `json:"address"`  // without credentials
	Health   map[string]client.HealthPart   `json:"health"`   // by part
	Overview *client.Overview               `json:"overview"` // nil without the scope webhooks:admin
	Storage  *client.Storage                `json:"storage"`  // likewise
	Circuits []client.UnhealthySubscription `json:"circuits"` // subscriptions whose circuit is open, the newest 20; nil likewise
	Keys     string                         `json:"keys"`     // "" over REST

	Subscriptions []client.Subscription `json:"subscriptions"` // that are not enabled; nil without an organization
}

const (
	// statusLimit bounds the subscriptions that status looks at.
	statusLimit = 1000
	// circuitsLimit bounds the open circuits that status shows.
	circuitsLimit = 20
)

func (s *statusCmd) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &s.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	health, err := a.Health(ctx)
	if err != nil {
		return plain(err)
	}
	report := statusReport{Address: a.where, Health: health.Details}
	if err := report.operations(ctx, a); err != nil && !errors.Is(err, client.ErrForbidden) {
		return plain(err)
	}
	if a.db != nil {
		if report.Keys, err = a.keysState(ctx); err != nil {
			return err
		}
	}
	if s.Org != "" {
		all, err := first(a.Subscriptions.All(ctx, string(s.Org), client.SubscriptionQuery{}), statusLimit)
		if err != nil {
			return plain(err)
		}
		report.Subscriptions = slices.DeleteFunc(all, func(s client.Subscription) bool { return s.Status.State == client.Enabled })
	}
	return a.print(report, report.rows)
}

// operations adds the state of all organizations.
func (r *statusReport) operations(ctx context.Context, a *access) error {
	overview, err := a.Operations.Overview(ctx)
	if err != nil {
		return err
	}
	storage, err := a.Operations.Storage(ctx)
	if err != nil {
		return err
	}
	circuits, err := a.Operations.ListUnhealthy(ctx, client.UnhealthyQuery{State: client.Failing, Take: circuitsLimit})
	if err != nil {
		return err
	}
	r.Overview, r.Storage, r.Circuits = &overview, &storage, circuits.Items
	return nil
}

// keysState says whether every signing secret can be read.
func (a *access) keysState(ctx context.Context) (string, error) {
	err := a.hooks.Keys().Check(ctx)
	if errors.Is(err, webhooks.ErrMissingKey) {
		return "WEBHOOKS_SECRET_KEYS lacks a key that signing secrets are encrypted with", nil
	}
	return "every signing secret can be read", err
}

func (r *statusReport) rows(w *tabwriter.Writer) {
	row(w, "address", r.Address)
	for _, name := range slices.Sorted(maps.Keys(r.Health)) {
		row(w, name, r.Health[name].Status+note(r.Health[name].Message))
	}
	if r.Keys != "" {
		row(w, "keys", r.Keys)
	}
	if r.Overview == nil {
		row(w, "queue", "unknown: the token lacks the scope webhooks:admin")
	} else {
		r.stateRows(w)
		r.lists(w)
	}
	if len(r.Subscriptions) > 0 {
		fmt.Fprintln(w)
		row(w, "SUBSCRIPTION", "STATE", "SINCE", "HOST", "REASON")
		for _, sub := range r.Subscriptions {
			row(w, sub.ID, sub.Status.State, sub.Status.Since, hostOf(sub.PostURI), sub.Status.Reason)
		}
	}
}

// note adds a message to a cell.
func note(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// stateRows writes the state of the store and of the queue, without the parts that are unknown.
func (r *statusReport) stateRows(w *tabwriter.Writer) {
	o, s := r.Overview, r.Storage
	if s.SchemaVersion > 0 {
		row(w, "schema", fmt.Sprintf("version %d of %d", s.SchemaVersion, s.NewestSchemaVersion))
	}
	if s.DaysAhead != nil {
		row(w, "partitions", s.FirstDay+" to "+s.LastDay)
	}
	if q := o.Queue; q != nil {
		due := fmt.Sprint(q.Due)
		if q.Due > 0 {
			due += fmt.Sprintf(", the oldest for %v", time.Duration(q.OldestDueSeconds*float64(time.Second)).Round(time.Second))
		}
		row(w, "due", due)
		row(w, "being sent", q.Sending)
		row(w, "scheduled", q.Scheduled)
		row(w, "held", q.Held)
		row(w, "recoveries", *o.RecoveriesRunning)
		row(w, "open circuits", *o.CircuitsOpen)
	}
	if t := o.Rates; t != nil {
		row(w, "in a second", fmt.Sprintf("%.4g published, %.4g delivered, %.4g failed", t.Published, t.Delivered, t.Failed))
	}
	if unknown := slices.Compact(slices.Sorted(slices.Values(slices.Concat(o.Unknown, s.Unknown)))); len(unknown) > 0 {
		row(w, "unknown", strings.Join(unknown, ", "))
	}
	if len(o.Hosts) > 0 {
		row(w, "dispatchers", len(o.Hosts))
	}
}

// lists writes the dispatchers and the open circuits.
func (r *statusReport) lists(w *tabwriter.Writer) {
	if len(r.Overview.Hosts) > 0 {
		fmt.Fprintln(w)
		row(w, "DISPATCHER", "SILENT FOR", "STATE")
		for _, one := range r.Overview.Hosts {
			state := "alive"
			if one.Dead {
				state = "dead"
			}
			row(w, one.Number, time.Duration(one.SilentSeconds*float64(time.Second)).Round(time.Second/10), state)
		}
	}
	if len(r.Circuits) > 0 {
		fmt.Fprintln(w)
		row(w, "ORGANIZATION", "SUBSCRIPTION", "FAILING SINCE", "FAILURES", "NEXT PROBE")
		for _, one := range r.Circuits {
			row(w, one.OrganizationID, one.SubscriptionID, one.Since, one.Failures, one.NextProbeAt)
		}
	}
}
