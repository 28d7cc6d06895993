package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/signing"
)

// newForm is the form of a new endpoint for all events.
func newForm(postURI string) url.Values {
	return url.Values{
		"do": {"save"}, "url": {postURI}, "version": {"v1"}, "event": {"*"},
	}
}

// lastPart returns the last part of a path.
func lastPart(address string) uuid.UUID {
	path, _, _ := strings.Cut(address, "?")
	return uuid.MustParse(path[strings.LastIndexByte(path, '/')+1:])
}

func TestAnEndpointIsAdded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.get(s.acme("endpoints", "new")).is(http.StatusOK,
		"Add an endpoint", "<legend><bdi", "order.*", "order.paid", "The default: attempts until one succeeds")
	paid := s.get(s.acme("endpoints", "new")).text
	event := paid[:strings.Index(paid, "<code>order.paid")]
	event = event[strings.LastIndex(event, `for="event-`)+len(`for="event-`):][:36]
	form := with(newForm("https://new.example/x"), url.Values{
		"event": {event, "customer.*"}, "description": {"New"}, "ordered": {"1"}, "rate": {"2,5"}, "timeout": {"5000"}, "schedule": {"5s, 5m 2h"},
		"pointer": {"/customer/country", "", "/amount", "/n", "/p"}, "op": {"eq", "eq", "gt", "in", "prefix"},
		"value":  {"DE", "", "100.50", "DE, 1.0", "12"},
		"header": {"x-api-key", ""}, "header-value": {"a-long-secret", ""},
	})
	sub := s.sub(lastPart(s.post(s.acme("endpoints", "new"), form).leadsTo(s.acme("endpoints") + "/")))
	if len(sub.Selectors) != 2 || !sub.Ordered || sub.RateLimit != 2.5 || sub.Timeout != 5*time.Second || len(sub.RetrySchedule) != 3 ||
		sub.Headers["X-Api-Key"] != "a-long-secret" || sub.Description != "New" {
		t.Errorf("the endpoint is %+v", sub)
	}
	for i, want := range []string{`"DE"`, "100.50", `["DE",1.0]`, `"12"`} {
		if i >= len(sub.Filter) || string(sub.Filter[i].Value) != want {
			t.Errorf("condition %d of %q is not %s", i, sub.Filter, want)
		}
	}
	s.get(s.acme("endpoints", sub.ID.String(), "edit")).is(http.StatusOK, `value="DE"`, `value="100.50"`, `value="&#34;12&#34;"`)
}

func TestEachFaultStandsBesideItsField(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, test := range map[string]struct {
		change url.Values
		field  string
		status int
		text   string
	}{
		"scheme":        {url.Values{"url": {"http://x.example"}}, "url", 400, "must start with https"},
		"private":       {url.Values{"url": {"https://127.0.0.1/x"}}, "url", 422, "must not lead to a"},
		"event":         {url.Values{"event": {uuid.NewString()}}, "events", 422, "names no event type"},
		"description":   {url.Values{"description": {strings.Repeat("x", 2001)}}, "description", 400, "2000"},
		"version":       {url.Values{"version": {"?"}}, "version", 400, ""},
		"rate":          {url.Values{"rate": {"fast"}}, "rate", 400, "must be a number above 0"},
		"rate 0":        {url.Values{"rate": {"0"}}, "rate", 400, "must be a number above 0"},
		"rate NaN":      {url.Values{"rate": {"NaN"}}, "rate", 400, "must be a number above 0"},
		"great rate":    {url.Values{"rate": {"20000"}}, "rate", 400, "at most 10000"},
		"timeout":       {url.Values{"timeout": {"5s"}}, "timeout", 400, "must be a whole number"},
		"short timeout": {url.Values{"timeout": {"5"}}, "timeout", 400, "must be 1000"},
		"schedule":      {url.Values{"schedule": {"5s soon"}}, "schedule", 400, "must be a wait such as"},
		"pointer": {
			url.Values{"pointer": {"", "country"}, "op": {"eq", "eq"}, "value": {"", "DE"}}, "condition-0-pointer", 400, "must be a JSON Pointer",
		},
		"op":     {url.Values{"pointer": {"/x"}, "op": {"like"}, "value": {"DE"}}, "condition-0-op", 400, "must be eq"},
		"value":  {url.Values{"pointer": {"/x"}, "op": {"exists"}, "value": {"DE"}}, "condition-0-value", 400, "must be true or false"},
		"header": {url.Values{"header": {"Host"}, "header-value": {"x"}}, "header-0-value", 400, "must not be set"},
		"header twice": {
			url.Values{"header": {"X-A", "x-a"}, "header-value": {"1", "2"}}, "header-1-name", 400, "This header is there twice",
		},
		"header name":      {url.Values{"header": {""}, "header-value": {"1"}}, "header-0-name", 400, "A header needs a name"},
		"bad header name":  {url.Values{"header": {"a b"}, "header-value": {"1"}}, "headers", 400, "must have names that HTTP allows"},
		"a NUL in the URL": {url.Values{"url": {"https://x.example/\x00"}}, "url", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := with(newForm("https://kept.example/"), url.Values{"description": {"kept text"}, "schedule": {"7s"}})
			p := s.post(s.acme("endpoints", "new"), with(form, test.change))
			p.t = t
			p.is(test.status, `role="alert"`, `<a href="#`+test.field+`">`, `id="`+test.field+`-fault"`, test.text)
			for name, value := range map[string]string{"url": "https://kept.example/", "description": "kept text", "schedule": "7s"} {
				if !test.change.Has(name) {
					p.is(test.status, value)
				}
			}
		})
	}
}

func TestRowsAreAddedAndRemovedWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	form := with(newForm("https://rows.example/"), url.Values{
		"pointer": {"/a", "/b"}, "op": {"eq", "lt"}, "value": {"1", "2"}, "header": {"X-One"}, "header-value": {"1"}, "schedule": {"1s 1h"},
	})
	do := func(do string) *page { return s.post(s.acme("endpoints", "new"), with(form, url.Values{"do": {do}})) }
	do("add-condition").is(http.StatusOK, `id="condition-2-pointer"`, `value="/a"`, `value="https://rows.example/"`)
	do("remove-condition:0").is(http.StatusOK, `value="/b"`).lacks(`value="/a"`, "condition-1")
	do("remove-condition:9").is(http.StatusOK, `value="/a"`)
	do("remove-condition:-1").is(http.StatusOK, `value="/a"`)
	do("add-header").is(http.StatusOK, `id="header-1-name"`)
	do("remove-header:0").is(http.StatusOK).lacks("X-One")
	do("preview").is(http.StatusOK, "Attempt 3", "1 h in total")
	do("try").is(http.StatusOK, `value="/a"`, "0 of the last", "events would be sent")
	s.get(s.acme("endpoints")+"?q=rows").is(http.StatusOK, "No endpoint matches")
}

// edit returns the form of an endpoint as the browser would send it without a change.
func (s *site) edit(id uuid.UUID) url.Values {
	s.t.Helper()
	p := s.get(s.acme("endpoints", id.String(), "edit")).is(http.StatusOK, "Edit the endpoint")
	sub := s.sub(id)
	form := url.Values{
		"do": {"save"}, "etag": {p.hidden("etag")}, "base": {p.hidden("base")},
		"url": {sub.PostURI}, "description": {sub.Description}, "version": {sub.Version},
	}
	for _, sel := range sub.Selectors {
		value := sel.Pattern
		if value == "" {
			value = sel.EventTypeID.String()
		}
		form.Add("event", value)
	}
	for name, value := range sub.Headers {
		form.Add("header", name)
		form.Add("header-value", signing.Mask(value))
	}
	return form
}

func TestAnEditChangesTheEditedMembersAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.service.Failing
	before := s.sub(id)
	form := s.edit(id)
	if strings.Contains(form.Get("base"), "canary") {
		t.Error("the form has the value of a header in full")
	}
	s.post(s.acme("endpoints", id.String(), "edit"), form).leadsTo(s.acme("endpoints", id.String()) + "?done=endpoint_saved")
	if s.sub(id).Revision != before.Revision {
		t.Error("a form without a change changed the endpoint")
	}
	s.post(s.acme("endpoints", id.String(), "edit"), with(form, url.Values{
		"description": {"Changed"}, "header": {"X-Api-Key", "X-New"}, "header-value": {"••••alue", "new"}, "rate": {"3"},
	})).leadsTo(s.acme("endpoints", id.String()))
	after := s.sub(id)
	if after.Description != "Changed" || after.RateLimit != 3 || after.Headers["X-Api-Key"] != "canary-header-value" ||
		after.Headers["X-New"] != "new" || after.PostURI != before.PostURI || len(after.Selectors) != len(before.Selectors) {
		t.Errorf("the endpoint is %+v, headers %v", after, len(after.Headers))
	}
	s.post(s.acme("endpoints", id.String(), "edit"), with(s.edit(id), url.Values{
		"header": {"X-New"}, "header-value": {"••••"}, "event": {"order.*"}, "rate": {""},
	})).leadsTo(s.acme("endpoints", id.String()))
	after = s.sub(id)
	_, kept := after.Headers["X-Api-Key"]
	if kept || after.Headers["X-New"] != "new" || after.RateLimit != 0 || after.Selectors[0].Pattern != "order.*" {
		t.Errorf("the endpoint is %+v, headers %v", after, len(after.Headers))
	}
	s.post(s.acme("endpoints", id.String(), "edit"), with(s.edit(id), url.Values{"header": {"X-Other"}, "header-value": {"••••alue"}})).
		is(http.StatusUnprocessableEntity, "must be given in full", `id="header-0-value-fault"`)
}

func TestAChangeBySomebodyElseIsShownAndMerged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.service.Filtered
	path := s.acme("endpoints", id.String(), "edit")
	form := with(s.edit(id), url.Values{"pointer": {"/customer/country"}, "op": {"eq"}, "value": {"DE"}, "description": {"Mine"}})
	other := with(form, url.Values{"description": {"Theirs"}, "schedule": {"9s"}, "ordered": {"1"}})
	s.post(path, other).leadsTo(s.acme("endpoints", id.String()))
	s.post(path, other).leadsTo(s.acme("endpoints", id.String())) // the form was sent twice
	p := s.post(path, form).is(http.StatusPreconditionFailed, "Somebody else changed the endpoint meanwhile", "Theirs", ">\nMine</textarea>",
		`value="9s"`, `name="ordered" value="1" checked`)
	if got := s.sub(id).Description; got != "Theirs" {
		t.Errorf("the description is %q", got)
	}
	form = with(form, url.Values{"etag": {p.hidden("etag")}, "base": {p.hidden("base")}, "schedule": {"9s"}, "ordered": {"1"}})
	s.post(path, form).leadsTo(s.acme("endpoints", id.String()))
	if got := s.sub(id); got.Description != "Mine" || !got.Ordered || len(got.RetrySchedule) != 1 {
		t.Errorf("the endpoint is %+v", got)
	}
	// A change of something that the form does not have is no conflict.
	form = with(form, s.edit(id))
	form.Set("description", "After the pause")
	form["pointer"], form["op"], form["value"] = []string{"/customer/country"}, []string{"eq"}, []string{"DE"}
	form.Set("schedule", "9s")
	s.post(s.acme("endpoints", id.String(), "pause"), nil)
	s.post(path, form).leadsTo(s.acme("endpoints", id.String()))
	if got := s.sub(id); got.Description != "After the pause" || got.Active {
		t.Errorf("the endpoint is %+v", got)
	}
}

func TestAnArchivedEndpointIsNotEdited(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.service.Mixed
	form := with(s.edit(id), url.Values{"description": {"typed"}, "rate": {"50"}})
	s.post(s.acme("endpoints", id.String(), "archive"), nil)
	s.post(s.acme("endpoints", id.String(), "edit"), form).is(http.StatusConflict, `role="alert"`, ">\ntyped</textarea>")
}

func TestChosenEventsThatAreNotOfferedStay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.add(webhooks.SubscriptionInput{PostURI: "https://other.example", Events: []string{"vitals.*", "order.shipped"}})
	s.get(s.acme("endpoints", id.String(), "edit")).is(http.StatusOK, "Chosen, but not offered any more", `value="vitals.*" checked`)
}
