package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/portal"
)

const editing = "/operations/catalog-edit"

// newEditor returns a site whose caller edits the catalog.
func newEditor(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.caller = httpapi.Caller{Subject: "editor", Scopes: []httpapi.Scope{httpapi.ScopeCatalog}}
	return s
}

// editURL is the page of an event type for editing.
func (s *site) editURL(code string) string {
	return editing + strings.TrimPrefix(s.event(code), "catalog")
}

func TestACategoryIsCreatedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	s.get(editing).is(http.StatusOK, "Orders", editing+"/new", `aria-current="true">Catalog`)
	form := url.Values{"name": {" Money "}, "code": {"money"}, "description": {"two\r\nlines"}, "once": {uuid.NewString()}}
	s.get(editing+"/new").is(http.StatusOK, "Add category", `for="code"`)
	to := s.post(editing+"/new", form).leadsTo(editing + "/")
	s.post(editing+"/new", form).leadsTo(editing + "?done=sent_before")
	s.get(to).is(http.StatusOK, "It was added", "Money", "two\nlines", "This category has no events")
	category := strings.TrimSuffix(to, "?done=catalog_created")

	edit := s.get(category+"/edit").is(http.StatusOK, "Edit category", `value="Money"`)
	form = url.Values{"name": {"Payments"}, "code": {"money"}, "etag": {edit.hidden("etag")}, "once": {uuid.NewString()}}
	s.post(category+"/edit", form).leadsTo(category + "?done=catalog_saved")
	s.post(category+"/edit", form).leadsTo(category + "?done=sent_before")
	s.get(category).is(http.StatusOK, "Payments")

	form = url.Values{"etag": {s.get(category+"/delete").is(http.StatusOK, "Delete Payments?").hidden("etag")}, "once": {uuid.NewString()}}
	s.post(category+"/delete", form).leadsTo(editing + "?done=catalog_deleted")
	s.post(category+"/delete", form).leadsTo(editing + "?done=sent_before")
	s.get(category).is(http.StatusNotFound)
}

func TestAnEventTypeIsCreatedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	category := s.editURL("order.paid")
	category = category[:strings.LastIndex(category, "/")]
	form := url.Values{
		"name": {"Order lost"}, "code": {"order.lost"}, "version": {"v1"}, "schema": {"{\r\n\"type\": \"object\", \"maxProperties\": 1.0}"},
	}
	s.get(category+"/new").is(http.StatusOK, "Add event type", `for="schema"`)
	event := strings.TrimSuffix(s.post(category+"/new", form).leadsTo(category+"/"), "?done=catalog_created")
	s.get(event).is(http.StatusOK, "order.lost", "&#34;maxProperties&#34;: 1.0", "There is no sample", event+"/samples/new?version=v1")

	s.post(event+"/samples/new", url.Values{"version": {"v1"}, "payload": {`{"a":1.50}`}}).leadsTo(event + "?version=v1&done=catalog_created")
	s.post(event+"/samples/new", url.Values{"version": {"v1"}, "payload": {`{"a":2}`}}).
		is(http.StatusConflict, `id="version-fault"`, "has a sample already")
	sample := event + "/samples/v1"
	form = url.Values{"etag": {s.get(sample+"/edit").is(http.StatusOK, "1.50").hidden("etag")}, "version": {"v2"}, "payload": {`{"a":3}`}}
	s.post(sample+"/edit", form).leadsTo(event + "?version=v2&done=catalog_saved")
	s.get(event+"?version=v2").is(http.StatusOK, "Sample of version v2", "&#34;a&#34;: 3")
	s.get(event+"?version=%00").is(http.StatusOK, "There is no sample")
	form = url.Values{"etag": {s.get(event + "/samples/v2/delete").is(http.StatusOK).hidden("etag")}}
	s.post(event+"/samples/v2/delete", form).leadsTo(event + "?done=catalog_deleted")

	etag := s.get(event + "/edit").is(http.StatusOK).hidden("etag")
	form = url.Values{"etag": {etag}, "name": {"Lost"}, "code": {"order.lost"}, "version": {"v3"}}
	s.post(event+"/edit", form).leadsTo(event + "?done=catalog_saved")
	s.get(event).is(http.StatusOK, "v3", "has not described the data")
	form = url.Values{"etag": {s.get(event + "/delete").is(http.StatusOK).hidden("etag")}}
	s.post(event+"/delete", form).leadsTo(category + "?done=catalog_deleted")
	s.get(event).is(http.StatusNotFound)
}

func TestFaultsOfTheCatalogStandBesideTheField(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	event := s.editURL("order.paid")
	category := event[:strings.LastIndex(event, "/")]
	for name, test := range map[string]struct {
		address string
		form    url.Values
		status  int
		want    []string
	}{
		"empty": {
			editing + "/new", typed("code", "", "name", " "), 400,
			[]string{`id="name-fault"`, `id="code-fault"`, `<a href="#code">Code: Fill it in`},
		},
		"code":       {editing + "/new", typed("code", "a b"), 400, []string{`id="code-fault"`, `value="a b"`, "typed"}},
		"code taken": {editing + "/new", typed("code", "order"), 409, []string{`id="code-fault"`, "The code is taken", "typed"}},
		"no JSON":    {category + "/new", typed("schema", "{\n\n]"), 400, []string{"mistake in line 3", "typed"}},
		"no schema": {
			category + "/new", typed("schema", `{"properties":{"a":{"type":"nothing"}}}`), 400,
			[]string{`id="schema-fault"`, "/properties/a/type: ", "typed"},
		},
		"sample": {
			event + "/samples/new", typed("payload", `{"orderId":7,"amount":1,"currency":"EUR"}`), 422, []string{`id="payload-fault"`, "/orderId: "},
		},
		"long":        {editing + "/new", typed("name", strings.Repeat("x", 201)), 400, []string{`id="name-fault"`}},
		"hostile":     {editing + "/new", typed("name", hostile, "code", hostile), 400, []string{`id="code-fault"`, "&lt;img"}},
		"not a place": {event + "/state", typed("state", "explode"), 404, nil},
	} {
		if p := s.post(test.address, test.form).is(test.status, test.want...); strings.Contains(p.text, "<img") {
			t.Errorf("%s: a text is not escaped", name)
		}
	}
}

