package meteredstore

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// The methods of store.Subscriptions.

func (m *metered) CreateSubscription(ctx context.Context, s store.Subscription, first store.Secret) (err error) {
	defer m.called("create_subscription", m.now(), &err)
	return m.Store.CreateSubscription(ctx, s, first)
}

func (m *metered) Subscription(ctx context.Context, org, id uuid.UUID) (_ store.Subscription, err error) {
	defer m.called("subscription", m.now(), &err)
	return m.Store.Subscription(ctx, org, id)
}

func (m *metered) Subscriptions(
	ctx context.Context, org uuid.UUID, q store.SubscriptionQuery,
) (_ store.List[store.Subscription], err error) {
	defer m.called("subscriptions", m.now(), &err)
	return m.Store.Subscriptions(ctx, org, q)
}

func (m *metered) Subscribers(
	ctx context.Context, topics []string, orgs []uuid.UUID, page store.Page,
) (_ store.List[store.Subscription], err error) {
	defer m.called("subscribers", m.now(), &err)
	return m.Store.Subscribers(ctx, topics, orgs, page)
}

func (m *metered) UpdateSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, change func(*store.Subscription) error,
) (_ store.Subscription, err error) {
	defer m.called("update_subscription", m.now(), &err)
	return m.Store.UpdateSubscription(ctx, org, id, now, change)
}

func (m *metered) DeleteSubscription(
	ctx context.Context, org, id uuid.UUID, now time.Time, check func(store.Subscription) error,
) (err error) {
	defer m.called("delete_subscription", m.now(), &err)
	return m.Store.DeleteSubscription(ctx, org, id, now, check)
}

func (m *metered) Secrets(ctx context.Context, org, subscription uuid.UUID, page store.Page) (_ store.List[store.Secret], err error) {
	defer m.called("secrets", m.now(), &err)
	return m.Store.Secrets(ctx, org, subscription, page)
}

func (m *metered) SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (_ store.Secret, err error) {
	defer m.called("secret_at", m.now(), &err)
	return m.Store.SecretAt(ctx, org, subscription, at)
}

func (m *metered) AddSecret(
	ctx context.Context, org, subscription uuid.UUID, next func(store.Subscription, store.Secret) (store.Secret, error),
) (err error) {
	defer m.called("add_secret", m.now(), &err)
	return m.Store.AddSecret(ctx, org, subscription, next)
}

// The methods of store.SecretKeys.

func (m *metered) SecretsExcept(ctx context.Context, prefixes [][]byte, after uuid.UUID, max int) (_ []store.Secret, err error) {
	defer m.called("secrets_except", m.now(), &err)
	return m.Store.SecretsExcept(ctx, prefixes, after, max)
}

func (m *metered) ReplaceKeys(ctx context.Context, changes []store.KeyChange) (_ int, err error) {
	defer m.called("replace_keys", m.now(), &err)
	return m.Store.ReplaceKeys(ctx, changes)
}

func (m *metered) SubscriptionHeaders(ctx context.Context, after uuid.UUID, max int) (_ []store.SubscriptionHeaders, err error) {
	defer m.called("subscription_headers", m.now(), &err)
	return m.Store.SubscriptionHeaders(ctx, after, max)
}

func (m *metered) ReplaceHeaders(ctx context.Context, changes []store.SubscriptionHeaders) (_ int, err error) {
	defer m.called("replace_headers", m.now(), &err)
	return m.Store.ReplaceHeaders(ctx, changes)
}
