package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

type subscribing = webhooks.Subscriptions

// subscriptionInput is a subscription as POST takes it.
type subscriptionInput struct {
	PostURI       string             `json:"postUri"`
	Events        []string           `json:"events"`
	Version       string             `json:"version"`
	IsDevelopment bool               `json:"isDevelopment" wire:"required"`
	Description   string             `json:"description"`
	Headers       map[string]*string `json:"headers"`
	TimeoutMs     *int64             `json:"timeoutMs"`
	RetrySchedule []string           `json:"retrySchedule"`
	RateLimit     *float64           `json:"rateLimit"`
	Ordered       bool               `json:"ordered"`
	Filter        items              `json:"filter" schema:"is=ConditionInput"`
}

// conditionInput is a condition of a filter.
type conditionInput struct {
	Pointer *string         `json:"pointer" wire:"required"`
	Op      string          `json:"op" wire:"required" schema:"is=ConditionOp"`
	Value   json.RawMessage `json:"value" wire:"required"`
}

func (in subscriptionInput) input() (webhooks.SubscriptionInput, error) {
	out := webhooks.SubscriptionInput{
		PostURI: in.PostURI, Events: in.Events, Version: in.Version, IsDevelopment: in.IsDevelopment,
		Description: in.Description, Ordered: in.Ordered,
	}
	if in.Headers != nil { // an empty one replaces a damaged one, too
		out.Headers = map[string]string{}
	}
	for name, value := range in.Headers {
		if value != nil { // null is as if it were absent
			out.Headers[name] = *value
		}
	}
	if in.TimeoutMs != nil { // kept from wrapping around, and from 0, which would mean the default
		out.Timeout = time.Duration(min(max(*in.TimeoutMs, 1), 1e9)) * time.Millisecond
	}
	if in.RateLimit != nil {
		if out.RateLimit = *in.RateLimit; out.RateLimit == 0 {
			out.RateLimit = -1 // 0 would mean no limit
		}
	}
	if in.Filter != nil {
		out.Filter = webhooks.Filter{}
	}
	for i, raw := range in.Filter {
		var c conditionInput
		if err := decode(raw, "/filter/"+strconv.Itoa(i), &c); err != nil {
			return out, err
		}
		out.Filter = append(out.Filter, webhooks.Condition{Pointer: *c.Pointer, Op: webhooks.Op(c.Op), Value: c.Value})
	}
	if in.RetrySchedule != nil {
		out.RetrySchedule = make([]time.Duration, len(in.RetrySchedule))
	}
	for i, text := range in.RetrySchedule {
		wait, err := time.ParseDuration(text)
		if err != nil {
			return out, invalid("/retrySchedule/"+strconv.Itoa(i), `must be a wait such as "5s", "5m" or "2h"`)
		}
		out.RetrySchedule[i] = wait
	}
	return out, nil
}

// subscriptionWire is a subscription as responses show it. Events holds an
// eventRefWire or a patternWire each; in the document that is patched, strings.
type subscriptionWire struct {
	ID             uuid.UUID         `json:"id"`
	OrganizationID uuid.UUID         `json:"organizationId"`
	PostURI        *string           `json:"postUri"`
	Version        string            `json:"version"`
	SecretKey      string            `json:"secretKey"`
	Events         []any             `json:"events" schema:"is=EventSelector"`
	IsDevelopment  bool              `json:"isDevelopment"`
	Description    *string           `json:"description"`
	Headers        map[string]string `json:"headers" schema:"nullable"`
	TimeoutMs      *int64            `json:"timeoutMs"`
	RetrySchedule  []string          `json:"retrySchedule" schema:"nullable"`
	RateLimit      *float64          `json:"rateLimit"`
	Ordered        bool              `json:"ordered"`
	Filter         []conditionWire   `json:"filter" schema:"nullable"`
	Status         statusWire        `json:"status"`
	AuditInfo      auditInfo         `json:"auditInfo"`
	ActiveInfo     activeInfo        `json:"activeInfo"`
	ArchiveInfo    archiveInfo       `json:"archiveInfo"`
	Damaged        []string          `json:"damaged,omitempty"`
	Truncated      bool              `json:"truncated,omitempty"`
}

func (w *subscriptionWire) truncate() {
	w.Events, w.Headers, w.Filter, w.Truncated = []any{}, nil, nil, true
}

type conditionWire struct {
	Pointer string          `json:"pointer"`
	Op      webhooks.Op     `json:"op" schema:"is=ConditionOp"`
	Value   json.RawMessage `json:"value"`
}

type patternWire struct {
	Pattern string `json:"pattern"`
}

// statusWire says whether events are sent, and why not.
type statusWire struct {
	State        string            `json:"state" schema:"is=SubscriptionState"`
	Reason       *string           `json:"reason"`
	Since        timestamp         `json:"since"`
	Circuit      *circuitWire      `json:"circuit"`
	BackPressure *backPressureWire `json:"backPressure"`
}

