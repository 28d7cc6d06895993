package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

const operationsPath = "/api/operations"

var operationsRoutes = group{
	tag: "Operations", description: "The state of all organizations, for an operator. Results are up to 10 s old: see asOf. Counts have a " +
		"bound: see capped. The store has a second to answer. Beyond the reference.",
	routes: []route{
		{
			method: http.MethodGet, path: operationsPath + "/overview", access: adminOnly, handler: (*api).getOverview,
			id: "getOverview", beyond: true, summary: "Gets the state of the queue, the hosts and the store",
			details: "Parts that the store does not tell within a second are null, and named in unknown.",
			answer:  overviewWire{},
		},
		{
			method: http.MethodGet, path: operationsPath + "/unhealthy", access: adminOnly, handler: (*api).listUnhealthy,
			id: "listUnhealthy", beyond: true, summary: "Lists subscriptions of all organizations whose circuit is open, or that are switched off",
			details: "The newest subscriptions first, without archived ones.",
			query:   params(snapshotParams, unhealthyStateParam), answer: snapshot[unhealthySubscriptionWire]{},
			errorCodes: []string{"not_supported"},
		},
		{
			method: http.MethodGet, path: operationsPath + "/backlog", access: adminOnly, handler: (*api).getBacklog,
			id: "getBacklog", beyond: true, summary: "Gets the organizations and subscriptions with the most waiting attempts",
			details: "At most 20 of each. The attempts that are due first are counted, up to " + thousands(webhooks.MaxCounted) + ".",
			answer:  backlogsWire{}, errorCodes: []string{"not_supported"},
		},
		{
			method: http.MethodGet, path: operationsPath + "/recoveries", access: adminOnly, handler: (*api).listRecoveries,
			id: "listRecoveries", beyond: true, summary: "Lists the recoveries of all organizations", details: "The newest first.",
			query: params(snapshotParams, recoveryStateParam), answer: snapshot[recoveryJobWire]{}, errorCodes: []string{"not_supported"},
		},
		{
			method: http.MethodGet, path: operationsPath + "/storage", access: adminOnly, handler: (*api).getStorage,
			id: "getStorage", beyond: true, summary: "Gets the retention, the days, the version and the keys of the store",
			details: "Parts that the store does not tell within a second are null, and named in unknown.",
			answer:  storageWire{},
		},
	},
}

var (
	snapshotParams = []param{
		beyondReference(integerParam("take", "The size of a page.", 10, 1, 100)), cursorParam,
	}
	unhealthyStateParam = beyondReference(wordParam("state", "Which to list: failing: the circuit is open; paused: switched off by hand, or "+
		"without a URL; disabled: switched off for a reason.", "all", "failing", "paused", "disabled"))
	recoveryStateParam = beyondReference(wordParam("state", "Which to list.", "all", "running", "done", "stopped"))
)

// snapshot is the envelope of a list that is up to 10 s old.
type snapshot[T any] struct {
	AsOf       timestamp `json:"asOf"`
	Items      []T       `json:"items"`
	Total      int       `json:"total"`
	Capped     bool      `json:"capped"`
	NextCursor *string   `json:"nextCursor"`
}

// overviewWire is the state of all organizations.
type overviewWire struct {
	AsOf              timestamp            `json:"asOf"`
	Unknown           []string             `json:"unknown"`
	Capped            bool                 `json:"capped"`
	Queue             *queueWire           `json:"queue"`
	CircuitsOpen      *int                 `json:"circuitsOpen"`
	RecoveriesRunning *int                 `json:"recoveriesRunning"`
	Rates             *ratesWire           `json:"rates"`
	MostFailures      []failureCountWire   `json:"mostFailures"`
	Dispatching       bool                 `json:"dispatching"`
	InFlight          int                  `json:"inFlight"`
	Workers           int                  `json:"workers"`
	Store             operationsStoreWire  `json:"store"`
	Hosts             []operationsHostWire `json:"hosts"`
}

// queueWire counts the queue.
type queueWire struct {
	Due              int     `json:"due"`
	Scheduled        int     `json:"scheduled"`
	Held             int     `json:"held"`
	Sending          int     `json:"sending"`
	OldestDueSeconds float64 `json:"oldestDueSeconds"`
}

// ratesWire has events and attempts per second.
type ratesWire struct {
	Published float64 `json:"published"`
	Delivered float64 `json:"delivered"`
	Failed    float64 `json:"failed"`
	Capped    bool    `json:"capped"`
}

type failureCountWire struct {
	OrganizationID organizationName `json:"organizationId"`
	Failed         int              `json:"failed"`
}

type operationsStoreWire struct {
	Kind          *string `json:"kind"`
	Up            bool    `json:"up"`
	SchemaVersion *int    `json:"schemaVersion"`
}

type operationsHostWire struct {
	Number        int64   `json:"number"`
	SilentSeconds float64 `json:"silentSeconds"`
	Dead          bool    `json:"dead"`
}

