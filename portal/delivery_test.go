package portal_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

// deliveryPage is the address of the page of a delivery.
func (s *site) deliveryPage(d webhooks.Delivery, more ...string) string {
	return s.acme(append([]string{"endpoints", d.SubscriptionID.String(), "deliveries", d.ID.String()}, more...)...)
}

func TestAnAttemptThatWaitsSaysThatItIsSentLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish("order.shipped", map[string]any{"orderId": "A-1"}) // the circuit of the endpoint is open: it waits
	d := s.delivery(s.service.Failing, webhooks.OnlyPending)
	if !d.PostedAt.IsZero() {
		t.Fatalf("the newest delivery was sent at %v", d.PostedAt)
	}
	for tag, texts := range map[string][]string{
		"en": {"The headers are made when the attempt is sent.", "The attempt is signed when it is sent.", "The attempt was not sent yet."},
		"de": {"Die Kopfzeilen entstehen, wenn", "Der Versuch wird signiert, wenn", "Der Versuch wurde noch nicht gesendet."},
	} {
		s.header.Set("Accept-Language", tag)
		s.get(s.deliveryPage(d)).is(http.StatusOK, texts...).lacks("not sent from here")
	}
}

func TestADeliveryShowsItsAttemptsAndTheirConsequence(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	s.get(s.deliveryPage(d)).is(http.StatusOK, "Attempt 1", "HTTP 200", "The delivery is done.", "Webhook-Signature", "v1,",
		`/events/`+d.MessageID.String(), "received", "Send again now").lacks("hx-get")
	for s.t.Context().Err() == nil {
		d = s.delivery(s.service.Failing, webhooks.OnlyPending)
		if !d.HeldUntil.IsZero() {
			break
		}
	}
	s.get(s.deliveryPage(d)).is(http.StatusOK, "It is held back because the endpoint fails. It is tried",
		`hx-select="#chain"`)
	all, err := s.service.Hooks.Subscriptions.Attempts(t.Context(), webhooks.HistoryQuery{
		OrganizationID: s.service.Acme, SubscriptionID: s.service.Failing, Status: webhooks.OnlyFailed,
		Page: webhooks.Page{Take: 1, Descending: true},
	})
	s.check(err)
	a := all.Items[0]
	s.get(s.acme("endpoints", s.service.Failing.String(), "deliveries", a.DeliveryID.String())+"?attempt="+a.ID.String()).is(
		http.StatusOK, "A retry was planned", "upstream connect error", "X-Api-Key", "--header &#39;X-Api-Key: YOUR-VALUE&#39;",
	).lacks("canary-header-value")
	s.get(s.deliveryPage(d) + "?attempt=" + uuid.NewString()).is(http.StatusNotFound)
}

func TestKindsOfDeliveriesAreToldInWords(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	hooks, ctx := s.service.Hooks, t.Context()
	binary, gone := s.endpoint("https://binary.acme.example/", "order.cancelled"), s.endpoint("https://gone.acme.example/", "order.cancelled")
	event := s.publish("order.cancelled", 1)
	s.get(s.deliveryPage(s.delivery(binary, webhooks.OnlySucceeded))).is(
		http.StatusOK, "The response is no text. This is its base64.", "At most 16 KiB of a response are kept.",
		"&lt;b&gt;edge&lt;/b&gt;", "/////",
	)
	removed := s.delivery(gone, webhooks.OnlyFailed)
	s.get(s.deliveryPage(removed)).is(http.StatusOK, "by 410 the endpoint asked not to get any more events", "The response has no body.")
	s.check(hooks.Dispatcher.Expunge(webhooks.WithActor(ctx, "<b>privacy</b>"), s.service.Acme, event))
	s.get(s.deliveryPage(removed)).is(
		http.StatusOK, "The payload of this event and the responses to it were removed (", "&lt;b&gt;privacy&lt;/b&gt;", "nothing to repeat",
	).lacks("Send again now", "<b>privacy", "Download")
	s.get(s.deliveryPage(removed, "body")).is(http.StatusNotFound)
	s.get(s.acme("endpoints", gone.String(), "deliveries")).is(http.StatusOK, "payload removed")

	test, err := hooks.Dispatcher.Test(ctx, s.service.Acme, s.service.Healthy, "order.paid", "v1")
	s.check(err)
	s.get(s.deliveryPage(webhooks.Delivery{Attempt: test})).is(http.StatusOK, "A test: the sample payload of the event type")
	external, err := hooks.Dispatcher.Post(ctx, s.service.Acme, s.service.Healthy, webhooks.PostInput{
		EventTypeID: removed.EventTypeID, Data: json.RawMessage(`{"a":1}`), Source: []byte(`{"from":"HL7 <b>"}`),
		External: true, PostedAt: time.Now(),
	})
	s.check(err)
	s.get(s.deliveryPage(webhooks.Delivery{Attempt: external})).is(
		http.StatusOK, "The service sends this delivery itself", "It waits for the outcome, which the service reports.", "HL7 &lt;b&gt;",
		"Message from which the service made the payload.", "&#34;data&#34;:{&#34;a&#34;:1}}", "so it has no signature",
	).lacks("Send again now")
}

func TestABodyIsShownAndDownloadedByteForByte(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	endpoint := s.endpoint("https://hooks.acme.example/exact", "order.cancelled")
	text, err := json.Marshal(hostile)
	s.check(err)
	const numbers = `{"n": 1.0, "big": 12345678901234567890.10e+2, "text": `
	s.publish("order.cancelled", json.RawMessage(numbers+string(text)+`, "raw": "`+"\u202e"+`"}`))
	d := s.delivery(endpoint, webhooks.OnlySucceeded)
	body := s.get(s.deliveryPage(d, "body")).is(http.StatusOK)
	if !bytes.Equal([]byte(body.text), d.Body) {
		t.Errorf("downloaded %q, want %q", body.text, d.Body)
	}
	if got := body.resp.Header.Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("the download is %s", got)
	}
	const unsafe = "<script>alert"
	p := s.get(s.deliveryPage(d)).is(http.StatusOK, "&#34;n&#34;:1.0,&#34;big&#34;:12345678901234567890.10e+2", "cannot be seen")
	p.lacks(unsafe, "\u202e", "<img")
	pretty := s.get(p.between("quiet\" href=\"", `"`)).is(http.StatusOK, "&#34;n&#34;: 1.0,\n", "12345678901234567890.10e+2,\n")
	pretty.lacks(unsafe, "\u202e", "<img")
	s.get(pretty.between("quiet\" href=\"", `"`)).is(http.StatusOK, "&#34;n&#34;:1.0,")
	for _, tool := range []string{"curl", "go", "javascript", "python"} {
		s.get(s.deliveryPage(d)+"?code="+tool).is(http.StatusOK, `id="program"`).lacks(unsafe, "\u202e", "<img")
	}
}

func TestADeliveryIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.delivery(s.service.Healthy, webhooks.OnlySucceeded)
	s.get(s.post(s.deliveryPage(d, "retry"), nil).leadsTo(s.deliveryPage(d)+"?done=sent_again")).
		is(http.StatusOK, "The delivery is sent again now.", `role="status"`)
	s.post(s.acme("endpoints", d.SubscriptionID.String(), "deliveries", uuid.NewString(), "retry"), nil).is(http.StatusNotFound)
}
