package webhooks

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/store"
)

// ReportInput is the outcome of an attempt that the caller made.
type ReportInput struct {
	DeliveryID uuid.UUID `field:"deliveryId"`          // the chain of the attempt: its Attempt.DeliveryID
	Success    bool      `field:"success"`             // the attempt becomes Succeeded; false: Failed
	HTTPStatus int       `field:"httpStatus"`          // 100–599; 0 for none
	Error      string    `field:"error"`               // one line for a person; required without Success
	Response   []byte    `field:"response" log:"size"` // kept up to 16 KiB
}

// maxReported is the number of bytes of a response that are kept.
const maxReported = 16 << 10

// Report stores the outcome of an attempt that the caller made: of an external attempt, or of one
// in the queue, which the dispatcher then does not send. It takes the ids of organization,
// subscription and attempt in this order. If the attempt failed and the schedule has a step left,
// its NextRetryAt is the time of the next attempt, which the dispatcher makes unless the reported
// attempt is external. The same report again changes nothing; a different report is
// [ErrOutcomeExists]. [ErrNotInChain] if the attempt is in another chain, [ErrSending] while the
// dispatcher sends it, [ErrExpunged] if the content of its message was removed.
func (d *Dispatcher) Report(ctx context.Context, org, subscription, attempt uuid.UUID, in ReportInput) (Attempt, error) {
	if err := in.check(); err != nil {
		return Attempt{}, err
	}
	sub, err := d.store.Subscription(ctx, org, subscription)
	if err != nil {
		return Attempt{}, err
	}
	now, err := d.store.Attempt(ctx, org, subscription, attempt)
	if err != nil {
		return Attempt{}, err
	}
	if now.DeliveryID != in.DeliveryID {
		switch _, err := d.store.Attempt(ctx, org, subscription, in.DeliveryID); {
		case errors.Is(err, ErrNotFound):
			return Attempt{}, wrongField(UnknownReference, "/deliveryId", "names no attempt of the subscription")
		case err != nil:
			return Attempt{}, err
		}
		return Attempt{}, ErrNotInChain
	}
	a, err := d.store.Report(ctx, org, subscription, attempt, func(a Attempt) (*store.Report, error) {
		switch {
		case a.Expunged.Is():
			return nil, ErrExpunged
		case a.Status == Sending:
			return nil, ErrSending
		case a.Status.Finished():
			return nil, in.checkRepeated(a)
		}
		return d.report(ctx, sub, a, in), nil
	})
	if err == nil {
		d.engine.Wake()
	}
	return a, err
}

func (in *ReportInput) check() error {
	in.Error = strings.TrimSpace(in.Error)
	if len(in.Response) > maxReported {
		in.Response = in.Response[:maxReported]
		for len(in.Response) > maxReported-utf8.UTFMax && !utf8.Valid(in.Response) { // until no character is cut
			in.Response = in.Response[:len(in.Response)-1]
		}
	}
	switch {
	case in.HTTPStatus != 0 && (in.HTTPStatus < 100 || in.HTTPStatus > 599):
		return wrongField(Invalid, "/httpStatus", "must be 100–599, or 0 where there was no response")
	case !in.Success && in.Error == "":
		return wrongField(Invalid, "/error", "must say what went wrong where success is false")
	case !fits(in.Error, "2000") || hasControl(in.Error, "\t\n"):
		return wrongField(Invalid, "/error", allowed("prose", "2000"))
	}
	return nil
}

func (in ReportInput) status() Status {
	if in.Success {
		return Succeeded
	}
	return Failed
}

// checkRepeated returns ErrOutcomeExists unless the attempt has the reported outcome.
func (in ReportInput) checkRepeated(a Attempt) error {
	if a.Status != in.status() || a.HTTPStatus != in.HTTPStatus || a.Error != in.Error || !bytes.Equal(a.Response, in.Response) {
		return ErrOutcomeExists
	}
	return nil
}

// report returns the outcome and the next attempt that a report means for an attempt.
func (d *Dispatcher) report(ctx context.Context, sub Subscription, a Attempt, in ReportInput) *store.Report {
	at := d.now()
	r := &store.Report{
		Status: in.status(), HTTPStatus: in.HTTPStatus, Response: in.Response, Error: in.Error, At: at, By: Actor(ctx),
	}
	switch {
	case !a.PostedAt.IsZero():
	case a.External: // the time in its signature
		r.PostedAt = a.CreatedAt
	default:
		r.PostedAt = at
	}
	if in.Success {
		return r
	}
	schedule := sub.RetrySchedule
	if schedule == nil {
		schedule = d.cfg.RetrySchedule
	}
	status := in.HTTPStatus
	if status == http.StatusTooManyRequests {
		status = 0 // without Retry-After the schedule says when to try again
	}
	next := delivery.Decide(delivery.Exchange{
		Job:    store.Job{Step: a.Step, ExpiresAt: a.CreatedAt.Add(d.cfg.Deadline)},
		Result: guard.Result{Status: status}, Ended: at,
	}, schedule).RetryAt
	switch {
	case next.IsZero():
	case a.External:
		r.Advice = next
	default:
		r.Next = &store.Next{ID: d.cfg.NewID(), DueAt: d.cfg.Clock.Now().Add(next.Sub(at))} // see store.Deferral
	}
	return r
}
