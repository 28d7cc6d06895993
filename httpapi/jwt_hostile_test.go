package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ecg-api/webhooks/httpapi"
)

// forge signs any header and claims, as they stand, with the secret.
func forge(header, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	mac := hmac.New(sha256.New, jwtSecret)
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// Tokens that are signed with the right secret, and still none.
func TestJWTRefusesWhatIsSignedButHostile(t *testing.T) {
	t.Parallel()
	j := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret})
	const header = `{"alg":"HS256"}`
	exp := fmt.Sprint(jwtNow.Add(time.Hour).Unix())
	claims := `{"exp":` + exp + `}`
	if _, err := authenticate(j, forge(header, claims)); err != nil {
		t.Fatalf("the plain one: %v", err)
	}
	good := forge(header, claims)
	parts := strings.Split(good, ".")
	long := forge(header, `{"exp":`+exp+`,"x":"`+strings.Repeat("x", 48<<10)+`"}`)
	for rule, text := range map[string]string{
		"CritUnknown":         forge(`{"alg":"HS256","crit":["exp"],"exp":1}`, claims),
		"CritOfRFC7797":       forge(`{"alg":"HS256","crit":["b64"],"b64":true}`, claims),
		"CritEmpty":           forge(`{"alg":"HS256","crit":[]}`, claims),
		"CritNull":            forge(`{"alg":"HS256","crit":null}`, claims),
		"CritSpelledInEscape": forge(`{"alg":"HS256","\u0063rit":["x"]}`, claims),
		"KidIsNumber":         forge(`{"alg":"HS256","kid":5}`, claims),
		"AlgTwice":            forge(`{"alg":"none","alg":"HS256"}`, claims),
		"AlgInOtherCase":      forge(`{"Alg":"HS256"}`, claims),
		"AlgLowerCase":        forge(`{"alg":"hs256"}`, claims),
		"AlgIsList":           forge(`{"alg":["HS256"]}`, claims),
		"None":                forge(`{"alg":"none"}`, claims),
		"NoneUnsigned":        strings.Join(strings.Split(forge(`{"alg":"none"}`, claims), ".")[:2], ".") + ".",
		"NoneCapital":         forge(`{"alg":"None"}`, claims),
		"NoneMixed":           forge(`{"alg":"nOnE"}`, claims),
		"AlgEmpty":            forge(`{"alg":""}`, claims),
		"AlgWithSpace":        forge(`{"alg":"HS256 "}`, claims),
		"HeaderNull":          forge(`null`, claims),
		"HeaderArray":         forge(`[]`, claims),
		"HeaderTrailing":      forge(header+`{}`, claims),
		"HeaderWithBOM":       forge("\uFEFF"+header, claims),
		"HeaderDeep":          forge(`{"alg":"HS256","x":`+strings.Repeat("[", 65)+strings.Repeat("]", 65)+`}`, claims),
		"ExpTwice":            forge(header, `{"exp":1,"exp":`+exp+`}`),
		"OrgTwice":            forge(header, `{"exp":`+exp+`,"org":"`+orgA+`","org":"*"}`),
		"ExpIsText":           forge(header, `{"exp":"`+exp+`"}`),
		"ExpIsNull":           forge(header, `{"exp":null}`),
		"ExpInOtherCase":      forge(header, `{"Exp":`+exp+`}`),
		"ExpIs1e400":          forge(header, `{"exp":1e400}`),
		"ExpIs1e300":          forge(header, `{"exp":1e300}`),
		"ExpIsNegative":       forge(header, `{"exp":-1}`),
		"ExpIsZero":           forge(header, `{"exp":0}`),
		"ExpIsList":           forge(header, `{"exp":[`+exp+`]}`),
		"NbfIs1e300":          forge(header, `{"exp":`+exp+`,"nbf":1e300}`),
		"IatIs1e19":           forge(header, `{"exp":`+exp+`,"iat":1e19}`),
		"NbfIsNegative":       forge(header, `{"exp":`+exp+`,"nbf":-1e300}`),
		"ClaimsNull":          forge(header, `null`),
		"ClaimsArray":         forge(header, `[{"exp":`+exp+`}]`),
		"ClaimsNotUTF8":       forge(header, `{"exp":`+exp+",\"sub\":\"\xff\"}"),
		"ClaimsLoneSurrogate": forge(header, `{"exp":`+exp+`,"sub":"\ud800"}`),
		"SubjectHasNewline":   forge(header, `{"exp":`+exp+`,"sub":"a\nb"}`),
		"TooLong":             long,
		"Padded":              parts[0] + "." + parts[1] + "." + parts[2] + "=",
		"StandardAlphabet":    parts[0] + "." + parts[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(parts[2]) + "+",
		"LineBreakInside":     parts[0] + "." + parts[1] + "." + parts[2][:5] + "\n" + parts[2][5:],
		"SpaceInside":         parts[0] + ". " + parts[1] + "." + parts[2],
		"TrailingBits":        parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + next64(parts[2][len(parts[2])-1]),
		"FourParts":           good + ".x",
		"TwoParts":            parts[0] + "." + parts[1],
		"MegabyteOfDots":      strings.Repeat(".", 1<<20),
		"MegabyteOfText":      strings.Repeat("e", 1<<20),
		"Empty":               "..",
		"NUL":                 "\x00.\x00.\x00",
	} {
		if c, err := authenticate(j, text); !errors.Is(err, httpapi.ErrUnauthorized) {
			t.Errorf("%s: %+v, %v", rule, c, err)
		}
	}
}

