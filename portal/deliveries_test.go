package portal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
)

// endpoint adds an endpoint to the organization Acme.
func (s *site) endpoint(url string, events ...string) uuid.UUID {
	s.t.Helper()
	in := webhooks.SubscriptionInput{PostURI: url, Events: events}
	sub, _, err := s.service.Hooks.Subscriptions.Create(s.t.Context(), s.service.Acme, in)
	s.check(err)
	return sub.ID
}

// publish publishes an event of the organization Acme. It returns the id of the event.
func (s *site) publish(eventType string, data any) uuid.UUID {
	s.t.Helper()
	p, err := s.service.Hooks.Dispatcher.Publish(s.t.Context(), s.service.Acme, webhooks.Event{Type: eventType, Data: data})
	s.check(err)
	return p.ID
}

// delivery waits until the endpoint has a delivery in one of the states. It returns the newest one.
func (s *site) delivery(endpoint uuid.UUID, status webhooks.StatusFilter) webhooks.Delivery {
	s.t.Helper()
	for s.t.Context().Err() == nil {
		found, err := s.service.Hooks.Subscriptions.Deliveries(s.t.Context(), webhooks.HistoryQuery{
			OrganizationID: s.service.Acme, SubscriptionID: endpoint, Status: status, Page: webhooks.Page{Take: 1, Descending: true},
		})
		s.check(err)
		if len(found.Items) > 0 {
			return found.Items[0]
		}
		runtime.Gosched()
	}
	s.t.Fatal("there is no such delivery")
	return webhooks.Delivery{}
}

func TestDeliveriesAreListedWithTheirState(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Failing.String(), "deliveries")
	p := s.get(path).is(http.StatusOK, "order.paid", "waiting", "failing.acme.example", "Pause refresh")
	if rows := strings.Count(p.text, `<tr id="d-`); rows != 25 {
		t.Errorf("%d rows, want 25", rows)
	}
	s.get(path+"?class=5xx").is(http.StatusOK, `<td data-label="Status code">503</td>`)
	next := p.between(`rel="next" href="`, `"`)
	second := s.get(next).is(http.StatusOK, `rel="first" href="`+path+`"`).lacks("Pause refresh", "hx-get")
	row := regexp.MustCompile(`<tr id="(d-[^"]*)"`)
	if first, again := row.FindStringSubmatch(p.text)[1], row.FindStringSubmatch(second.text)[1]; first <= again {
		t.Errorf("the second page begins with %s, the first with %s", again, first)
	}
}

func TestFiltersOfDeliveriesAreInTheAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Failing.String(), "deliveries")
	shipped := regexp.MustCompile(`<option value="([^"]+)">order.shipped<`).FindStringSubmatch(s.get(path).text)[1]
	s.get(path+"?event="+shipped).is(
		http.StatusOK, `value="`+shipped+`" selected`, "<code>order.shipped</code>",
	).lacks("<code>order.paid</code>")
	s.get(path+"?class=5xx&state=pending").is(http.StatusOK, `<option value="5xx" selected>`, `<option value="pending" selected>`, "503")
	for _, empty := range []string{"class=2xx", "state=succeeded", "until=2020-01-01", "since=2090-01-01T00:00:00Z"} {
		s.get(path+"?"+empty).is(http.StatusOK, "No delivery matches", "Show all").lacks("<table")
	}
	lastHour := s.get(path+"?class=5xx").between(`Last: <a href="`, `"`)
	s.get(lastHour).is(http.StatusOK, `<option value="5xx" selected>`, `name="since" value="20`)
}

func TestWrongFiltersAreExplainedAndKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Healthy.String(), "deliveries")
	for query, want := range map[string]string{
		"since=yesterday%22%3E":                          `value="yesterday&#34;&gt;"`,
		"until=2026-02-30":                               "Write a time in UTC",
		"since=2026-11-30T13:00Z&until=2026-11-30+12:00": "This time must be before the end",
		"event=order.paid&state=failed":                  `<option value="order.paid" selected>`,
		"id=%E2%80%AE7":                                  "Write an id",
		"id=" + uuid.NewString():                         "This endpoint has no delivery of this id",
	} {
		s.get(path+"?"+query).is(
			http.StatusBadRequest, want, `role="alert"`, `aria-invalid="true"`, "hooks.acme.example",
		).lacks("<table", "\u202e")
	}
	s.get(path+"?state=best").is(http.StatusBadRequest, "This is not possible")
	s.get(path+"?cursor=x").is(http.StatusBadRequest, "This is not possible")
}

