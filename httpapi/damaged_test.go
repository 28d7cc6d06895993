package httpapi_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store"
	"github.com/ecg-api/webhooks/store/memstore"
)

// A signing secret that does not open is shown as masked, and hides nothing else:
// its subscription can still be read, patched, and given a new one.
func TestADamagedSecretHidesNothingElse(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		rows, err := f.store.SecretsExcept(t.Context(), nil, uuid.Nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		damage := []store.KeyChange{{SecretID: rows[0].ID, From: rows[0].Key, To: []byte("nonsense")}}
		if n, err := f.store.ReplaceKeys(t.Context(), damage); err != nil || n != 1 {
			t.Fatalf("%d, %v", n, err)
		}
		for _, path := range []string{"", "/{sub}", "/{sub}/webhook-secret-histories?include=subscription"} {
			s := step{as: "secrets", do: "GET " + subs + path, status: 200}
			f.run([]step{s})
			if answer := f.send(s).Body.String(); !strings.Contains(answer, `"secretKey":"••••"`) {
				t.Errorf("%s: %s", path, answer)
			}
		}
		f.run([]step{
			{as: "secrets", do: "GET " + subs + "/{sub}/secrets", status: 500, code: "internal_error"},
			{as: "write", do: "PATCH " + subs + "/{sub}", status: 200, body: `[{"op": "add", "path": "/description", "value": "d"}]`},
			{as: "secrets", do: "PUT " + subs + "/{sub}/secrets", status: 200},
			{as: "secrets", do: "GET " + subs + "/{sub}/secrets", status: 200},
		})
	})
}

// panicking is a store that panics when a secret is set.
type panicking struct{ store.Store }

func (panicking) AddSecret(context.Context, uuid.UUID, uuid.UUID, func(store.Subscription, store.Secret) (store.Secret, error)) error {
	panic("on purpose")
}

func TestAPanicLogsNeitherTokenNorBodyNorQuery(t *testing.T) {
	t.Parallel()
	f := newFixture(t, panicking{memstore.New()})
	f.catalog()
	f.subscribe()
	s := step{
		as: "admin", do: "POST " + subs + "/{sub}/webhook-secret-histories?key=CanaryQuery", status: 500, code: "internal_error",
		body: `{"secretKey": "CanarySecret"}`, header: "X-Secret: CanaryHeader",
	}
	f.run([]step{s})
	log := f.log.String()
	if !strings.Contains(log, "on purpose") || strings.Contains(log, "Canary") || strings.Contains(log, "Bearer") {
		t.Errorf("the log: %s", log)
	}
	if answer := f.send(s).Body.String(); strings.Contains(answer, "on purpose") || strings.Contains(answer, "Canary") {
		t.Errorf("the answer: %s", answer)
	}
}

// unreachable is a transport to where nothing is.
type unreachable struct{}

func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestAJWKSThatCannotBeReadKeepsItsURL(t *testing.T) {
	t.Parallel()
	j, err := httpapi.NewJWT(httpapi.JWTConfig{JWKS: "https://example.com/Canary?key=Canary", Client: &http.Client{Transport: unreachable{}}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{"exp": 1e10}).SignedString(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	_, err = j.Authenticate(r)
	if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "Canary") {
		t.Errorf("got %v", err)
	}
}
