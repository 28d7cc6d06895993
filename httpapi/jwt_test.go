package httpapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/httpapi"
)

var (
	jwtNow    = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	jwtSecret = []byte(strings.Repeat("s", 32))
)

// token signs claims. An exp an hour ahead is added unless there is one; exp nil
// leaves it out.
func token(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	if exp, ok := claims["exp"]; !ok {
		claims["exp"] = jwtNow.Add(time.Hour).Unix()
	} else if exp == nil {
		delete(claims, "exp")
	}
	made := jwt.NewWithClaims(method, claims)
	if kid != "" {
		made.Header["kid"] = kid
	}
	text, err := made.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func authenticate(j *httpapi.JWT, token string) (httpapi.Caller, error) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return j.Authenticate(r)
}

func newJWT(t *testing.T, c httpapi.JWTConfig) *httpapi.JWT {
	t.Helper()
	if c.Now == nil {
		c.Now = func() time.Time { return jwtNow }
	}
	j, err := httpapi.NewJWT(c)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestJWTClaims(t *testing.T) {
	t.Parallel()
	j := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret, Issuer: "us", Audience: "hooks"})
	good := func(more jwt.MapClaims) jwt.MapClaims {
		c := jwt.MapClaims{"iss": "us", "aud": []string{"x", "hooks"}, "sub": "ann"}
		for name, v := range more {
			if c[name] = v; v == nil && name != "exp" {
				delete(c, name)
			}
		}
		return c
	}
	ago := func(d time.Duration) int64 { return jwtNow.Add(-d).Unix() }
	for _, tt := range []struct {
		rule   string
		claims jwt.MapClaims
		ok     bool
	}{
		{"Plain", nil, true},
		{"NoExp", jwt.MapClaims{"exp": nil}, false},
		{"Expired", jwt.MapClaims{"exp": ago(61 * time.Second)}, false},
		{"ExpiredWithinLeeway", jwt.MapClaims{"exp": ago(59 * time.Second)}, true},
		{"ExpIsText", jwt.MapClaims{"exp": "tomorrow"}, false},
		{"NotYet", jwt.MapClaims{"nbf": ago(-61 * time.Second)}, false},
		{"NotYetWithinLeeway", jwt.MapClaims{"nbf": ago(-59 * time.Second)}, true},
		{"IssuedLater", jwt.MapClaims{"iat": ago(-61 * time.Second)}, false},
		{"IssuedNow", jwt.MapClaims{"iat": ago(-59 * time.Second)}, true},
		{"OtherIssuer", jwt.MapClaims{"iss": "them"}, false},
		{"NoIssuer", jwt.MapClaims{"iss": nil}, false},
		{"OtherAudience", jwt.MapClaims{"aud": "them"}, false},
		{"NoAudience", jwt.MapClaims{"aud": nil}, false},
		{"OneAudience", jwt.MapClaims{"aud": "hooks"}, true},
		{"SubjectIsNumber", jwt.MapClaims{"sub": 5}, false},
		{"SubjectHasNUL", jwt.MapClaims{"sub": "a\x00"}, false},
		{"ScopeIsList", jwt.MapClaims{"scope": []string{"webhooks:admin"}}, false},
		{"OrganizationIsNoUUID", jwt.MapClaims{"org": "acme"}, false},
		{"OrganizationIsNumber", jwt.MapClaims{"org": 5}, false},
		{"OneOrganizationIsNoUUID", jwt.MapClaims{"org": []any{orgA, "acme"}}, false},
	} {
		_, err := authenticate(j, token(t, jwt.SigningMethodHS256, jwtSecret, "", good(tt.claims)))
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, httpapi.ErrUnauthorized) {
			t.Errorf("%s: %v", tt.rule, err)
		}
	}
}

