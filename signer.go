package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

// maxSecrets is the largest number of secrets that sign one message, with the current secret.
const maxSecrets = 5

// Signer computes and validates hashes and headers of deliveries. Package signing defines the
// headers.
type Signer struct {
	*core
	private signing.PrivateKey
	public  string
}

func newSigner(k *core, private string) (*Signer, error) {
	s := &Signer{core: k}
	if private == "" {
		return s, nil
	}
	key, err := signing.ParsePrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("webhooks: Config.PrivateKey: %w", err)
	}
	s.private, s.public = key, key.Public().String()
	return s, nil
}

// PublicKey returns the key that verifies v1a signatures, whpk_ and base64, or ""
// if Config.PrivateKey is not set.
func (s *Signer) PublicKey() string { return s.public }

// Hash returns the hash and the time, in Unix milliseconds, that were sent with an attempt, or
// that would be sent now with a future attempt. It takes the ids of organization, subscription and
// attempt in this order. [ErrExpunged] if the content of the message was removed.
func (s *Signer) Hash(ctx context.Context, org, subscription, attempt uuid.UUID) (hash string, createdAt int64, err error) {
	a, err := s.store.Attempt(ctx, org, subscription, attempt)
	if err != nil {
		return "", 0, err
	}
	if a.Expunged.Is() {
		return "", 0, ErrExpunged
	}
	at := s.signedAt(a)
	key, err := s.keyAt(ctx, org, subscription, at)
	if err != nil {
		return "", 0, err
	}
	return signing.Hash(key, at.UnixMilli(), a.Body), at.UnixMilli(), nil
}

// signedAt is the time that is signed with an attempt. The caller that makes an external attempt gets
// it from [Signer.Headers] before its request.
func (s *Signer) signedAt(a Attempt) time.Time {
	switch {
	case !a.PostedAt.IsZero():
		return a.PostedAt
	case a.External:
		return a.CreatedAt
	default:
		return s.now()
	}
}

// lastMilli is the end of the year 9999, the last one that RFC 3339 can write.
var lastMilli = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()

// ValidateHash reports whether the hash is that of the body under the secret that was current at
// createdAt, in Unix milliseconds. A malformed hash is invalid, and so is a time before the first
// secret.
func (s *Signer) ValidateHash(
	ctx context.Context, org, subscription uuid.UUID, body []byte, hash string, createdAt int64,
) (bool, error) {
	if _, err := s.store.Subscription(ctx, org, subscription); err != nil {
		return false, err
	}
	// No secret begins outside these bounds, and a store may refuse such times.
	at := time.UnixMilli(min(max(createdAt, 0), lastMilli)).UTC()
	key, err := s.keyAt(ctx, org, subscription, at)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return signing.VerifyHash(key, createdAt, body, hash), nil
}

func (s *Signer) keyAt(ctx context.Context, org, subscription uuid.UUID, at time.Time) (signing.Key, error) {
	row, err := s.store.SecretAt(ctx, org, subscription, at)
	if err != nil {
		return signing.Key{}, err
	}
	return s.key(row)
}

func (s *Signer) key(row store.Secret) (signing.Key, error) {
	secret, err := s.decrypt(row)
	if err != nil {
		return signing.Key{}, err
	}
	return signing.ParseSecret(secret)
}

// forTarget returns the signer of a subscription, with the secrets that sign now. A former secret
// that cannot be decrypted does not sign; if the current secret cannot be decrypted, forTarget fails.
func (s *Signer) forTarget(t store.Target) (signing.Signer, error) {
	var keys []signing.Key
	for i, row := range t.Secrets {
		key, err := s.key(row)
		if err != nil && i == 0 {
			return nil, err
		}
		if err == nil && len(keys) < maxSecrets {
			keys = append(keys, key)
		}
	}
	return signing.NewKeySet(keys, s.private)
}

// Headers returns the headers of the attempt's POST without the subscription's own: content type,
// user agent, number of the attempt, and the signatures by the secrets that sign now.
func (s *Signer) Headers(ctx context.Context, a Attempt) (http.Header, error) {
	targets, err := s.store.Targets(ctx, []uuid.UUID{a.SubscriptionID}, s.now().Add(-s.cfg.SecretOverlap))
	if err != nil {
		return nil, err
	}
	signer, err := s.forTarget(targets[a.SubscriptionID])
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	return h, s.engine.SetHeaders(h, signer, a.Number, signing.Message{ID: a.MessageID.String(), At: s.signedAt(a), Body: a.Body})
}

// SentHeaders returns the headers with which the dispatcher posted an attempt, computed with the secrets
// that signed at that time. The own headers of the subscription are its present ones, with values as
// [signing.Mask] shows them. Headers of tracing and of the HTTP connection are missing. Nil for an
// attempt that the dispatcher has not posted, or of which body or secrets cannot be read.
func (s *Signer) SentHeaders(ctx context.Context, a Attempt) (http.Header, error) {
	if a.External || a.PostedAt.IsZero() || a.Body == nil {
		return nil, nil
	}
	targets, err := s.store.Targets(ctx, []uuid.UUID{a.SubscriptionID}, a.PostedAt.Add(-s.cfg.SecretOverlap))
	if err != nil {
		return nil, err
	}
	target := targets[a.SubscriptionID]
	target.Secrets = slices.DeleteFunc(target.Secrets, func(secret store.Secret) bool { return secret.ValidFrom.After(a.PostedAt) })
	signer, err := s.forTarget(target)
	if err != nil {
		return nil, nil //nolint:nilerr // the rest of the attempt can be read
	}
	h := http.Header{}
	for name, value := range target.Headers {
		h.Set(name, signing.Mask(value))
	}
	return h, s.engine.SetHeaders(h, signer, a.Number, signing.Message{ID: a.MessageID.String(), At: a.PostedAt, Body: a.Body})
}
