package portal_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store/memstore"
)

// newOperatorSite returns a site whose caller is an admin without organizations.
func newOperatorSite(t *testing.T, options ...func(*portal.Config)) *site {
	t.Helper()
	s := newSite(t, options...)
	s.caller = httpapi.Caller{Subject: "operator", Scopes: []httpapi.Scope{httpapi.ScopeAdmin}}
	return s
}

func TestTheOverviewShowsAllOrganizations(t *testing.T) {
	t.Parallel()
	s := newOperatorSite(t)
	s.get("/").leadsTo("/operations/overview")
	s.get("/operations/overview").is(http.StatusOK,
		"Events published", "memory", "Open circuits", s.acme("endpoints"), "Failed attempts", "The store keeps no record of hosts",
		`href="/operations/unhealthy?state=failing">1</a>`, `aria-current="true">Overview`)
	s.header.Set("Accept-Language", "de")
	s.get("/operations/overview").is(http.StatusOK, "Übersicht", "Größte Rückstände")
}

func TestPartsThatAreNotToldAreNamed(t *testing.T) {
	t.Parallel()
	s := newOperatorSite(t)
	s.ctx = func() context.Context {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx
	}
	s.get("/operations/overview").is(http.StatusOK, "The store did not tell in time:", "the queue", "the traffic", "the backlogs")
}

func TestUnhealthyEndpointsAreChangedFromTheList(t *testing.T) {
	t.Parallel()
	s := newOperatorSite(t)
	const list = "/operations/unhealthy"
	failing := s.acme("endpoints", s.service.Failing.String())
	s.get(list).lacks(s.service.Healthy.String()).
		is(http.StatusOK, failing, "failing", "https://failing.acme.example/incoming", "nothing but failures", "Probe now")
	s.get(list+"?state=paused").lacks("failing.acme.example").is(http.StatusOK, "https://old.acme.example/v0", `aria-current="true">paused`)
	s.get(list+"?state=disabled").is(http.StatusOK, "All endpoints are healthy")
	s.get(list + "?state=nonsense").is(http.StatusBadRequest)
	s.get(list + "?cursor=nonsense").is(http.StatusBadRequest)

	do := func(id uuid.UUID, what, once string) *page {
		return s.post(list+"?state=paused", url.Values{
			"organization": {s.service.Acme.String()}, "endpoint": {id.String()}, "do": {what}, "once": {once},
		})
	}
	s.get(do(s.service.Paused, "resume", "").leadsTo(list+"?state=paused&done=endpoint_resume")).is(http.StatusOK, "gets events again")
	if sub, err := s.service.Hooks.Subscriptions.Get(t.Context(), s.service.Acme, s.service.Paused); err != nil || !sub.Active {
		t.Errorf("the endpoint is not active: %v", err)
	}
	do(s.service.Paused, "pause", "").leadsTo(list)
	do(s.service.Paused, "pause", "").leadsTo(list)
	if sub, err := s.service.Hooks.Subscriptions.Get(t.Context(), s.service.Acme, s.service.Paused); err != nil || sub.Active {
		t.Errorf("the endpoint is still active: %v", err)
	}
	before, once := s.attempts(), uuid.NewString()
	do(s.service.Healthy, "probe", once).leadsTo(list + "?state=paused&done=endpoint_probe")
	do(s.service.Healthy, "probe", once).leadsTo(list + "?state=paused&done=sent_before")
	if got := s.attempts() - before; got != 1 {
		t.Errorf("%d tests were sent by a form that was sent twice", got)
	}
	do(s.service.Paused, "explode", "").is(http.StatusNotFound)
	do(uuid.New(), "pause", "").is(http.StatusNotFound)
	s.post(list, url.Values{"endpoint": {"x"}, "do": {"pause"}}).is(http.StatusNotFound)
}

