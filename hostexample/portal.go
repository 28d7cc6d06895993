package main

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

// portalPath is the path of the portal on a host without --portal-url.
const portalPath = "/portal/"

// portalSettings are the settings of the portal besides its keys.
type portalSettings struct {
	PortalURL    string  `name:"portal-url" help:"Public address of the portal, with its path, such as https://example.com/webhooks/; needs WEBHOOKS_PORTAL_KEY. Default: none; in development mode /portal/ on --addr."`
	PortalFrames origins `name:"portal-frames" help:"Origins of pages that may show the portal in an iframe, separated by commas, such as https://app.example.com. Default: none."`
}

// readPortalKeys returns the keys of the portal, or nil if there are none.
func (h *host) readPortalKeys() ([][]byte, error) { return h.readSecrets("WEBHOOKS_PORTAL_KEY") }

// checkPortal checks the keys and the address of the portal.
func (c *config) checkPortal() error {
	switch {
	case slices.Contains(c.PortalFrames, "*"):
		return wrong("portal-frames", "is *, must be origins such as https://app.example.com: a page of any site could show the portal")
	case !c.serves() || c.PortalURL == "" && (c.portalKeys == nil || c.dev != nil):
		return nil
	case c.portalKeys == nil:
		return wrong("WEBHOOKS_PORTAL_KEY", "is not set: links to the portal at --portal-url need it (openssl rand -base64 32)")
	}
	if err := namedPortal(portal.LinksConfig{Keys: c.portalKeys, URL: c.PortalURL}.Check()); err != nil {
		return err
	}
	if u, err := url.Parse(c.PortalURL); err == nil && strings.Trim(u.Path, "/") == "" {
		return wrong("portal-url", "has no path: the root is that of the API; use one such as %s", portalPath)
	}
	return nil
}

// portalLinks returns the links to the portal of a host at an address, or nil if it has no portal.
func (p *process) portalLinks(url string) (*portal.Links, error) {
	if p.portalKeys == nil || !p.serves() {
		return nil, nil //nolint:nilnil // a host without a portal has no links
	}
	links, err := portal.NewLinks(p.hooks, portal.LinksConfig{Keys: p.portalKeys, URL: cmp.Or(p.PortalURL, url+portalPath)})
	return links, namedPortal(err)
}

// withPortal returns a handler of the portal and of the API.
func (p *process) withPortal(api http.Handler, links *portal.Links) (http.Handler, error) {
	if links == nil {
		return api, nil
	}
	path := strings.TrimSuffix(links.Path(), "/")
	pages, err := portal.New(p.hooks, portal.Config{Path: path, Links: links, FrameAncestors: p.PortalFrames, Logger: p.log})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path || strings.HasPrefix(r.URL.Path, path+"/") {
			pages.ServeHTTP(w, r)
		} else {
			api.ServeHTTP(w, r)
		}
	}), nil
}

// readyLink returns a link for the developer who started the host at an address: to all organizations, for an hour. It leads to
// the sample organization.
func (p *process) readyLink(ctx context.Context, url string) (string, error) {
	links, err := p.portalLinks(url)
	if err != nil {
		return "", err
	}
	return linkOfDeveloper(ctx, links)
}

func linkOfDeveloper(ctx context.Context, links *portal.Links) (string, error) {
	developer := httpapi.Caller{Subject: "developer", AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}
	page := "organizations/" + sampleOrg.String() + "/endpoints"
	link, _, err := links.Link(webhooks.WithActor(ctx, developer.Subject), developer, page, time.Hour)
	return link, err
}

// namedPortal replaces the field of the configuration in an error by the host's setting for it.
func namedPortal(err error) error {
	if err == nil {
		return nil
	}
	for field, setting := range map[string]string{"Keys": "WEBHOOKS_PORTAL_KEY", "URL": "portal-url"} {
		if text, ok := strings.CutPrefix(err.Error(), "portal: LinksConfig."+field); ok {
			return wrong(setting, "%s", strings.TrimLeft(text, ": "))
		}
	}
	return err
}
