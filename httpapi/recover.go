package httpapi

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// recoveryInput selects the deliveries to queue again.
type recoveryInput struct {
	Since         string `json:"since" wire:"required" schema:"format=date-time"`
	Until         string `json:"until" schema:"format=date-time"`
	Status        string `json:"status" wire:"required" schema:"is=RecoveryScope"`
	DryRun        bool   `json:"dryRun"`
	RatePerSecond *int   `json:"ratePerSecond"`
	ID            string `json:"id" schema:"format=uuid"`
}

// recoveryStarted is the answer to POST. A dry run has no id.
type recoveryStarted struct {
	ID      *uuid.UUID `json:"id"`
	Matched int        `json:"matched"`
}

// recoveryWire is the state of a recovery.
type recoveryWire struct {
	ID         uuid.UUID `json:"id"`
	State      string    `json:"state" schema:"is=RecoveryState"`
	Matched    int       `json:"matched"`
	Queued     int       `json:"queued"`
	CreatedAt  timestamp `json:"createdAt"`
	FinishedAt timestamp `json:"finishedAt"`
}

var recoveryScopes = map[string]webhooks.RecoveryScope{
	"failed": webhooks.RecoverFailed, "missed": webhooks.RecoverMissed, "all": webhooks.RecoverAll,
}

func (in recoveryInput) input() (out webhooks.RecoveryInput, err error) {
	if out.Since, err = timeIn("/since", in.Since); err != nil {
		return out, err
	}
	if out.Until, err = timeIn("/until", in.Until); err != nil {
		return out, err
	}
	if in.ID != "" {
		if out.ID, err = referenced("/id", in.ID); err != nil {
			return out, err
		}
	}
	out.Scope = recoveryScopes[in.Status]
	if in.RatePerSecond != nil {
		if out.RatePerSecond = *in.RatePerSecond; out.RatePerSecond == 0 {
			out.RatePerSecond = -1 // 0 would mean as fast as can be
		}
	}
	return out, nil
}

func (a *api) startRecovery(c *call) error {
	var body recoveryInput
	if err := c.body(&body); err != nil {
		return err
	}
	in, err := body.input()
	if err != nil {
		return err
	}
	var out recoveryStarted
	if body.DryRun {
		out.Matched, err = a.hooks.Dispatcher.CountRecoverable(c.ctx(), c.org, c.id("subscriptionId"), in)
	} else {
		var made webhooks.Recovery
		made, err = a.hooks.Dispatcher.Recover(c.ctx(), c.org, c.id("subscriptionId"), in)
		out = recoveryStarted{&made.ID, made.Matched}
	}
	if err != nil {
		return err
	}
	return c.reply(http.StatusAccepted, out)
}

func (a *api) getRecovery(c *call) error {
	r, err := a.hooks.Dispatcher.Recovery(c.ctx(), c.org, c.id("subscriptionId"), c.id("recoveryId"))
	if err != nil {
		return err
	}
	return c.record(http.StatusOK, showRecovery(r))
}

func showRecovery(r webhooks.Recovery) recoveryWire {
	return recoveryWire{r.ID, r.State.String(), r.Matched, r.Queued, timestamp(r.CreatedAt), timestamp(r.FinishedAt)}
}

func (a *api) stopRecovery(c *call) error {
	return c.done(a.hooks.Dispatcher.StopRecovery(c.ctx(), c.org, c.id("subscriptionId"), c.id("recoveryId")))
}
