package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

var activityRoutes = group{
	tag: "WebhookActivities", description: "The history: one activity for each HTTP attempt.",
	routes: []route{
		{
			method: http.MethodPost, path: activitiesPath, access: tenantWrite, handler: (*api).addActivity,
			id: "addActivity", summary: "Adds an activity",
			details: "With postedAt it is recorded as posted by the caller, and waits for its outcome. Without, it is queued and sent.",
			body:    activityInput{}, status: http.StatusCreated, answer: activityWire{},
			errorCodes: []string{"archived", "event_inactive", "not_finished", "unknown_reference", "schema_mismatch"},
		},
		{
			method: http.MethodGet, path: activitiesPath, access: tenantRead, handler: (*api).listActivity,
			id: "listActivity", summary: "Lists the activities of a subscription",
			query:  params(includeParam, statusParam, cursorPageParams, eventIDParam, historyParams),
			answer: history[activityWire]{},
		},
		{
			method: http.MethodPost, path: activityPath + "/retry", access: tenantManage, handler: (*api).retryActivity,
			id: "retryActivity", summary: "Sends it once more, now",
			details: "Also after a success. An automatic retry that waits in the same chain is withdrawn in its favour. While the circuit is " +
				"open the retry is the probe: it is sent at once, and a success closes the circuit. (Of many at once, the first 10 in 10 seconds are.)",
			status: http.StatusCreated, answer: activityWire{},
			errorCodes: []string{"archived", "not_finished", "payload_removed"},
		},
		{
			method: http.MethodPost, path: activityPath + "/outcomes", access: tenantManage, handler: (*api).reportOutcome,
			id: "saveOutcome", summary: "Saves the outcome of an activity that the caller posted",
			body: outcomeInput{}, status: http.StatusCreated, answer: activityWire{},
			errorCodes: []string{"not_in_chain", "outcome_exists", "payload_removed", "sending", "unknown_reference"},
		},
		{
			method: http.MethodGet, path: activityPath, access: tenantRead, handler: (*api).getActivity,
			id: "getActivity", summary: "Gets an activity with the retries below it",
			query:  params(modeParam("flat", "nested")),
			answer: activityDetail{},
		},
	},
}

// activityWire is an attempt as responses show it.
type activityWire struct {
	ID                 uuid.UUID            `json:"id"`
	Type               webhooks.AttemptType `json:"type"`
	Status             string               `json:"status" schema:"is=ActivityStatus"`
	Attempt            int                  `json:"attempt"`
	PostedAt           timestamp            `json:"postedAt"`
	DurationMs         *int64               `json:"durationMs"`
	HTTPStatusCode     *int                 `json:"httpStatusCode"`
	Payload            json.RawMessage      `json:"payload"`
	RawMessage         json.RawMessage      `json:"rawMessage"`
	Subscription       any                  `json:"subscription" schema:"partial=Subscription"` // identity or *subscriptionWire
	Event              any                  `json:"event" schema:"partial=Event"`               // identity or *eventTypeWire
	RetryingFromPostID *uuid.UUID           `json:"retryingFromPostId"`
	NextRetryAt        timestamp            `json:"nextRetryAt"`
	HeldUntil          timestamp            `json:"heldUntil"`
	RawResponse        *string              `json:"rawResponse"`
	ResponseEncoding   *string              `json:"rawResponseEncoding"`
	ResponseHeaders    []headerWire         `json:"responseHeaders"`
	HeadersOmitted     bool                 `json:"responseHeadersTruncated,omitempty"`
	Error              *string              `json:"error"`
	Success            *bool                `json:"success"`
	AuditInfo          auditInfo            `json:"auditInfo"`
	Damaged            []string             `json:"damaged,omitempty"`
	Truncated          bool                 `json:"truncated,omitempty"`
	Expunged           *expungedWire        `json:"expunged,omitempty"`
}

// size bounds how many bytes the large members take in an answer.
func (w *activityWire) size() int {
	n := len(w.Payload) + len(w.RawMessage)
	if w.RawResponse != nil {
		n += 6 * len(*w.RawResponse) // of escapes
	}
	return n + headerBytes(w.ResponseHeaders)
}

func (w *activityWire) truncate() {
	w.Payload, w.RawMessage, w.RawResponse, w.ResponseEncoding, w.Truncated = nil, nil, nil, nil, true
	w.ResponseHeaders, w.HeadersOmitted = []headerWire{}, false
	if s, ok := w.Subscription.(*subscriptionWire); ok {
		w.Subscription = identity{s.ID}
	}
	if e, ok := w.Event.(eventTypeWire); ok {
		w.Event = identity{e.ID}
	}
}

// headerWire is a header of a request or a response. A name with several values has one for each.
type headerWire struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func showHeaders(headers iter.Seq2[string, string]) []headerWire {
	out := []headerWire{}
	for name, value := range headers {
		out = append(out, headerWire{name, value})
	}
	return out
}

// headerBytes bounds how many bytes headers take in an answer.
func headerBytes(headers []headerWire) (n int) {
	for _, h := range headers {
		n += len(`{"name":"","value":""},`) + 6*(len(h.Name)+len(h.Value)) // of escapes
	}
	return n
}

// activationWire is a delivery: its first activity, with the latest outcome.
type activationWire struct {
	activityWire
	Attempts int `json:"attempts"`
}

