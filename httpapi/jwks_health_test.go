package httpapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ecg-api/webhooks/httpapi"
	"github.com/ecg-api/webhooks/store/memstore"
)

func TestHealthTellsAJWKSThatCannotBeRead(t *testing.T) {
	t.Parallel()
	keys, up := keySet(t, jwk(t, "one", newKeys(t).ed.Public(), nil)), atomic.Bool{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write(keys)
	}))
	t.Cleanup(server.Close)
	now := jwtNow
	j := newJWT(t, httpapi.JWTConfig{JWKS: server.URL + "/Canary", Client: server.Client(), Now: func() time.Time { return now }})
	f := newFixture(t, memstore.New())
	var err error
	if f.handler, err = httpapi.New(f.hooks, httpapi.Config{Authenticator: j, CheckJWKS: j.CheckJWKS}); err != nil {
		t.Fatal(err)
	}
	down := step{
		do: "GET /healthcheck", status: http.StatusServiceUnavailable, want: `{"status": "error", "info": {"database": {"status": "up"}},
		"error": {"jwks": {"status": "down", "message": "the JWKS cannot be read"}},
		"details": {"database": {"status": "up"}, "jwks": {"status": "down", "message": "the JWKS cannot be read"}}}`,
	}
	if err := j.CheckJWKS(t.Context()); err == nil || !strings.Contains(err.Error(), "HTTP 502") || strings.Contains(err.Error(), "Canary") {
		t.Errorf("CheckJWKS: %v", err)
	}
	f.run([]step{down})
	up.Store(true)
	f.run([]step{down}) // it is not read at each question
	now = now.Add(6 * time.Second)
	well := step{
		do: "GET /healthcheck", status: http.StatusOK, want: `{"status": "ok", "info": {"database": {"status": "up"}, "jwks": {"status": "up"}},
		"error": {}, "details": {"database": {"status": "up"}, "jwks": {"status": "up"}}}`,
	}
	f.run([]step{well})
	up.Store(false)
	now = now.Add(3 * time.Hour)
	f.run([]step{well}) // the keys that were read go on verifying
}

// The guard's client follows no redirect; a JWKS that has moved must not look like an outage.
func TestJWKSThatHasMoved(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.RedirectHandler("/elsewhere?key=Canary", http.StatusFound))
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	err := newJWT(t, httpapi.JWTConfig{JWKS: server.URL, Client: client}).CheckJWKS(t.Context())
	if err == nil || !strings.Contains(err.Error(), "HTTP 302: redirects are not followed") || strings.Contains(err.Error(), "Canary") {
		t.Errorf("CheckJWKS: %v", err)
	}
}

func TestHealthAnswersWhenTheJWKSHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, memstore.New())
		var asked atomic.Int32
		var err error
		f.handler, err = httpapi.New(f.hooks, httpapi.Config{Authenticator: tokens{}, CheckJWKS: func(context.Context) error {
			asked.Add(1)
			time.Sleep(10 * time.Second)
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 3 {
			f.run([]step{{do: "GET /healthcheck", status: 503, want: `{"status": "error", "info": {"database": {"status": "up"}},
				"error": {"jwks": {"status": "down", "message": "the JWKS cannot be read"}},
				"details": {"database": {"status": "up"}, "jwks": {"status": "down", "message": "the JWKS cannot be read"}}}`}})
		}
		if took := time.Since(start); took >= 6*time.Second {
			t.Errorf("three answers took %v", took)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%d questions are open at once", n)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
	})
}

func TestFormerSecretsVerify(t *testing.T) {
	t.Parallel()
	secret := func(letter string) []byte { return []byte(strings.Repeat(letter, 32)) }
	j := newJWT(t, httpapi.JWTConfig{Secret: secret("a"), FormerSecrets: [][]byte{secret("b"), secret("c")}})
	for letter, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false} {
		_, err := authenticate(j, token(t, jwt.SigningMethodHS256, secret(letter), "", jwt.MapClaims{}))
		if (err == nil) != want {
			t.Errorf("a token signed with %s: %v", letter, err)
		}
	}
	if _, err := authenticate(j, token(t, jwt.SigningMethodHS512, secret("b"), "", jwt.MapClaims{})); err == nil {
		t.Error("HS512 is accepted")
	}
}
