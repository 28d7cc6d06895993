package portal_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// hiddenFields returns the fields of the form that starts a replay.
func (p *page) hiddenFields() url.Values {
	form := url.Values{}
	for _, name := range []string{"once", "scope", "since", "until"} {
		form.Set(name, p.hidden(name))
	}
	return form
}

func TestAReplayIsCountedConfirmedAndStartedOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	endpoint := s.endpoint("https://gone.acme.example/", "order.cancelled")
	s.publish("order.cancelled", 1)
	s.delivery(endpoint, webhooks.OnlyFailed)
	s.check(s.service.Hooks.Subscriptions.Activate(t.Context(), s.service.Acme, endpoint)) // 410 has deactivated it
	path := s.acme("endpoints", endpoint.String(), "replay")
	s.get(path).is(http.StatusOK, "Failed deliveries", "24 hours").lacks("2. Confirm", `method="post" action="`+path)
	s.get(path+"?since=2026-01-01&scope=missed").is(
		http.StatusOK, "0 deliveries will be sent.", "There is nothing to send.",
	).lacks(`name="rate"`)
	counted := s.get(path+"?since=2026-01-01&scope=failed").is(http.StatusOK, "1 delivery will be sent.", "Nothing has been sent so far.")
	if got := s.delivery(endpoint, webhooks.AnyStatus).Attempts; got != 1 {
		t.Fatalf("the count made attempts: there are %d", got)
	}
	form := counted.hiddenFields()
	for _, rate := range []string{"0", "x", "1.5", "10001"} {
		form.Set("rate", rate)
		again := s.post(path, form).is(
			http.StatusBadRequest, `name="rate" inputmode="numeric" value="`+rate+`"`, `aria-invalid="true"`, "Deliveries in a second: ",
			"Send 1 delivery",
		)
		if got := again.hiddenFields(); got.Get("once") == form.Get("once") || got.Get("until") != form.Get("until") {
			t.Errorf("the form is now %v, it was %v", got, form)
		}
	}
	form.Set("rate", "5")
	first := s.post(path, form).leadsTo(path + "/" + form.Get("once"))
	if second := s.post(path, form).leadsTo(path); second != first {
		t.Errorf("the second form leads to %s, the first to %s", second, first)
	}
	for s.delivery(endpoint, webhooks.AnyStatus).Attempts < 2 {
		s.check(t.Context().Err())
	}
	s.delivery(endpoint, webhooks.OnlyFailed)
	if got := s.delivery(endpoint, webhooks.AnyStatus).Attempts; got != 2 {
		t.Errorf("two equal forms lead to %d attempts, want 2", got)
	}
	s.get(first).is(http.StatusOK, "1 of 1 deliveries are queued.", "<progress")
	s.post(first+"/stop", nil).leadsTo(first + "?done=replay_stopped")
	s.get(path+"/"+uuid.NewString()).is(http.StatusNotFound, "There is no such page")
	s.post(path+"/"+uuid.NewString()+"/stop", nil).is(http.StatusNotFound)
}

func TestWrongSelectionsOfAReplayAreExplainedAndKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.acme("endpoints", s.service.Failing.String(), "replay")
	for query, want := range map[string]string{
		"since=":                               "Write the time from which deliveries are sent again.",
		"since=%3Cscript%3E&scope=missed":      `value="&lt;script&gt;"`,
		"since=2090-01-01":                     "must be before until, and in the past",
		"since=2026-01-02&until=2026-01-01":    "must be before until, and in the past",
		"since=2026-01-01&scope=other":         "Choose one of the three.",
		"since=2026-01-01&until=x&scope=all":   "Write a time in UTC",
		"since=2026-01-01&until=x&scope=faile": "Choose one of the three.",
	} {
		s.get(path+"?"+query).is(http.StatusBadRequest, want, `role="alert"`).lacks("2. Confirm", "<script>")
	}
	s.post(path, url.Values{"since": {"2026-01-01"}, "scope": {"all"}, "once": {"x"}}).is(http.StatusBadRequest, "cannot be read")
	s.post(path, url.Values{"since": {"x"}, "scope": {"all"}}).is(http.StatusBadRequest, `value="x"`)
	s.post(path, url.Values{"since": {"2090-01-01"}, "scope": {"all"}}).is(http.StatusBadRequest, "in the past")
	s.check(s.service.Hooks.Subscriptions.Archive(t.Context(), s.service.Acme, s.service.Failing))
	s.get(path+"?since=2026-01-01").is(http.StatusConflict, `role="alert"`, "It is archived. Restore it first.", `value="2026-01-01"`)
}
