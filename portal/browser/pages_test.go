package browser_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store/memstore"
)

// TestEveryPage checks each page with axe, for violations of the content security policy, and in a small window.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	ready(t)
	s := start(t, memstore.New(), sample.Data{}, false)
	all := s.pages()
	checkPages(t, all)
	shown := s.site()
	shown.Pages = all
	run(t, map[string]site{"memory": shown}, "pages.test.mjs")
}

// checkPages fails the test unless the pages have each pattern of testdata/pages.txt.
func checkPages(t *testing.T, all map[string]address) {
	t.Helper()
	list, err := os.ReadFile("testdata/pages.txt")
	if err != nil {
		t.Fatal(err)
	}
	mux, missing := http.NewServeMux(), map[string]bool{}
	for _, pattern := range strings.Split(strings.TrimSpace(string(list)), "\n") {
		mux.Handle(pattern, http.NotFoundHandler())
		missing[pattern] = !strings.HasSuffix(pattern, "/body") // a file to download, and no page
	}
	for name, page := range all {
		_, pattern := mux.Handler(httptest.NewRequestWithContext(t.Context(), http.MethodGet, page.Path, nil))
		if pattern == "" && page.Status != http.StatusNotFound {
			t.Errorf("%s: %s has no page", name, page.Path)
		}
		delete(missing, pattern)
	}
	for pattern, is := range missing {
		if is {
			t.Errorf("no page of the table visits %s", pattern)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// pages are all pages of the portal in their states.
func (s *service) pages() map[string]address {
	all := map[string]address{}
	gone := s.gone()
	for _, group := range []map[string]address{
		s.endpointPages(), s.formPages(), s.deliveryPages(gone), s.eventPages(), s.replayPages(gone), s.catalogPages(), s.editPages(),
		s.operatorPages(), s.failurePages(),
	} {
		maps.Copy(all, group)
	}
	return all
}

func (s *service) endpointPages() map[string]address {
	archived := s.subscribe(webhooks.SubscriptionInput{PostURI: "https://former.acme.example/", Events: []string{"*"}})
	s.check(s.Hooks.Subscriptions.Archive(s.Context(), s.Acme, archived))
	return map[string]address{
		"endpoints":             {Path: s.acme("endpoints")},
		"endpoints of a reader": {Path: s.acme("endpoints"), Who: "reader"},
		"endpoints empty":       {Path: "/organizations/" + s.Other.String() + "/endpoints"},
		"endpoints none match":  {Path: s.acme("endpoints") + "?q=nowhere"},
		"endpoint healthy":      {Path: s.endpoint(s.Healthy)},
		"endpoint by day":       {Path: s.endpoint(s.Mixed) + "?by=day"},
		"endpoint failing":      {Path: s.endpoint(s.Failing)},
		"endpoint paused":       {Path: s.endpoint(s.Paused)},
		"endpoint archived":     {Path: s.endpoint(archived)},
		"endpoint of a reader":  {Path: s.endpoint(s.Healthy), Who: "reader"},
		"endpoint delete":       {Path: s.endpoint(s.Healthy, "delete")},
		"secrets":               {Path: s.endpoint(s.Healthy, "secrets")},
		"secrets revealed":      {Path: s.endpoint(s.Healthy, "secrets"), Press: `form[action$="/reveal"] button`},
		"secrets with a fault": {
			Path: s.endpoint(s.Healthy, "secrets"), Fill: fill("#secret", "x"), Press: "#own ~ form button", Status: http.StatusBadRequest,
		},
		"secret rotate":           {Path: s.endpoint(s.Healthy, "secrets", "rotate")},
		"no such endpoint":        {Path: s.endpoint(uuid.New()), Status: http.StatusNotFound},
		"endpoint done something": {Path: s.endpoint(s.Healthy) + "?done=endpoint_tested"},
	}
}

// fill returns values of fields, given as selectors and values.
func fill(pairs ...string) map[string]string {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

func (s *service) formPages() map[string]address {
	const save = ".sheet > .actions button"
	fresh, filtered := s.acme("endpoints", "new"), s.endpoint(s.Filtered, "edit")
	return map[string]address{
		"endpoint new":                {Path: fresh},
		"endpoint new, wrong address": {Path: fresh, Fill: fill("#url", "ftp://x"), Press: save, Status: http.StatusBadRequest},
		"endpoint new, wrong numbers": {Path: fresh, Fill: fill("#rate", "fast", "#timeout", "slow"), Press: save, Status: http.StatusBadRequest},
		"endpoint new, schedule":      {Path: fresh, Fill: fill("#schedule", "5s 5m 2h"), Press: "button[value=preview]"},
		"endpoint edit":               {Path: s.endpoint(s.Failing, "edit")},
		"endpoint edit, header":       {Path: s.endpoint(s.Failing, "edit"), Press: "button[value=add-header]"},
		"endpoint edit, condition":    {Path: filtered, Press: "button[value=add-condition]"},
		"endpoint edit, filter tried": {Path: filtered, Press: "button[value=try]"},
		"endpoint edit, wrong filter": {
			Path: filtered, Fill: fill("#condition-0-pointer", "x"), Press: save, Status: http.StatusUnprocessableEntity,
		},
		"endpoint edit, changed": {
			Path: filtered, Fill: fill("[name=base]", "{}", "#description", "Mine"), Press: save, Status: http.StatusPreconditionFailed,
		},
	}
}

// gone adds an endpoint that has switched itself off, by an answer.
func (s *service) gone() uuid.UUID {
	s.Helper()
	id := s.subscribe(webhooks.SubscriptionInput{PostURI: "https://gone.acme.example/", Events: []string{"order.cancelled"}})
	s.publish(webhooks.Event{Type: "order.cancelled", Data: map[string]string{"orderId": "A-1"}})
	s.delivery(id, webhooks.OnlyFailed)
	return id
}

func (s *service) deliveryPages(gone uuid.UUID) map[string]address {
	failed := s.delivery(gone, webhooks.OnlyFailed)
	succeeded, pending := s.delivery(s.Healthy, webhooks.OnlySucceeded), s.delivery(s.Failing, webhooks.OnlyPending)
	removed := s.delivery(s.Mixed, webhooks.OnlySucceeded)
	s.check(s.Hooks.Dispatcher.Expunge(s.Context(), s.Acme, removed.MessageID))
	path := func(d webhooks.Delivery) string { return s.endpoint(d.SubscriptionID, "deliveries", d.ID.String()) }
	list := s.endpoint(s.Mixed, "deliveries")
	return map[string]address{
		"endpoint switched off":  {Path: s.endpoint(gone)},
		"deliveries":             {Path: list},
		"deliveries filtered":    {Path: list + "?state=pending&class=5xx"},
		"deliveries none match":  {Path: list + "?class=3xx"},
		"deliveries with faults": {Path: list + "?since=x&until=x&id=x&event=x", Status: http.StatusBadRequest},
		"deliveries empty":       {Path: s.endpoint(s.Paused, "deliveries")},
		"delivery succeeded":     {Path: path(succeeded)},
		"delivery pretty":        {Path: path(succeeded) + "?body=pretty"},
		"delivery verify":        {Path: path(succeeded) + "?code=go"},
		"delivery with secret":   {Path: path(succeeded) + "?code=python", Press: "#code form button"},
		"delivery failed":        {Path: path(failed)},
		"delivery pending":       {Path: path(pending)},
		"delivery expunged":      {Path: path(removed)},
		"delivery of a reader":   {Path: path(failed), Who: "reader"},
	}
}

func (s *service) eventPages() map[string]address {
	paid := webhooks.Event{Type: "order.paid", OrderingKey: "A-1", Data: map[string]any{"orderId": "A-1", "amount": 1, "currency": "EUR"}}
	event, removed := s.publish(paid), s.publish(paid)
	s.check(s.Hooks.Dispatcher.Expunge(s.Context(), s.Acme, removed))
	return map[string]address{
		"events":              {Path: s.acme("events")},
		"events with a fault": {Path: s.acme("events") + "?id=x", Status: http.StatusBadRequest},
		"events empty":        {Path: "/organizations/" + s.Other.String() + "/events"},
		"event":               {Path: s.acme("events", event.String())},
		"own endpoints":       {Path: "/endpoints"},
		"own form":            {Path: "/endpoints/new"},
		"own events":          {Path: "/events"},
		"own event":           {Path: "/events/" + event.String()},
		"event raw":           {Path: s.acme("events", event.String()) + "?body=raw"},
		"event expunged":      {Path: s.acme("events", removed.String())},
	}
}

func (s *service) replayPages(gone uuid.UUID) map[string]address {
	late := s.missed("https://late.acme.example/")[0]
	since := time.Now().Add(-time.Hour)
	start := func(rate int) uuid.UUID {
		job, err := s.Hooks.Dispatcher.Recover(s.Context(), s.Acme, late, webhooks.RecoveryInput{
			Since: since, Scope: webhooks.RecoverMissed, RatePerSecond: rate,
		})
		s.check(err)
		return job.ID
	}
	running, stopped := start(1), start(1)
	s.check(s.Hooks.Dispatcher.StopRecovery(s.Context(), s.Acme, late, stopped))
	form, asked := s.endpoint(gone, "replay"), "?since="+url.QueryEscape(since.UTC().Format(time.DateTime))
	return map[string]address{
		"replay":              {Path: form},
		"replay counted":      {Path: form + asked},
		"replay none":         {Path: s.endpoint(s.Healthy, "replay") + asked},
		"replay wrong time":   {Path: form + "?scope=x&since=x&until=x", Status: http.StatusBadRequest},
		"replay wrong rate":   {Path: form + asked, Fill: fill("#per_second", "fast"), Press: "#confirm button", Status: http.StatusBadRequest},
		"replay running":      {Path: s.endpoint(late, "replay", running.String())},
		"replay stopped":      {Path: s.endpoint(late, "replay", stopped.String())},
		"recoveries":          {Path: "/operations/recoveries", Who: "admin"},
		"recoveries by state": {Path: "/operations/recoveries?state=stopped", Who: "admin"},
	}
}

// pathOf is the path of a page for an event type.
func pathOf(catalog string, e webhooks.EventType, segments ...string) string {
	path, _ := url.JoinPath(catalog, append([]string{e.CategoryID.String(), e.ID.String()}, segments...)...)
	return path
}

func (s *service) catalogPages() map[string]address {
	ctx := s.Context()
	paid, shipped, cancelled := s.eventType("order.paid"), s.eventType("order.shipped"), s.eventType("order.cancelled")
	second, err := s.Hooks.Registry.CreateEventType(ctx, paid.CategoryID, webhooks.EventTypeInput{
		Name: "Order paid", Code: "order.paid", Version: "v2",
	})
	s.check(err)
	s.check(s.Hooks.Registry.DeactivateEventType(ctx, cancelled.CategoryID, cancelled.ID))
	own, public, healthy := s.acme("catalog"), "/catalog", s.Healthy.String()
	return map[string]address{
		"catalog":                   {Path: own},
		"category":                  {Path: own + "/" + paid.CategoryID.String()},
		"event type":                {Path: pathOf(own, paid)},
		"event type without schema": {Path: pathOf(own, shipped)},
		"event type without sample": {Path: pathOf(own, second)},
		"event type inactive":       {Path: pathOf(own, cancelled)},
		"event type of a reader":    {Path: pathOf(own, paid), Who: "reader"},
		"event type, no JSON": {
			Path: pathOf(own, paid), Fill: fill("#endpoint", healthy, "#payload", "{"), Press: "#send button", Status: http.StatusBadRequest,
		},
		"event type, refused payload": {
			Path: pathOf(own, paid), Fill: fill("#endpoint", healthy, "#payload", `{"amount":-1}`), Press: "#send button",
			Status: http.StatusUnprocessableEntity,
		},
		"catalog public":    {Path: public, Who: "nobody"},
		"category public":   {Path: public + "/" + paid.CategoryID.String(), Who: "nobody"},
		"event type public": {Path: pathOf(public, paid), Who: "nobody"},
	}
}

func (s *service) editPages() map[string]address {
	paid := s.eventType("order.paid")
	edit := "/operations/catalog-edit"
	category := edit + "/" + paid.CategoryID.String()
	const save = "main form.panel .actions button"
	pages := map[string]address{
		"catalog edit":           {Path: edit},
		"catalog edit, archived": {Path: edit + "?archived=include"},
		"category edit":          {Path: category},
		"category new":           {Path: edit + "/new"},
		"category new, wrong":    {Path: edit + "/new", Fill: fill("#name", "x", "#code", "a b"), Press: save, Status: http.StatusBadRequest},
		"category change":        {Path: category + "/edit"},
		"category changed": {
			Path: category + "/edit", Fill: fill("[name=etag]", `"x"`, "#name", "Mine"), Press: save, Status: http.StatusPreconditionFailed,
		},
		"category delete":         {Path: category + "/delete"},
		"category delete refused": {Path: category + "/delete", Press: save, Status: http.StatusConflict},
		"event type edit":         {Path: pathOf(edit, paid)},
		"event type, no version":  {Path: pathOf(edit, paid) + "?version=v9"},
		"event type new":          {Path: category + "/new"},
		"event type new, wrong": {
			Path: category + "/new", Fill: fill("#name", "x", "#code", "x", "#version", "v1", "#schema", "{"), Press: save,
			Status: http.StatusBadRequest,
		},
		"event type change": {Path: pathOf(edit, paid, "edit")},
		"event type delete": {Path: pathOf(edit, paid, "delete")},
		"sample new":        {Path: pathOf(edit, paid, "samples", "new")},
		"sample change":     {Path: pathOf(edit, paid, "samples", "v1", "edit")},
		"sample delete":     {Path: pathOf(edit, paid, "samples", "v1", "delete")},
	}
	for name, page := range pages {
		page.Who = "admin"
		pages[name] = page
	}
	return pages
}

func (s *service) operatorPages() map[string]address {
	return map[string]address{
		"overview":              {Path: "/operations/overview", Who: "admin"},
		"no such organization":  {Path: "/operations/organization?organization=x", Who: "admin", Status: http.StatusBadRequest},
		"unhealthy":             {Path: "/operations/unhealthy", Who: "admin"},
		"unhealthy by state":    {Path: "/operations/unhealthy?state=paused", Who: "admin"},
		"storage":               {Path: "/operations/storage", Who: "admin"},
		"endpoints of operator": {Path: s.acme("endpoints"), Who: "admin"},
	}
}

func (s *service) failurePages() map[string]address {
	developer := httpapi.Caller{Subject: "dora", Organizations: []uuid.UUID{s.Acme}, Scopes: []httpapi.Scope{httpapi.ScopeManage}}
	link, _, err := s.links.Link(s.Context(), developer, "", time.Hour)
	s.check(err)
	signIn, err := url.Parse(link)
	s.check(err)
	return map[string]address{
		"home":                  {Path: "/"},
		"home of a newcomer":    {Path: "/", Who: "newcomer"},
		"sign in":               {Path: signIn.RequestURI(), Who: "nobody"},
		"sign in, no such link": {Path: "/sign-in?token=x", Who: "nobody", Status: http.StatusNotFound},
		"signed out":            {Path: s.acme("endpoints"), Who: "nobody", Status: http.StatusUnauthorized},
		"accounts away":         {Path: s.acme("endpoints"), Who: "unknown", Status: http.StatusServiceUnavailable},
		"forbidden":             {Path: s.acme("endpoints", "new"), Who: "reader", Status: http.StatusForbidden},
		"no such page":          {Path: s.acme("nowhere"), Status: http.StatusNotFound},
	}
}
