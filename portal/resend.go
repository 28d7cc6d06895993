package portal

import (
	"io"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

// sendAgain sends a delivery again.
func (p *portal) sendAgain(v *visit) error {
	endpoint, id, err := v.deliveryIDs()
	if err != nil {
		return err
	}
	form, err := v.form()
	if err != nil {
		return err
	}
	page := []string{"endpoints", endpoint.String(), "deliveries", id.String()}
	return v.once(form, v.url(page...), func() error {
		first, err := p.api.Subscriptions.Attempt(v.ctx, v.org, endpoint, id, client.Flat)
		if err == nil {
			_, err = p.api.Dispatcher.Retry(v.ctx, v.org, endpoint, finished(chainOf(first)))
		}
		return orDone(v, err, "sent_again", page...)
	})
}

// finished returns the latest attempt with an outcome, or else the first attempt, which the REST interface refuses to send again.
func finished(chain []client.AttemptDetail) uuid.UUID {
	id := chain[0].ID
	for _, a := range chain {
		if a.Success != nil {
			id = a.ID
		}
	}
	return id
}

// downloadBody answers with the body of a request, byte for byte.
func (p *portal) downloadBody(v *visit) error {
	view, err := p.readDelivery(v)
	if err != nil || view == nil {
		return err
	}
	if view.Request.Unknown != "" {
		return errNoPage
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="webhook-`+view.Chosen.ID.String()+`.json"`)
	v.w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(v.w, view.Request.Body)
	return nil
}
