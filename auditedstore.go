package webhooks

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// auditedStore gives each method that changes records its entry of the audit trail, which the
// store keeps in the transaction of the change, and logs the entry. The whole package, and the
// engine, write through it. Not audited are publishes, and the queue and its upkeep.
type auditedStore struct {
	store.Store
	cfg   Config
	actor string // of changes without an actor in their context
}

// newChange begins the entry of a change.
func (s auditedStore) newChange(
	ctx context.Context, action store.AuditAction, resource store.AuditResource, id string, org uuid.UUID,
) *change {
	actor := Actor(ctx)
	if actor == "" {
		actor = s.actor
	}
	return &change{AuditEntry: store.AuditEntry{
		ID: s.cfg.NewID(), At: s.cfg.Clock.Now().UTC().Truncate(time.Millisecond), Actor: actor, Action: action,
		Resource: resource, ResourceID: id, OrganizationID: org, RequestID: RequestID(ctx),
	}}
}

// write calls a method of the store with the entry of its change, and logs the entry if it was
// stored.
func (s auditedStore) write(ctx context.Context, c *change, method func(context.Context) error) error {
	stored := false
	err := method(store.WithAudit(ctx, func() (store.AuditEntry, bool) {
		stored = !c.nothing
		return c.AuditEntry, stored
	}))
	if err != nil || !stored {
		return err
	}
	s.cfg.Logger.InfoContext(ctx, "webhooks: audit", lineOf(c.AuditEntry)...)
	return nil
}

// idNames are the names of ids in all lines of the log. The id of another resource is resourceId.
var idNames = map[store.AuditResource]string{
	store.AuditSubscription: "subscriptionId", store.AuditActivity: "attemptId", store.AuditRecovery: "recoveryId",
	store.AuditEvent: "messageId", store.AuditOrganization: "organizationId",
}

// lineOf returns the attributes of an entry for the log, without the empty ones.
func lineOf(e store.AuditEntry) []any {
	line := []any{"action", e.Action, "resource", e.Resource}
	add := func(name, value string) {
		if value != "" {
			line = append(line, name, value)
		}
	}
	add("actor", e.Actor)
	add(cmp.Or(idNames[e.Resource], "resourceId"), e.ResourceID)
	if e.OrganizationID != uuid.Nil && e.Resource != store.AuditOrganization {
		add("organizationId", e.OrganizationID.String())
	}
	if len(e.Changes) > 0 {
		line = append(line, "changes", e.Changes)
	}
	add("requestId", e.RequestID)
	return append(line, "entryId", e.ID)
}

func ignore[T any](T) {}

func (s auditedStore) CreateCategory(ctx context.Context, c store.Category) error {
	entry := s.newChange(ctx, store.ActionCategoryCreated, store.AuditCategory, c.ID.String(), uuid.Nil)
	created(entry, categoryMembers, c)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.CreateCategory(ctx, c) })
}

func (s auditedStore) UpdateCategory(
	ctx context.Context, id uuid.UUID, update func(*store.Category) error,
) (out store.Category, err error) {
	entry := s.newChange(ctx, store.ActionCategoryUpdated, store.AuditCategory, id.String(), uuid.Nil)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.UpdateCategory(ctx, id, updating(entry, categoryMembers, ignore, update))
		return err
	})
	return out, err
}

func (s auditedStore) DeleteCategory(ctx context.Context, id uuid.UUID, check func(store.Category) error) error {
	entry := s.newChange(ctx, store.ActionCategoryDeleted, store.AuditCategory, id.String(), uuid.Nil)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.DeleteCategory(ctx, id, check) })
}

func (s auditedStore) CreateEventType(ctx context.Context, e store.EventType) error {
	entry := s.newChange(ctx, store.ActionEventTypeCreated, store.AuditEventType, e.ID.String(), uuid.Nil)
	created(entry, eventTypeMembers, e)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.CreateEventType(ctx, e) })
}

