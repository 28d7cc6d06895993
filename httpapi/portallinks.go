package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const portalLinksPath = organizationPath + "/portal-links"

// PortalLinks makes links to the portal. Links of package portal is one. It is safe for concurrent use.
type PortalLinks interface {
	// Link returns the address of a link that signs a person in to the portal once, with the rights of a
	// caller. It leads to a path of the portal; "" is its first page. ExpiresIn is the time for which the link
	// can be used; 0 is the default. A *webhooks.ValidationError names /path or /expiresIn.
	Link(ctx context.Context, as Caller, path string, expiresIn time.Duration) (url string, expiresAt time.Time, err error)
}

var portalRoutes = group{
	tag: "Portal", description: "The web interface for customers. Beyond the reference.",
	routes: []route{
		{
			method: http.MethodPost, path: portalLinksPath, access: tenantManage, handler: (*api).createPortalLink,
			id: "createPortalLink", beyond: true, summary: "Makes a link that signs a person in to the portal",
			details: "The link is good once, and for a minute unless expiresIn says another time. It signs the person in as the " +
				"caller, for 12 hours, in this organization, with the given scopes. More rights than those of the caller are a 403. " +
				"A link with webhooks:admin is for all organizations.",
			body: portalLinkInput{}, bodyOptional: true, status: http.StatusCreated, answer: portalLinkWire{},
		},
	},
}

// portalLinkInput is the wish for a link.
type portalLinkInput struct {
	Scopes    []string `json:"scopes" schema:"is=Scope"`
	ExpiresIn *int64   `json:"expiresIn"`
	Path      string   `json:"path"`
}

// portalLinkWire is a link.
type portalLinkWire struct {
	URL       string    `json:"url"`
	ExpiresAt timestamp `json:"expiresAt"`
}

func (a *api) createPortalLink(c *call) error {
	var body portalLinkInput
	if err := c.optionalBody(&body); err != nil {
		return err
	}
	scopes, err := c.caller.passOn(body.Scopes)
	if err != nil {
		return err
	}
	var expiresIn time.Duration
	if body.ExpiresIn != nil { // within the range of a duration, and not 0, which would mean the default
		expiresIn = time.Duration(min(max(*body.ExpiresIn, -1), 1e9)) * time.Second
		if expiresIn == 0 {
			expiresIn = -1
		}
	}
	as := Caller{Subject: c.caller.Subject, Organizations: []uuid.UUID{c.org}, Scopes: scopes}
	url, expiresAt, err := a.cfg.PortalLinks.Link(c.ctx(), as, body.Path, expiresIn)
	if err != nil {
		return err
	}
	return c.reply(http.StatusCreated, portalLinkWire{url, timestamp(expiresAt)})
}

// allScopes are the scopes, in the order of their documentation.
var allScopes = []Scope{ScopeRead, ScopeManage, ScopeWrite, ScopeSecrets, ScopeCatalog, ScopeAdmin}

// passOn returns the scopes that a link of the caller gets. Given are the wanted scopes, nil for the default: the
// caller's scopes for an organization's resources, and of an administrator those of a customer.
func (c Caller) passOn(wanted []string) ([]Scope, error) {
	switch {
	case wanted == nil && slices.Contains(c.Scopes, ScopeAdmin):
		return []Scope{ScopeManage, ScopeSecrets}, nil
	case wanted == nil:
		beyond := func(s Scope) bool { return s == ScopeCatalog || !slices.Contains(c.Scopes, s) }
		return slices.DeleteFunc(slices.Clone(allScopes), beyond), nil
	case len(wanted) == 0 || len(wanted) > len(allScopes):
		return nil, invalid("/scopes", "must be 1–"+strconv.Itoa(len(allScopes))+" scopes")
	}
	var scopes []Scope
	for i, name := range wanted {
		s, pointer := Scope(name), "/scopes/"+strconv.Itoa(i)
		switch {
		case !slices.Contains(allScopes, s):
			return nil, invalid(pointer, "must be one of "+strings.Join(enums["Scope"], ", "))
		case !c.has(s):
			return nil, newProblem(http.StatusForbidden, "forbidden", "The caller lacks a scope that the link would have.",
				faultAt(pointer, "the caller lacks "+name))
		}
		scopes = append(scopes, s)
	}
	return scopes, nil
}

// has reports whether the caller may do everything that a scope grants.
func (c Caller) has(s Scope) bool {
	for access, scopes := range grants {
		if slices.Contains(scopes, s) && !c.may(access) {
			return false
		}
	}
	return true
}
