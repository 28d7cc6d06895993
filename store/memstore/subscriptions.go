package memstore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type subscription struct {
	store.Subscription
	deleted    bool
	secrets    []*store.Secret // in the order in which they were added; the last is the current one
	attempts   []*attempt      // by id
	deliveries []*delivery     // by id
	health     store.Health
}

// A topic is one that an organization's subscriptions may have.
type topic struct {
	org uuid.UUID
	key string
}

func subscriptionID(sub *subscription) uuid.UUID { return sub.ID }

func (s *Store) readSubscription(sub *subscription) store.Subscription {
	out := copySubscription(sub.Subscription)
	for i, sel := range out.Selectors {
		out.Selectors[i].EventType = store.EventTypeRef{}
		if e := s.eventTypes[sel.EventTypeID]; e != nil {
			out.Selectors[i].EventType = store.EventTypeRef{Name: e.Name, Code: e.Code, Version: e.Version}
		}
	}
	return out
}

// CreateSubscription adds a subscription and its first secret.
func (s *Store) CreateSubscription(ctx context.Context, sub store.Subscription, first store.Secret) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.subscriptions[sub.ID] != nil {
		return errDuplicateID
	}
	if s.erasing(sub.OrganizationID) != nil {
		return fmt.Errorf("organization %s: %w", sub.OrganizationID, store.ErrErasing)
	}
	if err := s.checkSelectors(sub); err != nil {
		return err
	}
	added := &subscription{Subscription: copySubscription(sub)}
	added.Revision = 1
	secret := copySecret(first)
	added.secrets = []*store.Secret{&secret}
	s.subscriptions[sub.ID] = added
	s.index(added)
	s.audit(ctx)
	return nil
}

func (s *Store) checkSelectors(sub store.Subscription) error {
	for _, id := range sub.EventTypeIDs() {
		if _, err := s.eventType(id); err != nil {
			return fmt.Errorf("event type %s: %w", id, store.ErrBadReference)
		}
	}
	return nil
}

// index makes a subscription's topics lead to it.
func (s *Store) index(sub *subscription) {
	for _, key := range sub.Topics() {
		t := topic{sub.OrganizationID, key}
		if s.topics[t] == nil {
			s.topics[t] = map[*subscription]struct{}{}
		}
		s.topics[t][sub] = struct{}{}
	}
}

// unindex undoes index.
func (s *Store) unindex(sub *subscription) {
	for _, key := range sub.Topics() {
		t := topic{sub.OrganizationID, key}
		delete(s.topics[t], sub)
		if len(s.topics[t]) == 0 {
			delete(s.topics, t)
		}
	}
}

// live finds an organization's live subscriptions that have one of the topics, in
// the order of their ids.
func (s *Store) live(org uuid.UUID, topics []string) []*subscription {
	var out []*subscription
	for _, key := range topics {
		for sub := range s.topics[topic{org, key}] {
			if sub.Live() {
				out = append(out, sub)
			}
		}
	}
	sortByID(out, subscriptionID)
	return slices.Compact(out)
}

// subscription finds an organization's subscription that was not deleted.
func (s *Store) subscription(org, id uuid.UUID) (*subscription, error) {
	sub := s.subscriptions[id]
	if sub == nil || sub.deleted || sub.OrganizationID != org {
		return nil, notFound("subscription", id)
	}
	return sub, nil
}

// Subscription returns a subscription.
func (s *Store) Subscription(ctx context.Context, org, id uuid.UUID) (store.Subscription, error) {
	return read(ctx, s, func() (*subscription, error) { return s.subscription(org, id) }, s.readSubscription)
}

// Subscriptions lists the subscriptions of an organization.
func (s *Store) Subscriptions(
	ctx context.Context, org uuid.UUID, q store.SubscriptionQuery,
) (store.List[store.Subscription], error) {
	return locked(ctx, s, func() (store.List[store.Subscription], error) {
		return s.page(chosen(maps.Values(s.subscriptions), func(sub *subscription) bool {
			return sub.OrganizationID == org && !sub.deleted && q.Keeps(sub.Subscription, sub.health)
		}, subscriptionID), q.Page), nil
	})
}

