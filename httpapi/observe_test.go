package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// observed returns a handler whose OnRequest adds to told.
func observed(t *testing.T, authenticator httpapi.Authenticator, told *[]httpapi.RequestInfo) http.Handler {
	t.Helper()
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := httpapi.New(hooks, httpapi.Config{
		Authenticator: authenticator,
		OnRequest:     func(_ context.Context, info httpapi.RequestInfo) { *told = append(*told, info) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// TestOnRequestIsToldOfEachRequest holds what an access log can say, for answers of each layer.
func TestOnRequestIsToldOfEachRequest(t *testing.T) {
	t.Parallel()
	var told []httpapi.RequestInfo
	handler := observed(t, tokens{}, &told)
	const lists, subscriptions = "/api/webhook-categories", "/api/organizations/{organizationId}/webhook-subscriptions"
	a := uuid.MustParse(orgA)
	for _, c := range []struct {
		method, path, token string
		want                httpapi.RequestInfo
	}{
		{"GET", lists + "?take=1", "read", httpapi.RequestInfo{Route: lists, Status: 200, Subject: "read"}},
		{"HEAD", lists, "read", httpapi.RequestInfo{Route: lists, Status: 200, Subject: "read"}},
		{"GET", lists, "", httpapi.RequestInfo{Route: lists, Status: 401}},
		{"POST", lists, "read", httpapi.RequestInfo{Route: lists, Status: 403, Subject: "read"}},
		{
			"GET", "/api/organizations/" + orgA + "/webhook-subscriptions", "read",
			httpapi.RequestInfo{Route: subscriptions, Status: 200, Subject: "read", OrganizationID: a},
		},
		{
			"GET", "/api/organizations/" + orgB + "/webhook-subscriptions", "read",
			httpapi.RequestInfo{Route: subscriptions, Status: 404, Subject: "read"},
		},
		{"GET", "/nothing/here", "read", httpapi.RequestInfo{Status: 404}},
		{"DELETE", lists, "read", httpapi.RequestInfo{Status: 405}},
		{"OPTIONS", lists, "read", httpapi.RequestInfo{Status: 204}},
	} {
		told = nil
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+c.token)
		r.Header.Set("X-Request-Id", "given")
		handler.ServeHTTP(httptest.NewRecorder(), r)
		c.want.ID, c.want.Method, c.want.ClientAddr = "given", c.method, netip.MustParseAddr("192.0.2.1") // of httptest
		ignored := cmpopts.IgnoreFields(httpapi.RequestInfo{}, "Duration", "Err")
		if diff := cmp.Diff([]httpapi.RequestInfo{c.want}, told, ignored, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s %s as %q (-want +got):\n%s", c.method, c.path, c.token, diff)
			continue
		}
		if failed := c.want.Status >= 400; failed != (told[0].Err != nil) {
			t.Errorf("%s %s: status %d, error %v", c.method, c.path, told[0].Status, told[0].Err)
		}
		if told[0].Duration <= 0 {
			t.Errorf("%s %s took %v", c.method, c.path, told[0].Duration)
		}
	}
}

// TestOnRequestIsToldOfAnAnswerThatBreaksOff holds that a request without an answer counts too.
func TestOnRequestIsToldOfAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	var told []httpapi.RequestInfo
	handler := observed(t, aborting{}, &told)
	defer func() {
		if v, ok := recover().(error); !ok || !errors.Is(v, http.ErrAbortHandler) {
			t.Errorf("the handler panics with %v, want http.ErrAbortHandler", v)
		}
		if len(told) != 1 || told[0].Status != 0 {
			t.Errorf("OnRequest is told %+v, want one request without a status", told)
		}
	}()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/webhook-categories", http.NoBody)
	handler.ServeHTTP(httptest.NewRecorder(), r)
}

// aborting is an Authenticator that ends the connection.
type aborting struct{}

func (aborting) Authenticate(*http.Request) (httpapi.Caller, error) { panic(http.ErrAbortHandler) }
