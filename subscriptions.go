package webhooks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// Subscriptions manages the subscriptions of organizations, their secrets and their history. A
// method that takes an organization does not see subscriptions of other organizations. Update,
// Delete and the state changes work as in [Registry].
//
// Methods take the organization's id before the subscription's, and that before the id of an
// event type, attempt or delivery.
type Subscriptions struct{ *core }

// Create adds a subscription and returns it with its first signing secret, which is
// random. A *[ValidationError] names the wrong fields of the input, or org if that is the nil UUID.
// [ErrEventInactive] if a listed event type is inactive or archived.
func (s *Subscriptions) Create(ctx context.Context, org uuid.UUID, in SubscriptionInput) (Subscription, string, error) {
	if err := checkOrganization(org); err != nil {
		return Subscription{}, "", err
	}
	id, audit := s.created(ctx)
	sub := Subscription{
		ID: id, OrganizationID: org, Audit: audit, Revision: 1,
		Lifecycle: store.Lifecycle{Active: true, ActiveChangedAt: audit.CreatedAt},
	}
	if err := s.apply(ctx, &sub, in); err != nil {
		return Subscription{}, "", err
	}
	secret := signing.NewSecret()
	first := s.newSecret(sub, audit, secret)
	if err := s.store.CreateSubscription(ctx, sub, first); err != nil {
		return Subscription{}, "", eventTypeDeleted(err)
	}
	sub, err := s.store.Subscription(ctx, org, id)
	return sub, secret, err
}

// DeliveryDefaults are the parts of the configuration that a customer feels.
type DeliveryDefaults struct {
	Timeout       time.Duration   // of an attempt, for subscriptions without one
	RetrySchedule []time.Duration // the waits between attempts, for subscriptions without a schedule
	SecretOverlap time.Duration   // for which a replaced secret still signs
}

// Defaults returns the settings that hold for a subscription that has none of its own. It does not call the store.
func (s *Subscriptions) Defaults() DeliveryDefaults {
	return DeliveryDefaults{Timeout: s.cfg.Timeout, RetrySchedule: slices.Clone(s.cfg.RetrySchedule), SecretOverlap: s.cfg.SecretOverlap}
}

// Get returns a subscription, archived or not.
func (s *Subscriptions) Get(ctx context.Context, org, id uuid.UUID) (Subscription, error) {
	return s.store.Subscription(ctx, org, id)
}

// List lists an organization's subscriptions in the order of their creation.
func (s *Subscriptions) List(ctx context.Context, org uuid.UUID, q SubscriptionQuery) (List[Subscription], error) {
	return s.store.Subscriptions(ctx, org, q)
}

// Subscribers lists the live subscriptions to an event type by its code: to one version, or to
// every version if version is "", and of the given organizations, or of all if orgs is nil.
// ErrNotFound if no such event type exists.
func (s *Subscriptions) Subscribers(
	ctx context.Context, code, version string, orgs []uuid.UUID, page Page,
) (List[Subscription], error) {
	types, err := s.store.EventTypes(ctx, uuid.Nil, IncludeArchived, wholeCatalog)
	if err != nil {
		return List[Subscription]{}, err
	}
	var topics []string
	for _, t := range types.Items {
		if t.Code == code && (version == "" || t.Version == version) {
			topics = append(topics, store.Topics(t.ID, t.Code, t.Version)...)
		}
	}
	if topics == nil {
		return List[Subscription]{}, ErrNotFound
	}
	return s.store.Subscribers(ctx, topics, orgs, page)
}

// wholeCatalog is the page of all event types. Its bound on bytes leaves nearly all schemas out.
var wholeCatalog = Page{Take: 100_000, MaxBytes: 1}

// Update changes a subscription. It fails as [Subscriptions.Create] does. Change may be called
// more than once.
func (s *Subscriptions) Update(
	ctx context.Context, org, id uuid.UUID, change func(now Subscription, in *SubscriptionInput) error,
) (Subscription, error) {
	defer s.engine.Forget(id)
	for {
		now, err := s.store.Subscription(ctx, org, id)
		if err != nil {
			return Subscription{}, err
		}
		if err := editable(now.Lifecycle); err != nil {
			return Subscription{}, err
		}
		in := inputOf(now)
		if err := change(now, &in); err != nil {
			return Subscription{}, err
		}
		next := now
		if err := s.apply(ctx, &next, in); err != nil { // it reads event types, so it cannot run inside the store's update
			return Subscription{}, err
		}
		s.touch(ctx, &next.Audit)
		sub, err := s.store.UpdateSubscription(ctx, org, id, next.UpdatedAt, func(current *Subscription) error {
			if current.Revision != now.Revision {
				return errChanged
			}
			*current = next
			return nil
		})
		if !errors.Is(err, errChanged) {
			return sub, eventTypeDeleted(err)
		}
	}
}