// unhealthySubscriptionWire is a subscription that gets nothing but probes, or nothing.
type unhealthySubscriptionWire struct {
	SubscriptionID uuid.UUID        `json:"subscriptionId"`
	OrganizationID organizationName `json:"organizationId"`
	PostURI        *string          `json:"postUri"`
	State          string           `json:"state" schema:"is=SubscriptionState"`
	Reason         *string          `json:"reason"`
	Since          timestamp        `json:"since"`
	Failures       int              `json:"failures"`
	NextProbeAt    timestamp        `json:"nextProbeAt" schema:"nullable"`
}

// backlogsWire are the largest backlogs.
type backlogsWire struct {
	AsOf          timestamp     `json:"asOf"`
	Capped        bool          `json:"capped"`
	Organizations []backlogWire `json:"organizations"`
	Subscriptions []backlogWire `json:"subscriptions"`
}

// backlogWire counts the waiting attempts of an organization or a subscription.
type backlogWire struct {
	OrganizationID   organizationName `json:"organizationId"`
	SubscriptionID   *uuid.UUID       `json:"subscriptionId"`
	Waiting          int              `json:"waiting"`
	Held             int              `json:"held"`
	OldestDueSeconds float64          `json:"oldestDueSeconds"`
}

// recoveryJobWire is a recovery among those of all organizations.
type recoveryJobWire struct {
	recoveryWire
	OrganizationID organizationName `json:"organizationId"`
	SubscriptionID uuid.UUID        `json:"subscriptionId"`
	Scope          string           `json:"scope" schema:"is=RecoveryScope"`
	Since          timestamp        `json:"since"`
	Until          timestamp        `json:"until"`
	RatePerSecond  *int             `json:"ratePerSecond"`
	CreatedBy      *string          `json:"createdBy"`
}

// storageWire says where the records are, and for how long.
type storageWire struct {
	AsOf                  timestamp `json:"asOf"`
	Unknown               []string  `json:"unknown"`
	Kind                  *string   `json:"kind"`
	SchemaVersion         *int      `json:"schemaVersion"`
	NewestSchemaVersion   *int      `json:"newestSchemaVersion"`
	FirstDay              *string   `json:"firstDay" schema:"format=date"`
	LastDay               *string   `json:"lastDay" schema:"format=date"`
	DaysAhead             *int      `json:"daysAhead"`
	Bytes                 *int64    `json:"bytes"`
	ErasuresRunning       *int      `json:"erasuresRunning"`
	RetentionSeconds      *int64    `json:"retentionSeconds"`
	AuditRetentionSeconds *int64    `json:"auditRetentionSeconds"`
	Keys                  []string  `json:"keys"`
	KeysInUse             []string  `json:"keysInUse" schema:"nullable"`
}

func (a *api) getOverview(c *call) error {
	o, err := a.hooks.Operations().Overview(c.ctx())
	if err != nil {
		return err
	}
	w := overviewWire{
		AsOf: timestamp(o.AsOf), Unknown: append([]string{}, o.Unknown...), Capped: o.Capped(),
		MostFailures: []failureCountWire{}, Hosts: []operationsHostWire{},
		Dispatching: o.Process.Running, InFlight: o.Process.InFlight, Workers: o.Process.Workers,
		Store: operationsStoreWire{optional(o.Layout.Kind), o.Up, optional(o.Layout.Version)},
	}
	if q := o.Queue; o.Knows(webhooks.PartQueue) {
		w.Queue = &queueWire{q.Due, q.Scheduled, q.Held, q.Sending, q.OldestDue.Seconds()}
		w.CircuitsOpen, w.RecoveriesRunning = &q.OpenCircuits, &q.RunningRecoveries
	}
	if t := o.Traffic; o.Knows(webhooks.PartTraffic) {
		perSecond := func(n int) float64 { return float64(n) / webhooks.TrafficPeriod.Seconds() }
		w.Rates = &ratesWire{perSecond(t.Published), perSecond(t.Succeeded), perSecond(t.Failed), t.Capped}
	}
	for _, f := range o.Traffic.MostFailures {
		if err := c.nameOrganization(f.OrganizationID); err != nil {
			return err
		}
		w.MostFailures = append(w.MostFailures, failureCountWire{c.names[f.OrganizationID], f.Count})
	}
	for _, h := range o.Hosts {
		w.Hosts = append(w.Hosts, operationsHostWire{h.Number, h.Silent.Seconds(), h.Dead})
	}
	return c.reply(http.StatusOK, w)
}

func (a *api) getStorage(c *call) error {
	s, err := a.hooks.Operations().Storage(c.ctx())
	if err != nil {
		return err
	}
	w := storageWire{
		AsOf: timestamp(s.AsOf), Unknown: append([]string{}, s.Unknown...), Kind: optional(s.Layout.Kind),
		SchemaVersion: optional(s.Layout.Version), NewestSchemaVersion: optional(s.Layout.Newest),
		FirstDay: showDay(s.Layout.FirstDay), LastDay: showDay(s.Layout.LastDay), Bytes: optional(s.Layout.Bytes),
		RetentionSeconds: showRetention(s.Retention), AuditRetentionSeconds: showRetention(s.AuditRetention),
		Keys: append([]string{}, s.Keys...),
	}
	if s.Knows(webhooks.PartQueue) && s.DaysAhead >= 0 {
		w.DaysAhead = &s.DaysAhead
	}
	if s.Knows(webhooks.PartLayout) {
		w.ErasuresRunning = &s.Layout.RunningErasures
	}
	if s.Knows(webhooks.PartKeys) {
		w.KeysInUse = append([]string{}, s.KeysInUse...)
	}
	return c.reply(http.StatusOK, w)
}

