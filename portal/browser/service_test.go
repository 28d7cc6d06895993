package browser_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
)

// service is the sample service behind a portal.
type service struct {
	*testing.T
	*sample.Service
	server *httptest.Server
	links  *portal.Links
}

// start serves the portal over a store with sample data, by https if cookies must reach pages of other sites.
func start(t *testing.T, db store.Store, data sample.Data, https bool, options ...func(*portal.Config)) *service {
	t.Helper()
	s := &service{T: t}
	var err error
	data.Keys = [][]byte{bytes.Repeat([]byte{1}, 32)}
	s.Service, err = sample.New(t.Context(), db, data)
	s.check(err)
	t.Cleanup(func() { s.check(s.Hooks.Dispatcher.Stop(context.Background())) }) // before the tables are dropped
	s.server = httptest.NewUnstartedServer(nil)
	address := "http://" + s.server.Listener.Addr().String()
	if https {
		address = "https://" + s.server.Listener.Addr().String()
	}
	s.links, err = portal.NewLinks(s.Hooks, portal.LinksConfig{Keys: [][]byte{bytes.Repeat([]byte{2}, 32)}, URL: address})
	s.check(err)
	cfg := portal.Config{Authenticate: s.caller, Links: s.links, PublicCatalog: true, SignIn: "/"}
	for _, o := range options {
		o(&cfg)
	}
	s.server.Config.Handler, err = portal.New(s.Hooks, cfg)
	s.check(err)
	if https {
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
	t.Cleanup(s.server.Close)
	return s
}

// site describes the portal for the suite.
func (s *service) site() site { return site{URL: s.server.URL, Org: s.acme()} }

// caller returns the user that the cookie "who" names.
func (s *service) caller(r *http.Request) (httpapi.Caller, error) {
	who, err := r.Cookie("who")
	if err != nil {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	c := httpapi.Caller{Subject: who.Value + "@acme.example", Organizations: []uuid.UUID{s.Acme, s.Other}}
	switch who.Value {
	case "reader":
		c.Scopes = []httpapi.Scope{httpapi.ScopeRead}
	case "admin":
		c.Scopes = []httpapi.Scope{httpapi.ScopeAdmin}
	case "hostile":
		c.Subject, c.Scopes = hostile, []httpapi.Scope{httpapi.ScopeAdmin}
	case "newcomer":
		c.Organizations = nil
	case "nobody":
		return c, httpapi.ErrUnauthorized
	case "unknown":
		return c, errors.New("the accounts are away")
	default:
		c.Scopes = []httpapi.Scope{httpapi.ScopeWrite, httpapi.ScopeSecrets}
	}
	return c, nil
}

// acme is the path of a page of the organization Acme.
func (s *service) acme(segments ...string) string {
	path, err := url.JoinPath("/organizations/"+s.Acme.String(), segments...)
	s.check(err)
	return path
}

// endpoint is the path of a page of an endpoint.
func (s *service) endpoint(id uuid.UUID, segments ...string) string {
	return s.acme(append([]string{"endpoints", id.String()}, segments...)...)
}

func (s *service) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// subscribe adds an endpoint.
func (s *service) subscribe(in webhooks.SubscriptionInput) uuid.UUID {
	s.Helper()
	sub, _, err := s.Hooks.Subscriptions.Create(s.Context(), s.Acme, in)
	s.check(err)
	return sub.ID
}

func (s *service) publish(e webhooks.Event) uuid.UUID {
	s.Helper()
	made, err := s.Hooks.Dispatcher.Publish(s.Context(), s.Acme, e)
	s.check(err)
	return made.ID
}

// delivery waits until the endpoint has a delivery in one of the states. It returns the newest one.
func (s *service) delivery(endpoint uuid.UUID, status webhooks.StatusFilter) webhooks.Delivery {
	s.Helper()
	for s.Context().Err() == nil {
		found, err := s.Hooks.Subscriptions.Deliveries(s.Context(), webhooks.HistoryQuery{
			OrganizationID: s.Acme, SubscriptionID: endpoint, Status: status, Page: webhooks.Page{Take: 1, Descending: true},
		})
		s.check(err)
		if len(found.Items) > 0 {
			return found.Items[0]
		}
		runtime.Gosched()
	}
	s.Fatal("there is no such delivery")
	return webhooks.Delivery{}
}

// eventType returns an event type of the catalog.
func (s *service) eventType(code string) webhooks.EventType {
	s.Helper()
	categories, err := s.Hooks.Registry.Categories(s.Context(), webhooks.IncludeArchived, webhooks.Page{Take: 100})
	s.check(err)
	for _, c := range categories.Items {
		types, err := s.Hooks.Registry.EventTypes(s.Context(), c.ID, webhooks.IncludeArchived, webhooks.Page{Take: 100})
		s.check(err)
		for _, e := range types.Items {
			if e.Code == code {
				return e
			}
		}
	}
	s.Fatalf("the catalog lacks %s", code)
	return webhooks.EventType{}
}

// missed adds endpoints that were switched off while 30 events were published.
func (s *service) missed(urls ...string) []uuid.UUID {
	s.Helper()
	ids := make([]uuid.UUID, len(urls))
	for i, u := range urls {
		ids[i] = s.subscribe(webhooks.SubscriptionInput{PostURI: u, Events: []string{"customer.*"}, Ordered: true})
		s.check(s.Hooks.Subscriptions.Deactivate(s.Context(), s.Acme, ids[i]))
	}
	for range 30 {
		s.publish(webhooks.Event{Type: "customer.created", Data: map[string]string{"id": "c-1"}, OrderingKey: "c-1"})
	}
	for _, id := range ids {
		s.check(s.Hooks.Subscriptions.Activate(s.Context(), s.Acme, id))
	}
	return ids
}

// failing adds endpoints whose circuits are open.
func (s *service) failing(urls ...string) []uuid.UUID {
	s.Helper()
	ids := make([]uuid.UUID, len(urls))
	for i, u := range urls {
		ids[i] = s.subscribe(webhooks.SubscriptionInput{PostURI: u, Events: []string{"order.cancelled"}})
	}
	working := func(id uuid.UUID) bool { return s.state(id) != webhooks.SubscriptionFailing }
	for n := 0; slices.ContainsFunc(ids, working); n++ { // failures of attempts that began together count once
		if n == 1000 {
			s.Fatal("the circuits do not open")
		}
		s.publish(webhooks.Event{Type: "order.cancelled", Data: map[string]string{"orderId": "A-1"}})
	}
	return ids
}

func (s *service) state(id uuid.UUID) webhooks.SubscriptionState {
	s.Helper()
	sub, err := s.Hooks.Subscriptions.Get(s.Context(), s.Acme, id)
	s.check(err)
	states, err := s.Hooks.Subscriptions.Statuses(s.Context(), []webhooks.Subscription{sub})
	s.check(err)
	return states[id].State
}
