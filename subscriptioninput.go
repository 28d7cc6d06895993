package webhooks

import (
	"context"
	"slices"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// SubscriptionInput is the part of a subscription that a caller sets.
type SubscriptionInput struct {
	// PostURI is an absolute https URL; http is allowed if IsDevelopment and Config.AllowHTTP
	// are set. "" makes the subscription inactive. It is stored in the form of
	// guard.Policy.ParseURL: in ASCII, without the scheme's own port.
	PostURI string `field:"postUri" log:"host"`
	// Events are ids of event types, codes (of the event type in Version) and patterns: "*"
	// matches every code in Version, "vitals.*" every code that begins with "vitals.".
	Events []string `field:"events" validate:"max=1000"`
	// Version is the version of event types to which codes and patterns refer. Default: v1.
	Version string `field:"version" validate:"version"`
	// IsDevelopment marks an endpoint under development, for which http URLs can be allowed.
	// Default: false.
	IsDevelopment bool `field:"isDevelopment"`
	// Description is a text of the customer, at most 2,000 characters. Default: none.
	Description string `field:"description" validate:"prose=2000"`
	// Headers are sent with every delivery: at most 20, each at most 4 KiB with its name, and
	// no header that the dispatcher or HTTP sets. Default: none.
	Headers map[string]string `field:"headers" log:"names"`
	// Timeout of an attempt, 1–30 s. Default: Config.Timeout.
	Timeout time.Duration `field:"timeoutMs"`
	// RetrySchedule replaces Config.RetrySchedule: at most 20 waits of at most 48 h. Default: nil,
	// Config.RetrySchedule.
	RetrySchedule []time.Duration `field:"retrySchedule"`
	// RateLimit is the largest number of attempts per second and dispatching process: more
	// than 0, at most 10,000. Default: no limit.
	RateLimit float64 `field:"rateLimit"`
	// Ordered sends the events of each sequence one at a time, in the order of publishing. A
	// sequence is the events with the same OrderingKey, or the events without a key. A failing
	// delivery holds back the later deliveries of its sequence until it succeeds or ends.
	// Default: false.
	Ordered bool `field:"ordered"`
	// Filter selects events by their data: at most 20 conditions, which must all hold. Default:
	// none, all events.
	Filter Filter `field:"filter"`
}

// inputOf returns the input that would make a subscription, with event types as ids.
func inputOf(s Subscription) SubscriptionInput {
	in := SubscriptionInput{
		PostURI: s.PostURI, Version: s.Version, IsDevelopment: s.IsDevelopment, Description: s.Description,
		Headers: s.Headers, Timeout: s.Timeout, RetrySchedule: s.RetrySchedule, RateLimit: s.RateLimit, Ordered: s.Ordered, Filter: s.Filter,
	}
	for _, sel := range s.Selectors {
		if sel.Pattern != "" {
			in.Events = append(in.Events, sel.Pattern)
		} else {
			in.Events = append(in.Events, sel.EventTypeID.String())
		}
	}
	return in
}

// apply checks the input and sets the record's fields to it.
func (s *Subscriptions) apply(ctx context.Context, sub *Subscription, in SubscriptionInput) error {
	trim(&in.PostURI, &in.Version, &in.Description)
	if in.Version == "" {
		in.Version = "v1"
	}
	if err := checkStruct(&in); err != nil {
		return err
	}
	uri, err := s.checkURI(in)
	if err != nil {
		return err
	}
	headers, err := checkHeaders(in.Headers)
	if err != nil {
		return err
	}
	if err := checkTimes(in); err != nil {
		return err
	}
	filter, err := checkFilter(in.Filter)
	if err != nil {
		return err
	}
	selectors, err := s.resolve(ctx, in, sub.Selectors)
	if err != nil {
		return err
	}
	sub.PostURI, sub.Version, sub.Selectors, sub.IsDevelopment = uri, in.Version, selectors, in.IsDevelopment
	sub.Description, sub.Headers, sub.Timeout, sub.RetrySchedule = in.Description, headers, in.Timeout, in.RetrySchedule
	sub.RateLimit, sub.Ordered, sub.Filter = in.RateLimit, in.Ordered, filter
	sub.Damaged = slices.DeleteFunc(slices.Clone(sub.Damaged), in.replaces)
	if uri == "" {
		setActive(&sub.Lifecycle, false, s.now())
	}
	return nil
}

// replaces reports whether the input has a value for a damaged member. A stored value that cannot
// be read is kept until an input replaces it.
func (s SubscriptionInput) replaces(member store.Member) bool {
	switch member {
	case store.MemberSelectors:
		return len(s.Events) > 0
	case store.MemberHeaders:
		return s.Headers != nil
	case store.MemberRetrySchedule:
		return s.RetrySchedule != nil
	case store.MemberRateLimit:
		return s.RateLimit != 0
	case store.MemberFilter:
		return s.Filter != nil
	}
	return false
}