func (s auditedStore) UpdateEventType(
	ctx context.Context, id uuid.UUID, update func(*store.EventType) error,
) (out store.EventType, err error) {
	entry := s.newChange(ctx, store.ActionEventTypeUpdated, store.AuditEventType, id.String(), uuid.Nil)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.UpdateEventType(ctx, id, updating(entry, eventTypeMembers, ignore, update))
		return err
	})
	return out, err
}

func (s auditedStore) DeleteEventType(ctx context.Context, id uuid.UUID, check func(store.EventType) error) error {
	entry := s.newChange(ctx, store.ActionEventTypeDeleted, store.AuditEventType, id.String(), uuid.Nil)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.DeleteEventType(ctx, id, check) })
}

func (s auditedStore) CreateSample(ctx context.Context, sample store.Sample) error {
	entry := s.newChange(ctx, store.ActionSampleCreated, store.AuditSample, sample.ID.String(), uuid.Nil)
	created(entry, sampleMembers, sample)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.CreateSample(ctx, sample) })
}

func (s auditedStore) UpdateSample(
	ctx context.Context, eventTypeID uuid.UUID, version string, update func(*store.Sample) error,
) (out store.Sample, err error) {
	entry := s.newChange(ctx, store.ActionSampleUpdated, store.AuditSample, "", uuid.Nil)
	note := func(sample store.Sample) { entry.ResourceID = sample.ID.String() }
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.UpdateSample(ctx, eventTypeID, version, updating(entry, sampleMembers, note, update))
		return err
	})
	return out, err
}

func (s auditedStore) DeleteSample(ctx context.Context, eventTypeID uuid.UUID, version string, check func(store.Sample) error) error {
	entry := s.newChange(ctx, store.ActionSampleDeleted, store.AuditSample, "", uuid.Nil)
	return s.write(ctx, entry, func(ctx context.Context) error {
		return s.Store.DeleteSample(ctx, eventTypeID, version, func(sample store.Sample) error {
			entry.ResourceID = sample.ID.String()
			if check == nil {
				return nil
			}
			return check(sample)
		})
	})
}

func (s auditedStore) ApplySeed(ctx context.Context, seed store.Seed) (applied bool, err error) {
	entry := s.newChange(ctx, store.ActionSeedApplied, store.AuditSeed, seed.Version, uuid.Nil)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		applied, err = s.Store.ApplySeed(ctx, seed)
		return err
	})
	return applied, err
}

func (s auditedStore) CreateSubscription(ctx context.Context, sub store.Subscription, first store.Secret) error {
	entry := s.newChange(ctx, store.ActionSubscriptionCreated, store.AuditSubscription, sub.ID.String(), sub.OrganizationID)
	created(entry, subscriptionMembers, sub)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.CreateSubscription(ctx, sub, first) })
}

func (s auditedStore) UpdateSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, update func(*store.Subscription) error,
) (out store.Subscription, err error) {
	entry := s.newChange(ctx, store.ActionSubscriptionUpdated, store.AuditSubscription, id.String(), org)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.UpdateSubscription(ctx, org, id, now, updating(entry, subscriptionMembers, ignore, update))
		return err
	})
	return out, err
}

func (s auditedStore) DeleteSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, check func(store.Subscription) error,
) error {
	entry := s.newChange(ctx, store.ActionSubscriptionDeleted, store.AuditSubscription, id.String(), org)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.DeleteSubscription(ctx, org, id, now, check) })
}

// closesCircuit is the key of a context in which a caller closes a circuit. Its value is the organization.
type closesCircuit struct{}

// UpdateHealth has an entry only where a caller closes a circuit that was open: the engine writes the
// health of endpoints after their answers.
func (s auditedStore) UpdateHealth(
	ctx context.Context, subscriptions []uuid.UUID, update func(subscription uuid.UUID, h *store.Health),
) error {
	org, ok := ctx.Value(closesCircuit{}).(uuid.UUID)
	if !ok {
		return s.Store.UpdateHealth(ctx, subscriptions, update)
	}
	entry := s.newChange(ctx, store.ActionSubscriptionActivated, store.AuditSubscription, subscriptions[0].String(), org)
	entry.Changes, entry.nothing = []string{"circuit"}, true
	return s.write(ctx, entry, func(ctx context.Context) error {
		return s.Store.UpdateHealth(ctx, subscriptions, func(id uuid.UUID, h *store.Health) {
			before := *h
			update(id, h)
			entry.nothing = *h == before
		})
	})
}

