package webhooks

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/keyring"
	"github.com/ecg-api/webhooks/store"
)

// sealedStore encrypts the values of subscriptions' headers before the store gets them, and
// decrypts them for the package and the engine: they often are credentials. A value that does
// not decrypt makes the headers damaged, see [store.Subscriptions].
type sealedStore struct {
	store.Store
	ring *keyring.Ring
}

// sealedPrefix begins the stored form of an encrypted value, before its base64. A valid value of a
// header does not begin so, and is stored in the clear.
const sealedPrefix = "\x01"

// seal returns headers in their stored form: without keys, in the clear.
func (s sealedStore) seal(org, subscription uuid.UUID, headers map[string]string) map[string]string {
	if headers == nil || !s.ring.Encrypts() {
		return headers
	}
	out := make(map[string]string, len(headers))
	for name, value := range headers {
		out[name] = sealedPrefix + base64.StdEncoding.EncodeToString(s.ring.Seal(value, headerOwner(org, subscription, name)))
	}
	return out
}

// sealedValue returns the bytes of an encrypted value, nil for a value in the clear.
func sealedValue(stored string) []byte {
	text, ok := strings.CutPrefix(stored, sealedPrefix)
	if !ok {
		return nil
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return []byte{} // which does not open
	}
	return sealed
}

// openHeaders returns headers from their stored form, or an error if one of them does not open.
func (s sealedStore) openHeaders(org, subscription uuid.UUID, stored map[string]string) (map[string]string, error) {
	out := maps.Clone(stored)
	for name, value := range stored {
		sealed := sealedValue(value)
		if sealed == nil {
			continue
		}
		text, err := s.ring.Open(sealed, headerOwner(org, subscription, name))
		if err != nil {
			return nil, err
		}
		out[name] = text
	}
	return out, nil
}

// headerOwner identifies a header. A stored value that is copied to another one does not open there.
func headerOwner(org, subscription uuid.UUID, name string) []byte {
	return slices.Concat([]byte("header\x00"), org[:], subscription[:], []byte(name))
}

// open decrypts the headers of a subscription.
func (s sealedStore) open(sub *store.Subscription) {
	headers, err := s.openHeaders(sub.OrganizationID, sub.ID, sub.Headers)
	if err != nil {
		sub.Damaged = append(slices.Clone(sub.Damaged), store.MemberHeaders)
	}
	sub.Headers = headers
}

func (s sealedStore) opened(sub store.Subscription, err error) (store.Subscription, error) {
	if err == nil {
		s.open(&sub)
	}
	return sub, err
}

func (s sealedStore) openedList(list store.List[store.Subscription], err error) (store.List[store.Subscription], error) {
	for i := range list.Items {
		s.open(&list.Items[i])
	}
	return list, err
}

func (s sealedStore) CreateSubscription(ctx context.Context, sub store.Subscription, first store.Secret) error {
	sub.Headers = s.seal(sub.OrganizationID, sub.ID, sub.Headers)
	return s.Store.CreateSubscription(ctx, sub, first)
}

func (s sealedStore) Subscription(ctx context.Context, org, id uuid.UUID) (store.Subscription, error) {
	return s.opened(s.Store.Subscription(ctx, org, id))
}

func (s sealedStore) Subscriptions(
	ctx context.Context, org uuid.UUID, q store.SubscriptionQuery,
) (store.List[store.Subscription], error) {
	return s.openedList(s.Store.Subscriptions(ctx, org, q))
}

func (s sealedStore) Subscribers(
	ctx context.Context, topics []string, orgs []uuid.UUID, page store.Page,
) (store.List[store.Subscription], error) {
	return s.openedList(s.Store.Subscribers(ctx, topics, orgs, page))
}

// UpdateSubscription keeps the stored headers if the update leaves them damaged.
func (s sealedStore) UpdateSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, update func(*store.Subscription) error,
) (store.Subscription, error) {
	return s.opened(s.Store.UpdateSubscription(ctx, org, id, now, func(sub *store.Subscription) error {
		stored := sub.Headers
		s.open(sub)
		if err := update(sub); err != nil {
			return err
		}
		if slices.Contains(sub.Damaged, store.MemberHeaders) {
			sub.Headers = stored
		} else {
			sub.Headers = s.seal(org, id, sub.Headers)
		}
		return nil
	}))
}

func (s sealedStore) DeleteSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, check func(store.Subscription) error,
) error {
	if check == nil {
		return s.Store.DeleteSubscription(ctx, org, id, now, nil)
	}
	return s.Store.DeleteSubscription(ctx, org, id, now, func(sub store.Subscription) error {
		s.open(&sub)
		return check(sub)
	})
}

func (s sealedStore) AddSecret(
	ctx context.Context, org, subscription uuid.UUID, next func(store.Subscription, store.Secret) (store.Secret, error),
) error {
	return s.Store.AddSecret(ctx, org, subscription, func(sub store.Subscription, current store.Secret) (store.Secret, error) {
		s.open(&sub)
		return next(sub, current)
	})
}

func (s sealedStore) Targets(
	ctx context.Context, subscriptions []uuid.UUID, secretsSince time.Time,
) (map[uuid.UUID]store.Target, error) {
	targets, err := s.Store.Targets(ctx, subscriptions, secretsSince)
	for id, t := range targets {
		if t.Headers != nil {
			s.open(&t.Subscription)
			targets[id] = t
		}
	}
	return targets, err
}
