package memstore

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

type subscription struct {
	store.Subscription
	deleted  bool
	secrets  []store.Secret // oldest first
	attempts []*attempt     // by id
}

// CreateSubscription implements [store.Subscriptions].
func (s *Store) CreateSubscription(ctx context.Context, sub store.Subscription, first store.Secret) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !s.selectable(sub.Selectors) {
		return store.ErrBadReference
	}
	sub.Revision = 1
	kept := &subscription{Subscription: copySubscription(sub), secrets: []store.Secret{copySecret(first)}}
	s.subscriptions[sub.ID] = kept
	s.index(kept)
	return nil
}

func (s *Store) selectable(selectors []store.Selector) bool {
	return !slices.ContainsFunc(selectors, func(sel store.Selector) bool {
		return sel.Pattern == "" && s.live(sel.EventTypeID) == nil
	})
}

func (s *Store) index(sub *subscription) {
	for _, topic := range sub.Topics() {
		if s.topics[topic] == nil {
			s.topics[topic] = map[uuid.UUID]*subscription{}
		}
		s.topics[topic][sub.ID] = sub
	}
}

func (s *Store) unindex(sub *subscription) {
	for _, topic := range sub.Topics() {
		delete(s.topics[topic], sub.ID)
		if len(s.topics[topic]) == 0 {
			delete(s.topics, topic)
		}
	}
}

// owned returns a subscription of the organization that is not deleted.
func (s *Store) owned(org, id uuid.UUID) (*subscription, error) {
	sub := s.subscriptions[id]
	if sub == nil || sub.deleted || sub.OrganizationID != org {
		return nil, store.ErrNotFound
	}
	return sub, nil
}

// show returns a copy of the subscription with its selectors filled in.
func (s *Store) show(sub *subscription) store.Subscription {
	out := copySubscription(sub.Subscription)
	for i, sel := range out.Selectors {
		out.Selectors[i].EventType = store.EventTypeRef{}
		if e := s.types[sel.EventTypeID]; e != nil && sel.Pattern == "" {
			out.Selectors[i].EventType = store.EventTypeRef{Name: e.Name, Code: e.Code, Version: e.Version}
		}
	}
	return out
}

func copySubscription(s store.Subscription) store.Subscription {
	s.Selectors = slices.Clone(s.Selectors)
	s.Headers = maps.Clone(s.Headers)
	s.RetrySchedule = slices.Clone(s.RetrySchedule)
	return s
}

// Subscription implements [store.Subscriptions].
func (s *Store) Subscription(ctx context.Context, org, id uuid.UUID) (store.Subscription, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Subscription{}, err
	}
	defer unlock()
	sub, err := s.owned(org, id)
	if err != nil {
		return store.Subscription{}, err
	}
	return s.show(sub), nil
}

// Subscriptions implements [store.Subscriptions].
func (s *Store) Subscriptions(ctx context.Context, org uuid.UUID, q store.SubscriptionQuery) (store.List[store.Subscription], error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.List[store.Subscription]{}, err
	}
	defer unlock()
	var found []store.Subscription
	for _, sub := range s.subscriptions {
		if sub.OrganizationID == org && !sub.deleted && q.Archived.Keeps(sub.Archived) &&
			(q.Version == "" || q.Version == sub.Version) &&
			(q.EventTypeID == uuid.Nil || lists(sub.Subscription, q.EventTypeID)) {
			found = append(found, s.show(sub))
		}
	}
	return list(found, func(sub store.Subscription) uuid.UUID { return sub.ID }, q.Page), nil
}

func lists(sub store.Subscription, eventType uuid.UUID) bool {
	return slices.ContainsFunc(sub.Selectors, func(sel store.Selector) bool {
		return sel.Pattern == "" && sel.EventTypeID == eventType
	})
}

// Subscribers implements [store.Subscriptions].
func (s *Store) Subscribers(ctx context.Context, topics []string, orgs []uuid.UUID) ([]store.Subscription, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var out []store.Subscription
	for _, sub := range s.match(topics) {
		if orgs == nil || slices.Contains(orgs, sub.OrganizationID) {
			out = append(out, s.show(sub))
		}
	}
	return out, nil
}

