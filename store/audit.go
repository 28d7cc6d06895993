package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// AuditTrail keeps the entries of the audit trail. A method that changes records gets its entry
// with the context, see [WithAudit], and stores it in its own transaction.
type AuditTrail interface {
	// AuditEntries lists the entries that the query selects, in the order of At, then ID.
	// [Page].After is the ID of an entry.
	AuditEntries(ctx context.Context, q AuditQuery) (List[AuditEntry], error)
	// AddAuditEntry stores the entry of ctx, for a change that changes no record of the store.
	AddAuditEntry(ctx context.Context) error
	// PruneAudit removes entries that were made before the time, the oldest first and at most
	// max, and erasures that were finished before the time. It returns the number of removed
	// entries.
	PruneAudit(ctx context.Context, before time.Time, max int) (int, error)
}

// AuditEntry records one change, and never a value.
type AuditEntry struct {
	ID             uuid.UUID     // given by the caller; it never changes
	At             time.Time     // when the change was made
	Actor          string        // the caller's subject, "" if unknown
	Action         AuditAction   // the kind of the change
	Resource       AuditResource // the kind of the changed record
	ResourceID     string        // of the changed record: a UUID, of a seed its version; "" for all records of the kind
	OrganizationID uuid.UUID     // the owner of the record; zero for a record of the operator's
	RequestID      string        // of the request that asked for the change; "" if unknown
	Changes        []string      // the changed members, by the names that they have in the REST interface
}

// AuditResource is a kind of record in the audit trail, by the words of the REST interface.
type AuditResource string

// The kinds of record.
const (
	AuditCategory     AuditResource = "category"     // a category of the catalog
	AuditEventType    AuditResource = "event_type"   // an event type of the catalog
	AuditSample       AuditResource = "sample"       // a sample payload of an event type
	AuditSeed         AuditResource = "seed"         // a seed document; the id is its version
	AuditSubscription AuditResource = "subscription" // a subscription, with its secrets
	AuditActivity     AuditResource = "activity"     // an attempt that a caller asked for
	AuditRecovery     AuditResource = "recovery"     // a job that queues deliveries again
	AuditEvent        AuditResource = "event"        // a published message
	AuditOrganization AuditResource = "organization" // all records of an organization
	AuditKeys         AuditResource = "keys"         // the encryption of secrets and headers at rest; it has no id
	AuditPortalLink   AuditResource = "portal_link"  // a link that signs a person in to the portal
)

// AuditAction is the kind of a change: the kind of the record, a dot, and a word for the change.
type AuditAction string

// The actions.
const (
	ActionCategoryCreated     AuditAction = "category.created"     // in the catalog
	ActionCategoryUpdated     AuditAction = "category.updated"     // the changes name the members
	ActionCategoryActivated   AuditAction = "category.activated"   // its event types take events again
	ActionCategoryDeactivated AuditAction = "category.deactivated" // its event types take no events
	ActionCategoryArchived    AuditAction = "category.archived"    // left out of lists
	ActionCategoryRestored    AuditAction = "category.restored"    // no longer archived
	ActionCategoryDeleted     AuditAction = "category.deleted"     // gone

	ActionEventTypeCreated     AuditAction = "event_type.created"     // in the catalog
	ActionEventTypeUpdated     AuditAction = "event_type.updated"     // the changes name the members
	ActionEventTypeActivated   AuditAction = "event_type.activated"   // it takes events again
	ActionEventTypeDeactivated AuditAction = "event_type.deactivated" // it takes no events
	ActionEventTypeArchived    AuditAction = "event_type.archived"    // left out of lists
	ActionEventTypeRestored    AuditAction = "event_type.restored"    // no longer archived
	ActionEventTypeDeleted     AuditAction = "event_type.deleted"     // gone, with its samples

	ActionSampleCreated AuditAction = "sample.created" // for a version of an event type
	ActionSampleUpdated AuditAction = "sample.updated" // the changes name the members
	ActionSampleDeleted AuditAction = "sample.deleted" // gone

	ActionSeedApplied AuditAction = "seed.applied" // a seed document changed the catalog

	ActionSubscriptionCreated       AuditAction = "subscription.created"        // with its first secret
	ActionSubscriptionUpdated       AuditAction = "subscription.updated"        // the changes name the members
	ActionSubscriptionActivated     AuditAction = "subscription.activated"      // deliveries go out again
	ActionSubscriptionDeactivated   AuditAction = "subscription.deactivated"    // by a caller, or by the dispatcher as the actor "webhooks"
	ActionSubscriptionArchived      AuditAction = "subscription.archived"       // left out of lists; queued deliveries are cancelled
	ActionSubscriptionRestored      AuditAction = "subscription.restored"       // no longer archived
	ActionSubscriptionDeleted       AuditAction = "subscription.deleted"        // gone, with its secrets
	ActionSubscriptionSecretChanged AuditAction = "subscription.secret_changed" // another secret signs

	ActionActivityCreated  AuditAction = "activity.created"  // an attempt for one subscription
	ActionActivityTested   AuditAction = "activity.tested"   // a test of a subscription
	ActionActivityRetried  AuditAction = "activity.retried"  // an attempt was asked for again
	ActionActivityReported AuditAction = "activity.reported" // a caller saved the outcome of an attempt

	ActionRecoveryCreated AuditAction = "recovery.created" // the job began
	ActionRecoveryStopped AuditAction = "recovery.stopped" // by a caller

	ActionEventPayloadRemoved AuditAction = "event.payload_removed" // the body of a message, and of its responses, is gone
	ActionOrganizationErased  AuditAction = "organization.erased"   // everything of an organization goes; this entry stays

	ActionKeysRotated AuditAction = "keys.rotated" // secrets or headers were encrypted with another key, in a batch

	ActionPortalLinkCreated AuditAction = "portal_link.created" // its rights are those of the caller, or fewer
)