// circuitWire is an open circuit.
type circuitWire struct {
	Since       timestamp `json:"since"`
	Failures    int       `json:"failures"`
	NextProbeAt timestamp `json:"nextProbeAt"`
}

type backPressureWire struct {
	Since timestamp `json:"since"`
	Until timestamp `json:"until"`
}

// showSubscription shows a subscription with its secret and header values in full.
func showSubscription(s webhooks.Subscription, secret string, status webhooks.SubscriptionStatus) subscriptionWire {
	w := subscriptionWire{
		ID: s.ID, OrganizationID: s.OrganizationID, PostURI: optional(s.PostURI), Version: s.Version, SecretKey: secret,
		Events: make([]any, 0, len(s.Selectors)), IsDevelopment: s.IsDevelopment, Description: optional(s.Description),
		Headers: s.Headers, TimeoutMs: optional(s.Timeout.Milliseconds()), Status: showStatus(status),
		RateLimit: optional(s.RateLimit), Ordered: s.Ordered,
		AuditInfo: auditOf(s.Audit), ActiveInfo: activeOf(s.Lifecycle), ArchiveInfo: archiveOf(s.Lifecycle),
	}
	for _, c := range s.Filter {
		w.Filter = append(w.Filter, conditionWire{c.Pointer, c.Op, c.Value})
	}
	for _, sel := range s.Selectors {
		if sel.Pattern != "" {
			w.Events = append(w.Events, patternWire{sel.Pattern})
			continue
		}
		w.Events = append(w.Events, eventRefWire{sel.EventTypeID, sel.EventType.Name, sel.EventType.Code, sel.EventType.Version})
	}
	for _, wait := range s.RetrySchedule {
		w.RetrySchedule = append(w.RetrySchedule, waitText(wait))
	}
	for _, m := range s.Damaged {
		w.Damaged = append(w.Damaged, string(m))
	}
	return w
}

func showStatus(s webhooks.SubscriptionStatus) statusWire {
	w := statusWire{State: string(s.State), Reason: optional(s.Reason), Since: timestamp(s.Since)}
	if c := s.Circuit; c != nil {
		w.Circuit = &circuitWire{timestamp(c.Since), c.Failures, timestamp(c.NextProbeAt)}
	}
	if p := s.BackPressure; p != nil {
		w.BackPressure = &backPressureWire{timestamp(p.Since), timestamp(p.Until)}
	}
	return w
}

// masked hides the secret and the header values. A secret that is damaged is "", and shown as
// masked.
func (w subscriptionWire) masked() subscriptionWire {
	w.SecretKey, w.Headers = signing.Mask(w.SecretKey), maps.Clone(w.Headers)
	for name, value := range w.Headers {
		w.Headers[name] = signing.Mask(value)
	}
	return w
}

// waitText writes a duration as short as it can be: 5m, not 5m0s.
func waitText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// masked returns the function that shows the subscriptions inside a list or another resource.
func (a *api) masked(c *call, found []webhooks.Subscription) (show func(webhooks.Subscription) subscriptionWire, err error) {
	secrets, err := a.hooks.Subscriptions.CurrentSecrets(c.ctx(), found)
	if err != nil {
		return nil, err
	}
	statuses, err := a.hooks.Subscriptions.Statuses(c.ctx(), found)
	return func(s webhooks.Subscription) subscriptionWire {
		return showSubscription(s, secrets[s.ID], statuses[s.ID]).masked()
	}, err
}

func (a *api) replySubscription(c *call, s webhooks.Subscription) error {
	secrets, err := a.hooks.Subscriptions.CurrentSecrets(c.ctx(), []webhooks.Subscription{s})
	if err != nil {
		return err
	}
	status, err := a.statusOf(c, s)
	if err != nil {
		return err
	}
	return c.resource(http.StatusOK, s.Revision, c.subscription(s, secrets[s.ID], status))
}

func (a *api) statusOf(c *call, s webhooks.Subscription) (webhooks.SubscriptionStatus, error) {
	all, err := a.hooks.Subscriptions.Statuses(c.ctx(), []webhooks.Subscription{s})
	return all[s.ID], err
}

func (a *api) createSubscription(c *call) error {
	var body subscriptionInput
	if err := c.body(&body); err != nil {
		return err
	}
	in, err := body.input()
	if err != nil {
		return err
	}
	made, secret, err := a.hooks.Subscriptions.Create(c.ctx(), c.org, in)
	if err != nil {
		return err
	}
	status, err := a.statusOf(c, made)
	if err != nil {
		return err
	}
	return c.resource(http.StatusCreated, made.Revision, c.subscription(made, secret, status))
}

// subscription shows the one subscription that the caller asks for: masked, unless the caller
// may see secrets.
func (c *call) subscription(s webhooks.Subscription, secret string, status webhooks.SubscriptionStatus) subscriptionWire {
	w := showSubscription(s, cmp.Or(secret, signing.Mask("")), status)
	if c.caller.may(tenantSecrets) {
		return w
	}
	return w.masked()
}

