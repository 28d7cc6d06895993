package store

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"
)

// A Chain is the attempts of one delivery, in the order of their numbers. Its methods are
// the rules of a chain. They do no I/O. Record, Report and Cancel change the attempt
// that they are given, and nothing else.
//
// A store calls them, or has statements of its own with the same effect: storetest compares
// each store with them.
type Chain []*Attempt

// ChainOf returns the chain of attempts that [History].Chain listed.
func ChainOf(attempts []Attempt) Chain {
	c := make(Chain, len(attempts))
	for i := range attempts {
		c[i] = &attempts[i]
	}
	return c
}

// Latest returns the attempt with the highest number; nil if the chain is empty.
func (c Chain) Latest() *Attempt {
	if len(c) == 0 {
		return nil
	}
	return c[len(c)-1]
}

// Outcome returns the attempt that has the outcome of the delivery: the latest one that is
// finished. While none is finished, it returns the first attempt.
func (c Chain) Outcome() *Attempt {
	for _, a := range slices.Backward(c) {
		if a.Status.Finished() {
			return a
		}
	}
	return c[0]
}

// Status returns the status of the delivery: Pending while an attempt is pending or being
// sent, else the status of its outcome.
func (c Chain) Status() Status {
	if slices.ContainsFunc(c, func(a *Attempt) bool { return !a.Status.Finished() }) {
		return Pending
	}
	return c.Outcome().Status
}

// Queued reports whether an attempt of the chain is queued. An automatic retry is only added
// if none is.
func (c Chain) Queued() bool { return slices.ContainsFunc(c, (*Attempt).Queued) }

// Delivery returns the summary of the chain. It shares the slices of the attempts.
func (c Chain) Delivery() Delivery {
	d, outcome := Delivery{Attempt: *c[0], Attempts: len(c)}, c.Outcome()
	d.Status, d.HeldUntil = c.Status(), time.Time{}
	d.Duration, d.HTTPStatus, d.Response = outcome.Duration, outcome.HTTPStatus, outcome.Response
	d.ResponseHeaders, d.Error, d.NextRetryAt = outcome.ResponseHeaders, outcome.Error, outcome.NextRetryAt
	for _, a := range c {
		if until := a.HeldUntil; d.HeldUntil.IsZero() || !until.IsZero() && until.Before(d.HeldUntil) {
			d.HeldUntil = until
		}
	}
	return d
}

// NewAttempt returns the attempt that n adds to the chain. The chain is empty if n begins a
// delivery. m is the message of the new attempt.
func (c Chain) NewAttempt(n NewAttempt, m Message, subscription uuid.UUID) Attempt {
	at := WholeMilliseconds(n.At)
	a := Attempt{
		ID: n.ID, DeliveryID: n.ID, MessageID: m.ID, OrganizationID: m.OrganizationID,
		SubscriptionID: subscription, EventTypeID: m.EventTypeID,
		Number: 1, Type: n.Type, External: n.External, RetryOf: n.RetryOf,
		Audit: Audit{CreatedAt: at, CreatedBy: n.By, UpdatedAt: at, UpdatedBy: n.By},
		Body:  m.Body, Source: m.Source,
	}
	if latest := c.Latest(); latest != nil {
		a.DeliveryID, a.Number, a.Step = latest.DeliveryID, latest.Number+1, NextStep(*latest, c.find(latest.RetryOf), n.Type)
	}
	if n.External {
		a.PostedAt = WholeMilliseconds(n.PostedAt)
	}
	return a
}

// find returns the attempt with the id, or nil.
func (c Chain) find(id uuid.UUID) *Attempt {
	if i := slices.IndexFunc(c, func(a *Attempt) bool { return a.ID == id }); i >= 0 {
		return c[i]
	}
	return nil
}

