package webhooks

import (
	"context"
	"maps"
	"reflect"

	"github.com/ecg-api/webhooks/store"
)

// AuditTrail lists entries of the audit trail. Each change of the catalog, a subscription or a secret,
// and each test, retry, report, recovery, removal and rotation of keys made one entry, in the
// transaction of the change; a call that changed nothing made none. Entries name the changed
// members, and hold no values. Publishes and deliveries make no entry: [Dispatcher.Messages] and
// [Subscriptions.Attempts] list them. Entries are kept for Config.AuditRetention. A new
// [AuditQuery].Page takes no items: set Take.
func (w *Webhooks) AuditTrail(ctx context.Context, q AuditQuery) (List[AuditEntry], error) {
	return w.core.store.AuditEntries(ctx, q)
}

// engineActor is the actor of changes that the dispatcher makes by itself.
const engineActor = "webhooks"

// A change describes a write for its audit entry.
type change struct {
	store.AuditEntry
	nothing bool // it changed no member: there is no entry
}

// member is a member of a record, by its name in the REST interface.
type member[T any] struct {
	name  string
	value func(T) any
}

// Members of the lifecycle. A change of nothing else has an action of its own.
const (
	memberActive   = "active"
	memberArchived = "archived"
)

var (
	categoryMembers = []member[store.Category]{
		{"name", func(c store.Category) any { return c.Name }},
		{"code", func(c store.Category) any { return c.Code }},
		{"description", func(c store.Category) any { return c.Description }},
		{memberActive, func(c store.Category) any { return c.Active }},
		{memberArchived, func(c store.Category) any { return c.Archived }},
	}
	eventTypeMembers = []member[store.EventType]{
		{"name", func(e store.EventType) any { return e.Name }},
		{"code", func(e store.EventType) any { return e.Code }},
		{"version", func(e store.EventType) any { return e.Version }},
		{"description", func(e store.EventType) any { return e.Description }},
		{"schema", func(e store.EventType) any { return e.Schema }},
		{memberActive, func(e store.EventType) any { return e.Active }},
		{memberArchived, func(e store.EventType) any { return e.Archived }},
	}
	sampleMembers = []member[store.Sample]{
		{"payload", func(s store.Sample) any { return s.Payload }},
		{"version", func(s store.Sample) any { return s.Version }},
	}
	subscriptionMembers = []member[store.Subscription]{
		{"postUri", func(s store.Subscription) any { return s.PostURI }},
		{"events", func(s store.Subscription) any { return inputOf(s).Events }},
		{"version", func(s store.Subscription) any { return s.Version }},
		{"isDevelopment", func(s store.Subscription) any { return s.IsDevelopment }},
		{"description", func(s store.Subscription) any { return s.Description }},
		{"headers", func(s store.Subscription) any { return maps.Clone(s.Headers) }},
		{"timeoutMs", func(s store.Subscription) any { return s.Timeout }},
		{"retrySchedule", func(s store.Subscription) any { return s.RetrySchedule }},
		{"rateLimit", func(s store.Subscription) any { return s.RateLimit }},
		{"ordered", func(s store.Subscription) any { return s.Ordered }},
		{"filter", func(s store.Subscription) any { return s.Filter }},
		{memberActive, func(s store.Subscription) any { return s.Active }},
		{memberArchived, func(s store.Subscription) any { return s.Archived }},
	}
)

// created notes the members that a new record has.
func created[T any](c *change, members []member[T], record T) {
	for _, m := range members {
		if m.name != memberActive && m.name != memberArchived && !same(m.value(record), m.value(*new(T))) {
			c.Changes = append(c.Changes, m.name)
		}
	}
}

// updating returns an update of a record that notes the members that the update changes. Note is called
// with the record before the update.
func updating[T any](c *change, members []member[T], note func(T), update func(*T) error) func(*T) error {
	return func(record *T) error {
		note(*record)
		before := make([]any, len(members))
		for i, m := range members {
			before[i] = m.value(*record)
		}
		if err := update(record); err != nil {
			return err
		}
		c.Changes = nil // the update may be repeated
		for i, m := range members {
			if !same(before[i], m.value(*record)) {
				c.Changes = append(c.Changes, m.name)
			}
		}
		c.nothing = len(c.Changes) == 0
		c.Action = store.AuditAction(string(c.Resource) + "." + wordOf(c.Changes, members, *record))
		return nil
	}
}

// wordOf returns the second part of the action of an update.
func wordOf[T any](changes []string, members []member[T], record T) string {
	if len(changes) != 1 {
		return "updated"
	}
	for _, m := range members {
		if m.name != changes[0] {
			continue
		}
		switch on, _ := m.value(record).(bool); {
		case m.name == memberActive && on:
			return "activated"
		case m.name == memberActive:
			return "deactivated"
		case m.name == memberArchived && on:
			return "archived"
		case m.name == memberArchived:
			return "restored"
		}
	}
	return "updated"
}

// same compares values of a member. An empty list is the same as none.
func same(a, b any) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	if k := va.Kind(); (k == reflect.Slice || k == reflect.Map) && va.Len() == 0 && vb.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a, b)
}

// AuditActions returns all actions of the audit trail. Later versions may add some.
func AuditActions() []AuditAction { return store.AuditActions() }

// AuditResources returns all kinds of record in the audit trail. Later versions may add some.
func AuditResources() []AuditResource { return store.AuditResources() }
