package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

const operationsTake = 50

// snapshotView is the data of the lists of all organizations.
type snapshotView[T any] struct {
	client.Snapshot[T]
	State  string   // of the records; "": all
	States []string // that can be chosen
	Pager  pager
}

func snapshotOf[T any](v *visit, from client.Snapshot[T], states ...string) snapshotView[T] {
	view := snapshotView[T]{Snapshot: from, State: v.r.URL.Query().Get("state"), States: states}
	if from.NextCursor != "" {
		view.Pager.Next = v.with("cursor", from.NextCursor)
	}
	return view
}

// listUnhealthy lists the endpoints of all organizations that get nothing but probes, or nothing.
func (p *portal) listUnhealthy(v *visit) error {
	q := v.r.URL.Query()
	found, err := p.api.Operations.ListUnhealthy(v.ctx, client.UnhealthyQuery{
		State: client.State(q.Get("state")), Take: operationsTake, Cursor: q.Get("cursor"),
	})
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "unhealthy", snapshotOf(v, found, "failing", "paused", "disabled"))
}

// changeUnhealthy pauses, resumes or probes an endpoint.
func (p *portal) changeUnhealthy(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	org, id, err := endpointOf(form)
	if err != nil {
		return err
	}
	switch form.Get("do") {
	case "pause":
		err = p.api.Subscriptions.Deactivate(v.ctx, org, id)
	case "resume":
		err = p.api.Subscriptions.Activate(v.ctx, org, id)
	case "probe":
		return v.once(form, v.with(), func() error {
			if _, err := p.api.Dispatcher.Test(v.ctx, org, id, client.TestInput{}); err != nil {
				return err
			}
			return v.redirect(withDone(v.with(), "endpoint_probe"))
		})
	default:
		err = errNoPage
	}
	if err != nil {
		return err
	}
	return v.redirect(withDone(v.with(), "endpoint_"+form.Get("do")))
}

// endpointOf returns the endpoint that the hidden fields of a form name.
func endpointOf(form url.Values) (org string, id uuid.UUID, err error) {
	id, err = uuid.Parse(form.Get("endpoint"))
	if org = form.Get("organization"); err != nil || org == "" {
		return "", uuid.Nil, errNoPage
	}
	return org, id, nil
}

// listRecoveries lists the recoveries of all organizations.
func (p *portal) listRecoveries(v *visit) error {
	q := v.r.URL.Query()
	found, err := p.api.Operations.ListRecoveries(v.ctx, client.RecoveryQuery{
		State: client.RecoveryState(q.Get("state")), Take: operationsTake, Cursor: q.Get("cursor"),
	})
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "recoveries", snapshotOf(v, found, "running", "done", "stopped"))
}

// stopRecovery stops a recovery. Attempts that it has queued stay queued.
func (p *portal) stopRecovery(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	org, endpoint, err := endpointOf(form)
	id, wrong := uuid.Parse(form.Get("recovery"))
	if err = errors.Join(err, wrong); err != nil {
		return errNoPage
	}
	if err := p.api.Dispatcher.StopRecovery(v.ctx, org, endpoint, id); err != nil {
		return err
	}
	return v.redirect(withDone(v.with(), "recovery_stop"))
}
