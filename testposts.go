package webhooks

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Test sends a subscription the sample payload of an event type, or a built-in example if the type
// has no sample. Code and version name the event type; version "" means the subscription's
// version, and code "" the first active event type that the subscription lists. [ErrNoEvents] if it
// lists no active event type. While the circuit is open a test is a probe, as a
// [Dispatcher.Retry] is.
func (d *Dispatcher) Test(ctx context.Context, org, subscription uuid.UUID, code, version string) (Attempt, error) {
	sub, err := d.store.Subscription(ctx, org, subscription)
	if err != nil {
		return Attempt{}, err
	}
	if err := editable(sub.Lifecycle); err != nil {
		return Attempt{}, err
	}
	in := PostInput{Type: code, Version: cmp.Or(version, sub.Version), Kind: TestPost}
	if code == "" {
		t, err := d.firstListed(ctx, sub)
		if err != nil {
			return Attempt{}, err
		}
		in.Type, in.Version = t.Code, t.Version
	}
	if err := checkEvent(Event{Type: in.Type, Version: in.Version}); err != nil {
		return Attempt{}, err
	}
	types := d.typeReader(nil)
	t, err := types.publishable(ctx, in.Type, in.Version)
	if err != nil {
		return Attempt{}, unknownType(err, in.Version)
	}
	data := Example(ExampleAck)
	sample, err := d.store.Sample(ctx, t.ID, t.Version)
	switch {
	case err == nil:
		data = sample.Payload
	case !errors.Is(err, ErrNotFound):
		return Attempt{}, err
	}
	m := d.newMessage(ctx, org, t.EventType, data)
	m.SubscriptionID = sub.ID
	return d.post(ctx, m, store.NewAttempt{Message: &m, Type: TestPost})
}

// firstListed returns the first active event type that the subscription lists, by its id or by a
// pattern. The event type may lack its schema.
func (d *Dispatcher) firstListed(ctx context.Context, sub Subscription) (EventType, error) {
	var all []EventType
	for _, sel := range sub.Selectors {
		if sel.Pattern == "" {
			t, err := d.store.EventType(ctx, sel.EventTypeID)
			if err == nil && t.Publishable() {
				return t, nil
			}
			if err != nil && !errors.Is(err, ErrNotFound) {
				return EventType{}, err
			}
			continue
		}
		if all == nil {
			list, err := d.store.EventTypes(ctx, uuid.Nil, ExcludeArchived, wholeCatalog)
			if err != nil {
				return EventType{}, err
			}
			all = list.Items
		}
		for _, t := range all {
			if t.Version == sub.Version && t.Publishable() && slices.Contains(store.Patterns(t.Code), sel.Pattern) {
				return t, nil
			}
		}
	}
	return EventType{}, ErrNoEvents
}
