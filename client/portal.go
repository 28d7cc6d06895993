package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Scope is a right of a caller.
type Scope string

// The scopes.
const (
	ScopeRead    Scope = "webhooks:read"    // reads the catalog, subscriptions and history
	ScopeManage  Scope = "webhooks:manage"  // reads, changes subscriptions, tests, retries and recovers
	ScopeWrite   Scope = "webhooks:write"   // manages and publishes
	ScopeSecrets Scope = "webhooks:secrets" // reads, and sees and changes signing secrets
	ScopeCatalog Scope = "webhooks:catalog" // reads and changes the catalog
	ScopeAdmin   Scope = "webhooks:admin"   // does everything, in every organization
)

// PortalLinkInput says what a link to the portal allows, and for how long. Zero fields are the defaults.
type PortalLinkInput struct {
	// Scopes are the rights of the person, at most those of the caller. Default: those of webhooks:read, :manage,
	// :write and :secrets that the caller has; of webhooks:admin :manage and :secrets.
	Scopes    []Scope `json:"scopes,omitempty"`
	ExpiresIn int     `json:"expiresIn,omitempty"` // seconds for which the link can be used, 1–86,400; default 60
	Path      string  `json:"path,omitempty"`      // of the page to begin with; default: the first page
}

// PortalLink signs a person in to the portal, once.
type PortalLink struct {
	URL       string    `json:"url"`       // a secret until it is used
	ExpiresAt time.Time `json:"expiresAt"` // the time until which it can be used
}

// Format implements [fmt.Formatter]: of the address it shows the host alone.
func (l PortalLink) Format(f fmt.State, _ rune) {
	host := ""
	if u, err := url.Parse(l.URL); err == nil {
		host = u.Host
	}
	_, _ = fmt.Fprintf(f, "{host:%s expiresAt:%s}", host, l.ExpiresAt)
}

// PortalLink makes a link that signs a person in to the portal, in an organization.
func (c *Client) PortalLink(ctx context.Context, org string, in PortalLinkInput) (PortalLink, error) {
	return call[PortalLink](ctx, c, request{
		method: http.MethodPost, path: organizationPath(org, "portal-links"), body: in,
	})
}
