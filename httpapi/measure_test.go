package httpapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/internal/testmeter"
	"github.com/ecg-api/webhooks/measure"
	"github.com/ecg-api/webhooks/store/memstore"
)

// unsure cannot check a token named later.
type unsure struct{ tokens }

func (u unsure) Authenticate(r *http.Request) (httpapi.Caller, error) {
	if r.Header.Get("Authorization") == "Bearer later" {
		return httpapi.Caller{}, errors.New("the JWKS is out of reach")
	}
	return u.tokens.Authenticate(r)
}

// TestRequestsAreMeasuredByRoute holds that a client cannot add a label, whatever it sends.
func TestRequestsAreMeasuredByRoute(t *testing.T) {
	t.Parallel()
	sink := new(testmeter.Sink)
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{Metrics: sink})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := httpapi.New(hooks, httpapi.Config{Authenticator: unsure{}})
	if err != nil {
		t.Fatal(err)
	}
	const lists = "/api/webhook-categories"
	for _, c := range []struct{ method, path, token, status, labelMethod, labelRoute string }{
		{"GET", lists + "?take=1", "read", "2xx", "GET", lists},
		{"HEAD", lists, "read", "2xx", "HEAD", lists},
		{"POST", lists, "", "4xx", "POST", lists},
		{"GET", lists, "later", "5xx", "GET", lists},
		{"DELETE", lists + "/" + orgA, "read", "4xx", "DELETE", lists + "/{webhookCategoryId}"},
		{"GET", "/nothing/" + orgA, "read", "4xx", "GET", measure.None},
		{"BREW", lists, "read", "4xx", "_OTHER", measure.None},
	} {
		before, _ := sink.Count(measure.RequestDuration.Instrument, c.labelMethod, c.labelRoute, c.status)
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+c.token)
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if n, sum := sink.Count(measure.RequestDuration.Instrument, c.labelMethod, c.labelRoute, c.status); n != before+1 || sum <= 0 {
			t.Errorf("%s %s is not counted as %s %s %s: %s", c.method, c.path, c.labelMethod, c.labelRoute, c.status, sink)
		}
	}
	for _, reason := range measure.AuthenticationFailures.Labels[0].Values {
		if got := sink.Value(measure.AuthenticationFailures.Instrument, reason); got != 1 {
			t.Errorf("%v authentication failures because %s, want 1", got, reason)
		}
	}
}
