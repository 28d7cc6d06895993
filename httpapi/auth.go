package httpapi

import (
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// ErrUnauthorized says that a request carries no valid proof of who sent it. It is
// answered with 401.
var ErrUnauthorized = errors.New("unauthorized")

// Authenticator finds out who calls. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate returns the caller, or an error that is [ErrUnauthorized] if the
	// request does not prove one. Any other error means that it cannot be known now,
	// and is answered with 503.
	Authenticate(r *http.Request) (Caller, error)
}

// Caller is who sent a request, and what it may do.
type Caller struct {
	Subject          string      // ends up in createdBy and updatedBy
	Organizations    []uuid.UUID // whose things it may touch
	AllOrganizations bool        // it may touch those of all
	Scopes           []Scope
}

// Scope is something that a caller may do.
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

// access is what a route asks for.
type access int

const (
	open access = iota // no token at all
	catalogRead
	catalogWrite
	tenantRead
	tenantManage
	tenantWrite // requests that sign data of the caller's
	tenantSecrets
)

// grants says which scopes open which routes; any one of them does.
var grants = map[access][]Scope{
	catalogRead:   {ScopeRead, ScopeManage, ScopeWrite, ScopeSecrets, ScopeCatalog, ScopeAdmin},
	catalogWrite:  {ScopeCatalog, ScopeAdmin},
	tenantRead:    {ScopeRead, ScopeManage, ScopeWrite, ScopeSecrets, ScopeAdmin},
	tenantManage:  {ScopeManage, ScopeWrite, ScopeAdmin},
	tenantWrite:   {ScopeWrite, ScopeAdmin},
	tenantSecrets: {ScopeSecrets, ScopeAdmin},
}

func (c Caller) may(a access) bool {
	return slices.ContainsFunc(grants[a], func(s Scope) bool { return slices.Contains(c.Scopes, s) })
}

// everywhere reports whether the caller may touch all organizations.
func (c Caller) everywhere() bool { return c.AllOrganizations || slices.Contains(c.Scopes, ScopeAdmin) }

func (c Caller) in(org uuid.UUID) bool {
	return c.everywhere() || slices.Contains(c.Organizations, org)
}
