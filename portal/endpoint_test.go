package portal_test

import (
	"net/http"
	"net/url"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

func TestAFailingEndpointSaysSinceWhenAndWhatFollows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.get(s.acme("endpoints", s.service.Failing.String())).is(http.StatusOK,
		"The endpoint fails, and deliveries wait", "nothing but failures", "Failures without a success", "Next attempt", "Test and re-enable",
		"<code>order.paid</code>", ">waiting<", `<svg class="chart"`, "<details>", "<desc id=")
	p.lacks("canary-header-value")
	s.get(s.acme("endpoints", s.service.Failing.String())+"?by=day").is(http.StatusOK, `?by=day" aria-current="true"`)
}

func TestEachStateHasItsBanner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.service
	s.get(s.acme("endpoints", e.Healthy.String())).is(http.StatusOK, "Events are delivered", "Send a test", "/pause").
		lacks("Test and re-enable", "/resume")
	s.get(s.acme("endpoints", e.Paused.String())).is(http.StatusOK, "Paused: no events are delivered", "/resume").lacks(`/pause"`)
	s.get(s.acme("endpoints", e.Paused.String())).is(http.StatusOK, "No attempts in this time", "Nothing was delivered yet")
	s.post(s.acme("endpoints", e.Paused.String(), "archive"), nil).leadsTo(s.acme("endpoints"))
	s.get(s.acme("endpoints", e.Paused.String())).is(http.StatusOK, "Archived: no events are delivered", "/restore").
		lacks("/edit", "/test", "/archive")
	s.header.Set("Accept-Language", "de")
	s.get(s.acme("endpoints", e.Failing.String())).is(http.StatusOK, "Testen und wieder einschalten", "Der Endpunkt ist fehlerhaft",
		">lauter Fehler<")
}

func TestAnEndpointThatIsGoneOrBusySaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	add := func(postURI string, state func(webhooks.SubscriptionStatus) bool) string {
		id := s.add(webhooks.SubscriptionInput{PostURI: postURI, Events: []string{"order.shipped"}})
		if _, err := s.service.Hooks.Dispatcher.Publish(t.Context(), s.service.Acme, webhooks.Event{
			Type: "order.shipped", Data: map[string]any{"orderId": "A-1"},
		}); err != nil {
			t.Fatal(err)
		}
		for t.Context().Err() == nil { // until the dispatcher has recorded the answer
			all, err := s.service.Hooks.Subscriptions.Statuses(t.Context(), []webhooks.Subscription{s.sub(id)})
			if err != nil || state(all[id]) {
				break
			}
			runtime.Gosched()
		}
		return id.String()
	}
	gone := add("https://gone.acme.example/", func(s webhooks.SubscriptionStatus) bool { return s.State == webhooks.SubscriptionDisabled })
	s.get(s.acme("endpoints", gone)).is(http.StatusOK, "Switched off: no events are delivered", "410", "Test and re-enable")
	busy := add("https://busy.acme.example/", func(s webhooks.SubscriptionStatus) bool { return s.BackPressure != nil })
	s.get(s.acme("endpoints", busy)).is(http.StatusOK, "The endpoint asked for a pause")
}

func TestPauseResumeArchiveAndRestore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.service.Healthy
	for _, step := range []struct {
		do, notice       string
		active, archived bool
	}{
		{"pause", "endpoint_paused", false, false},
		{"pause", "endpoint_paused", false, false},
		{"resume", "endpoint_resumed", true, false},
		{"archive", "endpoint_archived", true, true},
		{"archive", "endpoint_archived", true, true},
		{"restore", "endpoint_restored", true, false},
	} {
		to := s.post(s.acme("endpoints", id.String(), step.do), nil).leadsTo(s.acme("endpoints", id.String()) + "?done=" + step.notice)
		s.get(to).is(http.StatusOK, `<p class="notice good" role="status">`)
		if sub := s.sub(id); sub.Active != step.active || sub.Archived != step.archived {
			t.Errorf("after %s: active %v, archived %v", step.do, sub.Active, sub.Archived)
		}
	}
}

func TestTestAndReEnableDoesBoth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.service.Paused
	once := url.Values{"once": {s.get(s.acme("endpoints", id.String())).hidden("once")}}
	s.post(s.acme("endpoints", id.String(), "test"), once).leadsTo(s.acme("endpoints", id.String()) + "?done=endpoint_tested_enabled")
	if !s.sub(id).Active {
		t.Error("the endpoint is not active")
	}
	s.tests(id, 1)
	s.post(s.acme("endpoints", id.String(), "test"), once).leadsTo(s.acme("endpoints", id.String()) + "?done=sent_before")
	s.tests(id, 1)
	s.post(s.acme("endpoints", id.String(), "test"), nil).leadsTo(s.acme("endpoints", id.String()) + "?done=endpoint_tested")
	s.tests(id, 2)
}

// tests fails the test unless the endpoint has that number of test deliveries.
func (s *site) tests(id uuid.UUID, want int) {
	s.t.Helper()
	list, err := s.service.Hooks.Subscriptions.Deliveries(s.t.Context(), webhooks.HistoryQuery{
		OrganizationID: s.service.Acme, SubscriptionID: id, Page: webhooks.Page{Take: 100},
	})
	got := 0
	for _, d := range list.Items {
		if d.Type == webhooks.TestPost {
			got++
		}
	}
	if err != nil || got != want {
		s.t.Errorf("the endpoint has %d tests, want %d; %v", got, want, err)
	}
}

func TestAnEndpointWithoutEventsIsEnabledWithoutATest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.add(webhooks.SubscriptionInput{PostURI: "https://none.example"})
	s.post(s.acme("endpoints", id.String(), "test"), nil).is(http.StatusConflict, "This is not possible")
	s.post(s.acme("endpoints", id.String(), "pause"), nil)
	s.post(s.acme("endpoints", id.String(), "test"), nil).leadsTo(s.acme("endpoints", id.String()) + "?done=endpoint_enabled_untested")
}

func TestDeletionIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.service.Mixed.String()
	etag := s.get(s.acme("endpoints", id, "delete")).is(http.StatusOK, "Delete this endpoint?", "Data lake", "cannot be undone").hidden("etag")
	s.post(s.acme("endpoints", id, "pause"), nil)
	s.post(s.acme("endpoints", id, "delete"), url.Values{"etag": {etag}}).is(http.StatusPreconditionFailed, "It was changed meanwhile")
	etag = s.get(s.acme("endpoints", id, "delete")).hidden("etag")
	s.post(s.acme("endpoints", id, "delete"), url.Values{"etag": {etag}}).leadsTo(s.acme("endpoints") + "?done=endpoint_deleted")
	s.post(s.acme("endpoints", id, "delete"), url.Values{"etag": {etag}}).is(http.StatusNotFound)
	s.get(s.acme("endpoints", id)).is(http.StatusNotFound)
}
