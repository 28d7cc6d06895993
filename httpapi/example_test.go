package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

// mount puts the interface below a prefix of a service's mux. The README shows it.
func mount(mux *http.ServeMux, hooks *webhooks.Webhooks, secret []byte) error {
	tokens, err := httpapi.NewJWT(httpapi.JWTConfig{Secret: secret})
	if err != nil {
		return err
	}
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: tokens})
	if err != nil {
		return err
	}
	mux.Handle("/hooks/", http.StripPrefix("/hooks", api))
	return nil
}

// apiKeys authenticates by a header of the service's own.
type apiKeys map[string]httpapi.Caller

// Authenticate implements [httpapi.Authenticator].
func (k apiKeys) Authenticate(r *http.Request) (httpapi.Caller, error) {
	caller, ok := k[r.Header.Get("X-Api-Key")]
	if !ok {
		return httpapi.Caller{}, httpapi.ErrUnauthorized
	}
	return caller, nil
}

// A service with API keys instead of JSON Web Tokens brings its own Authenticator, which returns
// the caller with its organizations and scopes.
func ExampleAuthenticator() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		panic(err)
	}
	customer := uuid.New()
	api, err := httpapi.New(hooks, httpapi.Config{Authenticator: apiKeys{
		"key-of-a-customer": {Subject: "customer-7", Organizations: []uuid.UUID{customer}, Scopes: []httpapi.Scope{httpapi.ScopeRead}},
	}})
	if err != nil {
		panic(err)
	}
	for _, key := range []string{"key-of-a-customer", "another"} {
		r := httptest.NewRequest(http.MethodGet, "/api/organizations/"+customer.String()+"/webhook-subscriptions", nil)
		r.Header.Set("X-Api-Key", key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 401
}

// The interface below a prefix of the service's own mux.
func ExampleNew() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	if err := mount(mux, hooks, []byte("a secret that has 32 bytes or more")); err != nil {
		panic(err)
	}

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hooks/healthcheck", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 {"status":"ok","info":{"database":{"status":"up"}},"error":{},"details":{"database":{"status":"up"}}}
}