func TestJWTCaller(t *testing.T) {
	t.Parallel()
	a, b := uuid.MustParse(orgA), uuid.MustParse(orgB)
	for _, tt := range []struct {
		rule   string
		claims jwt.MapClaims
		want   httpapi.Caller
	}{
		{"Nothing", jwt.MapClaims{}, httpapi.Caller{}},
		{
			"One",
			jwt.MapClaims{"sub": "ann", "org": orgA, "scope": "webhooks:read  other"},
			httpapi.Caller{Subject: "ann", Organizations: []uuid.UUID{a}, Scopes: []httpapi.Scope{httpapi.ScopeRead, "other"}},
		},
		{"List", jwt.MapClaims{"org": []string{orgA, orgB}}, httpapi.Caller{Organizations: []uuid.UUID{a, b}}},
		{"All", jwt.MapClaims{"org": "*"}, httpapi.Caller{AllOrganizations: true}},
	} {
		got, err := authenticate(newJWT(t, httpapi.JWTConfig{Secret: jwtSecret}), token(t, jwt.SigningMethodHS256, jwtSecret, "", tt.claims))
		if err != nil || got.Subject != tt.want.Subject || got.AllOrganizations != tt.want.AllOrganizations ||
			!slices.Equal(got.Organizations, tt.want.Organizations) || !slices.Equal(got.Scopes, tt.want.Scopes) {
			t.Errorf("%s: %+v, %v", tt.rule, got, err)
		}
	}
	named := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret, SubjectClaim: "uid", OrganizationClaim: "tenants", ScopeClaim: "scp"})
	got, err := authenticate(
		named, token(t, jwt.SigningMethodHS256, jwtSecret, "", jwt.MapClaims{"uid": "u", "tenants": orgA, "scp": "s", "sub": "x", "org": "*"}),
	)
	if err != nil || got.Subject != "u" || got.AllOrganizations || len(got.Organizations) != 1 || got.Scopes[0] != "s" {
		t.Errorf("own claim names: %+v, %v", got, err)
	}
}

func TestJWTHeader(t *testing.T) {
	t.Parallel()
	j := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret})
	good := token(t, jwt.SigningMethodHS256, jwtSecret, "", jwt.MapClaims{})
	for header, ok := range map[string]bool{
		"Bearer " + good: true, "bearer  " + good: true, "Basic " + good: false, good: false, "Bearer": false, "Bearer ": false, "": false,
		"Bearer " + good + "x": false, "Bearer " + good + "\n": true, "Bearer " + good + ", Bearer " + good: false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", strings.TrimSuffix(header, "\n"))
		if _, err := j.Authenticate(r); (err == nil) != ok {
			t.Errorf("%q: %v", header, err)
		}
		r.Header.Add("Authorization", header)
		if _, err := j.Authenticate(r); err == nil {
			t.Errorf("%q twice was accepted", header)
		}
	}
}

func TestNewJWTRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, []byte(`{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for rule, c := range map[string]httpapi.JWTConfig{
		"Nothing":     {},
		"ShortSecret": {Secret: make([]byte, 31)},
		"ShortFormer": {Secret: jwtSecret, FormerSecrets: [][]byte{jwtSecret, make([]byte, 31)}},
		"FormerAlone": {FormerSecrets: [][]byte{jwtSecret}},
		"FormerJWKS": {
			FormerSecrets: [][]byte{jwtSecret}, JWKS: "https://example.com/jwks",
			Client: http.DefaultClient, //nolint:forbidigo // NewJWT returns an error before it uses the client
		},
		"Both":        {Secret: jwtSecret, JWKS: empty},
		"NoFile":      {JWKS: empty + ".not"},
		"NoUsableKey": {JWKS: empty},
		"PlainHTTP":   {JWKS: "http://example.com/jwks", Client: http.DefaultClient}, //nolint:forbidigo // it is never used
		"NoClient":    {JWKS: "https://example.com/jwks"},
	} {
		if j, err := httpapi.NewJWT(c); err == nil || j != nil {
			t.Errorf("%s: no error", rule)
		}
	}
}
