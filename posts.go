package webhooks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/delivery"
	"github.com/ecg-api/webhooks/delivery/guard"
	"github.com/ecg-api/webhooks/internal/schema"
	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// PostInput is an event for one subscription alone, which need not list its type.
type PostInput struct {
	// EventTypeID is the event type. Zero: Type and Version name it, as in [Event].
	EventTypeID uuid.UUID
	Type        string
	Version     string
	// Data is as in [Event].
	Data any `log:"-"`
	// Source is what Data was made from, a JSON object: it is kept with the
	// message and never sent. Default: none.
	Source []byte `log:"size"`
	// RetryOf makes it a retry of the given attempt, in that one's chain, and with
	// its message id and body if the type, Data and Source are the same. Default: it
	// begins a delivery.
	RetryOf uuid.UUID
	// Kind is FirstPost or TestPost, with RetryOf ManualRetry or AutomaticRetry,
	// which uses up a step of the schedule. Default: FirstPost or ManualRetry.
	Kind AttemptType
	// External says that the caller makes the request and tells the outcome with
	// [Dispatcher.Report].
	External bool
	// PostedAt is when the caller made the request, if External and done already.
	PostedAt time.Time
}

// Post adds an attempt to send an event to one subscription, and its message. It
// fails as [Dispatcher.Publish] does, with [ErrArchived] if the subscription is
// archived, and with [ErrNotFinished] if what it retries has no outcome.
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
		return Attempt{}, fault(Invalid, "/type", "must be 1 or 2 with retryingFromPostId, and 0 or 3 without")
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
		same, err := d.repeats(ctx, m, in.RetryOf)
		if err != nil {
			return Attempt{}, err
		}
		if same {
			a.Message = nil
		}
	}
	return d.post(ctx, m, a)
}

// repeats reports whether a message says what that of an attempt said. Then a retry
// has that one, and with it the same id and body, by which a receiver knows it again.
func (d *Dispatcher) repeats(ctx context.Context, m Message, attempt uuid.UUID) (bool, error) {
	of, err := d.store.Attempt(ctx, m.OrganizationID, m.SubscriptionID, attempt)
	if errors.Is(err, ErrNotFound) {
		return false, nil // AddAttempt says so
	}
	return err == nil && of.EventTypeID == m.EventTypeID &&
		bytes.Equal(Message{Body: of.Body}.Data(), m.Data()) && bytes.Equal(of.Source, m.Source), err
}

func (d *Dispatcher) postMessage(ctx context.Context, sub Subscription, in PostInput) (Message, error) {
	if in.EventTypeID != uuid.Nil {
		t, err := d.store.EventType(ctx, in.EventTypeID)
		if errors.Is(err, ErrNotFound) {
			return Message{}, fault(UnknownReference, "/eventId", "names no event type")
		}
		if err != nil {
			return Message{}, err
		}
		in.Type, in.Version = t.Code, t.Version
	}
	m, err := d.message(ctx, d.typeReader(nil), schema.NewBudget(), sub.OrganizationID, Event{Type: in.Type, Version: in.Version, Data: in.Data})
	if err != nil {
		return Message{}, err
	}
	if in.Source != nil {
		if m.Source, err = compact("/rawMessage", in.Source, d.cfg.MaxData); err != nil {
			return Message{}, err
		}
		if !bytes.HasPrefix(m.Source, []byte("{")) {
			return Message{}, fault(Invalid, "/rawMessage", "must be a JSON object")
		}
	}
	m.SubscriptionID = sub.ID
	return m.Message, nil
}

// post adds an attempt to send a message.
func (d *Dispatcher) post(ctx context.Context, m Message, a store.NewAttempt) (Attempt, error) {
	a.ID = d.cfg.NewID()
	a.At, a.By, a.ExpiresAt = m.CreatedAt, m.CreatedBy, m.CreatedAt.Add(d.cfg.Deadline)
	added, err := d.store.AddAttempt(ctx, m.OrganizationID, m.SubscriptionID, a)
	if errors.Is(err, store.ErrBadReference) {
		return Attempt{}, fault(UnknownReference, "/retryingFromPostId", "names no activity of the subscription")
	}
	if err == nil && !a.External {
		d.engine.Wake()
	}
	return added, err
}

