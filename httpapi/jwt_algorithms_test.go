package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ecg-api/webhooks/httpapi"
)

// Each key verifies one algorithm, whichever algorithms the parser knows.
func TestJWTAcceptsOneAlgorithmForEachKey(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, k.set(t), 0o600); err != nil {
		t.Fatal(err)
	}
	former := []byte(strings.Repeat("f", 64))
	bySecret := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret, FormerSecrets: [][]byte{former}})
	byKey := newJWT(t, httpapi.JWTConfig{JWKS: path})
	signers := map[string]any{"ES256": k.p256, "ES384": k.p384, "ES512": p521, "EdDSA": k.ed, "none": jwt.UnsafeAllowNoneSignatureType}
	accepted := map[string]string{"rsa": "RS256", "p256": "ES256", "ed": "EdDSA"} // by kid
	for _, alg := range jwt.GetAlgorithms() {
		method := jwt.GetSigningMethod(alg)
		check := func(j *httpapi.JWT, key any, kid string, ok bool) {
			t.Helper()
			_, err := authenticate(j, token(t, method, key, kid, jwt.MapClaims{}))
			if (err == nil) != ok || err != nil && !errors.Is(err, httpapi.ErrUnauthorized) {
				t.Errorf("%s with the kid %q: %v, want it accepted: %v", alg, kid, err, ok)
			}
		}
		var key any
		switch alg[:2] {
		case "HS":
			check(bySecret, jwtSecret, "", alg == "HS256")
			check(bySecret, former, "", alg == "HS256")
			check(bySecret, []byte(strings.Repeat("o", 64)), "", false)
			key = jwtSecret
		case "RS", "PS":
			key = k.rsa
		default:
			if key = signers[alg]; key == nil {
				t.Fatalf("there is no key for %s", alg)
			}
		}
		if alg[:2] != "HS" {
			check(bySecret, key, "", false)
		}
		for kid, want := range accepted {
			check(byKey, key, kid, alg == want)
		}
	}
}