// page makes a page of subscriptions.
func (s *Store) page(matching []*subscription, p store.Page) store.List[store.Subscription] {
	return store.ListOf(matching, p, subscriptionID, subscriptionSize, func(sub *subscription, whole bool) store.Subscription {
		out := s.readSubscription(sub)
		if !whole {
			out.Selectors, out.Headers, out.Filter = nil, nil, nil
		}
		return out
	})
}

func subscriptionSize(sub *subscription) int {
	n := 0
	for _, sel := range sub.Selectors {
		n += len(sel.EventTypeID) + len(sel.Pattern)
	}
	for name, value := range sub.Headers {
		n += len(name) + len(value)
	}
	for _, c := range sub.Filter {
		n += len(c.Pointer) + len(c.Value)
	}
	return n
}

// Subscribers lists the live subscriptions that have one of the topics.
func (s *Store) Subscribers(
	ctx context.Context, topics []string, orgs []uuid.UUID, page store.Page,
) (store.List[store.Subscription], error) {
	return locked(ctx, s, func() (store.List[store.Subscription], error) {
		return s.page(chosen(maps.Values(s.subscriptions), func(sub *subscription) bool {
			own := sub.Topics()
			return sub.Live() && (orgs == nil || slices.Contains(orgs, sub.OrganizationID)) &&
				slices.ContainsFunc(topics, func(t string) bool { return slices.Contains(own, t) })
		}, subscriptionID), page), nil
	})
}

// UpdateSubscription changes a subscription.
func (s *Store) UpdateSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, change func(*store.Subscription) error,
) (store.Subscription, error) {
	return locked(ctx, s, func() (store.Subscription, error) {
		sub, err := s.subscription(org, id)
		if err != nil {
			return store.Subscription{}, err
		}
		former := sub.Subscription
		changed, err := store.UpdatedSubscription(s.readSubscription(sub), change)
		if err == nil {
			err = s.checkSelectors(changed)
		}
		var news []store.NewMessage
		if err == nil {
			news, err = s.news(ctx, store.Change{})
		}
		if err != nil {
			return store.Subscription{}, err
		}
		s.unindex(sub)
		sub.Subscription = copySubscription(changed)
		s.index(sub)
		s.followChange(sub, store.QueueChangeOf(former, changed), now)
		s.audit(ctx)
		return s.readSubscription(sub), s.tell(ctx, news)
	})
}

func (s *Store) followChange(sub *subscription, change store.QueueChange, now time.Time) {
	if change.Cancel {
		s.cancelPending(sub, now)
	}
	for _, a := range sub.pending() {
		if change.Release || change.ReleaseHeld && !a.HeldUntil.IsZero() {
			s.queue(a, s.clock.Now())
		}
	}
	if change.ForgetHealth {
		sub.health = store.Health{}
	}
}

// DeleteSubscription deletes a subscription.
func (s *Store) DeleteSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, check func(store.Subscription) error,
) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	sub, err := s.subscription(org, id)
	if err != nil {
		return err
	}
	if err := allow(check, s.readSubscription(sub)); err != nil {
		return err
	}
	s.cancelPending(sub, now)
	s.markDeleted(sub)
	s.audit(ctx)
	return nil
}

// markDeleted removes everything of a subscription but its ids and its history.
func (s *Store) markDeleted(sub *subscription) {
	s.unindex(sub)
	sub.Subscription = store.Subscription{ID: sub.ID, OrganizationID: sub.OrganizationID, Revision: sub.Revision}
	sub.deleted, sub.secrets, sub.health = true, nil, store.Health{}
}

func (sub *subscription) pending() []*attempt {
	return slices.DeleteFunc(slices.Clone(sub.attempts), func(a *attempt) bool { return a.External || a.Status != store.Pending })
}

func (s *Store) cancelPending(sub *subscription, now time.Time) {
	for _, a := range sub.pending() {
		s.unqueue(a)
		a.delivery.chain.Cancel(&a.Attempt, now, "")
	}
}