func (a *api) listSubscriptions(c *call) error {
	q := c.query()
	p := q.paging("ASC", "DESC")
	wanted := webhooks.SubscriptionQuery{
		Version: q.version("version"), EventTypeID: q.id("eventId"), Archived: q.archived(), Page: p.page(),
	}
	if err := q.err(); err != nil {
		return err
	}
	found, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.Subscription], error) {
		wanted.MaxBytes = maxBytes
		return a.hooks.Subscriptions.List(c.ctx(), c.org, wanted)
	})
	if err != nil {
		return err
	}
	show, err := a.masked(c, found.Items)
	if err != nil {
		return err
	}
	return replyPage(c, found, p, func(s webhooks.Subscription) uuid.UUID { return s.ID }, show)
}

func (a *api) getSubscription(c *call) error {
	found, err := a.hooks.Subscriptions.Get(c.ctx(), c.org, c.id("subscriptionId"))
	if err != nil {
		return err
	}
	return a.replySubscription(c, found)
}

func (a *api) patchSubscription(c *call) error {
	p, err := c.patch()
	if err != nil {
		return err
	}
	before, err := a.hooks.Subscriptions.Get(c.ctx(), c.org, c.id("subscriptionId"))
	if err != nil {
		return err
	}
	status, err := a.statusOf(c, before) // before the update, whose transaction has a connection of its own
	if err != nil {
		return err
	}
	changed, err := a.hooks.Subscriptions.Update(c.ctx(), c.org, before.ID,
		func(now webhooks.Subscription, in *webhooks.SubscriptionInput) error {
			if err := c.ifMatch(now.Revision); err != nil {
				return err
			}
			doc := c.subscription(now, "", status)
			doc.Events = make([]any, len(in.Events))
			for i, e := range in.Events {
				doc.Events[i] = e
			}
			var next subscriptionInput
			if err := p.apply(doc, &next); err != nil {
				return err
			}
			if err := unmaskHeaders(next.Headers, now.Headers); err != nil {
				return err
			}
			*in, err = next.input()
			return err
		})
	if err != nil {
		return unprocessable(err)
	}
	return a.replySubscription(c, changed)
}

// unmaskHeaders puts the values back that a patch left as they are shown to callers that may
// not see them, and in lists. A masked value in another place would be sent as it is, so it is
// refused.
func unmaskHeaders(headers map[string]*string, now map[string]string) error {
	for name, value := range headers {
		if value == nil {
			continue
		}
		if kept, ok := now[name]; ok && *value == signing.Mask(kept) {
			headers[name] = &kept
		} else if strings.HasPrefix(*value, "••••") {
			return invalid("/headers/"+escapePointer(name), "must be given in full: this value is masked")
		}
	}
	return nil
}

func (a *api) deleteSubscription(c *call) error {
	return c.done(a.hooks.Subscriptions.Delete(c.ctx(), c.org, c.id("subscriptionId"), c.unchanged))
}

func (a *api) removeEvent(c *call) error {
	return c.done(a.hooks.Subscriptions.RemoveEvent(c.ctx(), c.org, c.id("subscriptionId"), c.id("eventId"), c.unchanged))
}

// unchanged checks If-Match against a subscription that is about to be changed.
func (c *call) unchanged(now webhooks.Subscription) error { return c.ifMatch(now.Revision) }

// subscriptionCommand serves a change of a subscription's state.
func subscriptionCommand(do func(*subscribing, context.Context, uuid.UUID, uuid.UUID) error) func(*api, *call) error {
	return func(a *api, c *call) error {
		return c.done(do(a.hooks.Subscriptions, c.ctx(), c.org, c.id("subscriptionId")))
	}
}

// listSubscribers answers with an array without an envelope, as the reference has
// it.
func (a *api) listSubscribers(c *call) error {
	q := c.query()
	version := q.version("version")
	if err := q.err(); err != nil {
		return err
	}
	orgs := append([]uuid.UUID{}, c.caller.Organizations...)
	if c.caller.everywhere() {
		orgs = nil // all
	}
	var items [][]byte
	left, page := room(maxPage), webhooks.Page{Take: 100}
	for {
		found, err := readPage(c, false, func(maxBytes int) (webhooks.List[webhooks.Subscription], error) {
			page.MaxBytes = min(maxBytes, max(int(left), 1))
			return a.hooks.Subscriptions.Subscribers(c.ctx(), c.text["eventCode"], version, orgs, page)
		})
		if err != nil {
			return err
		}
		show, err := a.masked(c, found.Items)
		if err != nil {
			return err
		}
		for i, s := range found.Items {
			shown := show(s)
			if i == len(found.Items)-found.Truncated {
				left = 0
			}
			text, err := encode(shown)
			if !left.take(len(text)) {
				shown.truncate()
				text, err = encode(shown)
			}
			if err != nil {
				return err
			}
			items, page.After = append(items, text), s.ID
		}
		if len(found.Items) < page.Take {
			return c.send(http.StatusOK, splice([]byte("["), items, []byte("]"))...)
		}
	}
}
