package portal

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/ecg-api/webhooks/httpapi"
)

// signInRoutes are open to everybody. Without Config.Links they do not exist.
var signInRoutes = []route{
	{"GET /" + SignInPath, (*portal).showSignIn},
	{"POST /" + SignInPath, (*portal).signIn},
	{"POST /sign-out", (*portal).signOut},
}

// authenticate returns the caller of a request: of a session that began with a link, or else of the service.
func (p *portal) authenticate(r *http.Request) (caller httpapi.Caller, bySession bool, err error) {
	if p.cfg.Links != nil {
		caller, err = p.cfg.Links.Caller(r)
		if err == nil || p.cfg.Authenticate == nil || !errors.Is(err, ErrNoSession) {
			return caller, err == nil, err
		}
	}
	caller, err = p.cfg.Authenticate(r)
	return caller, false, err
}

// showSignIn asks for a click before a link is used up: programs that look at links in messages do not click.
func (p *portal) showSignIn(v *visit) error {
	token := v.r.URL.Query().Get("token")
	if err := p.cfg.Links.Check(v.ctx, token); err != nil {
		return linkError(err)
	}
	return v.render(http.StatusOK, "signin", token)
}

// signIn begins the session of a link, and leads to its page.
func (p *portal) signIn(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	session, err := p.cfg.Links.Redeem(v.ctx, form.Get("token"))
	if err != nil {
		return linkError(err)
	}
	p.cfg.Links.SetCookie(v.w, session, p.framed())
	return v.redirect(p.cfg.Path + "/" + session.Path)
}

// signOut ends the session. The page that says so has a link to the service's own page.
func (p *portal) signOut(v *visit) error {
	session, err := p.cfg.Links.Session(v.r)
	if err == nil {
		err = p.cfg.Links.Revoke(v.ctx, session)
	}
	if err != nil && !errors.Is(err, ErrNoSession) {
		return &pageError{status: http.StatusServiceUnavailable, key: "error.sign_in_unavailable", cause: err}
	}
	p.cfg.Links.ClearCookie(v.w, p.framed())
	return v.redirect(cmp.Or(p.cfg.SignIn, p.cfg.Path+"/"))
}

func linkError(err error) error {
	switch {
	case errors.Is(err, ErrLinkUsed):
		return &pageError{status: http.StatusGone, key: "error.link_used"}
	case errors.Is(err, ErrLinkExpired):
		return &pageError{status: http.StatusGone, key: "error.link_expired"}
	case errors.Is(err, ErrLinkInvalid):
		return &pageError{status: http.StatusNotFound, key: "error.link_invalid"}
	}
	return &pageError{status: http.StatusServiceUnavailable, key: "error.sign_in_unavailable", cause: err}
}

// framed reports whether pages of other origins may show the portal.
func (p *portal) framed() bool { return len(p.cfg.FrameAncestors) > 0 }

// embedScript answers with the script of pages that show the portal in an iframe. Its address has no hash, because pages of
// other sites contain it.
func (p *portal) embedScript(w http.ResponseWriter, _ *http.Request) {
	file := p.assets.files[p.assets.names["embed.js"]]
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write(file.plain)
}

// isSafeLink reports whether a page may link to the address: a path, or a web address.
func isSafeLink(address string) bool {
	return address == "" || strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") ||
		strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//")
}