func showAttempt(a webhooks.Attempt) activityWire {
	w := activityWire{
		ID: a.ID, Type: a.Type, Status: a.Status.String(), Attempt: a.Number, PostedAt: timestamp(a.PostedAt),
		HTTPStatusCode: optional(a.HTTPStatus),
		Subscription:   identity{a.SubscriptionID}, Event: identity{a.EventTypeID},
		RetryingFromPostID: optional(a.RetryOf), NextRetryAt: timestamp(a.NextRetryAt), HeldUntil: timestamp(a.HeldUntil),
		Error: optional(a.Error), Success: outcomeOf(a), AuditInfo: auditOf(a.Audit), Expunged: showExpunged(a.Expunged),
	}
	raw := a.Body
	if a.Source != nil {
		raw = a.Source
	}
	w.Payload = readable(webhooks.Message{Body: a.Body}.Data(), "payload", &w.Damaged)
	w.RawMessage = readable(raw, "rawMessage", &w.Damaged)
	if w.Success != nil {
		ms := a.Duration.Milliseconds()
		w.DurationMs = &ms
	}
	w.ResponseHeaders, w.HeadersOmitted = showHeaders(a.ResponseHeaders.All()), a.ResponseHeaders.Omitted()
	switch {
	case len(a.Response) == 0:
	case utf8.Valid(a.Response):
		w.RawResponse = optional(string(a.Response))
	default:
		w.RawResponse = optional(base64.StdEncoding.EncodeToString(a.Response))
		w.ResponseEncoding = optional("base64")
	}
	return w
}

// outcomeOf says whether the attempt, or the latest finished one of a delivery, was
// a success; nil while there is no outcome.
func outcomeOf(a webhooks.Attempt) *bool {
	success := a.Status == webhooks.Succeeded
	if !success && a.Status != webhooks.Failed {
		if a.Error == "" && a.HTTPStatus == 0 {
			return nil
		}
		success = a.Error == "" // a delivery that is sent again after a success
	}
	return &success
}

func showDelivery(d webhooks.Delivery) activationWire {
	return activationWire{showAttempt(d.Attempt), d.Attempts}
}

// includes holds the resources that a list of activities shows in full.
type includes struct {
	subscription *subscriptionWire
	events       map[uuid.UUID]webhooks.EventType
}

// includes reads the resources that the request includes. The attempts are of one subscription.
func (a *api) includes(c *call, included map[string]bool, attempts []webhooks.Attempt) (in includes, err error) {
	if included["subscription"] {
		if in.subscription, err = a.nested(c, c.id("subscriptionId")); err != nil {
			return in, err
		}
	}
	if included["event"] {
		var ids []uuid.UUID
		for _, attempt := range attempts {
			ids = append(ids, attempt.EventTypeID)
		}
		in.events, err = a.hooks.Registry.HistoricEventTypes(c.ctx(), ids)
	}
	return in, err
}

func (in includes) add(w *activityWire, a webhooks.Attempt) {
	if in.subscription != nil {
		w.Subscription = in.subscription
	}
	if e, ok := in.events[a.EventTypeID]; ok {
		w.Event = showEventType(e)
	}
}

func (a *api) listActivity(c *call) error {
	q := c.query()
	p, included := q.cursorPaging(), q.included("subscription", "event")
	hq := q.history(c, p)
	if err := q.err(); err != nil {
		return err
	}
	found, err := readPage(c, len(included) > 0, func(maxBytes int) (webhooks.List[webhooks.Attempt], error) {
		hq.MaxBytes = maxBytes
		return a.hooks.Subscriptions.Attempts(c.ctx(), hq)
	})
	if err != nil {
		return err
	}
	in, err := a.includes(c, included, found.Items)
	if err != nil {
		return err
	}
	return replyPage(c, found, p, func(a webhooks.Attempt) uuid.UUID { return a.ID }, func(a webhooks.Attempt) activityWire {
		w := showAttempt(a)
		in.add(&w, a)
		return w
	})
}

func (a *api) retryActivity(c *call) error {
	made, err := a.hooks.Dispatcher.Retry(c.ctx(), c.org, c.id("subscriptionId"), c.id("activityId"))
	if err != nil {
		return err
	}
	return c.record(http.StatusCreated, showAttempt(made))
}

func (a *api) listActivations(c *call) error {
	q := c.query()
	p, included := q.cursorPaging(), q.included("subscription", "event")
	hq := q.history(c, p)
	if err := q.err(); err != nil {
		return err
	}
	found, err := readPage(c, len(included) > 0, func(maxBytes int) (webhooks.List[webhooks.Delivery], error) {
		hq.MaxBytes = maxBytes
		return a.hooks.Subscriptions.Deliveries(c.ctx(), hq)
	})
	if err != nil {
		return err
	}
	first := make([]webhooks.Attempt, len(found.Items))
	for i, d := range found.Items {
		first[i] = d.Attempt
	}
	in, err := a.includes(c, included, first)
	if err != nil {
		return err
	}
	return replyPage(c, found, p, func(d webhooks.Delivery) uuid.UUID { return d.ID }, func(d webhooks.Delivery) activationWire {
		w := showDelivery(d)
		in.add(&w.activityWire, d.Attempt)
		return w
	})
}

func (a *api) getActivation(c *call) error {
	found, err := a.hooks.Subscriptions.Delivery(c.ctx(), c.org, c.id("subscriptionId"), c.id("activationId"))
	if err != nil {
		return err
	}
	return c.record(http.StatusOK, showDelivery(found))
}
