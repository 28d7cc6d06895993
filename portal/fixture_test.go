package portal_test

import (
	"context"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// hostile is a text with markup, quotes of shells and programs, marks of direction and escapes.
const hostile = `</pre><script>alert(1)</script>"><img onerror=x>'; $(touch canary) ` + "`id`" + ` \ \n %s %b \0101 ${jndi} <body> ` +
	"\u202e\u009b31m\u2028\U0001F600 ü"

// site is a portal over a sample service in memory. Its fields are set before the first request.
type site struct {
	t       *testing.T
	service *sample.Service
	handler http.Handler
	caller  httpapi.Caller
	failure error // of the sign-in; nil: caller is signed in
	header  http.Header
	ctx     func() context.Context // of requests
}

// newSite returns a portal whose caller is a developer of the organization Acme.
func newSite(t *testing.T, options ...func(*portal.Config)) *site {
	t.Helper()
	return newSiteOn(t, memstore.New(), sample.Data{}, options...)
}

// newSiteOn returns a portal over a store.
func newSiteOn(t *testing.T, db store.Store, data sample.Data, options ...func(*portal.Config)) *site {
	t.Helper()
	service, err := sample.New(t.Context(), db, data)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, service: service, header: http.Header{}, ctx: t.Context}
	s.caller = httpapi.Caller{
		Subject: "dev@acme.example", Organizations: []uuid.UUID{service.Acme}, Scopes: []httpapi.Scope{httpapi.ScopeManage, httpapi.ScopeSecrets},
	}
	cfg := portal.Config{Authenticate: func(*http.Request) (httpapi.Caller, error) { return s.caller, s.failure }}
	for _, o := range options {
		o(&cfg)
	}
	if s.handler, err = portal.New(service.Hooks, cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

// acme is the address of a page of the organization Acme.
func (s *site) acme(segments ...string) string {
	return "/organizations/" + s.service.Acme.String() + "/" + strings.Join(segments, "/")
}

// get requests a page.
func (s *site) get(address string) *page { return s.send(http.MethodGet, address, nil) }

// post sends a form. A form without the field once gets a fresh value, as each form of a page has it.
func (s *site) post(address string, form url.Values) *page {
	if !form.Has("once") {
		form = with(form, url.Values{"once": {uuid.NewString()}})
	}
	return s.send(http.MethodPost, address, strings.NewReader(form.Encode()))
}

// with returns the form with other values.
func with(form url.Values, change url.Values) url.Values {
	changed := url.Values{}
	maps.Copy(changed, form)
	maps.Copy(changed, change)
	return changed
}

func (s *site) send(method, address string, body io.Reader) *page {
	s.t.Helper()
	address, _, _ = strings.Cut(address, "#") // a browser does not send it
	r := httptest.NewRequestWithContext(s.ctx(), method, address, body)
	for name, values := range s.header {
		r.Header[name] = values
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return &page{s.t, w.Result(), w.Body.String()}
}

// page is an answer.
type page struct {
	t    *testing.T
	resp *http.Response
	text string
}

// is fails the test unless the page has the status and contains the texts. It returns the page.
func (p *page) is(status int, texts ...string) *page {
	p.t.Helper()
	if p.resp.StatusCode != status {
		p.t.Errorf("status %d, want %d\n%s", p.resp.StatusCode, status, p.text)
	}
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			p.t.Errorf("the page lacks %q\n%s", text, p.text)
		}
	}
	return p
}

// lacks fails the test if the page contains one of the texts.
func (p *page) lacks(texts ...string) *page {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text, text) {
			p.t.Errorf("the page contains %q\n%s", text, p.text)
		}
	}
	return p
}

// leadsTo fails the test unless the answer sends the browser to an address that begins with the prefix. It returns the address.
func (p *page) leadsTo(prefix string) string {
	p.t.Helper()
	to := p.resp.Header.Get("Location")
	if p.resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, prefix) {
		p.t.Errorf("status %d to %q, want 303 to %s\n%s", p.resp.StatusCode, to, prefix, p.text)
	}
	return to
}

// between returns the text of a page between two texts, without escapes of HTML.
func (p *page) between(from, to string) string {
	p.t.Helper()
	_, rest, ok := strings.Cut(p.text, from)
	text, _, ended := strings.Cut(rest, to)
	if !ok || !ended {
		p.t.Fatalf("the page lacks %q and %q\n%s", from, to, p.text)
	}
	return html.UnescapeString(text)
}

// hidden returns the value of the first hidden field with the name, as the browser would send it.
func (p *page) hidden(name string) string {
	p.t.Helper()
	return p.between(`<input type="hidden" name="`+name+`" value="`, `"`)
}

// check fails the test if there is an error.
func (s *site) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