func TestRecoveriesOfAllOrganizationsAreListedAndStopped(t *testing.T) {
	t.Parallel()
	s := newOperatorSite(t)
	const list = "/operations/recoveries"
	s.get(list+"?state=stopped").is(http.StatusOK, "No replays")
	started, err := s.service.Hooks.Dispatcher.Recover(t.Context(), s.service.Acme, s.service.Failing, webhooks.RecoveryInput{
		Since: time.Now().Add(-time.Hour), Scope: webhooks.RecoverAll, RatePerSecond: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.get(list).is(http.StatusOK, "failed deliveries and missed events", s.acme("endpoints", s.service.Failing.String()))
	s.get(list + "?state=nonsense").is(http.StatusBadRequest)
	form := url.Values{
		"organization": {s.service.Acme.String()}, "endpoint": {s.service.Failing.String()}, "recovery": {started.ID.String()},
	}
	s.post(list, form).leadsTo(list + "?done=recovery_stop")
	s.post(list, form).leadsTo(list + "?done=recovery_stop")
	form.Set("recovery", "x")
	s.post(list, form).is(http.StatusNotFound)
}

func TestTheStorePageShowsRetentionAndKeys(t *testing.T) {
	t.Parallel()
	s := newOperatorSite(t)
	s.get("/operations/storage").is(http.StatusOK, "History is kept for", "memory", "No key is configured")
	s = newSiteOn(t, memstore.New(), sample.Data{Keys: [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)}})
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeAdmin}
	s.get("/operations/storage").is(http.StatusOK, "encrypts new secrets", "in use", "decrypts", "not in use")
}

func TestAnOperatorOpensAnOrganization(t *testing.T) {
	t.Parallel()
	s := newOperatorSite(t)
	open := func(text string) *page {
		return s.get("/operations/organization?organization=" + url.QueryEscape(text))
	}
	other := "/organizations/" + s.service.Other.String() + "/endpoints"
	open(" " + strings.ToUpper(s.service.Other.String()) + " ").leadsTo(other)
	s.get(other).is(http.StatusOK, "Acting for", `href="/operations/overview"`)
	open("acme").is(http.StatusBadRequest, "This is no id", `value="acme"`, `id="organization-fault"`)
	open(hostile).is(http.StatusBadRequest).lacks("<img")

	named := newOperatorSite(t, func(c *portal.Config) { c.Organizations = names{} })
	open = func(text string) *page {
		return named.get("/operations/organization?organization=" + url.QueryEscape(text))
	}
	open("acme").leadsTo("/organizations/acme/endpoints")
	open(named.service.Acme.String()).leadsTo("/organizations/acme/endpoints")
	open("nobody").is(http.StatusBadRequest, "There is no organization", `value="nobody"`)
	open(uuid.NewString()).is(http.StatusBadRequest, "There is no organization")
	open("").is(http.StatusBadRequest, "There is no organization")
	open("down").is(http.StatusServiceUnavailable)
	named.get("/operations/unhealthy").is(http.StatusOK, "/organizations/acme/endpoints")
}

// names names the organization of the sample acme.
type names struct{}

var acme = uuid.MustParse("0190a1b2-0000-7000-8000-00000000acce")

func (names) OrganizationID(_ context.Context, name string) (uuid.UUID, error) {
	switch name {
	case "acme":
		return acme, nil
	case "down":
		return uuid.Nil, errors.New("canary: the directory is down")
	}
	return uuid.Nil, webhooks.ErrNotFound
}

func (names) OrganizationName(_ context.Context, id uuid.UUID) (string, error) {
	if id == acme {
		return "acme", nil
	}
	return "", webhooks.ErrNotFound
}

func TestOnlyAdminsSeeAllOrganizations(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeWrite, httpapi.ScopeSecrets, httpapi.ScopeCatalog}
	open := "organization?organization=" + s.service.Other.String()
	for _, address := range []string{"overview", "unhealthy", "recoveries", "storage", open} {
		s.get("/operations/"+address).is(http.StatusForbidden, "You may not do this")
	}
	s.post("/operations/unhealthy", url.Values{"do": {"pause"}}).is(http.StatusForbidden)
	s.post("/operations/recoveries", url.Values{}).is(http.StatusForbidden)
	s.caller.Organizations = nil
	s.get("/").leadsTo("/operations/catalog-edit")
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeWrite}
	s.get("/").is(http.StatusOK, "Your account has no organization")
}
