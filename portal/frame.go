package portal

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/ecg-api/webhooks/httpapi"
)

// frame is the data of a page: what all pages show, and the data of the page itself.
type frame struct {
	Data  any    // of the page
	Title string // of the portal
	Org   string // name of the organization; "": none
	Lang  string // tag of the language
	Theme string // light or dark; "": as the browser prefers
	Done  string // key of the notice that an action was done; "": none
	Here  string // the address of the page, without Config.Path
	Who   string // subject of the caller; "": nobody is signed in

	MayManage  bool // the caller may change subscriptions
	MayWrite   bool // the caller may publish
	MaySecrets bool // the caller may see and change signing secrets
	MayCatalog bool // the caller may change the catalog
	Operator   bool // the caller may see all organizations
	Public     bool // the page is for everybody

	BySession bool     // the caller came by a link, and can sign out
	Languages []string // tags

	p *portal
}

func (v *visit) frame(data any) *frame {
	f := &frame{
		Data: data, Title: v.p.cfg.Title, Org: v.org, Lang: v.text.tag, Theme: v.theme, Who: v.caller.Subject, p: v.p,
		MayManage:  may(v.caller, httpapi.ScopeManage, httpapi.ScopeWrite),
		MayWrite:   may(v.caller, httpapi.ScopeWrite),
		MaySecrets: may(v.caller, httpapi.ScopeSecrets),
		MayCatalog: may(v.caller, httpapi.ScopeCatalog),
		Operator:   may(v.caller),
		Public:     v.public,
		BySession:  v.bySession,
	}
	f.Here = here(v.r.URL)
	if f.Title == "" {
		f.Title = v.say("portal")
	}
	if done := "done." + v.r.URL.Query().Get("done"); v.text.has(done) {
		f.Done = done
	}
	for _, l := range v.p.languages.all {
		f.Languages = append(f.Languages, l.tag)
	}
	return f
}

// here is the address of a page without its notice.
func here(u *url.URL) string {
	q := u.Query()
	q.Del("done")
	return (&url.URL{Path: u.Path, RawQuery: q.Encode()}).RequestURI()
}

// URL is the address of a page of the organization, or below Config.Path where the page has none.
func (f *frame) URL(segments ...any) string {
	return organizationURL(f.p.cfg.Path, f.Org, texts(segments)...)
}

// Root is the address of a page without an organization.
func (f *frame) Root(segments ...any) string {
	return organizationURL(f.p.cfg.Path, "", texts(segments)...)
}

// Asset is the address of a script or a style.
func (f *frame) Asset(name string) string { return f.p.cfg.Path + "/assets/" + f.p.assets.names[name] }

// Sections are the sections of an organization in the navigation. Each has a text "nav." and its name.
func (f *frame) Sections() []string { return []string{"endpoints", "events", "catalog"} }

// OperatorSections are the sections below /operations in the navigation, as far as the caller may use them.
func (f *frame) OperatorSections() []string {
	switch {
	case f.Operator:
		return []string{"overview", "unhealthy", "recoveries", "storage", "catalog-edit"}
	case f.MayCatalog:
		return []string{"catalog-edit"}
	}
	return nil
}

// In reports whether the page is in a section of the organization.
func (f *frame) In(section string) bool { return f.below(organizationURL("", f.Org, section)) }

// InOperations reports whether the page is in a section below /operations.
func (f *frame) InOperations(section string) bool { return f.below("/operations/" + section) }

func (f *frame) below(address string) bool {
	page, _, _ := strings.Cut(f.Here, "?")
	return page == address || strings.HasPrefix(page, address+"/")
}

func texts(segments []any) []string {
	all := make([]string, len(segments))
	for i, s := range segments {
		all[i] = fmt.Sprint(s)
	}
	return all
}
