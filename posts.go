package webhooks

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// PostInput is an event for one subscription alone, which need not list the event type.
type PostInput struct {
	// EventTypeID is the event type. Zero: Type and Version name it.
	EventTypeID uuid.UUID `field:"eventTypeId"`
	// Type is the code of the event type, as in [Event]. Ignored with EventTypeID.
	Type string `field:"eventType"`
	// Version of the event type, as in [Event]. Ignored with EventTypeID. Default: v1.
	Version string `field:"version"`
	// Data is any JSON value, as in [Event].
	Data any `field:"data" log:"-"`
	// Source is the original from which Data was made, a JSON object. It is kept with the
	// message and never sent. Default: none.
	Source []byte `field:"source" log:"size"`
	// RetryOf makes the attempt a retry of the given attempt, in the same chain. It has the same
	// message id and body if event type, Data and Source are the same. Default: the attempt
	// begins a delivery.
	RetryOf uuid.UUID `field:"retryOf"`
	// Kind is FirstPost or TestPost; with RetryOf it is ManualRetry or AutomaticRetry, which uses
	// up a step of the schedule. Default: FirstPost, or ManualRetry with RetryOf.
	Kind AttemptType `field:"kind"`
	// External says that the caller makes the request and reports its outcome with
	// [Dispatcher.Report]. Default: false, the dispatcher makes the request.
	External bool `field:"external"`
	// PostedAt is the time of the request, if External and the caller has made it already.
	// Default: not made yet.
	PostedAt time.Time `field:"postedAt"`
}

// Post adds an attempt to send an event to one subscription, and its message. It
// fails as [Dispatcher.Publish] does, with [ErrArchived] if the subscription is
// archived, and with [ErrNotFinished] if the attempt of RetryOf has no outcome.
func (d *Dispatcher) Post(ctx context.Context, org, subscription uuid.UUID, in PostInput) (Attempt, error) {
	sub, err := d.store.Subscription(ctx, org, subscription)
	if err != nil {
		return Attempt{}, err
	}
	if err := editable(sub.Lifecycle); err != nil {
		return Attempt{}, err
	}
	if in.RetryOf != uuid.Nil && in.Kind == FirstPost {
		in.Kind = ManualRetry
	}
	if (in.RetryOf != uuid.Nil) != (in.Kind == ManualRetry || in.Kind == AutomaticRetry) {
		return Attempt{}, wrongField(Invalid, "/kind", "must be a manual or automatic retry with retryOf, and a first post or test without")
	}
	m, err := d.postMessage(ctx, sub, in)
	if err != nil {
		return Attempt{}, err
	}
	a := store.NewAttempt{
		Message: &m,
		Type:    in.Kind, RetryOf: in.RetryOf, External: in.External, PostedAt: in.PostedAt.UTC().Truncate(time.Millisecond),
	}
	if in.RetryOf != uuid.Nil {
		same, err := d.sameContent(ctx, m, in.RetryOf)
		if err != nil {
			return Attempt{}, err
		}
		if same {
			a.Message = nil
		}
	}
	return d.post(ctx, m, a)
}

// sameContent reports whether a message has the content of an attempt's message. Then a retry of the
// attempt sends the former message, and the receiver recognizes its id.
func (d *Dispatcher) sameContent(ctx context.Context, m Message, attempt uuid.UUID) (bool, error) {
	of, err := d.store.Attempt(ctx, m.OrganizationID, m.SubscriptionID, attempt)
	if errors.Is(err, ErrNotFound) {
		return false, nil // AddAttempt returns the error
	}
	return err == nil && of.EventTypeID == m.EventTypeID &&
		bytes.Equal(Message{Body: of.Body}.Data(), m.Data()) && bytes.Equal(of.Source, m.Source), err
}

// postMessage makes the message of a post.
func (d *Dispatcher) postMessage(ctx context.Context, sub Subscription, in PostInput) (Message, error) {
	if in.EventTypeID != uuid.Nil {
		t, err := d.store.EventType(ctx, in.EventTypeID)
		if errors.Is(err, ErrNotFound) {
			return Message{}, wrongField(UnknownReference, "/eventTypeId", "names no event type")
		}
		if err != nil {
			return Message{}, err
		}
		in.Type, in.Version = t.Code, t.Version
	}
	event := Event{Type: in.Type, Version: in.Version, Data: in.Data}
	types := d.typeReader(nil)
	m, err := d.message(ctx, &types, sub.OrganizationID, event)
	if err != nil {
		return Message{}, err
	}
	if in.Source != nil {
		if m.Source, err = compact("/source", in.Source, d.cfg.MaxData); err != nil {
			return Message{}, err
		}
		if !bytes.HasPrefix(m.Source, []byte("{")) {
			return Message{}, wrongField(Invalid, "/source", "must be a JSON object")
		}
	}
	m.SubscriptionID = sub.ID
	return m.Message, nil
}

// post adds an attempt to send a message to its subscription.
func (d *Dispatcher) post(ctx context.Context, m Message, a store.NewAttempt) (added Attempt, err error) {
	a.ID = d.cfg.NewID()
	a.At, a.By, a.ExpiresAt = m.CreatedAt, m.CreatedBy, m.CreatedAt.Add(d.cfg.Deadline)
	if a.Message != nil {
		spanned, end := d.engine.StartPublish(ctx, PublishStart{OrganizationID: m.OrganizationID, Events: 1})
		defer func() { end(PublishEnd{MessageID: m.ID, EventType: m.Type, Deliveries: 1, Err: err}) }()
		ctx, a.Message.TraceContext = spanned, d.engine.TraceContext(spanned)
	}
	added, err = d.store.AddAttempt(ctx, m.OrganizationID, m.SubscriptionID, a)
	if errors.Is(err, store.ErrBadReference) {
		return Attempt{}, wrongField(UnknownReference, "/retryOf", "names no attempt of the subscription")
	}
	if err == nil && !a.External {
		d.engine.Wake()
	}
	return added, err
}

// Retry sends a message again, now: the same body under the same webhook-id, as a manual retry of
// the given attempt, which may have succeeded. It takes the ids of organization, subscription and
// attempt in this order. Retry cancels a pending automatic retry of the chain; if the manual retry
// fails, the schedule continues where it was. While the circuit is open the retry is a probe: it is
// sent at once, and if it succeeds, the circuit closes and the held deliveries are sent. (Of many
// retries the first ten in 10 s are probes.) [ErrNotFinished] if the given attempt has no outcome,
// [ErrArchived] if the subscription is archived, [ErrExpunged] if the content of the message was
// removed.
func (d *Dispatcher) Retry(ctx context.Context, org, subscription, attempt uuid.UUID) (Attempt, error) {
	sub, err := d.store.Subscription(ctx, org, subscription)
	if err != nil {
		return Attempt{}, err
	}
	if err := editable(sub.Lifecycle); err != nil {
		return Attempt{}, err
	}
	id, audit := d.created(ctx)
	a, err := d.store.AddAttempt(ctx, org, subscription, store.NewAttempt{
		ID: id, Type: ManualRetry, RetryOf: attempt,
		At: audit.CreatedAt, By: audit.CreatedBy, ExpiresAt: audit.CreatedAt.Add(d.cfg.Deadline),
	})
	if errors.Is(err, store.ErrBadReference) {
		return Attempt{}, ErrNotFound
	}
	if err == nil {
		d.engine.Wake()
	}
	return a, err
}