// next64 is a last character that says the same bytes, with bits left over.
func next64(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(alphabet, c)
	return alphabet[i^1 : i^1+1]
}

// A URL in a token's header is not requested. Tokens with unknown kids cause one fetch of the set a
// minute.
func TestJWTFetchesNothingForAToken(t *testing.T) {
	t.Parallel()
	k := newKeys(t)
	var calls, fetches atomic.Int32
	canary := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Write(keySet(t, jwk(t, "evil", k.ed.Public(), nil)))
	}))
	defer canary.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		w.Write(keySet(t, jwk(t, "p256", k.p256.Public(), nil)))
	}))
	defer server.Close()
	now := jwtNow
	j := newJWT(t, httpapi.JWTConfig{JWKS: server.URL, Client: server.Client(), Now: func() time.Time { return now }})
	for _, kid := range []string{"evil", "p256", ""} {
		made := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{"exp": now.Add(time.Hour).Unix()})
		for _, name := range []string{"jku", "x5u", "iss"} {
			made.Header[name] = canary.URL
		}
		made.Header["jwk"], made.Header["x5c"] = jwk(t, kid, k.ed.Public(), nil), []string{"MIIB"}
		if kid != "" {
			made.Header["kid"] = kid
		}
		text, err := made.SignedString(k.ed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := authenticate(j, text); !errors.Is(err, httpapi.ErrUnauthorized) {
			t.Errorf("kid %q: %v", kid, err)
		}
	}
	for i := range 1000 {
		if i == 500 {
			now = now.Add(time.Minute)
		}
		if _, err := authenticate(
			j, token(t, jwt.SigningMethodEdDSA, k.ed, fmt.Sprint("../", i), jwt.MapClaims{"exp": now.Add(time.Hour).Unix()}),
		); err == nil {
			t.Fatal("an unknown key was accepted")
		}
	}
	if calls.Load() != 0 || fetches.Load() != 2 {
		t.Errorf("%d calls to where tokens point, %d fetches of the set; want 0 and 2", calls.Load(), fetches.Load())
	}
}

// FuzzAuthenticate: whatever stands in the header, there is no panic, and nobody is
// let in without the secret's signature over just these bytes.
func FuzzAuthenticate(f *testing.F) {
	claims := `{"exp":` + fmt.Sprint(jwtNow.Add(time.Hour).Unix()) + `,"sub":"ann","org":["` + orgA + `"],"scope":"webhooks:read"}`
	for _, seed := range []string{
		forge(`{"alg":"HS256"}`, claims), forge(`{"alg":"none"}`, claims), forge(`{"alg":"HS256","crit":["b64"],"b64":false}`, claims),
		forge(`{"alg":"HS256","kid":1}`, `{"exp":1e400}`), "..", "a.b.c", "e30.e30.", "bnVsbA.bnVsbA.", strings.Repeat(".", 100), "\x00",
		"e30\n.e30.e30",
	} {
		f.Add("Bearer " + seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", header)
		if _, err := newJWT(t, httpapi.JWTConfig{Secret: jwtSecret}).Authenticate(r); err != nil {
			if !errors.Is(err, httpapi.ErrUnauthorized) {
				t.Fatalf("%q: %v", header, err)
			}
			return
		}
		_, text, _ := strings.Cut(header, " ")
		parts := strings.Split(strings.TrimSpace(text), ".")
		mac := hmac.New(sha256.New, jwtSecret)
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if len(parts) != 3 || parts[2] != base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) {
			t.Fatalf("%q was accepted", header)
		}
	})
}