func (s auditedStore) AddSecret(
	ctx context.Context, org, subscription uuid.UUID, next func(store.Subscription, store.Secret) (store.Secret, error),
) error {
	entry := s.newChange(ctx, store.ActionSubscriptionSecretChanged, store.AuditSubscription, subscription.String(), org)
	entry.Changes = []string{"secretKey"}
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.AddSecret(ctx, org, subscription, next) })
}

func (s auditedStore) ReplaceKeys(ctx context.Context, changes []store.KeyChange) (n int, err error) {
	entry := s.newChange(ctx, store.ActionKeysRotated, store.AuditKeys, "", uuid.Nil)
	entry.Changes = []string{"secretKey"}
	err = s.write(ctx, entry, func(ctx context.Context) error {
		n, err = s.Store.ReplaceKeys(ctx, changes)
		return err
	})
	return n, err
}

func (s auditedStore) ReplaceHeaders(ctx context.Context, changes []store.SubscriptionHeaders) (n int, err error) {
	entry := s.newChange(ctx, store.ActionKeysRotated, store.AuditKeys, "", uuid.Nil)
	entry.Changes = []string{"headers"}
	err = s.write(ctx, entry, func(ctx context.Context) error {
		n, err = s.Store.ReplaceHeaders(ctx, changes)
		return err
	})
	return n, err
}

func (s auditedStore) AddAttempt(ctx context.Context, org, subscription uuid.UUID, a store.NewAttempt) (out store.Attempt, err error) {
	action := store.ActionActivityCreated
	switch {
	case a.Type == store.TestPost:
		action = store.ActionActivityTested
	case a.Joins():
		action = store.ActionActivityRetried
	}
	entry := s.newChange(ctx, action, store.AuditActivity, a.ID.String(), org)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.AddAttempt(ctx, org, subscription, a)
		return err
	})
	return out, err
}

func (s auditedStore) Report(
	ctx context.Context, org, subscription, attempt uuid.UUID, decide func(store.Attempt) (*store.Report, error),
) (out store.Attempt, err error) {
	entry := s.newChange(ctx, store.ActionActivityReported, store.AuditActivity, attempt.String(), org)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.Report(ctx, org, subscription, attempt, decide)
		return err
	})
	return out, err
}

func (s auditedStore) CreateRecovery(ctx context.Context, r store.Recovery) error {
	entry := s.newChange(ctx, store.ActionRecoveryCreated, store.AuditRecovery, r.ID.String(), r.OrganizationID)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.CreateRecovery(ctx, r) })
}

func (s auditedStore) StopRecovery(ctx context.Context, org, subscription, id uuid.UUID, at time.Time) error {
	entry := s.newChange(ctx, store.ActionRecoveryStopped, store.AuditRecovery, id.String(), org)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.StopRecovery(ctx, org, subscription, id, at) })
}

func (s auditedStore) CreateErasure(ctx context.Context, e store.Erasure) (out store.Erasure, err error) {
	entry := s.newChange(ctx, store.ActionOrganizationErased, store.AuditOrganization, e.OrganizationID.String(), e.OrganizationID)
	err = s.write(ctx, entry, func(ctx context.Context) error {
		out, err = s.Store.CreateErasure(ctx, e)
		return err
	})
	return out, err
}

func (s auditedStore) ExpungeMessage(ctx context.Context, org, message uuid.UUID, e store.Expunged) error {
	entry := s.newChange(ctx, store.ActionEventPayloadRemoved, store.AuditEvent, message.String(), org)
	return s.write(ctx, entry, func(ctx context.Context) error { return s.Store.ExpungeMessage(ctx, org, message, e) })
}
