package memstore

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

func secretID(secret *store.Secret) uuid.UUID { return secret.ID }

// Secrets lists the secrets of a subscription.
func (s *Store) Secrets(
	ctx context.Context, org, subscription uuid.UUID, page store.Page,
) (store.List[store.Secret], error) {
	return locked(ctx, s, func() (out store.List[store.Secret], err error) {
		sub, err := s.subscription(org, subscription)
		if err != nil {
			return out, err
		}
		byID := slices.Clone(sub.secrets)
		sortByID(byID, secretID)
		return list(byID, page, secretID, func(secret *store.Secret) store.Secret { return copySecret(*secret) }), nil
	})
}

// SecretAt returns the secret that was current at the time.
func (s *Store) SecretAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (store.Secret, error) {
	if err := s.lock(ctx); err != nil {
		return store.Secret{}, err
	}
	defer s.unlock()
	sub, err := s.subscription(org, subscription)
	if err != nil {
		return store.Secret{}, err
	}
	for _, secret := range sub.secrets {
		if !at.Before(secret.ValidFrom) && (secret.ValidTo.IsZero() || at.Before(secret.ValidTo)) {
			return copySecret(*secret), nil
		}
	}
	return store.Secret{}, fmt.Errorf("secret of subscription %s at %s: %w", subscription, at, store.ErrNotFound)
}

// AddSecret adds a secret and makes it the current one.
func (s *Store) AddSecret(
	ctx context.Context, org, subscription uuid.UUID, next func(store.Subscription, store.Secret) (store.Secret, error),
) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	sub, err := s.subscription(org, subscription)
	if err != nil {
		return err
	}
	former := sub.secrets[len(sub.secrets)-1]
	added, err := next(s.readSubscription(sub), copySecret(*former))
	if err != nil {
		return err
	}
	added = copySecret(added)
	added.ValidTo = time.Time{}
	former.ValidTo = added.ValidFrom
	former.UpdatedAt, former.UpdatedBy = added.CreatedAt, added.CreatedBy
	sub.secrets = append(sub.secrets, &added)
	sub.Revision++
	s.audit(ctx)
	return nil
}

// SecretsExcept lists the secrets of all that begin with none of the prefixes.
func (s *Store) SecretsExcept(ctx context.Context, prefixes [][]byte, after uuid.UUID, max int) ([]store.Secret, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	var found []*store.Secret
	for _, sub := range s.subscriptions {
		for _, secret := range sub.secrets {
			begins := func(prefix []byte) bool { return bytes.HasPrefix(secret.Key, prefix) }
			if bytes.Compare(secret.ID[:], after[:]) > 0 && !slices.ContainsFunc(prefixes, begins) {
				found = append(found, secret)
			}
		}
	}
	sortByID(found, secretID)
	out := make([]store.Secret, 0, min(max, len(found)))
	for _, secret := range found[:min(max, len(found))] {
		out = append(out, copySecret(*secret))
	}
	return out, nil
}

// ReplaceKeys gives secrets another Key.
func (s *Store) ReplaceKeys(ctx context.Context, changes []store.KeyChange) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.unlock()
	byID := map[uuid.UUID]store.KeyChange{}
	for _, change := range changes {
		byID[change.SecretID] = change
	}
	n := 0
	for _, sub := range s.subscriptions {
		for _, secret := range sub.secrets {
			if change, ok := byID[secret.ID]; ok && bytes.Equal(secret.Key, change.From) {
				secret.Key = bytes.Clone(change.To)
				n++
			}
		}
	}
	if n > 0 {
		s.audit(ctx)
	}
	return n, nil
}

// SubscriptionHeaders lists the headers of subscriptions.
func (s *Store) SubscriptionHeaders(ctx context.Context, after uuid.UUID, max int) ([]store.SubscriptionHeaders, error) {
	return locked(ctx, s, func() (out []store.SubscriptionHeaders, err error) {
		with := chosen(maps.Values(s.subscriptions), func(sub *subscription) bool {
			return sub.Headers != nil && compare(sub.ID, after) > 0
		}, subscriptionID)
		for _, sub := range with[:min(max, len(with))] {
			out = append(out, store.SubscriptionHeaders{
				OrganizationID: sub.OrganizationID, SubscriptionID: sub.ID, Revision: sub.Revision, Headers: maps.Clone(sub.Headers),
			})
		}
		return out, nil
	})
}

// ReplaceHeaders gives subscriptions other headers.
func (s *Store) ReplaceHeaders(ctx context.Context, changes []store.SubscriptionHeaders) (int, error) {
	return locked(ctx, s, func() (n int, err error) {
		for _, change := range changes {
			if sub := s.subscriptions[change.SubscriptionID]; sub != nil && !sub.deleted && sub.Revision == change.Revision {
				sub.Headers = maps.Clone(change.Headers)
				n++
			}
		}
		if n > 0 {
			s.audit(ctx)
		}
		return n, nil
	})
}
