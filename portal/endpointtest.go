package portal

import (
	"errors"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// testEndpoint sends the endpoint a test, and activates it if it is switched off or its circuit is open.
func (p *portal) testEndpoint(v *visit) error {
	id, err := v.id("endpointId")
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	return v.once(form, v.url("endpoints", id.String()), func() error { return p.sendTest(v, id) })
}

func (p *portal) sendTest(v *visit, id uuid.UUID) error {
	sub, err := p.api.Subscriptions.Get(v.ctx, v.org, id)
	if err != nil {
		return err
	}
	notice := "endpoint_tested"
	_, err = p.api.Dispatcher.Test(v.ctx, v.org, id, client.TestInput{})
	if sub.Status.State == client.Enabled || err != nil && !errors.Is(err, client.ErrNoEvents) {
		return orDone(v, err, notice, "endpoints", id.String())
	}
	notice = "endpoint_tested_enabled"
	if err != nil {
		notice = "endpoint_enabled_untested"
	}
	return orDone(v, p.api.Subscriptions.Activate(v.ctx, v.org, id), notice, "endpoints", id.String())
}

// orDone is done, unless there is an error.
func orDone(v *visit, err error, notice string, segments ...string) error {
	if err != nil {
		return err
	}
	return v.done(notice, segments...)
}
