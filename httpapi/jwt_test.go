package httpapi_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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

// keys are one of each kind, and the set that publishes them.
type keys struct {
	rsa, small *rsa.PrivateKey
	p256, p384 *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}

func newKeys(t *testing.T) keys {
	t.Helper()
	var k keys
	var errs [5]error
	k.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	k.small, errs[1] = rsa.GenerateKey(rand.Reader, 1024)
	k.p256, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.p384, errs[3] = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, k.ed, errs[4] = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return k
}

// jwk writes a public key as a JWK.
func jwk(t *testing.T, kid string, public crypto.PublicKey, more map[string]any) map[string]any {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	m := map[string]any{"kid": kid}
	switch p := public.(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(p.N.Bytes()), "AQAB"
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		size := (len(point) - 1) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", p.Curve.Params().Name, b64(point[1:1+size]), b64(point[1+size:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(p)
	}
	for name, v := range more {
		m[name] = v
	}
	return m
}

func keySet(t *testing.T, keys ...map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (k keys) set(t *testing.T) []byte {
	t.Helper()
	return keySet(t,
		jwk(t, "rsa", k.rsa.Public(), map[string]any{"use": "sig", "x5u": "https://127.0.0.1:1/never-fetched"}),
		jwk(t, "p256", k.p256.Public(), map[string]any{"alg": "ES256"}),
		jwk(t, "ed", k.ed.Public(), nil), jwk(t, "small", k.small.Public(), nil), jwk(t, "p384", k.p384.Public(), nil),
		jwk(t, "enc", k.rsa.Public(), map[string]any{"use": "enc"}), jwk(t, "ps", k.rsa.Public(), map[string]any{"alg": "PS256"}),
		map[string]any{"kty": "oct", "kid": "oct", "k": base64.RawURLEncoding.EncodeToString(jwtSecret)},
		map[string]any{"kty": "new", "kid": "new"})
}

func TestJWKSFile(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, k.set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	j := newJWT(t, httpapi.JWTConfig{JWKS: path})
	der, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, tt := range []struct {
		rule   string
		method jwt.SigningMethod
		key    any
		kid    string
		ok     bool
	}{
		{"RS256", jwt.SigningMethodRS256, k.rsa, "rsa", true},
		{"ES256", jwt.SigningMethodES256, k.p256, "p256", true},
		{"EdDSA", jwt.SigningMethodEdDSA, k.ed, "ed", true},
		{"None", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "rsa", false},
		{"HMACWithThePublicKey", jwt.SigningMethodHS256, pemKey, "rsa", false},
		{"HMACWithTheDER", jwt.SigningMethodHS256, der, "rsa", false},
		{"OctKey", jwt.SigningMethodHS256, jwtSecret, "oct", false},
		{"RS512", jwt.SigningMethodRS512, k.rsa, "rsa", false},
		{"PS256", jwt.SigningMethodPS256, k.rsa, "rsa", false},
		{"ES384", jwt.SigningMethodES384, k.p384, "p384", false},
		{"SmallRSA", jwt.SigningMethodRS256, k.small, "small", false},
		{"KeyForEncryption", jwt.SigningMethodRS256, k.rsa, "enc", false},
		{"KeyForPS256", jwt.SigningMethodRS256, k.rsa, "ps", false},
		{"KidOfAnotherKey", jwt.SigningMethodRS256, k.rsa, "p256", false},
		{"AlgorithmOfAnotherKey", jwt.SigningMethodES256, k.p256, "rsa", false},
		{"UnknownKid", jwt.SigningMethodRS256, k.rsa, "who", false},
		{"NoKidAmongMany", jwt.SigningMethodRS256, k.rsa, "", false},
	} {
		if _, err := authenticate(j, token(t, tt.method, tt.key, tt.kid, jwt.MapClaims{})); (err == nil) != tt.ok ||
			err != nil && !errors.Is(err, httpapi.ErrUnauthorized) {
			t.Errorf("%s: %v", tt.rule, err)
		}
	}
}

func TestJWKSIsFetched(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	var served atomic.Pointer[[]byte] // nil for an error
	var fetches atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		if text := served.Load(); text != nil {
			w.Write(*text)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(server.Close)
	now := jwtNow
	j := newJWT(t, httpapi.JWTConfig{JWKS: server.URL, Client: server.Client(), Now: func() time.Time { return now }})
	try := func(rule string, key crypto.Signer, kid string, wantOK, unauthorized bool, wantFetches int32) {
		t.Helper()
		method := jwt.SigningMethod(jwt.SigningMethodEdDSA)
		if _, ok := key.(*ecdsa.PrivateKey); ok {
			method = jwt.SigningMethodES256
		}
		_, err := authenticate(j, token(t, method, key, kid, jwt.MapClaims{"exp": now.Add(time.Hour).Unix()}))
		if (err == nil) != wantOK || errors.Is(err, httpapi.ErrUnauthorized) != unauthorized {
			t.Errorf("%s: %v", rule, err)
		}
		if n := fetches.Swap(0); n != wantFetches {
			t.Errorf("%s: %d fetches, want %d", rule, n, wantFetches)
		}
	}
	publish := func(keys ...map[string]any) { text := keySet(t, keys...); served.Store(&text) }
	old, next := jwk(t, "old", k.ed.Public(), nil), jwk(t, "next", k.p256.Public(), nil)

	try("NothingYet", k.ed, "old", false, false, 1)
	publish(old)
	now = now.Add(5*time.Second - 1)
	try("NotAgainWithin5s", k.ed, "old", false, false, 0)
	now = now.Add(1)
	try("First", k.ed, "old", true, false, 1)
	try("Cached", k.ed, "old", true, false, 0)
	try("OnlyKeyWithoutKid", k.ed, "", true, false, 0)
	publish(old, next)
	for _, pause := range []time.Duration{time.Second, 58 * time.Second} {
		now = now.Add(pause)
		try("UnknownWithinAMinute", k.p256, "next", false, true, 0)
	}
	now = now.Add(time.Second)
	try("UnknownAfterAMinute", k.p256, "next", true, false, 1)
	try("StillUnknown", k.p256, "who", false, true, 0)
	now = now.Add(59*time.Minute + 59*time.Second)
	try("KnownWithinAnHour", k.ed, "old", true, false, 0)
	publish(next)
	now = now.Add(time.Second)
	try("WithdrawnAfterAnHour", k.ed, "old", false, true, 1)
	served.Store(nil)
	now = now.Add(time.Hour)
	try("KeepsItsKeysWhenTheServerFails", k.p256, "next", true, false, 1)
	for size, used := range map[int]bool{1_048_576: true, 1_048_577: false} {
		text := keySet(t, jwk(t, strconv.Itoa(size), k.ed.Public(), nil))
		text = append(text, bytes.Repeat([]byte(" "), size-len(text))...)
		served.Store(&text)
		now = now.Add(time.Minute)
		try(fmt.Sprint(size, " bytes"), k.ed, strconv.Itoa(size), used, !used, 1)
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
