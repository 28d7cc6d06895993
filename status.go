package webhooks

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// SubscriptionStatus says whether the deliveries of a subscription are sent, and the reason if not.
type SubscriptionStatus struct {
	State  SubscriptionState // the state in one word
	Reason string            // one line for a person; "" while deliveries are sent, or for a plain pause
	Since  time.Time         // start of the state; of a failing subscription, start of the first of its Failures

	// Circuit is the open circuit breaker; nil while it is closed, or nothing is sent.
	Circuit *OpenCircuit
	// BackPressure is the receiver's request to wait; nil without a request, or while nothing
	// is sent.
	BackPressure *BackPressure
}

// The states of a subscription.
const (
	SubscriptionEnabled  = store.SubscriptionEnabled  // deliveries are sent
	SubscriptionFailing  = store.SubscriptionFailing  // the circuit is open: deliveries wait, except one probe at a time
	SubscriptionPaused   = store.SubscriptionPaused   // it was deactivated, or never had a URL
	SubscriptionDisabled = store.SubscriptionDisabled // the dispatcher deactivated it for the Reason, or it is archived
)

// OpenCircuit is the open circuit breaker of an endpoint that failed 10 times without a success. A
// successful probe closes it: the dispatcher's next probe, a [Dispatcher.Test] or a
// [Dispatcher.Retry]. [Subscriptions.Activate] closes it too.
type OpenCircuit struct {
	Since       time.Time // start of the first failure after the last success
	Failures    int       // since then; concurrent attempts count as one
	NextProbeAt time.Time // the first attempt that is due at or after this time is sent; it may be in the past
}

// BackPressure says that a receiver answered 429, or 503 with Retry-After. Deliveries,
// tests and manual retries wait.
type BackPressure struct {
	Since time.Time // start of the first attempt that was pushed back after the last success
	Until time.Time // no attempt is sent before this time
}

// Statuses returns the states of subscriptions by their ids.
func (s *Subscriptions) Statuses(ctx context.Context, subscriptions []Subscription) (map[uuid.UUID]SubscriptionStatus, error) {
	ids := make([]uuid.UUID, len(subscriptions))
	for i, sub := range subscriptions {
		ids[i] = sub.ID
	}
	targets, err := s.store.Targets(ctx, ids, endOfTime)
	if err != nil {
		return nil, err
	}
	now := s.now()
	out := make(map[uuid.UUID]SubscriptionStatus, len(ids))
	for _, sub := range subscriptions {
		out[sub.ID] = statusOf(sub, targets[sub.ID].Health, now)
	}
	return out, nil
}

func statusOf(sub Subscription, h store.Health, now time.Time) SubscriptionStatus {
	status := SubscriptionStatus{State: sub.State(h), Reason: sub.InactiveReason, Since: sub.ActiveChangedAt}
	switch {
	case sub.Archived:
		status.Reason, status.Since = "archived", sub.ArchivedChangedAt
	case status.State == SubscriptionFailing:
		status.Reason, status.Since = "nothing but failures", h.Since
		status.Circuit = &OpenCircuit{Since: h.Since, Failures: h.Failures, NextProbeAt: h.ProbeAt}
	case status.State == SubscriptionEnabled:
		status.Reason = ""
	}
	if sub.Live() && h.BackPressureUntil.After(now) {
		status.BackPressure = &BackPressure{Since: h.BackPressureSince, Until: h.BackPressureUntil}
	}
	return status
}

// setHeldUntil replaces HeldUntil, the time at which the dispatcher looks at an attempt again, by a
// time for the owner. While the circuit is open that is the next probe. It is zero for a
// subscription that is off, because its endpoint holds nothing back.
func (c *core) setHeldUntil(ctx context.Context, attempts ...*Attempt) error {
	held := map[uuid.UUID]bool{}
	for _, a := range attempts {
		if !a.HeldUntil.IsZero() {
			held[a.SubscriptionID] = true
		}
	}
	if len(held) == 0 {
		return nil
	}
	targets, err := c.store.Targets(ctx, slices.Collect(maps.Keys(held)), endOfTime)
	if err != nil {
		return err
	}
	now := c.now()
	for _, a := range attempts {
		switch t := targets[a.SubscriptionID]; {
		case a.HeldUntil.IsZero():
		case t.Deleted || !t.Live():
			a.HeldUntil = time.Time{}
		case t.ProbeAt.After(now):
			a.HeldUntil = t.ProbeAt
		}
	}
	return nil
}

// setHeldUntilOf is setHeldUntil for a list of attempts or deliveries.
func setHeldUntilOf[T any](ctx context.Context, c *core, read []T, attempt func(*T) *Attempt) error {
	attempts := make([]*Attempt, len(read))
	for i := range read {
		attempts[i] = attempt(&read[i])
	}
	return c.setHeldUntil(ctx, attempts...)
}

func attemptOf(a *Attempt) *Attempt { return a }

func firstAttemptOf(d *Delivery) *Attempt { return &d.Attempt }
