package httpapi

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

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
	if in.Headers != nil { // an empty object replaces damaged headers too
		out.Headers = map[string]string{}
	}
	for name, value := range in.Headers {
		if value != nil { // null means an absent header
			out.Headers[name] = *value
		}
	}
	if in.TimeoutMs != nil { // within the range of a duration, and not 0, which would mean the default
		out.Timeout = time.Duration(min(max(*in.TimeoutMs, 1), 1e9)) * time.Millisecond
	}
	if in.RateLimit != nil {
		if out.RateLimit = *in.RateLimit; out.RateLimit == 0 {
			out.RateLimit = -1 // 0 would mean no limit
		}
	}
	var err error
	if out.Filter, err = filterOf(in.Filter); err != nil {
		return out, err
	}
	out.RetrySchedule, err = in.retrySchedule()
	return out, err
}

func filterOf(conditions items) (webhooks.Filter, error) {
	if conditions == nil {
		return nil, nil
	}
	filter := webhooks.Filter{}
	for i, raw := range conditions {
		var c conditionInput
		if err := decode(raw, "/filter/"+strconv.Itoa(i), &c); err != nil {
			return nil, err
		}
		filter = append(filter, webhooks.Condition{Pointer: *c.Pointer, Op: webhooks.Op(c.Op), Value: c.Value})
	}
	return filter, nil
}

func (in subscriptionInput) retrySchedule() ([]time.Duration, error) {
	if in.RetrySchedule == nil {
		return nil, nil
	}
	schedule := make([]time.Duration, len(in.RetrySchedule))
	for i, text := range in.RetrySchedule {
		wait, err := time.ParseDuration(text)
		if err != nil {
			return nil, invalid("/retrySchedule/"+strconv.Itoa(i), `must be a wait such as "5s", "5m" or "2h"`)
		}
		schedule[i] = wait
	}
	return schedule, nil
}

// subscriptionWire is a subscription as responses show it. Events holds an
// eventRefWire or a patternWire each; in the document that is patched, strings.
type subscriptionWire struct {
	ID             uuid.UUID         `json:"id"`
	OrganizationID organizationName  `json:"organizationId"`
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
	Recent         *recentWire       `json:"recent,omitempty"`
	AuditInfo      auditInfo         `json:"auditInfo"`
	ActiveInfo     activeInfo        `json:"activeInfo"`
	ArchiveInfo    archiveInfo       `json:"archiveInfo"`
	Damaged        []string          `json:"damaged,omitempty"`
	Truncated      bool              `json:"truncated,omitempty"`
}

// recentWire summarizes the newest deliveries of a subscription.
type recentWire struct {
	Deliveries    int       `json:"deliveries"`
	Pending       int       `json:"pending"`
	LastSuccessAt timestamp `json:"lastSuccessAt"`
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

// statusWire says whether events are sent, and gives the reason if not.
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
func showSubscription(
	s webhooks.Subscription, organization organizationName, secret string, status webhooks.SubscriptionStatus,
) subscriptionWire {
	w := subscriptionWire{
		ID: s.ID, OrganizationID: organization, PostURI: optional(s.PostURI), Version: s.Version, SecretKey: secret,
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

// masked hides the secret and the header values. A damaged secret is "", and is shown as masked.
func (w subscriptionWire) masked() subscriptionWire {
	w.SecretKey, w.Headers = signing.Mask(w.SecretKey), maps.Clone(w.Headers)
	for name, value := range w.Headers {
		w.Headers[name] = signing.Mask(value)
	}
	return w
}

// waitText writes a duration without zero units: 5m, not 5m0s.
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
