package portal

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/client"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/shared"
)

// Config configures the portal.
type Config struct {
	// Path is the path below which the handler is mounted, such as /webhooks/portal. Links begin with it. A router may strip
	// it from requests or leave it. Default: "", the root of the host.
	Path string
	// Authenticate returns the caller of a request, for example from the session of the service. An error that is
	// [httpapi.ErrUnauthorized] means that nobody is signed in; any other error is answered with 503. Required, unless
	// there are Links.
	Authenticate func(*http.Request) (httpapi.Caller, error)
	// Links keeps the sessions of users who come by a link. A request without such a session goes to Authenticate.
	// Default: nil, there are no links.
	Links *Links
	// SignIn is the address of the service's page for signing in, a path or an https URL. The page that says that nobody
	// is signed in links to it. Default: "", no link.
	SignIn string
	// Organizations names organizations in paths, as [httpapi.Config.Organizations] does. Default: nil, by UUID.
	Organizations httpapi.Organizations
	// Title is the name of the portal at the top of each page. Default: the text "portal" of the messages.
	Title string
	// Messages adds languages and replaces texts: by language tag, such as "de", and by key. The keys are those of the
	// language "en"; a language that lacks a key shows the English text. Default: none.
	Messages map[string]map[string]string
	// FrameAncestors are the origins of pages that may show the portal in an iframe, such as https://app.example.com.
	// Default: none, no page may.
	FrameAncestors []string
	// PublicCatalog serves the event catalog below Path/catalog to everybody, without signing in: active and inactive event
	// types with their schemas and sample payloads, as documentation. Default: false, it is a page of organizations alone.
	PublicCatalog bool
	// Logger gets failures, each with the id of the request. Default: discards.
	Logger *slog.Logger
}

// portal is the handler.
type portal struct {
	cfg       Config
	hooks     *webhooks.Webhooks
	api       *client.Client
	languages *languages
	pages     map[string]*pageTemplate // by name
	assets    *assets
	policy    string // the header Content-Security-Policy
	stats     *shared.ByKey[statisticsKey, client.Stats]
}

// New returns the portal of hooks. It starts no goroutine.
func New(hooks *webhooks.Webhooks, cfg Config) (http.Handler, error) {
	cfg.Path = strings.TrimRight(cfg.Path, "/")
	switch {
	case hooks == nil:
		return nil, errors.New("portal: hooks is nil")
	case cfg.Authenticate == nil && cfg.Links == nil:
		return nil, errors.New("portal: Config.Authenticate is nil; it returns the caller of a request, or set Links")
	case !isSafeLink(cfg.SignIn):
		return nil, fmt.Errorf("portal: Config.SignIn is %q, must be a path or an https URL", cfg.SignIn)
	case cfg.Path != "" && (!strings.HasPrefix(cfg.Path, "/") || strings.ContainsAny(cfg.Path, "?#{}%")):
		return nil, fmt.Errorf("portal: Config.Path is %q, must begin with / and contain none of ? # { } %%", cfg.Path)
	}
	if err := checkOrigins(cfg.FrameAncestors); err != nil {
		return nil, err
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	api, err := inProcess(hooks, cfg)
	if err != nil {
		return nil, err
	}
	languages, err := newLanguages(cfg.Messages)
	if err != nil {
		return nil, err
	}
	p := &portal{
		cfg: cfg, hooks: hooks, api: api, languages: languages, assets: newAssets(), policy: contentPolicy(cfg.FrameAncestors),
		stats: newStatistics(api),
	}
	if p.pages, err = p.parsePages(); err != nil {
		return nil, err
	}
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(p.show(func(*visit) error { return errCrossOrigin }))
	return protection.Handler(p.router()), nil
}
