package memstore

import (
	"context"
	"fmt"
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
	if err := s.checkSelectors(sub); err != nil {
		return err
	}
	added := &subscription{Subscription: copySubscription(sub)}
	added.Revision = 1
	secret := copySecret(first)
	added.secrets = []*store.Secret{&secret}
	s.subscriptions[sub.ID] = added
	s.index(added)
	return nil
}

func (s *Store) checkSelectors(sub store.Subscription) error {
	for _, sel := range sub.Selectors {
		if sel.Pattern != "" {
			continue
		}
		if _, err := s.eventType(sel.EventTypeID); err != nil {
			return fmt.Errorf("event type %s: %w", sel.EventTypeID, store.ErrBadReference)
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

// selecting finds all subscriptions that select an event type by its id.
func (s *Store) selecting(eventType uuid.UUID) []*subscription {
	var out []*subscription
	for _, sub := range s.subscriptions {
		if !sub.deleted && sub.selects(eventType) {
			out = append(out, sub)
		}
	}
	return out
}

func (sub *subscription) selects(eventType uuid.UUID) bool {
	return slices.ContainsFunc(sub.Selectors, func(sel store.Selector) bool {
		return sel.Pattern == "" && sel.EventTypeID == eventType
	})
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
	if err := s.lock(ctx); err != nil {
		return store.Subscription{}, err
	}
	defer s.unlock()
	sub, err := s.subscription(org, id)
	if err != nil {
		return store.Subscription{}, err
	}
	return s.readSubscription(sub), nil
}

// Subscriptions lists the subscriptions of an organization.
func (s *Store) Subscriptions(
	ctx context.Context, org uuid.UUID, q store.SubscriptionQuery,
) (store.List[store.Subscription], error) {
	if err := s.lock(ctx); err != nil {
		return store.List[store.Subscription]{}, err
	}
	defer s.unlock()
	var matching []*subscription
	for _, sub := range s.subscriptions {
		if sub.OrganizationID == org && !sub.deleted && q.Archived.Keeps(sub.Archived) &&
			(q.Version == "" || q.Version == sub.Version) &&
			(q.EventTypeID == uuid.Nil || sub.selects(q.EventTypeID)) {
			matching = append(matching, sub)
		}
	}
	sortByID(matching, subscriptionID)
	return s.page(matching, q.Page), nil
}

// page makes a page of subscriptions.
func (s *Store) page(matching []*subscription, p store.Page) store.List[store.Subscription] {
	return boundedList(matching, subscriptionID, p, subscriptionSize, func(sub *subscription, whole bool) store.Subscription {
		shown := subscription{Subscription: sub.Subscription}
		if !whole {
			shown.Selectors, shown.Headers, shown.Filter = nil, nil, nil
		}
		return s.readSubscription(&shown)
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
	if err := s.lock(ctx); err != nil {
		return store.List[store.Subscription]{}, err
	}
	defer s.unlock()
	if orgs == nil {
		for _, sub := range s.subscriptions {
			orgs = append(orgs, sub.OrganizationID)
		}
	}
	var found []*subscription
	for _, org := range orgs {
		found = append(found, s.live(org, topics)...)
	}
	sortByID(found, subscriptionID)
	return s.page(slices.Compact(found), page), nil
}

// UpdateSubscription changes a subscription.
func (s *Store) UpdateSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, change func(*store.Subscription) error,
) (store.Subscription, error) {
	if err := s.lock(ctx); err != nil {
		return store.Subscription{}, err
	}
	defer s.unlock()
	sub, err := s.subscription(org, id)
	if err != nil {
		return store.Subscription{}, err
	}
	changed := s.readSubscription(sub)
	if err := change(&changed); err != nil {
		return store.Subscription{}, err
	}
	if err := s.checkSelectors(changed); err != nil {
		return store.Subscription{}, err
	}
	changed.ID, changed.OrganizationID, changed.Revision = sub.ID, sub.OrganizationID, sub.Revision+1
	former := sub.Subscription
	s.unindex(sub)
	sub.Subscription = copySubscription(changed)
	s.index(sub)
	if sub.Archived && !former.Archived {
		s.cancelPending(sub, now)
	}
	switch {
	case sub.Live() && !former.Live():
		for _, a := range sub.pending() {
			s.queue(a, time.Now())
		}
		sub.health = store.Health{}
	case sub.PostURI != former.PostURI:
		s.release(sub)
		sub.health = store.Health{}
	}
	return s.readSubscription(sub), nil
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
	if check != nil {
		if err := check(s.readSubscription(sub)); err != nil {
			return err
		}
	}
	s.unindex(sub)
	s.cancelPending(sub, now)
	sub.Subscription = store.Subscription{ID: sub.ID, OrganizationID: sub.OrganizationID, Revision: sub.Revision}
	sub.deleted, sub.secrets, sub.health = true, nil, store.Health{}
	return nil
}

func (sub *subscription) pending() []*attempt {
	var out []*attempt
	for _, a := range sub.attempts {
		if a.pending() {
			out = append(out, a)
		}
	}
	return out
}

func (s *Store) cancelPending(sub *subscription, now time.Time) {
	for _, a := range sub.pending() {
		s.finish(a, store.Cancelled)
		a.UpdatedAt, a.UpdatedBy = stored(now), ""
	}
}
