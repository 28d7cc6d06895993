package portal_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

func TestEventsAreListedWithTheStatesOfTheirDeliveries(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	p := s.get(s.acme("events")).is(http.StatusOK, "order.paid", "waiting", " events</p>", `aria-current="true">Events`)
	s.get(p.between(`rel="next" href="`, `"`)).is(http.StatusOK, `rel="first" href="`+s.acme("events")+`"`)
	lonely := s.publish("customer.created", 1)
	s.get(s.acme("events")).is(http.StatusOK, "customer.created")
	for _, id := range []string{"x%22%3E%E2%80%AE", uuid.NewString()} {
		s.get(s.acme("events")+"?id="+id).is(http.StatusBadRequest, "There is no event of this id.", `aria-invalid="true"`).lacks("\u202e", `x">`)
	}
	s.get(s.acme("events") + "?id=" + lonely.String()).leadsTo(s.acme("events", lonely.String()))
	s.get(s.acme("events")+"?cursor=x").is(http.StatusBadRequest, "This is not possible")
	s.caller.Organizations = append(s.caller.Organizations, s.service.Other)
	other := "/organizations/" + s.service.Other.String() + "/events"
	s.get(other).is(http.StatusOK, "No events yet")
	s.get(other+"/"+lonely.String()).is(http.StatusNotFound, "There is no such page")
}

func TestAnEventTellsWhyEachEndpointGotItOrNot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	event := s.publish("order.paid", map[string]any{
		"orderId": hostile, "amount": 1, "currency": "EUR", "customer": map[string]string{"country": "FR"},
	})
	late := s.endpoint("https://late.acme.example/", "order.*")
	d := s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	p := s.get(s.acme("events", event.String())).is(
		http.StatusOK, "hooks.acme.example", "/endpoints/"+d.SubscriptionID.String()+"/deliveries/",
		"The endpoint has not chosen this event type.", "The filter of the endpoint does not match the data.",
		"The endpoint was added later.", late.String(), "&#34;amount&#34;: 1",
	).lacks("<script>alert", "\u202e", "<img")
	s.get(p.between("quiet\" href=\"", `"`)).is(http.StatusOK, "&#34;amount&#34;:1").lacks("<script>alert", "\u202e", "<img")
	s.header.Set("Accept-Language", "de")
	s.get(s.acme("events", event.String())).is(http.StatusOK, "Der Endpunkt wurde später angelegt.")
	s.header.Del("Accept-Language")
	s.check(s.service.Hooks.Dispatcher.Expunge(t.Context(), s.service.Acme, event))
	s.get(s.acme("events", event.String())).is(
		http.StatusOK, "The reasons cannot be told", "The payload was removed.", "/endpoints/"+s.service.Healthy.String()+"/deliveries/",
	)
	for range 30 {
		s.endpoint("https://many.acme.example/", "order.*")
	}
	next := s.publish("order.paid", map[string]any{"orderId": "1", "amount": 1, "currency": "EUR"})
	first := s.get(s.acme("events", next.String())).is(http.StatusOK, " endpoints got it", "https://many.acme.example/", "All endpoints")
	second := s.get(first.between(`rel="next" href="`, `"`)).is(http.StatusOK, `rel="first" href="`+s.acme("events", next.String())+`"`)
	second.is(http.StatusOK, "https://many.acme.example/").lacks(" endpoints got it", `rel="next"`)
}
