package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
)

// route is a page, or an action of a form, after which the browser is sent to a page.
type route struct {
	pattern string // of [http.ServeMux], below Config.Path
	handler func(*portal, *visit) error
}

// routes is the table of pages. {organization} is the name of an organization; parameters that end in Id are UUIDs.
var routes = [][]route{
	homeRoutes,
	endpointRoutes,
	endpointPageRoutes,
	endpointFormRoutes,
	secretRoutes,
	deliveryRoutes,
	replayRoutes,
	eventRoutes,
	catalogRoutes,
	catalogEditRoutes,
	operationRoutes,
}

var homeRoutes = []route{
	{"GET /{$}", (*portal).home},
	{"GET /endpoints", (*portal).ownPage},
	{"GET /endpoints/{page...}", (*portal).ownPage},
	{"GET /events", (*portal).ownPage},
	{"GET /events/{page...}", (*portal).ownPage},
}

// router returns the handler of all pages and assets.
func (p *portal) router() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{name}", p.assets)
	if p.framed() {
		mux.HandleFunc("GET /embed.js", p.embedScript)
	}
	open := []route{{"POST /preferences", (*portal).setPreferences}}
	if p.cfg.PublicCatalog {
		open = append(open, publicRoutes...)
	}
	if p.cfg.Links != nil {
		open = append(open, signInRoutes...)
	}
	for _, r := range open {
		mux.Handle(r.pattern, p.show(func(v *visit) error {
			v.public, v.ctx = true, withCaller(v.ctx, httpapi.Caller{Scopes: []httpapi.Scope{httpapi.ScopeRead}})
			return r.handler(p, v)
		}))
	}
	for _, group := range routes {
		for _, r := range group {
			mux.Handle(r.pattern, p.show(func(v *visit) error {
				if err := v.signIn(); err != nil {
					return err
				}
				return r.handler(p, v)
			}))
		}
	}
	mux.Handle("/", p.show(func(*visit) error { return errNoPage }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, below := strings.CutPrefix(r.URL.Path, p.cfg.Path)
		switch {
		case !below || path != "" && path[0] != '/': // a router has stripped the prefix
			mux.ServeHTTP(w, r)
		case path == "":
			http.Redirect(w, r, p.cfg.Path+"/", http.StatusMovedPermanently)
		default:
			http.StripPrefix(p.cfg.Path, mux).ServeHTTP(w, r)
		}
	})
}

// home sends the browser to the first page that the caller may see.
func (p *portal) home(v *visit) error {
	if len(v.caller.Organizations) == 0 {
		if sections := v.frame(nil).OperatorSections(); sections != nil {
			return v.redirect(organizationURL(p.cfg.Path, "", "operations", sections[0]))
		}
		return v.render(http.StatusOK, "home", nil)
	}
	org, err := p.organizationName(v, v.caller.Organizations[0])
	if err != nil {
		return err
	}
	return v.redirect(organizationURL(p.cfg.Path, org, "endpoints"))
}

// ownPage sends the browser to the page of that address in the caller's organization. Links to the portal can name such a page.
func (p *portal) ownPage(v *visit) error {
	if len(v.caller.Organizations) == 0 {
		return errNoPage
	}
	org, err := p.organizationName(v, v.caller.Organizations[0])
	if err != nil {
		return err
	}
	return v.redirect(organizationURL(p.cfg.Path, org) + strings.TrimSuffix(here(v.r.URL), "/"))
}

func (p *portal) organizationName(v *visit, id uuid.UUID) (string, error) {
	if p.cfg.Organizations == nil {
		return id.String(), nil
	}
	return p.cfg.Organizations.OrganizationName(v.ctx, id)
}

// may reports whether the caller has one of the scopes, or that of an admin.
func may(c httpapi.Caller, scopes ...httpapi.Scope) bool {
	return slices.ContainsFunc(c.Scopes, func(have httpapi.Scope) bool {
		return have == httpapi.ScopeAdmin || slices.Contains(scopes, have)
	})
}