// AuditActions returns all actions.
func AuditActions() []AuditAction {
	return []AuditAction{
		ActionCategoryCreated, ActionCategoryUpdated, ActionCategoryActivated, ActionCategoryDeactivated,
		ActionCategoryArchived, ActionCategoryRestored, ActionCategoryDeleted, ActionEventTypeCreated,
		ActionEventTypeUpdated, ActionEventTypeActivated, ActionEventTypeDeactivated, ActionEventTypeArchived,
		ActionEventTypeRestored, ActionEventTypeDeleted, ActionSampleCreated, ActionSampleUpdated, ActionSampleDeleted,
		ActionSeedApplied, ActionSubscriptionCreated, ActionSubscriptionUpdated, ActionSubscriptionActivated,
		ActionSubscriptionDeactivated, ActionSubscriptionArchived, ActionSubscriptionRestored, ActionSubscriptionDeleted,
		ActionSubscriptionSecretChanged, ActionActivityCreated, ActionActivityTested, ActionActivityRetried,
		ActionActivityReported, ActionRecoveryCreated, ActionRecoveryStopped, ActionEventPayloadRemoved,
		ActionOrganizationErased, ActionKeysRotated, ActionPortalLinkCreated,
	}
}

// AuditResources returns all kinds of record.
func AuditResources() []AuditResource {
	return []AuditResource{
		AuditCategory, AuditEventType, AuditSample, AuditSeed, AuditSubscription, AuditActivity, AuditRecovery,
		AuditEvent, AuditOrganization, AuditKeys, AuditPortalLink,
	}
}

// AuditQuery chooses among the entries of the audit trail. Zero fields do not restrict.
type AuditQuery struct {
	OrganizationID uuid.UUID     // only entries of this organization
	Actor          string        // only entries of this actor
	Resource       AuditResource // only entries of this kind of record
	ResourceID     string        // only entries of the record with this id
	Since, Until   time.Time     // only entries in [Since, Until)
	Page                         // the part of the list
}

// Keeps reports whether a list for the query shows an entry.
func (q AuditQuery) Keeps(e AuditEntry) bool {
	return (q.OrganizationID == uuid.Nil || q.OrganizationID == e.OrganizationID) && (q.Actor == "" || q.Actor == e.Actor) &&
		(q.Resource == "" || q.Resource == e.Resource) && (q.ResourceID == "" || q.ResourceID == e.ResourceID) &&
		(q.Since.IsZero() || !e.At.Before(q.Since)) && (q.Until.IsZero() || e.At.Before(q.Until))
}

type auditKey struct{}

// WithAudit returns a context with the audit entry of a change. Each method of a store that takes
// the context and changes a record calls entry at the end of its transaction, and stores the
// result in that transaction; false means that there is no entry. Entry is not called if the
// method fails or changes nothing, and called again if the transaction is repeated. It must not
// call the store. A nil entry is none.
func WithAudit(ctx context.Context, entry func() (AuditEntry, bool)) context.Context {
	return context.WithValue(ctx, auditKey{}, entry)
}

// AuditOf returns the audit entry of the change that is made with the context. False means that
// there is none. It is for stores, see [WithAudit].
func AuditOf(ctx context.Context) (AuditEntry, bool) {
	entry, _ := ctx.Value(auditKey{}).(func() (AuditEntry, bool))
	if entry == nil {
		return AuditEntry{}, false
	}
	return entry()
}