// errChanged says that the subscription was changed after it was read: Update tries again.
var errChanged = errors.New("changed meanwhile")

// RemoveEvent removes an event type from a subscription, given the ids of organization,
// subscription and event type in this order. ErrNotFound if the subscription does not list the
// event type by its id. Check is as in [Subscriptions.RotateSecret].
func (s *Subscriptions) RemoveEvent(ctx context.Context, org, id, eventType uuid.UUID, check func(Subscription) error) error {
	_, err := s.store.UpdateSubscription(ctx, org, id, s.now(), func(sub *Subscription) error {
		if err := runCheck(*sub, check); err != nil {
			return err
		}
		if err := editable(sub.Lifecycle); err != nil {
			return err
		}
		for i, sel := range sub.Selectors {
			if sel.EventTypeID == eventType && sel.Pattern == "" {
				sub.Selectors = append(sub.Selectors[:i:i], sub.Selectors[i+1:]...)
				s.touch(ctx, &sub.Audit)
				return nil
			}
		}
		return ErrNotFound
	})
	return err
}

// runCheck calls a caller's check, unless it is nil.
func runCheck(sub Subscription, check func(Subscription) error) error {
	if check == nil {
		return nil
	}
	return check(sub)
}

// Delete removes a subscription with its secrets, and cancels its queued attempts. Its history
// can no longer be read, and is deleted after Config.Retention.
func (s *Subscriptions) Delete(ctx context.Context, org, id uuid.UUID, check func(Subscription) error) error {
	defer s.engine.Forget(id)
	return s.store.DeleteSubscription(ctx, org, id, s.now(), check)
}

// Activate starts deliveries; waiting ones are sent too. It closes an open circuit, also of an
// active subscription. [ErrPostURIMissing] if the subscription has no URL.
func (s *Subscriptions) Activate(ctx context.Context, org, id uuid.UUID) error {
	active := false
	err := s.move(ctx, org, id, func(sub *Subscription) (transition, error) {
		if sub.PostURI == "" && !sub.Archived {
			return nil, ErrPostURIMissing
		}
		active = sub.Active
		sub.InactiveReason = ""
		return activate, nil
	})
	if err != nil {
		return err
	}
	if active { // the audit trail has no entry of this call yet
		ctx = context.WithValue(ctx, closesCircuit{}, org)
	}
	return s.engine.CloseCircuit(ctx, org, id)
}

// Deactivate stops deliveries. Queued attempts wait; an event that is published meanwhile makes
// no delivery.
func (s *Subscriptions) Deactivate(ctx context.Context, org, id uuid.UUID) error {
	return s.move(ctx, org, id, func(*Subscription) (transition, error) { return deactivate, nil })
}

// Archive hides the subscription from lists, refuses changes of it and cancels its queued
// attempts.
func (s *Subscriptions) Archive(ctx context.Context, org, id uuid.UUID) error {
	return s.move(ctx, org, id, func(*Subscription) (transition, error) { return archive, nil })
}

// Restore undoes [Subscriptions.Archive]. Cancelled attempts stay cancelled.
func (s *Subscriptions) Restore(ctx context.Context, org, id uuid.UUID) error {
	return s.move(ctx, org, id, func(*Subscription) (transition, error) { return restore, nil })
}

func (s *Subscriptions) move(ctx context.Context, org, id uuid.UUID, choose func(*Subscription) (transition, error)) error {
	defer s.engine.Forget(id)
	_, err := s.store.UpdateSubscription(ctx, org, id, s.now(), func(sub *Subscription) error {
		to, err := choose(sub)
		if err != nil {
			return err
		}
		return s.core.move(ctx, &sub.Lifecycle, &sub.Audit, to)
	})
	return ignoreUnchanged(err)
}
