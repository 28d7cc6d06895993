package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
)

var endpointFormRoutes = []route{
	{"GET /organizations/{organization}/endpoints/new", (*portal).newEndpoint},
	{"POST /organizations/{organization}/endpoints/new", (*portal).createEndpoint},
	{"GET " + endpointPath + "/edit", (*portal).editEndpoint},
	{"POST " + endpointPath + "/edit", (*portal).saveEndpoint},
}

// endpointFormView is the data of the page with the form of an endpoint.
type endpointFormView struct {
	endpointForm
	ID       string // "": a new endpoint
	Crumbs   []crumb
	Action   string // address of the form
	ETag     string // of the endpoint that Base shows
	Base     string // the form as JSON before it was edited
	Picker   eventPicker
	Ops      []client.Op
	Faults   faults
	Changed  []changedMember // by somebody else, while the form was open
	Schedule scheduleView
	Trial    filterTrial

	present []client.EventSelector // as they are stored
}

// Typed is the form: its Schedule is a text.
func (f endpointFormView) Typed() endpointForm { return f.endpointForm }

// needs refuses a caller without any of the scopes, before the caller fills in a form. The REST interface decides about the action.
func (v *visit) needs(scopes ...httpapi.Scope) error {
	if may(v.caller, scopes...) {
		return nil
	}
	return errForbidden
}

func (v *visit) mayManage() error { return v.needs(httpapi.ScopeManage, httpapi.ScopeWrite) }

// newForm returns the view of a form, for a new endpoint if sub is nil.
func (v *visit) newForm(f endpointForm, sub *client.Subscription) endpointFormView {
	view := endpointFormView{endpointForm: f, Action: v.url("endpoints", "new"), Ops: filterOps}
	view.Crumbs = v.endpointsCrumbs()
	if sub != nil {
		id := sub.ID.String()
		view.Crumbs = v.endpointHead(*sub, true).Crumbs
		view.ID, view.ETag, view.Action, view.present = id, sub.ETag, v.url("endpoints", id, "edit"), sub.Events
		base, _ := json.Marshal(formOf(*sub)) // texts can be encoded
		view.Base = string(base)
	}
	return view
}

// renderForm reads the catalog and the schedule, which the form shows, and answers with the form.
func (p *portal) renderForm(v *visit, view endpointFormView) error {
	var err error
	if view.Picker, err = p.eventPicker(v, view.Events, view.present); err != nil {
		return err
	}
	view.Schedule = p.scheduleView(v, view.endpointForm)
	return v.render(view.Faults.status(), "endpoint_form", view)
}

func (p *portal) newEndpoint(v *visit) error {
	if err := v.mayManage(); err != nil {
		return err
	}
	return p.renderForm(v, v.newForm(endpointForm{Version: "v1"}, nil))
}

func (p *portal) editEndpoint(v *visit) error {
	if err := v.mayManage(); err != nil {
		return err
	}
	sub, err := p.endpoint(v)
	if err != nil {
		return err
	}
	return p.renderForm(v, v.newForm(formOf(sub), &sub))
}

// createEndpoint serves the form of a new endpoint.
func (p *portal) createEndpoint(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	view := v.newForm(readEndpointForm(form), nil)
	if do := form.Get("do"); do != "save" {
		return p.changeForm(v, do, view)
	}
	timeout, rate, found := view.check(v)
	if view.Faults = found; found.Any() {
		return p.renderForm(v, view)
	}
	return v.once(form, v.url("endpoints"), func() error {
		made, err := p.api.Subscriptions.Create(v.ctx, v.org, view.input(timeout, rate))
		if err := view.Faults.take(v, err, view.fieldOf); err != nil {
			return err
		}
		if view.Faults.Any() {
			return p.renderForm(v, view)
		}
		return v.done("endpoint_created", "endpoints", made.ID.String())
	})
}

// changeForm answers with the form after a button other than that for saving.
func (p *portal) changeForm(v *visit, do string, view endpointFormView) error {
	if do == "try" {
		if err := p.tryFilter(v, &view); err != nil {
			return err
		}
	}
	view.change(do)
	return p.renderForm(v, view)
}

// saveEndpoint serves the form of an endpoint that exists. It changes the members that were edited.
func (p *portal) saveEndpoint(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	sub, err := p.endpoint(v)
	if err != nil {
		return err
	}
	now, base := formOf(sub), baseOf(form)
	view := v.newForm(readEndpointForm(form), &sub)
	view.ETag, view.Base = form.Get("etag"), form.Get("base")
	if do := form.Get("do"); do != "save" {
		return p.changeForm(v, do, view)
	}
	if _, _, view.Faults = view.check(v); view.Faults.Any() {
		return p.renderForm(v, view)
	}
	merged, changed := merge(base, view.endpointForm, now)
	if len(changed) > 0 {
		if len(endpointPatch(now, merged)) == 0 { // it was sent twice
			return v.done("endpoint_saved", "endpoints", view.ID)
		}
		return p.conflict(v, view, base, sub)
	}
	patch := endpointPatch(now, view.endpointForm)
	if len(patch) == 0 {
		return v.done("endpoint_saved", "endpoints", view.ID)
	}
	_, err = p.api.Subscriptions.Update(v.ctx, v.org, sub.ID, patch, client.IfMatch(sub.ETag))
	if errors.Is(err, client.ErrPreconditionFailed) {
		if sub, err = p.endpoint(v); err != nil {
			return err
		}
		return p.conflict(v, view, base, sub)
	}
	if err := view.Faults.take(v, err, view.fieldOf); err != nil {
		return err
	}
	if view.Faults.Any() {
		return p.renderForm(v, view)
	}
	return v.done("endpoint_saved", "endpoints", view.ID)
}

// baseOf is the form before it was edited, as it carries it.
func baseOf(form url.Values) (base endpointForm) {
	_ = json.Unmarshal([]byte(form.Get("base")), &base) // a base that was tampered with makes a conflict
	return base
}

// conflict answers with the form as it was typed, and lists the changes by another caller. The form can be sent again.
func (p *portal) conflict(v *visit, view endpointFormView, base endpointForm, sub client.Subscription) error {
	next := v.newForm(view.endpointForm, &sub)
	next.endpointForm, next.Changed = merge(base, view.endpointForm, formOf(sub))
	next.Faults.Status = http.StatusPreconditionFailed
	return p.renderForm(v, next)
}
