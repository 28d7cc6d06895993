package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// CurrentSecret is the secret that signs, or that signed at a time.
type CurrentSecret struct {
	SecretKey Secret `json:"secretKey"` // in full: the call needs the scope for secrets

	ETag string `json:"-"` // of the subscription, for [IfMatch]
}

// SecretEntry is a secret with the time in which it was the current one.
type SecretEntry struct {
	ID           uuid.UUID     `json:"id"`           // given by the host
	SecretKey    Secret        `json:"secretKey"`    // in full: the call needs the scope for secrets
	ValidFrom    time.Time     `json:"validFrom"`    // when it became the current one
	ValidTo      time.Time     `json:"validTo"`      // zero: it is the current one
	AuditInfo    AuditInfo     `json:"auditInfo"`    // times and callers
	Subscription *Subscription `json:"subscription"` // with IncludeSubscription
	Truncated    bool          `json:"truncated"`    // the page was too large for Subscription
}

type secretInput struct {
	SecretKey string `json:"secretKey"`
}

type secretAtQuery struct {
	CreatedAt time.Time `query:"createdAt"`
}

// Secret returns the secret that was current at a time. The zero time is now.
func (s *Subscriptions) Secret(ctx context.Context, org string, id uuid.UUID, at time.Time) (CurrentSecret, error) {
	return get[CurrentSecret](ctx, s.c, subscriptionPath(org, id, "secrets"), secretAtQuery{at})
}

// RotateSecret replaces the secret by a random one. The former secret signs for a further 24 hours,
// unless the host is configured otherwise.
func (s *Subscriptions) RotateSecret(ctx context.Context, org string, id uuid.UUID, ifMatch ...IfMatch) error {
	return command(ctx, s.c, request{method: http.MethodPut, path: subscriptionPath(org, id, "secrets"), ifMatch: ifMatch})
}

// SetSecret replaces the secret by one of the caller's. The current secret again is
// [ErrSecretUnchanged].
func (s *Subscriptions) SetSecret(ctx context.Context, org string, id uuid.UUID, secret Secret) (SecretEntry, error) {
	return call[SecretEntry](ctx, s.c, request{
		method: http.MethodPost, path: subscriptionPath(org, id, "webhook-secret-histories"), body: secretInput{string(secret)},
	})
}

// Secrets yields all secrets of a subscription.
func (s *Subscriptions) Secrets(ctx context.Context, org string, id uuid.UUID, q SecretQuery) iter.Seq2[SecretEntry, error] {
	return byCursor(q.CursorQuery, func(page CursorQuery) (Page[SecretEntry], error) {
		q.CursorQuery = page
		return s.ListSecrets(ctx, org, id, q)
	})
}

// ListSecrets returns one page of the secrets of a subscription.
func (s *Subscriptions) ListSecrets(ctx context.Context, org string, id uuid.UUID, q SecretQuery) (Page[SecretEntry], error) {
	return get[Page[SecretEntry]](ctx, s.c, subscriptionPath(org, id, "webhook-secret-histories"), q)
}
