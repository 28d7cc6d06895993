package webhooks

import (
	"context"
	"slices"
	"time"

	"github.com/ecg-api/webhooks/store"
)

// SubscriptionInput is what a caller decides about a subscription.
type SubscriptionInput struct {
	// PostURI is an absolute https URL, or http where IsDevelopment is set and
	// Config.AllowHTTP allows it. "" makes the subscription inactive. It is stored in
	// the form of guard.Policy.ParseURL: in ASCII, without the scheme's own port.
	PostURI string `field:"postUri" log:"host"`
	// Events are event type ids, codes, which mean that code in Version, and
	// patterns: "*" for every event of Version, "vitals.*" for those below a dot.
	Events []string `field:"events" validate:"max=1000"`
	// Version is what codes and patterns mean. Default: v1.
	Version       string `field:"version" validate:"version"`
	IsDevelopment bool   `field:"isDevelopment"`
	Description   string `field:"description" validate:"prose=2000"`
	// Headers are sent with every delivery: at most 20, together at most 4 KiB
	// each, and none that the dispatcher or HTTP itself sets.
	Headers map[string]string `field:"headers" log:"names"`
	// Timeout of an attempt, 1–30 s. Default: that of Config.
	Timeout time.Duration `field:"timeoutMs"`
	// RetrySchedule replaces that of Config: at most 20 waits of at most 48 h.
	RetrySchedule []time.Duration `field:"retrySchedule"`
	// RateLimit is how many attempts a process that dispatches makes in a second,
	// at most: more than 0, at most 10,000. Default: no limit.
	RateLimit float64 `field:"rateLimit"`
	// Ordered has attempts made one at a time, in the order of publishing: of the
	// events with an OrderingKey those with the same, and together those without one.
	// A delivery that fails holds back those behind it until it succeeds or ends.
	// Default: false.
	Ordered bool `field:"ordered"`
	// Filter chooses among the events by their data: at most 20 conditions.
	Filter Filter `field:"filter"`
}

// InputOf returns what a caller decided about a subscription, the event types as
// ids.
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

// apply checks the input and puts it into the record.
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

// replaces reports whether the input has a value for a member. Where the stored value
// cannot be read it is kept, unless there is another.
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
