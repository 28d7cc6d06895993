package httpapi

import (
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// ErrUnauthorized says that a request carries no valid credentials. The answer is a 401.
var ErrUnauthorized = errors.New("unauthorized")

// Authenticator identifies the caller of a request. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate returns the caller, or an error that is [ErrUnauthorized] if the
	// request has no valid credentials. Any other error means that the credentials cannot
	// be checked now; the answer is a 503.
	Authenticate(r *http.Request) (Caller, error)
}

// Caller is the sender of a request, with its rights.
type Caller struct {
	Subject          string      // stored as createdBy and updatedBy
	Organizations    []uuid.UUID // the caller may use their resources; an Authenticator turns names into UUIDs
	AllOrganizations bool        // the caller may use the resources of every organization
	Scopes           []Scope     // the rights within these organizations; none: every request is a 403
}

// Scope is a right of a caller.
type Scope string

// The scopes.
const (
	// ScopeRead reads the catalog, and in the caller's organizations
	// subscriptions, history and hashes.
	ScopeRead Scope = "webhooks:read"
	// ScopeManage is for customers' self-service: it reads, and in the caller's
	// organizations changes subscriptions, tests, retries and recovers. It neither sees nor
	// changes signing secrets, and has no data of the caller's signed.
	ScopeManage Scope = "webhooks:manage"
	// ScopeWrite manages, and in the caller's organizations publishes and adds
	// activities and payloads.
	ScopeWrite Scope = "webhooks:write"
	// ScopeSecrets reads, and in the caller's organizations sees and changes
	// signing secrets.
	ScopeSecrets Scope = "webhooks:secrets"
	// ScopeCatalog reads and writes categories, events and sample payloads.
	ScopeCatalog Scope = "webhooks:catalog"
	// ScopeAdmin does everything, in every organization.
	ScopeAdmin Scope = "webhooks:admin"
)

// access is the right that a route requires.
type access int

const (
	open access = iota // no credentials
	catalogRead
	catalogWrite
	tenantRead
	tenantManage
	tenantWrite // for requests after which data of the caller is signed
	tenantSecrets
	adminOnly
)

// grants lists the scopes that open a route. A caller needs one of them.
var grants = map[access][]Scope{
	catalogRead:   {ScopeRead, ScopeManage, ScopeWrite, ScopeSecrets, ScopeCatalog, ScopeAdmin},
	catalogWrite:  {ScopeCatalog, ScopeAdmin},
	tenantRead:    {ScopeRead, ScopeManage, ScopeWrite, ScopeSecrets, ScopeAdmin},
	tenantManage:  {ScopeManage, ScopeWrite, ScopeAdmin},
	tenantWrite:   {ScopeWrite, ScopeAdmin},
	tenantSecrets: {ScopeSecrets, ScopeAdmin},
	adminOnly:     {ScopeAdmin},
}

func (c Caller) may(a access) bool {
	return slices.ContainsFunc(grants[a], func(s Scope) bool { return slices.Contains(c.Scopes, s) })
}

// everywhere reports whether the caller may use the resources of every organization.
func (c Caller) everywhere() bool { return c.AllOrganizations || slices.Contains(c.Scopes, ScopeAdmin) }

// organizations returns the caller's organizations, nil for every organization.
func (c Caller) organizations() []uuid.UUID {
	if c.everywhere() {
		return nil
	}
	return append([]uuid.UUID{}, c.Organizations...)
}

func (c Caller) in(org uuid.UUID) bool {
	return c.everywhere() || slices.Contains(c.Organizations, org)
}
