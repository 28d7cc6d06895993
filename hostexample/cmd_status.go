package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/store/bunstore"
)

// statusCmd shows whether webhooks go out.
type statusCmd struct {
	accessSettings
	Org organization `help:"Organization whose subscriptions that get no events are listed. Default: none."`
}

// Help says what REST cannot tell.
func (*statusCmd) Help() string {
	return `On --store the command shows the queue, open circuits, the schema, keys, partitions and
dispatchers. Over --url it shows the health check of the host: the queue is in the
host's metrics. With --org both list the subscriptions that fail or are switched off.`
}

// statusReport is the output of status.
type statusReport struct {
	Address string                       `json:"address"` // without credentials
	Health  map[string]client.HealthPart `json:"health"`  // by part
	Store   *storeReport                 `json:"store"`   // nil over REST

	Subscriptions []client.Subscription `json:"subscriptions"` // that are not enabled; nil without an organization
}

// statusLimit bounds the subscriptions that status looks at.
const statusLimit = 1000

// storeReport is a [bunstore.Overview] in JSON.
type storeReport struct {
	SchemaVersion     int             `json:"schemaVersion"`
	Keys              string          `json:"keys"`
	Due               int             `json:"due"`
	OldestDueSeconds  float64         `json:"oldestDueSeconds"`
	Sending           int             `json:"sending"`
	Scheduled         int             `json:"scheduled"`
	Held              int             `json:"held"`
	RunningRecoveries int             `json:"runningRecoveries"`
	OpenCircuits      int             `json:"openCircuits"`
	Circuits          []circuitReport `json:"circuits"`
	Hosts             []hostReport    `json:"hosts"`
	FirstDay          time.Time       `json:"firstDay"`
	LastDay           time.Time       `json:"lastDay"`

	overview bunstore.Overview
}

type circuitReport struct {
	OrganizationID uuid.UUID `json:"organizationId"`
	SubscriptionID uuid.UUID `json:"subscriptionId"`
	Since          time.Time `json:"since"`
	Failures       int       `json:"failures"`
	NextProbeAt    time.Time `json:"nextProbeAt"`
}

type hostReport struct {
	Number        int64   `json:"number"`
	SilentSeconds float64 `json:"silentSeconds"`
	Dead          bool    `json:"dead"`
}

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
	if a.db != nil {
		if report.Store, err = a.storeReport(ctx); err != nil {
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

func (r *statusReport) rows(w *tabwriter.Writer) {
	row(w, "address", r.Address)
	for _, name := range slices.Sorted(maps.Keys(r.Health)) {
		row(w, name, r.Health[name].Status+note(r.Health[name].Message))
	}
	if r.Store != nil {
		r.Store.rows(w)
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

func (a *access) storeReport(ctx context.Context) (*storeReport, error) {
	o, err := a.db.sql.Overview(ctx)
	if err != nil {
		return nil, err
	}
	r := &storeReport{
		SchemaVersion: o.Version, Keys: "every signing secret can be read",
		Due: o.Due, OldestDueSeconds: o.OldestDue.Seconds(), Sending: o.Sending, Scheduled: o.Scheduled, Held: o.Held,
		RunningRecoveries: o.RunningRecoveries, OpenCircuits: o.OpenCircuits, Circuits: []circuitReport{}, Hosts: []hostReport{},
		FirstDay: o.FirstDay, LastDay: o.LastDay, overview: o,
	}
	switch err := a.hooks.Keys().Check(ctx); {
	case errors.Is(err, webhooks.ErrMissingKey):
		r.Keys = "WEBHOOKS_SECRET_KEYS lacks a key that signing secrets are encrypted with"
	case err != nil:
		return nil, err
	}
	for _, one := range o.Circuits {
		r.Circuits = append(r.Circuits, circuitReport(one))
	}
	for _, one := range o.Hosts {
		r.Hosts = append(r.Hosts, hostReport{one.Number, one.Silent.Seconds(), one.Dead})
	}
	return r, nil
}

func (r *storeReport) rows(w *tabwriter.Writer) {
	o := r.overview
	row(w, "schema", fmt.Sprintf("version %d of %d", o.Version, o.Newest))
	row(w, "keys", r.Keys)
	due := fmt.Sprint(o.Due)
	if o.Due > 0 {
		due += fmt.Sprintf(", the oldest for %v", o.OldestDue.Round(time.Second))
	}
	row(w, "due", due)
	row(w, "being sent", o.Sending)
	row(w, "scheduled", o.Scheduled)
	row(w, "held", o.Held)
	row(w, "recoveries", o.RunningRecoveries)
	if o.Hosts != nil {
		row(w, "partitions", o.FirstDay.Format(time.DateOnly)+" to "+o.LastDay.Format(time.DateOnly))
		row(w, "dispatchers", len(o.Hosts))
	}
	row(w, "open circuits", o.OpenCircuits)
	if len(o.Hosts) > 0 {
		fmt.Fprintln(w)
		row(w, "DISPATCHER", "SILENT FOR", "STATE")
		for _, one := range o.Hosts {
			state := "alive"
			if one.Dead {
				state = "dead"
			}
			row(w, one.Number, one.Silent.Round(time.Second/10), state)
		}
	}
	if len(o.Circuits) > 0 {
		fmt.Fprintln(w)
		row(w, "ORGANIZATION", "SUBSCRIPTION", "FAILING SINCE", "FAILURES", "NEXT PROBE")
		for _, one := range o.Circuits {
			row(w, one.OrganizationID, one.SubscriptionID, one.Since, one.Failures, one.NextProbeAt)
		}
	}
}
