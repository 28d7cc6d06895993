package webhooks

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

const (
	// testedMessages is the number of messages with which TestFilter compares a filter.
	testedMessages = 20
	// maxTestedBytes bounds the bodies that TestFilter reads, but for the last one.
	maxTestedBytes = 4 << 20
)

// FilterResult says whether a subscription would get a message.
type FilterResult struct {
	Message Message // without Body and Source
	Reason  Reason  // NotSubscribed, OtherVersion, Filtered, PayloadRemoved or TooLarge; "" if it would get the message
}

// TestFilter says which of the last 20 messages that an organization published a subscription of the input
// would get, newest first. Only Filter, Events and Version of the input count; without Events it selects
// all event types. It fails as [Subscriptions.Create] does, and stores nothing.
func (s *Subscriptions) TestFilter(ctx context.Context, org uuid.UUID, in SubscriptionInput) ([]FilterResult, error) {
	var sub Subscription
	if err := s.apply(ctx, &sub, SubscriptionInput{Filter: in.Filter, Events: in.Events, Version: in.Version}); err != nil {
		return nil, err
	}
	list, err := s.store.Messages(ctx, org, Page{Take: testedMessages, Descending: true})
	if err != nil {
		return nil, err
	}
	t := filterTest{Subscriptions: s, sub: sub}
	out := make([]FilterResult, len(list.Items))
	for i, item := range list.Items {
		out[i].Message = item.Message
		if out[i].Reason, err = t.reason(ctx, item.Message); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// filterTest compares messages with a subscription.
type filterTest struct {
	*Subscriptions
	sub  Subscription
	read int // bytes of bodies
}

// reason returns the reason why the subscription would not get a message; "" if it would.
func (t *filterTest) reason(ctx context.Context, m Message) (Reason, error) {
	if len(t.sub.Selectors) > 0 {
		if reason := unselected(t.sub, m); reason != "" {
			return reason, nil
		}
	}
	if t.read > maxTestedBytes {
		return TooLarge, nil
	}
	m, err := t.store.Message(ctx, m.OrganizationID, m.ID)
	t.read += len(m.Body) + len(m.Source)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && m.Expunged.Is(): // ErrNotFound: its retention has just ended
		return PayloadRemoved, nil
	case err == nil && !t.sub.Filter.Matches(store.NewDocument(m.Data())):
		return Filtered, nil
	}
	return "", err
}
