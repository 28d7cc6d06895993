package portal

import (
	"net/http"
	"slices"
	"strings"
)

// The cookies of the choices of a user. They hold no secret.
const (
	languageCookie = "webhooks-portal-language"
	themeCookie    = "webhooks-portal-theme"
)

var themes = []string{"light", "dark"}

// themeOf returns the theme that the address asks for, as an iframe does, or that the user chose.
func themeOf(r *http.Request) string {
	asked := r.URL.Query().Get("theme")
	if c, err := r.Cookie(themeCookie); err == nil && asked == "" {
		asked = c.Value
	}
	if slices.Contains(themes, asked) {
		return asked
	}
	return ""
}

// setPreferences keeps the language and the theme that the user chose, and sends the browser back.
func (p *portal) setPreferences(v *visit) error {
	form, err := v.form()
	if err != nil {
		return err
	}
	if form.Has("language") {
		p.setChoice(v.w, languageCookie, form.Get("language"), slices.ContainsFunc(p.languages.all, func(l *language) bool {
			return l.tag == form.Get("language")
		}))
	}
	if form.Has("theme") {
		p.setChoice(v.w, themeCookie, form.Get("theme"), slices.Contains(themes, form.Get("theme")))
	}
	return v.redirect(p.cfg.Path + localPath(form.Get("back")))
}

// setChoice sets the cookie, or deletes it if the value is none that can be chosen.
func (p *portal) setChoice(w http.ResponseWriter, name, value string, known bool) {
	c := &http.Cookie{
		Name: name, Value: value, Path: p.cfg.Path + "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if p.framed() {
		c.SameSite, c.Secure, c.Partitioned = http.SameSiteNoneMode, true, true
	}
	if !known {
		c.Value, c.MaxAge = "", -1
	}
	http.SetCookie(w, c)
}

// localPath returns the path and query of a page below Config.Path, or the start page if the text is no such path.
func localPath(text string) string {
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") || strings.ContainsAny(text, "\\\r\n\t") {
		return "/"
	}
	return text
}