// Headers returns the headers that a POST of the attempt carries, or carried, but
// for those that the subscription adds: the signatures, by the secrets that sign
// now, and the content type.
func (s *Signer) Headers(ctx context.Context, a Attempt) (http.Header, error) {
	targets, err := s.store.Targets(ctx, []uuid.UUID{a.SubscriptionID}, s.now().Add(-s.cfg.SecretOverlap))
	if err != nil {
		return nil, err
	}
	signer, err := s.forTarget(targets[a.SubscriptionID])
	if err != nil {
		return nil, err
	}
	h := http.Header{
		"Content-Type":         {"application/json"},
		"User-Agent":           {"ecg-webhooks/" + Version},
		delivery.HeaderAttempt: {strconv.Itoa(a.Number)},
	}
	return h, signer.Sign(h, signing.Message{ID: a.MessageID.String(), At: s.signedAt(a), Body: a.Body})
}

// Test sends a subscription the sample payload of an event type, or an example
// where there is none. The type is given by its code and version, by default the
// subscription's version; code "" means the first type that the subscription
// lists: [ErrNoEvents] if there is none that takes events. While the circuit is open a
// test is the probe, as a [Dispatcher.Retry] is.
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
	t, err := d.typeReader(nil).publishable(ctx, in.Type, in.Version)
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

// firstListed returns the first event type that takes events and that the
// subscription lists, by its id or by a pattern; maybe without its schema.
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

// ReportInput is what became of an attempt that the caller made.
type ReportInput struct {
	DeliveryID uuid.UUID // the chain that the attempt is in
	Success    bool
	HTTPStatus int    // 100–599; 0 for none
	Error      string // one line for a person; required without success
	Response   []byte `log:"size"` // what came back; kept up to 16 KiB
}

// maxReported is how much of a response is kept.
const maxReported = 16 << 10

// Report stores the outcome of an attempt that the caller made: of an external one,
// or of one in the queue, which is then not sent by the dispatcher. If it failed
// and the schedule has a step left, the attempt's NextRetryAt says when the next
// one is due, which the dispatcher then makes unless the attempt was external. The
// same report again changes nothing; another one is [ErrOutcomeExists].
// [ErrNotInChain] if the attempt is in another chain, [ErrSending] while the
// dispatcher sends it.
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
			return Attempt{}, fault(UnknownReference, "/originalActivityId", "names no activity of the subscription")
		case err != nil:
			return Attempt{}, err
		}
		return Attempt{}, ErrNotInChain
	}
	a, err := d.store.Report(ctx, org, subscription, attempt, func(a Attempt) (*store.Report, error) {
		switch {
		case a.Status == Sending:
			return nil, ErrSending
		case a.Status.Finished():
			return nil, in.repeats(a)
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
		for len(in.Response) > maxReported-utf8.UTFMax && !utf8.Valid(in.Response) { // a character was cut
			in.Response = in.Response[:len(in.Response)-1]
		}
	}
	switch {
	case in.HTTPStatus != 0 && (in.HTTPStatus < 100 || in.HTTPStatus > 599):
		return fault(Invalid, "/httpStatusCode", "must be 100–599, or null where there was no response")
	case !in.Success && in.Error == "":
		return fault(Invalid, "/error", "must say what went wrong where success is false")
	case !fits(in.Error, "2000") || hasControl(in.Error, "\t\n"):
		return fault(Invalid, "/error", allowed("prose", "2000"))
	}
	return nil
}

func (in ReportInput) status() Status {
	if in.Success {
		return Succeeded
	}
	return Failed
}

// repeats returns ErrOutcomeExists unless the attempt has this very outcome.
func (in ReportInput) repeats(a Attempt) error {
	if a.Status != in.status() || a.HTTPStatus != in.HTTPStatus || a.Error != in.Error || !bytes.Equal(a.Response, in.Response) {
		return ErrOutcomeExists
	}
	return nil
}

func (d *Dispatcher) report(ctx context.Context, sub Subscription, a Attempt, in ReportInput) *store.Report {
	at := d.now()
	r := &store.Report{
		Status: in.status(), HTTPStatus: in.HTTPStatus, Response: in.Response, Error: in.Error, At: at, By: Actor(ctx),
	}
	switch {
	case !a.PostedAt.IsZero():
	case a.External: // the time that its signature says
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
		status = 0 // the report does not say for how long: the schedule does
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
		r.Next = &store.Next{ID: d.cfg.NewID(), DueAt: next}
	}
	return r
}
