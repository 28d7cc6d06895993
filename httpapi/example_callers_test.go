package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// sessions are the users who are signed in to the service, by the value of their cookie.
type sessions map[string]user

type user struct {
	name     string
	customer uuid.UUID
	admin    bool
}

// Authenticate implements [httpapi.Authenticator].
func (s sessions) Authenticate(r *http.Request) (httpapi.Caller, error) {
	cookie, err := r.Cookie("session")
	if err != nil {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	u, ok := s[cookie.Value]
	if !ok {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	scope := httpapi.ScopeManage
	if u.admin {
		scope = httpapi.ScopeAdmin
	}
	return httpapi.Caller{Subject: u.name, Organizations: []uuid.UUID{u.customer}, Scopes: []httpapi.Scope{scope}}, nil
}

// The interface under the sign-in of the service: a session cookie names the user, and the user's
// role gives the scope. A browser sends cookies by itself, so the service refuses requests of other
// sites before they reach the interface.
func ExampleAuthenticator_sessionCookie() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	customer := uuid.New()
	api, err := httpapi.New(hooks, httpapi.Config{
		Authenticator: sessions{"cookie-of-ada": {name: "ada", customer: customer}},
		Challenge:     "Cookie", // of a 401; and for the OpenAPI document:
		SecuritySchemes: map[string]json.RawMessage{
			"session": json.RawMessage(`{"type": "apiKey", "in": "cookie", "name": "session"}`),
		},
	})
	check(err)
	site := http.NewCrossOriginProtection().Handler(api)

	subscriptions := "/api/organizations/" + customer.String() + "/webhook-subscriptions"
	for _, from := range []string{"same-origin", "cross-site"} {
		r := httptest.NewRequest(http.MethodPost, subscriptions, strings.NewReader(subscription))
		r.AddCookie(&http.Cookie{Name: "session", Value: "cookie-of-ada"})
		r.Header.Set("Sec-Fetch-Site", from)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		fmt.Println(from, w.Code)
	}
	// Output:
	// same-origin 201
	// cross-site 403
}

const subscription = `{"postUri": "https://example.com/hook", "isDevelopment": false}`

// fixedCaller authenticates every request as one caller.
type fixedCaller httpapi.Caller

// Authenticate implements [httpapi.Authenticator].
func (c fixedCaller) Authenticate(*http.Request) (httpapi.Caller, error) {
	return httpapi.Caller(c), nil
}

// The scopes grant operations, and the organizations the resources: 403 says that the scope is
// missing. A resource of another organization is a 404, as if it did not exist.
func ExampleCaller() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	check(err)
	addOrderPaid(hooks)
	own, other := uuid.New(), uuid.New()
	call := func(scope httpapi.Scope, method string, organization uuid.UUID, path, body string) int {
		api, err := httpapi.New(hooks, httpapi.Config{
			Authenticator: fixedCaller{Subject: "customer-7", Organizations: []uuid.UUID{own}, Scopes: []httpapi.Scope{scope}},
		})
		check(err)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(method, "/api/organizations/"+organization.String()+path, strings.NewReader(body)))
		return w.Code
	}

	for _, scope := range []httpapi.Scope{httpapi.ScopeRead, httpapi.ScopeManage, httpapi.ScopeWrite} {
		fmt.Println(scope,
			"list", call(scope, http.MethodGet, own, "/webhook-subscriptions", ""),
			"of another organization", call(scope, http.MethodGet, other, "/webhook-subscriptions", ""),
			"subscribe", call(scope, http.MethodPost, own, "/webhook-subscriptions", subscription),
			"publish", call(scope, http.MethodPost, own, "/events", `{"eventType": "order.paid", "data": 7}`))
	}
	// Output:
	// webhooks:read list 200 of another organization 404 subscribe 403 publish 403
	// webhooks:manage list 200 of another organization 404 subscribe 201 publish 403
	// webhooks:write list 200 of another organization 404 subscribe 201 publish 202
}

// addOrderPaid adds an event type to the catalog.
func addOrderPaid(hooks *webhooks.Webhooks) {
	ctx := context.Background()
	category, err := hooks.Registry.CreateCategory(ctx, webhooks.CategoryInput{Name: "Orders", Code: "orders"})
	check(err)
	_, err = hooks.Registry.CreateEventType(ctx, category.ID, webhooks.EventTypeInput{Name: "Paid", Code: "order.paid", Version: "v1"})
	check(err)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