// match returns the live subscriptions that have one of the topics, by id.
func (s *Store) match(topics []string) []*subscription {
	found := map[uuid.UUID]*subscription{}
	for _, topic := range topics {
		for id, sub := range s.topics[topic] {
			if sub.Live() && !sub.deleted {
				found[id] = sub
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b *subscription) int { return compare(a.ID, b.ID) })
}

// UpdateSubscription implements [store.Subscriptions].
func (s *Store) UpdateSubscription(ctx context.Context, org, id uuid.UUID, at time.Time, change func(*store.Subscription) error) (store.Subscription, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Subscription{}, err
	}
	defer unlock()
	sub, err := s.owned(org, id)
	if err != nil {
		return store.Subscription{}, err
	}
	next := s.show(sub)
	if err := change(&next); err != nil {
		return store.Subscription{}, err
	}
	if !s.selectable(next.Selectors) {
		return store.Subscription{}, store.ErrBadReference
	}
	old := sub.Subscription
	next.ID, next.OrganizationID, next.Revision = id, org, old.Revision+1
	s.unindex(sub)
	sub.Subscription = copySubscription(next)
	s.index(sub)
	switch {
	case next.Archived && !old.Archived:
		s.cancelPending(sub, at, "the subscription was archived")
	case next.Live() && !old.Live():
		s.makeDue(sub, at)
	}
	return s.show(sub), nil
}

// DeleteSubscription implements [store.Subscriptions].
func (s *Store) DeleteSubscription(ctx context.Context, org, id uuid.UUID, at time.Time, check func(store.Subscription) error) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	sub, err := s.owned(org, id)
	if err != nil {
		return err
	}
	if check != nil {
		if err := check(s.show(sub)); err != nil {
			return err
		}
	}
	s.unindex(sub)
	sub.deleted = true
	sub.Revision++
	s.cancelPending(sub, at, "the subscription was deleted")
	return nil
}

func (s *Store) cancelPending(sub *subscription, at time.Time, why string) {
	for _, a := range sub.attempts {
		if a.Status == store.Pending && a.dueAt != nil {
			s.end(a, store.Cancelled, at)
			a.Error = why
		}
	}
}

func (s *Store) makeDue(sub *subscription, at time.Time) {
	for _, a := range sub.attempts {
		if a.Status == store.Pending && a.dueAt != nil {
			s.schedule(a, at)
		}
	}
	s.wake()
}

// Secrets implements [store.Subscriptions].
func (s *Store) Secrets(ctx context.Context, org, id uuid.UUID, page store.Page) (store.List[store.Secret], error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.List[store.Secret]{}, err
	}
	defer unlock()
	sub, err := s.owned(org, id)
	if err != nil {
		return store.List[store.Secret]{}, err
	}
	var found []store.Secret
	for _, secret := range sub.secrets {
		found = append(found, copySecret(secret))
	}
	return list(found, func(s store.Secret) uuid.UUID { return s.ID }, page), nil
}

// SecretAt implements [store.Subscriptions].
func (s *Store) SecretAt(ctx context.Context, org, id uuid.UUID, at time.Time) (store.Secret, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return store.Secret{}, err
	}
	defer unlock()
	sub, err := s.owned(org, id)
	if err != nil {
		return store.Secret{}, err
	}
	for _, secret := range slices.Backward(sub.secrets) {
		if !secret.ValidFrom.After(at) {
			return copySecret(secret), nil
		}
	}
	return store.Secret{}, store.ErrNotFound
}

// AddSecret implements [store.Subscriptions].
func (s *Store) AddSecret(ctx context.Context, org, id uuid.UUID, next func(store.Secret) (store.Secret, error)) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	sub, err := s.owned(org, id)
	if err != nil {
		return err
	}
	current := &sub.secrets[len(sub.secrets)-1]
	secret, err := next(copySecret(*current))
	if err != nil {
		return err
	}
	current.ValidTo = secret.ValidFrom
	current.UpdatedAt, current.UpdatedBy = secret.CreatedAt, secret.CreatedBy
	secret.OrganizationID, secret.SubscriptionID, secret.ValidTo = org, id, time.Time{}
	sub.secrets = append(sub.secrets, copySecret(secret))
	sub.Revision++
	return nil
}

func copySecret(s store.Secret) store.Secret {
	s.Key = bytes.Clone(s.Key)
	return s
}
