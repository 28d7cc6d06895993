package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
)

// maxChoices bounds the endpoints that a form offers.
const maxChoices = 100

// sampleForm is the form that sends the sample of an event type to an endpoint.
type sampleForm struct {
	Endpoints []client.Subscription
	Endpoint  string // id of the chosen one; "": none
	Editable  bool   // the caller may send another payload than the stored sample
	Payload   string
	Faults    faults
	Sent      []string // ids of the endpoint and of the delivery that the form before has made; nil: none
}

// sampleForm returns the form; nil if the caller may not send.
func (p *portal) sampleForm(ctx context.Context, v *visit) (*sampleForm, error) {
	if !may(v.caller, httpapi.ScopeManage, httpapi.ScopeWrite) {
		return nil, nil
	}
	page, err := p.api.Subscriptions.List(ctx, v.org, client.SubscriptionQuery{
		ListQuery: client.ListQuery{Take: maxChoices, Order: client.NewestFirst},
	})
	if err != nil {
		return nil, err
	}
	form := &sampleForm{Endpoints: page.Items, Editable: may(v.caller, httpapi.ScopeWrite)}
	endpoint, delivery, _ := strings.Cut(v.r.URL.Query().Get("sent"), "/")
	if uuid.Validate(endpoint) == nil && uuid.Validate(delivery) == nil {
		form.Endpoint, form.Sent = endpoint, []string{endpoint, delivery}
	}
	return form, nil
}

// sendSample sends the payload of the form to the chosen endpoint.
func (p *portal) sendSample(v *visit) error {
	in, err := v.form()
	if err != nil {
		return err
	}
	view, err := p.eventTypeView(v)
	switch {
	case err != nil:
		return err
	case view.Send == nil && view.Unknown:
		return errUnavailable
	case view.Send == nil:
		return errForbidden
	}
	form := view.Send
	form.Endpoint, form.Sent = in.Get("endpoint"), nil
	if in.Has("payload") {
		form.Payload = in.Get("payload")
	}
	endpoint, payload := v.readSample(form)
	if form.Faults.Any() {
		return v.render(form.Faults.status(), "event_type", view)
	}
	page := v.url("catalog", view.Category.ID.String(), view.ID.String())
	return v.once(in, page, func() error {
		delivery, err := p.send(v, view, endpoint, payload)
		if errors.Is(err, client.ErrNotFound) { // the endpoint was deleted, or is of another organization
			form.Faults.add("endpoint", v.say("fault.choose"))
		} else if err := form.Faults.take(v, err, fields(map[string]string{"data": "payload"})); err != nil {
			return err
		}
		if form.Faults.Any() {
			return v.render(form.Faults.status(), "event_type", view)
		}
		sent := url.QueryEscape(endpoint.String() + "/" + delivery.String())
		return v.redirect(page + "?done=sample_sent&sent=" + sent + "#send")
	})
}

// readSample reads the fields of the form, and finds their faults.
func (v *visit) readSample(form *sampleForm) (endpoint uuid.UUID, payload json.RawMessage) {
	endpoint, err := uuid.Parse(form.Endpoint)
	if err != nil {
		form.Faults.add("endpoint", v.say("fault.choose"))
	}
	if !form.Editable {
		return endpoint, nil
	}
	payload = v.readJSON(&form.Faults, "payload", form.Payload)
	if payload == nil && form.Faults.Of("payload") == nil {
		form.Faults.add("payload", v.say("fault.required"))
	}
	return endpoint, payload
}

// send sends the payload of the form, or the stored sample for none, and returns the id of the delivery.
func (p *portal) send(v *visit, view *eventTypeView, endpoint uuid.UUID, payload json.RawMessage) (uuid.UUID, error) {
	if payload == nil {
		made, err := p.api.Dispatcher.Test(v.ctx, v.org, endpoint, client.TestInput{EventType: view.Code, Version: view.Version})
		return made.ID, err
	}
	made, err := p.api.Dispatcher.MakePayload(v.ctx, v.org, endpoint,
		client.PayloadInput{EventType: view.Code, Version: view.Version, Data: payload}, client.PayloadQuery{Mode: client.Dispatch})
	return made.ActivityID, err
}
