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
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ecg-api/webhooks/httpapi"
)

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