func showDay(day time.Time) *string {
	if day.IsZero() {
		return nil
	}
	return optional(day.Format(time.DateOnly))
}

// showRetention returns nil for ever.
func showRetention(d time.Duration) *int64 {
	if d < 0 {
		return nil
	}
	return optional(int64(d / time.Second))
}

func (a *api) getBacklog(c *call) error {
	found, at, err := a.hooks.Operations().Backlog(c.ctx())
	if err != nil {
		return err
	}
	w := backlogsWire{AsOf: timestamp(at), Capped: found.Capped}
	if w.Organizations, err = c.showBacklogs(found.Organizations); err != nil {
		return err
	}
	if w.Subscriptions, err = c.showBacklogs(found.Subscriptions); err != nil {
		return err
	}
	return c.reply(http.StatusOK, w)
}

func (c *call) showBacklogs(found []webhooks.Backlog) ([]backlogWire, error) {
	out := make([]backlogWire, len(found))
	for i, b := range found {
		if err := c.nameOrganization(b.OrganizationID); err != nil {
			return nil, err
		}
		out[i] = backlogWire{c.names[b.OrganizationID], optional(b.SubscriptionID), b.Waiting, b.Held, b.OldestDue.Seconds()}
	}
	return out, nil
}

func (a *api) listUnhealthy(c *call) error {
	q := c.query()
	p := q.snapshotPaging()
	state := q.choice("state", "all", "failing", "paused", "disabled")
	if err := q.err(); err != nil {
		return err
	}
	is := func(word string) bool { return state == "all" || state == word }
	found, at, err := a.hooks.Operations().Unhealthy(c.ctx(), webhooks.UnhealthyQuery{
		Failing: is("failing"), Paused: is("paused"), Disabled: is("disabled"), After: p.after, Take: p.take + 1,
	})
	if err != nil {
		return err
	}
	for _, s := range found.Items {
		if err := c.nameOrganization(s.OrganizationID); err != nil {
			return err
		}
	}
	id := func(s webhooks.UnhealthySubscription) uuid.UUID { return s.ID }
	return c.reply(http.StatusOK, snapshotOf(found, at, p, id, c.showUnhealthy))
}

func (c *call) showUnhealthy(s webhooks.UnhealthySubscription) unhealthySubscriptionWire {
	w := unhealthySubscriptionWire{
		SubscriptionID: s.ID, OrganizationID: c.names[s.OrganizationID], PostURI: optional(s.PostURI),
		State: string(s.State), Reason: optional(s.Reason), Since: timestamp(s.Since), Failures: s.Failures,
	}
	if s.Circuit != nil {
		w.NextProbeAt = timestamp(s.Circuit.NextProbeAt)
	}
	return w
}

var recoveryFilters = map[string]webhooks.RecoveryFilter{
	"running": webhooks.OnlyRunningRecoveries, "done": webhooks.OnlyDoneRecoveries, "stopped": webhooks.OnlyStoppedRecoveries,
}

func (a *api) listRecoveries(c *call) error {
	q := c.query()
	p := q.snapshotPaging()
	filter := recoveryFilters[q.choice("state", "all", "running", "done", "stopped")]
	if err := q.err(); err != nil {
		return err
	}
	found, at, err := a.hooks.Operations().Recoveries(c.ctx(), webhooks.RecoveryQuery{State: filter, After: p.after, Take: p.take + 1})
	if err != nil {
		return err
	}
	for _, r := range found.Items {
		if err := c.nameOrganization(r.OrganizationID); err != nil {
			return err
		}
	}
	id := func(r webhooks.Recovery) uuid.UUID { return r.ID }
	return c.reply(http.StatusOK, snapshotOf(found, at, p, id, c.showRecoveryJob))
}

func (c *call) showRecoveryJob(r webhooks.Recovery) recoveryJobWire {
	w := recoveryJobWire{
		recoveryWire: showRecovery(r), OrganizationID: c.names[r.OrganizationID], SubscriptionID: r.SubscriptionID,
		Since: timestamp(r.Since), Until: timestamp(r.Until), RatePerSecond: optional(r.RatePerSecond), CreatedBy: optional(r.CreatedBy),
	}
	for word, scope := range recoveryScopes {
		if scope == r.Scope {
			w.Scope = word
		}
	}
	return w
}

// snapshotOf makes a page of a list that was read with one item more than the page has.
func snapshotOf[R, T any](from webhooks.List[R], at time.Time, p paging, id func(R) uuid.UUID, show func(R) T) snapshot[T] {
	page := historyOf(from, p, id, show)
	return snapshot[T]{timestamp(at), page.Items, page.TotalRecords, page.TotalRecords >= webhooks.MaxCounted, page.NextCursor}
}
