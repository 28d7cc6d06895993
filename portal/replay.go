package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

const replayPath = "/organizations/{organization}/endpoints/{endpointId}/replay"

var replayRoutes = []route{
	{"GET " + replayPath, (*portal).replayForm},
	{"POST " + replayPath, (*portal).startReplay},
	{"GET " + replayPath + "/{recoveryId}", (*portal).replayProgress},
	{"POST " + replayPath + "/{recoveryId}/stop", (*portal).stopReplay},
}

// replayView is the data of the page that starts a replay: first of the selection, then of the confirmation.
type replayView struct {
	Crumbs   []crumb
	Endpoint client.Subscription
	Here     string // address of the page without a selection
	Scopes   []client.RecoveryScope
	Scope    client.RecoveryScope
	Since    timeField
	Until    timeField
	Rate     string // as it was typed
	Presets  []preset
	Faults   faults
	Counted  bool // the selection was counted
	Matched  int
	Fixed    string // the end of the time for the form that starts the job
}

// replayForm shows the selection. With a selection in the address it counts the deliveries, and asks for a confirmation.
func (p *portal) replayForm(v *visit) error {
	view, err := p.replaySelection(v, v.r.URL.Query())
	if err != nil {
		return err
	}
	if !v.r.URL.Query().Has("since") || view.Faults.Any() {
		return v.showReplay(view)
	}
	if view.Until.Time.IsZero() {
		view.Until.Time = time.Now() // the start selects the deliveries that are counted here
	}
	return p.confirmReplay(v, view)
}

// confirmReplay counts the deliveries of the selection, and shows the confirmation.
func (p *portal) confirmReplay(v *visit, view *replayView) error {
	counted, err := p.api.Dispatcher.Recover(v.ctx, v.org, view.Endpoint.ID, client.RecoveryInput{
		Since: view.Since.Time, Until: view.Until.Time, Scope: view.Scope, DryRun: true,
	})
	if err := view.Faults.take(v, err, replayFields); err != nil {
		return err
	}
	view.Fixed = fieldTime(view.Until.Time)
	view.Counted, view.Matched = err == nil, counted.Matched
	return v.showReplay(view)
}

func (v *visit) showReplay(view *replayView) error {
	return v.render(view.Faults.status(), "replay", view)
}

// replaySelection reads the endpoint and the fields of the selection.
func (p *portal) replaySelection(v *visit, q url.Values) (*replayView, error) {
	id, err := v.id("endpointId")
	if err != nil {
		return nil, err
	}
	if err := v.mayManage(); err != nil {
		return nil, err
	}
	endpoint, err := p.api.Subscriptions.Get(v.ctx, v.org, id)
	if err != nil {
		return nil, err
	}
	view := &replayView{
		Crumbs: v.endpointCrumbs(endpoint), Endpoint: endpoint, Here: v.url("endpoints", id.String(), "replay"),
		Scopes: []client.RecoveryScope{client.RecoverFailed, client.RecoverMissed, client.RecoverAll},
		Scope:  client.RecoveryScope(q.Get("scope")), Presets: v.presets(time.Now()),
		Rate: strings.TrimSpace(q.Get("rate")),
	}
	view.Since, view.Until = v.timeField(q, "since", &view.Faults), v.timeField(q, "until", &view.Faults)
	if view.Scope == "" {
		view.Scope = client.RecoverFailed
	}
	if !slices.Contains(view.Scopes, view.Scope) {
		view.Faults.add("scope", v.say("replay.scope.fault"))
	}
	if q.Has("since") && view.Since.Text == "" {
		view.Faults.add("since", v.say("replay.since.required"))
	}
	return view, nil
}

// replayFields are the fields of the selection and of the confirmation.
var replayFields = fields(map[string]string{"since": "since", "until": "until", "status": "scope", "ratePerSecond": "per_second"})

// startReplay starts the job of the form. The value of the form for once is the id of the job: the REST interface starts a job of an id
// once, so that a form which is sent twice leads to its job.
func (p *portal) startReplay(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	view, err := p.replaySelection(v, form)
	if err != nil {
		return err
	}
	id, err := onceValue(form)
	if err != nil {
		return err
	}
	rate := 0
	if view.Rate != "" {
		if rate, err = strconv.Atoi(view.Rate); err != nil || rate < 1 {
			view.Faults.add("per_second", v.say("replay.rate.fault"))
		}
	}
	if view.Faults.Any() {
		return p.replayAgain(v, view)
	}
	started, err := p.api.Dispatcher.Recover(v.ctx, v.org, view.Endpoint.ID, client.RecoveryInput{
		Since: view.Since.Time, Until: view.Until.Time, Scope: view.Scope, RatePerSecond: rate, ID: id,
	})
	if err := view.Faults.take(v, err, replayFields); err != nil {
		return err
	}
	if view.Faults.Any() {
		return p.replayAgain(v, view)
	}
	return v.redirect(v.url("endpoints", view.Endpoint.ID.String(), "replay", started.ID.String()))
}

// replayAgain shows a form with faults again: the confirmation, if the selection can be counted.
func (p *portal) replayAgain(v *visit, view *replayView) error {
	if len(view.Faults.Fields) == 1 && view.Faults.Of("per_second") != nil {
		return p.confirmReplay(v, view)
	}
	return v.showReplay(view)
}

// replayProgressView is the data of the page of a job.
type replayProgressView struct {
	Crumbs   []crumb
	Endpoint client.Subscription
	client.Recovery
	Running bool
}

// replayProgress shows the progress of a job.
func (p *portal) replayProgress(v *visit) error {
	endpointID, id, err := v.replayIDs()
	if err != nil {
		return err
	}
	endpoint, err := p.api.Subscriptions.Get(v.ctx, v.org, endpointID)
	if err != nil {
		return err
	}
	job, err := p.api.Dispatcher.Recovery(v.ctx, v.org, endpointID, id)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "replayprogress", replayProgressView{
		Crumbs:   v.endpointCrumbs(endpoint, crumb{v.url("endpoints", endpointID.String(), "replay"), v.say("replay.title")}),
		Endpoint: endpoint, Recovery: job, Running: job.State == client.RecoveryRunning,
	})
}

// stopReplay stops a job.
func (p *portal) stopReplay(v *visit) error {
	endpoint, id, err := v.replayIDs()
	if err != nil {
		return err
	}
	if err := p.api.Dispatcher.StopRecovery(v.ctx, v.org, endpoint, id); err != nil {
		return err
	}
	return v.done("replay_stopped", "endpoints", endpoint.String(), "replay", id.String())
}

func (v *visit) replayIDs() (endpoint, recovery uuid.UUID, err error) {
	if endpoint, err = v.id("endpointId"); err != nil {
		return endpoint, recovery, err
	}
	recovery, err = v.id("recoveryId")
	return endpoint, recovery, err
}
