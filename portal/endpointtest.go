package portal

import (
	"errors"
	"time"

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
	defer p.once.lock(id.String())()
	sub, err := p.api.Subscriptions.Get(v.ctx, v.org, id)
	if err != nil {
		return err
	}
	repeated, err := p.testedSince(v, id, openedAt(form.Get("opened")))
	if err != nil {
		return err
	}
	if repeated {
		return v.done("endpoint_tested", "endpoints", id.String())
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

// testedSince reports whether the caller has sent the endpoint a test since the page was opened: the form was sent twice.
func (p *portal) testedSince(v *visit, id uuid.UUID, since time.Time) (bool, error) {
	if since.IsZero() {
		return false, nil
	}
	page, err := p.api.Subscriptions.ListDeliveries(v.ctx, v.org, id, client.DeliveryQuery{CursorQuery: client.CursorQuery{Take: recentTake}})
	for _, d := range page.Items {
		if d.Type == client.TestPost && d.AuditInfo.CreatedBy == v.caller.Subject && !d.AuditInfo.CreatedAt.Before(since) {
			return true, nil
		}
	}
	return false, err
}