func TestAnIDOfADeliveryAnAttemptOrAnEventLeadsToTheDelivery(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.delivery(s.service.Failing, webhooks.OnlyPending)
	path := s.acme("endpoints", s.service.Failing.String(), "deliveries")
	all, err := s.service.Hooks.Subscriptions.Attempts(t.Context(), webhooks.HistoryQuery{
		OrganizationID: s.service.Acme, SubscriptionID: s.service.Failing, Page: webhooks.Page{Take: 100, Descending: true},
	})
	s.check(err)
	for _, a := range all.Items {
		if a.Number < 2 {
			continue
		}
		for _, id := range []uuid.UUID{a.DeliveryID, a.MessageID, a.ID} {
			if to := s.get(path + "?id=" + id.String()).leadsTo(path); to != path+"/"+a.DeliveryID.String() {
				t.Errorf("%s leads to %s", id, to)
			}
		}
		s.get(path + "/" + a.ID.String()).leadsTo(path + "/" + a.DeliveryID.String() + "?attempt=" + a.ID.String())
		return
	}
	t.Fatal("no attempt is a retry")
}

func TestTheRefreshCountsNewDeliveriesAndMovesNoRow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	endpoint := s.endpoint("https://hooks.acme.example/new", "order.cancelled")
	path := s.acme("endpoints", endpoint.String(), "deliveries")
	s.get(path).is(http.StatusOK, "No deliveries yet", "0 deliveries")
	s.publish("order.cancelled", 1)
	s.delivery(endpoint, webhooks.OnlySucceeded)
	p := s.get(path).is(http.StatusOK, "1 delivery")
	refresh := p.between(`hx-get="`, `"`)
	rows := p.between("<tbody>", "</tbody>")
	for start := time.Now(); time.Since(start) < 2*time.Millisecond; { // the page counts deliveries of later milliseconds
		runtime.Gosched()
	}
	s.publish("order.cancelled", 2)
	s.publish("order.cancelled", 3)
	s.header.Set("HX-Request", "true")
	again := s.get(refresh).is(http.StatusOK, "2 new deliveries", "Show")
	if got := again.between("<tbody>", "</tbody>"); got != rows {
		t.Errorf("the rows are now\n%s\nbefore\n%s", got, rows)
	}
	s.get(again.between(`main" href="`, `"`)).is(http.StatusOK, "3 deliveries")
	paused := s.get(again.between("Show</a>\n    <a class=\"button quiet\" href=\"", `"`))
	paused.is(http.StatusOK, "Resume refresh", "2 new deliveries").lacks("hx-get")
	s.get(path+"?state=succeeded").is(http.StatusOK, `hx-select="#live"`, "</div>\n  \n</div>")
}

func TestDeliveriesOfAStrangerAreNotShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	paths := [][]string{{"deliveries"}, {"deliveries", d.ID.String()}, {"deliveries", d.ID.String(), "body"}, {"replay"}}
	for _, path := range paths {
		address := append([]string{"endpoints", s.service.Healthy.String()}, path...)
		s.get("/organizations/"+s.service.Other.String()+"/"+strings.Join(address, "/")).is(http.StatusNotFound, "There is no such page")
	}
	s.get(s.acme("endpoints", s.service.Mixed.String(), "deliveries", d.ID.String())).is(http.StatusNotFound)
	s.get(s.acme("endpoints", s.service.Mixed.String(), "deliveries", "x")).is(http.StatusNotFound)
	s.get(s.acme("endpoints", uuid.NewString(), "deliveries")).is(http.StatusNotFound)
	s.get(s.acme("endpoints", s.service.Mixed.String(), "deliveries") + "?attempt=x").is(http.StatusOK)
	s.caller.Scopes = []httpapi.Scope{httpapi.ScopeRead}
	path := s.acme("endpoints", s.service.Healthy.String(), "deliveries", d.ID.String())
	s.get(path).is(http.StatusOK).lacks("Send again now", "Put the secret")
	s.post(path+"/retry", url.Values{"latest": {d.ID.String()}}).is(http.StatusForbidden)
	s.post(path+"?code=go", nil).is(http.StatusForbidden, "You may not do this")
	s.get(s.acme("endpoints", s.service.Healthy.String(), "replay")).is(http.StatusForbidden)
	s.get(s.acme("endpoints", s.service.Healthy.String(), "deliveries")).is(http.StatusOK).lacks(">Replay<")
}

func TestPagesAboutDeliveriesAreShownInGerman(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	s.header.Set("Accept-Language", "de")
	endpoint := []string{"endpoints", d.SubscriptionID.String()}
	for path, want := range map[string]string{
		s.acme(append(endpoint, "deliveries")...):                   "Nächster Versuch",
		s.acme(append(endpoint, "deliveries")...) + "?since=x":      "Bitte prüfen Sie diese Felder",
		s.deliveryPage(d) + "?code=python&body=pretty":              "Die Zustellung ist fertig.",
		s.acme(append(endpoint, "replay")...) + "?since=2026-01-01": "Bisher wurde nichts gesendet.",
		s.acme("events"):                       "Ordnungsschlüssel",
		s.acme("events", d.MessageID.String()): "Welcher Endpunkt es bekommen hat",
	} {
		p := s.get(path)
		if p.is(p.resp.StatusCode, `lang="de"`, want); p.resp.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: status %d", path, p.resp.StatusCode)
		}
	}
}