// NextStep returns the step of a retry that a caller asks for, of the given type, in a chain
// with the given latest attempt. Former is the attempt that latest retries; nil if it was
// pruned. An automatic retry that was cancelled, or that the new retry withdraws, used no step
// of the schedule.
func NextStep(latest Attempt, former *Attempt, t AttemptType) int {
	step := latest.Step
	unused := latest.Type == AutomaticRetry && (latest.Status == Cancelled || latest.Withdrawable())
	keptStep := former != nil && former.Step == step // see Next.KeepStep
	if unused && !keptStep {
		step = max(step-1, 0)
	}
	if t == AutomaticRetry {
		step++
	}
	return step
}

// Record gives an attempt of the chain its outcome. It returns the automatic retry that the
// outcome adds to the chain: nil if it asks for none, or another attempt is queued.
func (c Chain) Record(a *Attempt, o Outcome) (retry *Attempt) {
	a.PostedAt = WholeMilliseconds(o.PostedAt)
	retry = c.Report(a, Report{
		Status: o.Status, HTTPStatus: o.HTTPStatus, Response: o.Response, Error: o.Error, At: o.At, Next: o.Next,
	})
	a.Duration, a.ResponseHeaders = o.Duration.Truncate(time.Millisecond), HeaderLines(ValidText(string(o.ResponseHeaders)))
	return retry
}

// Report gives an attempt of the chain a reported outcome. It returns the automatic retry as
// Record does.
func (c Chain) Report(a *Attempt, r Report) (retry *Attempt) {
	a.Status, a.HeldUntil = r.Status, time.Time{}
	if !r.PostedAt.IsZero() {
		a.PostedAt = WholeMilliseconds(r.PostedAt)
	}
	a.Duration, a.HTTPStatus, a.Response, a.Error = 0, r.HTTPStatus, bytes.Clone(r.Response), ValidText(r.Error)
	a.ResponseHeaders = ""
	a.UpdatedAt, a.UpdatedBy = WholeMilliseconds(r.At), r.By
	a.NextRetryAt = time.Time{}
	if r.Next == nil {
		a.NextRetryAt = WholeMilliseconds(r.Advice)
		return nil
	}
	if c.Queued() {
		return nil
	}
	a.NextRetryAt = WholeMilliseconds(r.Next.DueAt)
	return &Attempt{
		ID: r.Next.ID, DeliveryID: a.DeliveryID, MessageID: a.MessageID, OrganizationID: a.OrganizationID,
		SubscriptionID: a.SubscriptionID, EventTypeID: a.EventTypeID,
		Number: c.Latest().Number + 1, Step: a.Step + r.Next.StepsUsed(), Type: AutomaticRetry, RetryOf: a.ID,
		Audit: Audit{CreatedAt: a.UpdatedAt, UpdatedAt: a.UpdatedAt},
		Body:  a.Body, Source: a.Source,
	}
}

// Cancel makes an attempt of the chain cancelled.
func (Chain) Cancel(a *Attempt, at time.Time, by string) {
	a.Status, a.HeldUntil = Cancelled, time.Time{}
	a.UpdatedAt, a.UpdatedBy = WholeMilliseconds(at), by
}

// StepsUsed returns how many steps of the schedule the automatic retry uses.
func (n Next) StepsUsed() int {
	if n.KeepStep {
		return 0
	}
	return 1
}

// Joins reports whether the attempt joins a chain. If not, it begins a delivery.
func (n NewAttempt) Joins() bool { return n.RetryOf != uuid.Nil || n.Message == nil }

// Queued reports whether the attempt is in the queue: it is pending or being sent, and not
// external.
func (a *Attempt) Queued() bool { return !a.Status.Finished() && !a.External }

// Withdrawable reports whether the attempt is cancelled when a caller adds another
// attempt of its chain.
func (a *Attempt) Withdrawable() bool {
	return a.Type == AutomaticRetry && a.Status == Pending && !a.External
}

// WholeMilliseconds returns a time in the form that stores keep and return: in UTC, and
// truncated to a millisecond. Zero stays zero.
func WholeMilliseconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}
