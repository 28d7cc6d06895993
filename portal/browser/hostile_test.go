package browser_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/portal/internal/sample"
	"github.com/ecg-api/webhooks/store"
)

// hostile is a text that a page must show and not obey: markup, marks of direction, and no blank at which a line can break.
const hostile = `</textarea></pre></title><script>globalThis.obeyed=1</script>"'><img/src=x/onerror="globalThis.obeyed=1">` +
	`<a/href=javascript:globalThis.obeyed=1>{{1}}` + "\u202e\u2066"

// TestHostileTextsAreShownAndNotObeyed opens the pages that show texts of customers.
func TestHostileTextsAreShownAndNotObeyed(t *testing.T) {
	t.Parallel()
	ready(t)
	run(t, eachStore(t, sample.Data{Extra: map[string]string{
		"description": hostile, "header": printable(hostile), "path": url.PathEscape(hostile), "response": hostile + "\x00",
	}}, func(s *service, shown *site) { shown.Pages = s.hostilePages() }), "hostile.test.mjs")
}

// printable returns the ASCII part of a text, as headers have it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return -1
		}
		return r
	}, text)
}

// hostilePages fills all texts of customers, and returns the pages that show these texts.
func (s *service) hostilePages() map[string]address {
	ctx := webhooks.WithActor(s.Context(), hostile)
	e := s.hostileEventType()
	endpoint := s.hostileEndpoint(e)
	event := s.publish(webhooks.Event{
		Type: e.Code, Version: e.Version, OrderingKey: printable(hostile),
		Data: map[string]string{hostile: strings.Repeat("m", 1_000_000) + hostile + "\x00"},
	})
	removed := s.publish(webhooks.Event{Type: e.Code, Version: e.Version, Data: map[string]string{"a": hostile}})
	s.check(s.Hooks.Dispatcher.Expunge(ctx, s.Acme, removed))
	delivery, asked := s.delivery(endpoint, webhooks.OnlySucceeded), url.QueryEscape(hostile)
	job := webhooks.RecoveryInput{Since: time.Now().Add(-time.Hour), Scope: webhooks.RecoverAll}
	_, err := s.Hooks.Dispatcher.Recover(ctx, s.Acme, endpoint, job)
	s.check(err)
	s.check(s.Hooks.Subscriptions.Deactivate(ctx, s.Acme, endpoint))
	paths := slices.Concat(s.hostileEndpointPaths(endpoint, delivery.ID, asked), hostileCatalogPaths(s.acme("catalog"), e, asked), []string{
		s.acme("events"), s.acme("events") + "?id=" + asked, s.acme("events", event.String()), s.acme("events", removed.String()),
		"/operations/organization?organization=" + asked, "/operations/unhealthy?state=paused", "/operations/recoveries",
		s.acme("endpoints", asked), "/organizations/" + asked + "/endpoints", "/sign-in?token=" + asked,
	})
	pages := map[string]address{}
	for i, path := range paths {
		pages[strconv.Itoa(i)+" "+path[:min(len(path), 120)]] = address{Path: path, Who: "hostile"}
	}
	return pages
}

// hostileEndpointPaths are the pages of an endpoint, and these with a parameter.
func (s *service) hostileEndpointPaths(id, delivery uuid.UUID, asked string) []string {
	list, one := s.endpoint(id, "deliveries"), s.endpoint(id, "deliveries", delivery.String())
	return []string{
		s.acme("endpoints"), s.acme("endpoints") + "?state=" + asked + "&q=" + asked + "&done=" + asked,
		s.acme("endpoints", "new"), s.endpoint(id), s.endpoint(id, "edit"), s.endpoint(id, "delete"),
		s.endpoint(id, "secrets"), s.endpoint(id, "secrets", "rotate"), s.endpoint(id, "replay") + "?since=" + asked + "&scope=" + asked,
		list, list + "?id=" + asked + "&since=" + asked + "&event=" + asked, one, one + "?body=pretty&code=python",
	}
}

// hostileCatalogPaths are the pages of an event type and its category, and these with a parameter.
func hostileCatalogPaths(catalog string, e webhooks.EventType, asked string) []string {
	edit := "/operations/catalog-edit"
	category := edit + "/" + e.CategoryID.String()
	return []string{
		catalog, catalog + "/" + e.CategoryID.String(), pathOf(catalog, e),
		edit, edit + "?archived=" + asked, category, category + "/edit", category + "/delete", category + "/new",
		pathOf(edit, e), pathOf(edit, e) + "?version=" + asked, pathOf(edit, e, "edit"), pathOf(edit, e, "delete"),
		pathOf(edit, e, "samples", "v1", "edit"), pathOf(edit, e, "samples", "new") + "?version=" + asked,
	}
}

// hostileEventType adds an event type, in a category of its own.
func (s *service) hostileEventType() webhooks.EventType {
	s.Helper()
	registry, name := s.Hooks.Registry, printable(hostile)
	description := hostile + strings.Repeat("m", 1700)
	c, err := registry.CreateCategory(s.Context(), webhooks.CategoryInput{
		Name: name, Code: strings.Repeat("m", 100), Description: description,
	})
	s.check(err)
	quoted := strconv.QuoteToASCII(hostile)
	e, err := registry.CreateEventType(s.Context(), c.ID, webhooks.EventTypeInput{
		Name: name, Code: strings.Repeat("h", 100), Version: strings.Repeat("v", 32), Description: description,
		Schema: []byte(strings.ReplaceAll(`{"title":Q,"description":Q,"properties":{Q:{"description":Q},"b":{"enum":[Q]}}}`, "Q", quoted)),
	})
	s.check(err)
	_, err = registry.CreateSample(s.Context(), c.ID, e.ID, webhooks.SampleInput{Version: "v1", Payload: []byte(`{"a":` + quoted + `}`)})
	s.check(err)
	return e
}

// hostileEndpoint adds an endpoint that gets the event type.
func (s *service) hostileEndpoint(e webhooks.EventType) uuid.UUID {
	s.Helper()
	return s.subscribe(webhooks.SubscriptionInput{
		PostURI: "https://extra.acme.example/" + url.PathEscape(hostile) + strings.Repeat("m", 1000), Events: []string{e.ID.String()},
		Description: hostile, Headers: map[string]string{"X-" + strings.Repeat("h", 100): printable(hostile)},
		Filter: webhooks.Filter{{
			Pointer: "/" + strings.ReplaceAll(hostile, "/", "~1"), Op: store.OpNotEqual, Value: []byte(strconv.QuoteToASCII(hostile)),
		}},
	})
}
