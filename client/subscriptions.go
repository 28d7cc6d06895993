package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/google/uuid"
)

// Subscriptions keeps the subscriptions of organizations, with their secrets and their history.
// Its methods take the name of an organization: see the comment of the package.
type Subscriptions struct{ c *Client }

func organizationPath(org string, more ...string) []string {
	return append([]string{"api", "organizations", org}, more...)
}

func subscriptionPath(org string, id uuid.UUID, more ...string) []string {
	return organizationPath(org, append([]string{"webhook-subscriptions", id.String()}, more...)...)
}

// Create adds a subscription. A caller with the scope for secrets gets the SecretKey in full.
func (s *Subscriptions) Create(ctx context.Context, org string, in SubscriptionInput) (Subscription, error) {
	return call[Subscription](ctx, s.c, request{method: http.MethodPost, path: organizationPath(org, "webhook-subscriptions"), body: in})
}

// All yields all subscriptions of an organization that the query selects.
func (s *Subscriptions) All(ctx context.Context, org string, q SubscriptionQuery) iter.Seq2[Subscription, error] {
	return byNumber(q.ListQuery, func(page ListQuery) (Page[Subscription], error) {
		q.ListQuery = page
		return s.List(ctx, org, q)
	})
}

// List returns one page of the subscriptions of an organization.
func (s *Subscriptions) List(ctx context.Context, org string, q SubscriptionQuery) (Page[Subscription], error) {
	return get[Page[Subscription]](ctx, s.c, organizationPath(org, "webhook-subscriptions"), q)
}

type subscriberQuery struct {
	Version string `query:"version"`
}

// Subscribers returns the active subscriptions to an event type, of all organizations of the
// caller. The version "" is any.
func (s *Subscriptions) Subscribers(ctx context.Context, code, version string) ([]Subscription, error) {
	return get[[]Subscription](ctx, s.c, []string{"api", "webhook-events", code, "subscriptions"}, subscriberQuery{version})
}

// Defaults returns the settings of subscriptions that have none of their own.
func (s *Subscriptions) Defaults(ctx context.Context) (DeliveryDefaults, error) {
	return get[DeliveryDefaults](ctx, s.c, []string{"api", "delivery-defaults"}, nil)
}

// Get returns one subscription.
func (s *Subscriptions) Get(ctx context.Context, org string, id uuid.UUID) (Subscription, error) {
	return get[Subscription](ctx, s.c, subscriptionPath(org, id), nil)
}

// Update changes members of a subscription: the members of [SubscriptionInput]. In the document that is
// patched, /events is an array of IDs and patterns.
func (s *Subscriptions) Update(ctx context.Context, org string, id uuid.UUID, patch Patch, ifMatch ...IfMatch) (Subscription, error) {
	return call[Subscription](ctx, s.c, request{method: http.MethodPatch, path: subscriptionPath(org, id), body: patch, ifMatch: ifMatch})
}

// Delete deletes a subscription and cancels its queued attempts.
func (s *Subscriptions) Delete(ctx context.Context, org string, id uuid.UUID, ifMatch ...IfMatch) error {
	return command(ctx, s.c, request{method: http.MethodDelete, path: subscriptionPath(org, id), ifMatch: ifMatch, repeat: true})
}

// RemoveEvent takes an event type off a subscription.
func (s *Subscriptions) RemoveEvent(ctx context.Context, org string, id, eventType uuid.UUID, ifMatch ...IfMatch) error {
	return command(ctx, s.c, request{
		method: http.MethodDelete, path: subscriptionPath(org, id, "events", eventType.String()), ifMatch: ifMatch, repeat: true,
	})
}

// Activate activates a subscription: queued attempts are sent. Of an active subscription it closes
// an open circuit.
func (s *Subscriptions) Activate(ctx context.Context, org string, id uuid.UUID) error {
	return s.command(ctx, org, id, "activate")
}

// Deactivate deactivates a subscription: queued attempts wait.
func (s *Subscriptions) Deactivate(ctx context.Context, org string, id uuid.UUID) error {
	return s.command(ctx, org, id, "deactivate")
}

// Archive archives a subscription and cancels its queued attempts.
func (s *Subscriptions) Archive(ctx context.Context, org string, id uuid.UUID) error {
	return s.command(ctx, org, id, "archive")
}

// Restore restores an archived subscription.
func (s *Subscriptions) Restore(ctx context.Context, org string, id uuid.UUID) error {
	return s.command(ctx, org, id, "restore")
}

func (s *Subscriptions) command(ctx context.Context, org string, id uuid.UUID, verb string) error {
	return command(ctx, s.c, request{method: http.MethodPost, path: subscriptionPath(org, id, verb), repeat: true})
}
