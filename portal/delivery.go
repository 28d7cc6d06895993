package portal

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/client"
)

const deliveryPath = deliveriesPath + "/{deliveryId}"

// deliveryView is the data of the page of a delivery.
type deliveryView struct {
	Crumbs    []crumb
	Endpoint  client.Subscription
	ID        uuid.UUID
	EventID   uuid.UUID
	EventType string // "": unknown
	Status    client.AttemptStatus
	Test      bool
	External  bool
	Expunged  *client.Expunged // nil: the payload is there
	Steps     []attemptStep    // the attempts in the order of time
	Chosen    attemptStep      // the attempt whose request and response are shown
	Request   requestView
	Response  responseView
	Code      codeView
	CanResend bool
}

// Ended reports whether no attempt waits or is being sent.
func (d deliveryView) Ended() bool { return d.Status != client.Pending && d.Status != client.Sending }

// attemptStep is an attempt on the time line.
type attemptStep struct {
	client.AttemptDetail
	Follows  follow
	URL      string // address of the page with the request and the response of this attempt
	Selected bool
}

// showDelivery shows a delivery: its attempts, and the request and the response of one attempt.
func (p *portal) showDelivery(v *visit) error {
	view, err := p.readDelivery(v)
	if err != nil || view == nil {
		return err
	}
	return v.render(http.StatusOK, "delivery", view)
}

// readDelivery reads the page of a delivery. It returns nil if it sent the browser to the page of the delivery of an attempt.
func (p *portal) readDelivery(v *visit) (*deliveryView, error) {
	endpointID, id, err := v.deliveryIDs()
	if err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	var endpoint client.Subscription
	var errEndpoint error
	all.Go(func() { endpoint, errEndpoint = p.api.Subscriptions.Get(v.ctx, v.org, endpointID) })
	first, err := p.firstAttempt(v, endpointID, id)
	all.Wait()
	if err := errors.Join(errEndpoint, err); err != nil {
		return nil, err
	}
	if first.ID != id {
		return nil, v.redirect(v.url("endpoints", endpointID.String(), "deliveries", first.ID.String()) + "?attempt=" + id.String())
	}
	chosen, err := p.chosenAttempt(v, endpointID, chainOf(first))
	if err != nil {
		return nil, err
	}
	return v.deliveryView(endpoint, first, chosen), nil
}

// deliveryView puts the parts of the page together.
func (v *visit) deliveryView(endpoint client.Subscription, first, chosen client.AttemptDetail) *deliveryView {
	chain := chainOf(first)
	latest := chain[len(chain)-1]
	view := &deliveryView{
		Crumbs: v.endpointCrumbs(endpoint, crumb{v.url("endpoints", endpoint.ID.String(), "deliveries"), v.say("deliveries.title")}),
		ID:     first.ID, Endpoint: endpoint, EventID: chosen.MessageID, EventType: eventTypeOf(chosen), Status: statusOf(chain),
		Test: first.Type == client.TestPost, External: chosen.External, Expunged: chosen.Expunged,
		Request: v.requestView(chosen), Response: responseOf(chosen),
	}
	asked := latest.Type == client.ManualRetry && latest.Success == nil
	view.CanResend = view.Status != client.Sending && !asked && latest.Expunged == nil && !endpoint.ArchiveInfo.Archived &&
		slices.ContainsFunc(chain, func(a client.AttemptDetail) bool { return a.Success != nil })
	for i, a := range chain {
		step := attemptStep{
			AttemptDetail: a, Follows: followOf(chain, i, endpoint.Status),
			URL: v.with("attempt", a.ID.String()) + "#request", Selected: a.ID == chosen.ID,
		}
		view.Steps = append(view.Steps, step)
		if step.Selected {
			view.Chosen = step
		}
	}
	view.Code = v.codeView(endpoint, view.Request)
	return view
}

func (v *visit) deliveryIDs() (endpoint, delivery uuid.UUID, err error) {
	if endpoint, err = v.id("endpointId"); err != nil {
		return endpoint, delivery, err
	}
	delivery, err = v.id("deliveryId")
	return endpoint, delivery, err
}

// chainOf returns the attempts of a delivery in the order of time.
func chainOf(first client.AttemptDetail) []client.AttemptDetail {
	return append([]client.AttemptDetail{first}, first.Retries...)
}

// chosenAttempt reads the attempt that the address names; by default, the latest attempt that was sent.
func (p *portal) chosenAttempt(v *visit, endpoint uuid.UUID, chain []client.AttemptDetail) (client.AttemptDetail, error) {
	i := 0
	for j, a := range chain {
		if !a.PostedAt.IsZero() {
			i = j
		}
	}
	if asked := v.r.FormValue("attempt"); asked != "" {
		if i = slices.IndexFunc(chain, func(a client.AttemptDetail) bool { return a.ID.String() == asked }); i < 0 {
			return client.AttemptDetail{}, errNoPage
		}
	}
	if i == 0 {
		return chain[0], nil
	}
	return p.api.Subscriptions.Attempt(v.ctx, v.org, endpoint, chain[i].ID, client.Flat)
}

// statusOf returns the status of a delivery.
func statusOf(chain []client.AttemptDetail) client.AttemptStatus {
	latest := chain[0]
	for _, a := range chain {
		if a.Status == client.Pending || a.Status == client.Sending {
			return a.Status
		}
		if a.Number >= latest.Number {
			latest = a
		}
	}
	return latest.Status
}

// follow is the consequence of an attempt: a text follow.<Key>, and a time if the text has one.
type follow struct {
	Key  string
	Time time.Time
}

// followOf returns the consequence of an attempt of a chain.
func followOf(chain []client.AttemptDetail, i int, endpoint client.Status) follow {
	a := chain[i]
	switch a.Status {
	case client.Sending:
		return follow{Key: "sending"}
	case client.Pending:
		return waitOf(chain, i, endpoint)
	case client.Succeeded:
		return follow{Key: "succeeded"}
	case client.Cancelled:
		for _, later := range chain[i+1:] {
			if later.Type == client.ManualRetry {
				return follow{Key: "replaced"}
			}
		}
		return follow{Key: "cancelled"}
	case client.Failed, client.Unknown:
	}
	switch {
	case !a.NextRetryAt.IsZero():
		return follow{Key: "retry", Time: a.NextRetryAt}
	case a.Type == client.TestPost:
		return follow{Key: "test"}
	case a.HTTPStatusCode == http.StatusGone:
		return follow{Key: "gone"}
	case a.External:
		return follow{Key: "external_ended"}
	}
	return follow{Key: "ended"}
}

// waitOf returns the reason why an attempt waits.
func waitOf(chain []client.AttemptDetail, i int, endpoint client.Status) follow {
	a := chain[i]
	switch {
	case a.External:
		return follow{Key: "external"}
	case !a.HeldUntil.IsZero() && endpoint.Circuit == nil && endpoint.BackPressure != nil:
		return follow{Key: "held_by_endpoint", Time: a.HeldUntil}
	case !a.HeldUntil.IsZero():
		return follow{Key: "held_by_circuit", Time: a.HeldUntil}
	case endpoint.State == client.Paused || endpoint.State == client.Disabled:
		return follow{Key: "switched_off"}
	}
	for _, earlier := range chain[:i] {
		if earlier.ID == a.RetryingFromPostID && !earlier.NextRetryAt.IsZero() && a.Type == client.AutomaticRetry {
			return follow{Key: "due", Time: earlier.NextRetryAt}
		}
	}
	return follow{Key: "soon"}
}
