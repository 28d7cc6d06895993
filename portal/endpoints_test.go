package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store"
)

// hostileText are texts that a page must show as texts.
const hostileText = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>'\u202e"

// add adds an endpoint of Acme.
func (s *site) add(in webhooks.SubscriptionInput) uuid.UUID {
	s.t.Helper()
	ctx := webhooks.WithActor(s.t.Context(), s.caller.Subject)
	sub, _, err := s.service.Hooks.Subscriptions.Create(ctx, s.service.Acme, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return sub.ID
}

// sub returns an endpoint of Acme as it is stored.
func (s *site) sub(id uuid.UUID) webhooks.Subscription {
	s.t.Helper()
	sub, err := s.service.Hooks.Subscriptions.Get(s.t.Context(), s.service.Acme, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return sub
}

// cards fails the test unless the list shows these endpoints.
func (p *page) cards(ids ...uuid.UUID) {
	p.t.Helper()
	p.is(http.StatusOK)
	if got := strings.Count(p.text, `<article class="card"`); got != len(ids) {
		p.t.Errorf("the list has %d endpoints, want %d\n%s", got, len(ids), p.text)
	}
	for _, id := range ids {
		p.is(http.StatusOK, `id="e-`+id.String()+`"`)
	}
}

func TestTheListOfEndpointsIsSearchedAndFiltered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.service
	s.get(s.acme("endpoints")).cards(e.Healthy, e.Failing, e.Mixed, e.Paused, e.Filtered)
	s.get(s.acme("endpoints") + "?q=GERMANY").cards(e.Filtered)
	s.get(s.acme("endpoints")+"?q=acme.example/orders").cards(e.Healthy, e.Filtered)
	s.get(s.acme("endpoints") + "?state=failing").cards(e.Failing)
	s.get(s.acme("endpoints") + "?state=paused&q=old").cards(e.Paused)
	s.get(s.acme("endpoints")+"?state=none-such").cards(e.Healthy, e.Failing, e.Mixed, e.Paused, e.Filtered)
	s.get(s.acme("endpoints")+"?state=disabled").is(http.StatusOK, "No endpoint matches", "All endpoints").lacks("No endpoints yet")
	s.post(s.acme("endpoints", e.Mixed.String(), "archive"), nil).leadsTo(s.acme("endpoints", e.Mixed.String()))
	s.get(s.acme("endpoints") + "?state=archived").cards(e.Mixed)
	s.get(s.acme("endpoints")+"?q=%00").is(http.StatusBadRequest, "This is not possible")
}

func TestPagesOfEndpointsKeepTheSearch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 21 {
		s.add(webhooks.SubscriptionInput{PostURI: "https://many.example/", Events: []string{"*"}})
	}
	s.get(s.acme("endpoints")+"?q=many&state=enabled").is(http.StatusOK, "Page 1 of 2", "page=2&amp;q=many&amp;state=enabled")
	s.get(s.acme("endpoints")+"?q=many&page=2").is(http.StatusOK, "Page 2 of 2")
}

func TestAnOrganizationWithoutEndpointsIsToldTheNextStep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Organizations = []uuid.UUID{s.service.Other}
	p := s.get("/organizations/"+s.service.Other.String()+"/endpoints").is(http.StatusOK, "No endpoints yet", "Add endpoint")
	p.lacks(`role="search"`)
}

func TestHostileTextsOfEndpointsAreShownAsTexts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	long := strings.Repeat("x", 1500)
	id := s.add(webhooks.SubscriptionInput{
		PostURI: "https://hostileText.example/<script>alert(1)</script>\">", Events: []string{"order.*"}, Description: hostileText + long,
		Headers: map[string]string{"X-Hostile": hostileText},
		Filter:  webhooks.Filter{{Pointer: "/" + hostileText, Op: store.OpEqual, Value: []byte(`"\u003cimg src=x onerror=alert(1)>"`)}},
	})
	for _, path := range []string{"", "/edit", "/delete", "/secrets", "/secrets/rotate"} {
		p := s.get(s.acme("endpoints", id.String()) + path)
		p.is(http.StatusOK).lacks("<script>alert", "<img src=x", " onerror=alert(1)>")
	}
	p := s.get(s.acme("endpoints")).is(http.StatusOK, "&lt;script&gt;alert(1)", `\u202E`)
	p.lacks("\u202e")
	s.get(s.acme("endpoints")+"?q="+"%3Cscript%3E").is(http.StatusOK, "&lt;script&gt;").lacks("<script>alert")
}

func TestPagesOfAnEndpointBelongToItsOrganization(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Organizations = append(s.caller.Organizations, s.service.Other)
	other := "/organizations/" + s.service.Other.String() + "/endpoints/" + s.service.Healthy.String()
	for _, path := range []string{"", "/edit", "/delete", "/secrets", "/secrets/rotate"} {
		s.get(other+path).is(http.StatusNotFound, "There is no such page")
	}
	for _, path := range []string{"/test", "/pause", "/resume", "/archive", "/restore", "/delete", "/edit", "/secrets", "/secrets/rotate"} {
		s.post(other+path, nil).is(http.StatusNotFound)
	}
	s.get(s.acme("endpoints", "no-uuid")).is(http.StatusNotFound)
	if !s.sub(s.service.Healthy).Active {
		t.Error("a caller changed an endpoint through another organization")
	}
}

func TestReadersChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeRead}
	id := s.service.Healthy.String()
	s.get(s.acme("endpoints")).is(http.StatusOK).lacks("Add endpoint")
	s.get(s.acme("endpoints", id)).is(http.StatusOK, "Order desk").
		lacks(`<form method="post" action="/organizations`, "/edit", "/secrets", "/delete", "/replay")
	for _, path := range []string{"/new", "/" + id + "/edit", "/" + id + "/delete", "/" + id + "/secrets", "/" + id + "/secrets/rotate"} {
		s.get(s.acme("endpoints")+path).is(http.StatusForbidden, "You may not do this")
	}
	for _, path := range []string{"/test", "/pause", "/resume", "/archive", "/restore", "/delete", "/secrets", "/secrets/rotate"} {
		s.post(s.acme("endpoints", id)+path, nil).is(http.StatusForbidden)
	}
	s.post(s.acme("endpoints", "new"), newForm("https://x.example")).is(http.StatusForbidden)
}
