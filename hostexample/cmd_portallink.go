package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

// portalLinkCmd prints a link to the portal.
type portalLinkCmd struct {
	orgSettings
	PortalURL string        `name:"portal-url" help:"Public address of the portal, with its path, such as https://example.com/webhooks/; needs WEBHOOKS_PORTAL_KEY. Default: none; in development mode /portal/ on --addr."`
	Addr      listenAddress `help:"Listen address. Port 0 is any free port." default:"127.0.0.1:8080"`
	Scope     []string      `sep:"none" help:"Scopes of the person, separated by spaces; can be given several times. Default: those of the token that are for an organization; of webhooks:admin, and on --store: webhooks:manage and webhooks:secrets."`
	Path      string        `help:"Page to begin with, relative to the address of the portal. Default: the first page."`
	ExpiresIn wait          `help:"Time for which the link can be used, at most 24h." default:"60s"`
}

// Help describes the link.
func (*portalLinkCmd) Help() string {
	return `Prints a link that signs a person in to the portal, in one organization. The link is good
once. It is a secret until it is used. With --url a host makes it, with the rights of the
token. Without --url the command makes it, with WEBHOOKS_PORTAL_KEY and --portal-url of
the host, or beside the database of a host in development mode, whose --addr it takes.`
}

func (p *portalLinkCmd) run(ctx context.Context, h *host, c *cli) error {
	a, err := h.connect(ctx, &p.accessSettings, c, p.links(h))
	if err != nil {
		return err
	}
	defer a.close()
	in := client.PortalLinkInput{ExpiresIn: int((time.Duration(p.ExpiresIn) + time.Second - 1) / time.Second), Path: p.Path}
	for _, scope := range words(p.Scope) {
		in.Scopes = append(in.Scopes, client.Scope(scope))
	}
	made, err := a.PortalLink(ctx, string(p.Org), in)
	if err != nil {
		return plain(err)
	}
	return a.print(made, func(w *tabwriter.Writer) { row(w, made.URL) })
}

// links lets the interface in this process make links, with the key of the host.
func (p *portalLinkCmd) links(h *host) accessOption {
	return func(hooks *webhooks.Webhooks, into *httpapi.Config) error {
		c := portal.LinksConfig{URL: p.PortalURL}
		var err error
		if c.Keys, err = h.readPortalKeys(); err != nil {
			return err
		}
		if c.Keys == nil {
			if c.Keys, err = p.developmentKey(); err != nil {
				return err
			}
			c.URL = cmp.Or(c.URL, "http://"+string(p.Addr)+portalPath)
		}
		links, err := portal.NewLinks(hooks, c)
		into.PortalLinks = links
		return namedPortal(err)
	}
}

// developmentKey returns the key of a host in development mode.
func (p *portalLinkCmd) developmentKey() ([][]byte, error) {
	key, err := readDevSecret(p.folder(), devPortalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, wrong("WEBHOOKS_PORTAL_KEY", "is not set, and there is no %s beside the database: set it to the key of the host, "+
			"or set --url (WEBHOOKS_URL)", devPortalFile)
	}
	return [][]byte{decodeKey(key)}, err
}
