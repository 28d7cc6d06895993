package portal

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
)

// visit is one request for a page.
type visit struct {
	p         *portal
	w         http.ResponseWriter
	r         *http.Request
	ctx       context.Context // with the caller, for calls of the REST interface
	caller    httpapi.Caller  // zero until signIn
	bySession bool            // the caller came by a link, and can sign out
	text      *language
	theme     string // light or dark; "": as the browser prefers
	public    bool   // the page is for everybody: nobody needs to sign in
	org       string // name of the organization in the path; "": none
}

// maxForm bounds the body of a form, in bytes.
const maxForm = 1 << 20

// show returns the handler of a page. An error of the page becomes a page that says it.
func (p *portal) show(page func(*visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v := &visit{
			p: p, w: w, r: r, ctx: r.Context(), text: p.languages.choose(r), theme: themeOf(r), org: r.PathValue("organization"),
		}
		if err := page(v); err != nil {
			v.fail(err)
		}
	})
}

// signIn finds the caller, who must belong to the organization of the page. Without a caller the page shows no navigation.
func (v *visit) signIn() error {
	org := v.org
	v.org = ""
	caller, bySession, err := v.p.authenticate(v.r)
	switch {
	case errors.Is(err, httpapi.ErrUnauthorized):
		return err
	case err != nil:
		return &pageError{status: http.StatusServiceUnavailable, key: "error.sign_in_unavailable", cause: err}
	}
	v.caller, v.bySession, v.ctx = caller, bySession, withCaller(v.ctx, caller)
	if org == "" {
		return nil
	}
	mine, err := v.mayUse(org)
	switch {
	case err != nil:
		return &pageError{status: http.StatusServiceUnavailable, key: "error.sign_in_unavailable", cause: err}
	case !mine:
		return errNoPage
	}
	v.org = org
	return nil
}

// mayUse reports whether the organization is one of the caller's. The REST interface checks it too.
func (v *visit) mayUse(org string) (bool, error) {
	if v.caller.AllOrganizations || may(v.caller) {
		return true, nil
	}
	id, err := uuid.Parse(org)
	if names := v.p.cfg.Organizations; names != nil {
		id, err = names.OrganizationID(v.ctx, org)
		if err != nil && !errors.Is(err, webhooks.ErrNotFound) {
			return false, err
		}
	}
	return err == nil && slices.Contains(v.caller.Organizations, id), nil
}

// id returns a UUID of the path.
func (v *visit) id(name string) (uuid.UUID, error) {
	id, err := uuid.Parse(v.r.PathValue(name))
	if err != nil {
		return uuid.Nil, errNoPage
	}
	return id, nil
}

// form reads the fields of a form.
func (v *visit) form() (url.Values, error) {
	if err := v.r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, &pageError{status: http.StatusRequestEntityTooLarge, key: "error.form_too_large"}
		}
		return nil, &pageError{status: http.StatusBadRequest, key: "error.form_malformed"}
	}
	return v.r.PostForm, nil //nolint:forbidigo // it is the field of the request
}

// redirect sends the browser to another page by GET.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// done sends the browser to a page of the organization, which then shows the text done.<notice>.
func (v *visit) done(notice string, segments ...string) error {
	return v.redirect(withDone(v.url(segments...), notice))
}

// withDone adds the notice that an action was done to an address.
func withDone(to, notice string) string {
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	return to + separator + "done=" + notice
}

// url is the address of a page of the organization, or below Config.Path where the page has none.
func (v *visit) url(segments ...string) string {
	return organizationURL(v.p.cfg.Path, v.org, segments...)
}

func organizationURL(base, org string, segments ...string) string {
	to := base
	if org != "" {
		to += "/organizations/" + url.PathEscape(org)
	}
	for _, s := range segments {
		to += "/" + url.PathEscape(s)
	}
	return to
}

// render answers with a page. Data is shown as .Data in the template of that name.
func (v *visit) render(status int, name string, data any) error {
	var page bytes.Buffer
	if err := v.p.pages[name].execute(&page, v.text, v.frame(data)); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.text.tag)
	v.w.WriteHeader(status)
	_, _ = page.WriteTo(v.w)
	return nil
}
