package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

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

// customers names organizations by the slugs of a service's customers, or by their numbers as texts.
// The UUID of a customer is a hash of its name. The map leads back: a service fills it from its
// table of customers, and adds each new customer.
type customers map[uuid.UUID]string

// customerSpace makes the UUIDs those of this service. It never changes.
var customerSpace = uuid.MustParse("6ba7b810-9dad-41d1-80b4-00c04fd430c8")

func customerID(name string) uuid.UUID { return uuid.NewSHA1(customerSpace, []byte(name)) }

// OrganizationID implements [httpapi.Organizations].
func (c customers) OrganizationID(ctx context.Context, name string) (uuid.UUID, error) {
	id := customerID(name)
	_, err := c.OrganizationName(ctx, id)
	return id, err
}

// OrganizationName implements [httpapi.Organizations].
func (c customers) OrganizationName(_ context.Context, id uuid.UUID) (string, error) {
	name, ok := c[id]
	if !ok {
		return "", webhooks.ErrNotFound
	}
	return name, nil
}

// A service whose customers have slugs and numbers instead of UUIDs. In process, it passes
// customerID("acme") to Publish.
func ExampleOrganizations() {
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		panic(err)
	}
	known := customers{}
	for _, name := range []string{"acme", strconv.Itoa(42)} {
		known[customerID(name)] = name
	}
	api, err := httpapi.New(hooks, httpapi.Config{
		Authenticator: apiKeys{"key": {AllOrganizations: true, Scopes: []httpapi.Scope{httpapi.ScopeWrite}}},
		Organizations: known,
	})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"acme", "42", "43"} {
		path := "/api/organizations/" + name + "/webhook-subscriptions"
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(`{"isDevelopment": false}`))
		r.Header.Set("X-Api-Key", "key")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		var made struct{ OrganizationID string }
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil {
			panic(err)
		}
		fmt.Println(w.Code, made.OrganizationID)
	}
	// Output:
	// 201 acme
	// 201 42
	// 404
}