// typed returns the fields of a form that creates an event type, with the values of the pairs.
func typed(pairs ...string) url.Values {
	form := url.Values{"name": {"typed"}, "code": {"x"}, "version": {"v1"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestASchemaThatTheSampleDoesNotMatchIsRefused(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	event := s.editURL("order.paid")
	form := typed("etag", s.get(event+"/edit").hidden("etag"), "schema", `{"required":["nothing"]}`)
	s.post(event+"/edit", form).is(http.StatusUnprocessableEntity, `id="schema-fault"`, "must be matched by the sample payload of version v1")
}

func TestAChangeMeanwhileIsShownBesideTheInput(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	event := s.editURL("order.shipped")
	ids := strings.Split(event, "/")
	mine := url.Values{"etag": {s.get(event + "/edit").hidden("etag")}, "name": {"mine"}, "code": {"order.shipped"}, "version": {"v1"}}
	_, err := s.service.Hooks.Registry.UpdateEventType(t.Context(), uuid.MustParse(ids[3]), uuid.MustParse(ids[4]),
		func(_ webhooks.EventType, in *webhooks.EventTypeInput) error { in.Name = "theirs"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	p := s.post(event+"/edit", mine).is(http.StatusPreconditionFailed, "changed after you opened it", `value="mine"`, "Stored now:", "theirs")
	s.post(event+"/delete", mine).is(http.StatusPreconditionFailed, "Look at it again")
	s.post(event+"/delete", url.Values{}).is(http.StatusPreconditionFailed)
	mine.Set("etag", p.hidden("etag"))
	s.post(event+"/edit", mine).leadsTo(event + "?done=catalog_saved")
	s.get(event).is(http.StatusOK, "mine")
}

func TestStatesOfTheCatalogChange(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	event := s.editURL("order.paid")
	category := event[:strings.LastIndex(event, "/")]
	for _, address := range []string{event, category} {
		for _, step := range []struct{ state, shows string }{
			{"deactivate", "inactive"}, {"activate", "Deactivate"}, {"archive", "archived"}, {"archive", "archived"}, {"restore", "Archive"},
		} {
			s.post(address+"/state", url.Values{"state": {step.state}}).leadsTo(address + "?done=catalog_" + step.state)
			s.get(address+"?archived=include").is(http.StatusOK, step.shows)
		}
	}
	s.post(event+"/state", url.Values{"state": {"archive"}})
	s.get(category).is(http.StatusOK).lacks(event)
	s.get(category+"?archived=include").is(http.StatusOK, event)
	s.get(event).is(http.StatusOK, "Restore").lacks(event+"/edit", "Deactivate")
	s.post(event+"/edit", url.Values{"name": {"typed"}, "code": {"x"}, "version": {"v1"}}).is(http.StatusConflict, "Restore it first", "typed")
	s.post(category+"/delete", url.Values{"etag": {s.get(category + "/delete").hidden("etag")}}).is(http.StatusConflict, "cannot be deleted")
}

func TestOnlyCallersWithTheScopeEditTheCatalog(t *testing.T) {
	t.Parallel()
	s := newEditor(t)
	event := s.editURL("order.paid")
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeWrite}
	category := event[:strings.LastIndex(event, "/")]
	for _, address := range []string{
		editing, editing + "/new", category, category + "/new", category + "/edit", category + "/delete", event, event + "/edit",
		event + "/delete", event + "/samples/new", event + "/samples/v1/edit", event + "/samples/v1/delete",
	} {
		s.get(address).is(http.StatusForbidden, "You may not do this")
	}
	s.post(event+"/state", url.Values{"state": {"archive"}}).is(http.StatusForbidden)
	s.post(editing+"/new", url.Values{"name": {"a"}, "code": {"a"}}).is(http.StatusForbidden)
}

func TestTheCatalogIsEditedBelowAPath(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *portal.Config) { c.Path = "/a/b" })
	s.caller = httpapi.Caller{Subject: "editor", Scopes: []httpapi.Scope{httpapi.ScopeCatalog}}
	s.get("/a/b/").leadsTo("/a/b" + editing)
	s.get("/a/b"+editing+"/new").is(http.StatusOK, `action="/a/b`+editing+`/new"`)
	to := s.post("/a/b"+editing+"/new", url.Values{"name": {"Money"}, "code": {"money"}}).leadsTo("/a/b" + editing + "/")
	s.get(to).is(http.StatusOK, `action="/a/b`+editing)
	s.get("/a/b"+editing).is(http.StatusOK, strings.TrimSuffix(to, "?done=catalog_created")).lacks(`href="/operations`)
}
